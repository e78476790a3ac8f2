"""The cells of the table of a race, and what its columns mean."""

from collections.abc import Mapping, Sequence

from llmpick.decide.race_answer import Place, RaceAnswer, Racer, RaceStop, Sense
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.text import joined, one_line

Names = Mapping[str, str]
"""Id of a candidate → what it is called."""
LISTED_RIVALS = 4
"""So many names stand in one sentence; the table has the others."""
SHOWN = 12
"""So many candidates are taken in at a glance; the rest of a large field is folded."""
MOST_IN_FRONT = 24
"""More candidates than this cannot be told apart in a chart."""
SEEN = 0.0015
"""Rounded to tenths of a point three numbers disagree by less than this in any case."""


def ran(answer: RaceAnswer) -> tuple[Racer, ...]:
    """Those that took part, the returned one first."""
    return tuple(one for one in answer.candidates if one.placed.place not in (Place.EXCLUDED, Place.FAILED))


def in_front(answer: RaceAnswer) -> tuple[Racer, ...]:
    """Whom a table or a chart of a large field shows: who may still be the best, and of the others the best, `SHOWN` in all or more."""
    all_ = ran(answer)
    if len(all_) <= SHOWN:
        return all_
    last = max(k for k, one in enumerate(all_) if one.placed.place is not Place.BEATEN)
    return all_[: max(SHOWN, last + 1)] if last < MOST_IN_FRONT else all_[:MOST_IN_FRONT]


def folded(answer: RaceAnswer, names: Names) -> str:
    """What stands for the others of a large field, such as "48 more candidates, with 16 to 24 rows run"; "" without any."""
    rest = ran(answer)[len(in_front(answer)) :]
    if not rest:
        return ""
    if len(rest) == 1:
        return f"1 more candidate: {names[rest[0].candidate.id]}"
    rows = sorted(one.placed.rows_run for one in rest)
    span = numbers.count(rows[0]) if rows[0] == rows[-1] else f"{numbers.count(rows[0])} to {numbers.count(rows[-1])}"
    return f"{numbers.counted(len(rest), 'more candidate')}, with {span} rows run"


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


def plain_mean(one: Racer, answer: RaceAnswer) -> float | None:
    """The mean of the rows that it ran, where the posterior's score is seen to be another: by few rows it is drawn towards the others'."""
    score = one.placed.score_on_rows
    if answer.sense is not Sense.ON_AVERAGE or by_people(answer) or not one.way or isinstance(score, Unknown):
        return None
    mean = one.way[-1].score
    return mean if numbers.percent(mean) != numbers.percent(score.value) else None


def by_people(answer: RaceAnswer) -> bool:
    """Whether people's labels correct the judge: then everything is said of what they would say, on new inputs."""
    return answer.judging is not None and answer.judging.labels is not None


def gap_of(one: Racer, answer: RaceAnswer) -> Interval | Unknown:
    return one.placed.difference_on_new_inputs if by_people(answer) else one.placed.difference


def legend(answer: RaceAnswer, names: Names) -> str:
    """What the columns of the table mean."""
    sure = numbers.probability(answer.confidence)
    together = f"the intervals of a column hold together at {sure}"
    if answer.sense is Sense.ON_AVERAGE:
        together = f"each interval holds with a probability of {sure}, on average over tasks like these"
        if any(plain_mean(one, answer) is not None for one in ran(answer)):
            together = f"scores by few rows are drawn towards the others' scores; {together}"
    rows = "the only row" if answer.rows == 1 else f"these {numbers.count(answer.rows)} rows"
    said = [f"on your rows: the mean over {rows}", "new inputs: what to expect on others like them"]
    if len(ran(answer)) > 1 and answer.leader is not None:
        where = "for new inputs, as people judge" if by_people(answer) else "on your rows"
        alone = ", so that it is not that of the two scores where one ran fewer" if _unlike_the_scores(answer) else ""
        said.append(f"difference: points from {names[answer.leader]} {where}, paired by the rows that both have run{alone}")
    if answer.recorded_cost:
        said.append(f"{cost_column(answer)}: of one call, on average")
    elif answer.cost_by == "memory" and any(one.cost is not None for one in ran(answer)):
        said.append("memory: to serve it, computed as by llmpick fit --task")
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


def alone(answer: RaceAnswer) -> bool:
    return len(ran(answer)) < 2


def all_is_known(answer: RaceAnswer) -> bool:
    """Whether nothing is left to chance: every row was run by everyone who could run, and none was lost. Labels speak of new inputs."""
    placed = [one.placed for one in ran(answer)]
    return not by_people(answer) and all(one.rows_run == answer.rows and not one.rows_lost for one in placed)


def all_rows(n: int) -> str:
    """For example: all 320 rows."""
    return "the only row" if n == 1 else f"all {numbers.count(n)} rows"


def listed(all_: Sequence[str]) -> str:
    if len(all_) <= LISTED_RIVALS:
        return joined(list(all_))
    return f"{', '.join(all_[: LISTED_RIVALS - 1])} and {numbers.counted(len(all_) - LISTED_RIVALS + 1, 'other')}"
