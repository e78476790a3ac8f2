"""The cells of the table of a race, and what its columns mean."""

from collections.abc import Mapping

from llmpick.decide.race_answer import Place, RaceAnswer, Racer, RaceStop, Sense
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.text import one_line

SEEN = 0.0015
"""Rounded to tenths of a point three numbers disagree by less than this in any case."""


def ran(answer: RaceAnswer) -> tuple[Racer, ...]:
    """Those that took part, the returned one first."""
    return tuple(one for one in answer.candidates if one.placed.place not in (Place.EXCLUDED, Place.FAILED))


def score_parts(score: Interval | Unknown, n: int, answer: RaceAnswer) -> tuple[str, str]:
    """A score over `n` rows and its range, "" where there is none to tell. What is believed on average is no count of rows, however few."""
    if isinstance(score, Unknown):
        return ("-", "")
    if score.low == score.high or (n < numbers.TINY_BASE and answer.sense is Sense.TOGETHER):
        return (numbers.short_score(score, n), "")
    return (numbers.percent(score.value), numbers.bounds(score))


def gap_parts(gap: Interval | Unknown) -> tuple[str, str]:
    """A difference in points and its range, "" where there is none."""
    if isinstance(gap, Unknown):
        return ("", "")
    return (numbers.signed_points(gap.value), "" if gap.low == gap.high else numbers.points_bounds(gap))


def by_people(answer: RaceAnswer) -> bool:
    """Whether people's labels correct the judge: then everything is said of what they would say, on new inputs."""
    return answer.judging is not None and answer.judging.labels is not None


def gap_of(one: Racer, answer: RaceAnswer) -> Interval | Unknown:
    return one.placed.difference_on_new_inputs if by_people(answer) else one.placed.difference


def legend(answer: RaceAnswer, names: Mapping[str, str]) -> str:
    """What the columns of the table mean."""
    sure = numbers.probability(answer.confidence)
    together = f"the intervals of a column hold together at {sure}"
    if answer.sense is Sense.ON_AVERAGE:
        together = f"each interval holds with a probability of {sure}, on average over tasks like these"
    rows = "the only row" if answer.rows == 1 else f"these {numbers.count(answer.rows)} rows"
    said = [f"on your rows: the mean over {rows}", "new inputs: what to expect on others like them"]
    if len(ran(answer)) > 1 and answer.leader is not None:
        where = "for new inputs, as people judge" if by_people(answer) else "on your rows"
        alone = ", so that it is not that of the two scores where one ran fewer" if _unlike_the_scores(answer) else ""
        said.append(f"difference: points from {names[answer.leader]} {where}, paired by the rows that both have run{alone}")
    if answer.recorded_cost:
        said.append(f"{cost_column(answer)}: of one call, on average")
    cut = ["where one ends at its estimate, earlier looks had ruled out what lies beyond"] if _cut(answer) else []
    sharper = ["they are two-sided; what decides is one-sided and sharper"] if _sharper(answer) else []
    return "; ".join([*said, together, *cut, *sharper])


def _unlike_the_scores(answer: RaceAnswer) -> bool:
    """Whether some difference is seen not to be that of the two scores beside it."""
    leader = next((one for one in answer.candidates if one.candidate.id == answer.leader), None)
    if leader is None or by_people(answer) or isinstance(leader.placed.score_on_rows, Unknown):
        return False
    first = leader.placed.score_on_rows.value
    pairs = [(one.placed.score_on_rows, one.placed.difference) for one in answer.candidates]
    told = [(own.value, gap.value) for own, gap in pairs if isinstance(own, Interval) and isinstance(gap, Interval)]
    return any(abs(own - first - gap) > SEEN for own, gap in told)


def _cut(answer: RaceAnswer) -> bool:
    """Whether an interval by betting ends at its estimate, though the score could lie beyond."""
    placed = [one.placed for one in ran(answer)]
    scores = [one for each in placed for one in (each.score_on_rows, each.score) if isinstance(one, Interval) and 0 < one.value < 1]
    gaps = [gap for one in ran(answer) if isinstance(gap := gap_of(one, answer), Interval) and abs(gap.value) < 1]
    all_ = [one for one in (*scores, *gaps) if one.low < one.high]
    return answer.sense is Sense.TOGETHER and any(one.value in (one.low, one.high) for one in all_)


def _sharper(answer: RaceAnswer) -> bool:
    """Whether an interval leaves open what the rule has shown: the rule asks one question, an interval answers all."""
    shown = answer.chosen is not None and answer.stop is not RaceStop.EXPECTED_LOSS
    gaps = [gap_of(one, answer) for one in answer.candidates if shown]
    return any(isinstance(gap, Interval) and gap.high > answer.tolerance for gap in gaps)


def status(one: Racer) -> str:
    """The place, with the rows that are missing."""
    lost = one.placed.rows_lost
    return f"{one.placed.place.value}, {numbers.counted(lost, 'row')} missing" if lost else one.placed.place.value


def cost_of(one: Racer, answer: RaceAnswer) -> str:
    """One call of the candidate by the measure that breaks ties."""
    if one.cost is None:
        return "-"
    match answer.cost_by:
        case "seconds":
            return numbers.seconds(one.cost)
        case "memory":
            return numbers.memory(one.cost)
        case "money":
            return numbers.money(1000 * one.cost)
        case None:
            return f"{one.cost:,.1f}"


def cost_column(answer: RaceAnswer) -> str:
    match answer.cost_by:
        case "seconds":
            return "per call"
        case "memory":
            return "memory"
        case "money":
            return "per 1,000"
        case None:
            return one_line(answer.recorded_cost.unit) if answer.recorded_cost else "cost"
