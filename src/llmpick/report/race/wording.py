"""The sentences of the report of a race: plain English for a stranger, each a function of the answer and the candidates' short names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from llmpick.decide.race_answer import Place, RaceAnswer, Racer, RaceStop, RaceVerdict
from llmpick.decide.thinking import sentence
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.pick.wording import METRIC_SAYS, spending
from llmpick.report.text import joined, one_line

Names = Mapping[str, str]
LISTED_RIVALS = 4
"""So many names stand in one sentence; the table has the others."""

FEW_ROWS = 10
"""A forecast of fewer rows than this is "a few"."""

_STOPPED = {
    RaceStop.DECIDED: "It stopped as soon as it was decided.",
    RaceStop.ALL_ROWS: "It was decided only when all rows had been run.",
    RaceStop.EXPECTED_LOSS: "It stopped because stopping is expected to lose no more than was allowed.",
    RaceStop.BUDGET: "It stopped because the budget is spent.",
    RaceStop.INTERRUPTED: "It was interrupted; the same command goes on with it.",
    RaceStop.NOT_RUN: "Nothing was run.",
}


def title(answer: RaceAnswer) -> str:
    """For example: race of 3 candidates on 320 rows, anytime at 95%, tolerance 2.0 points."""
    field = f"race of {numbers.counted(len(answer.candidates), 'candidate')} on {numbers.counted(answer.rows, 'row')}"
    return f"{field}, {answer.guarantee} at {numbers.probability(answer.confidence)}, tolerance {numbers.distance(answer.tolerance)}"


def headline(answer: RaceAnswer, names: Names) -> tuple[str, ...]:
    """Who wins, by how much, and how sure: the decisive sentence first."""
    best = next((one for one in answer.candidates if one.candidate.id == answer.leader), None)
    if best is None:
        return (
            ("Nothing fits: " + answer.reasons[0] + ".",) if answer.verdict is RaceVerdict.NONE_FITS else ("Undecided: nothing was run.",)
        )
    name, score = names[best.candidate.id], _score(best, answer)
    match answer.verdict:
        case RaceVerdict.TIE:
            tied = [one for one in answer.candidates if one.placed.place is Place.TIED]
            who = _listed([name, *(names[one.candidate.id] for one in tied)])
            first = f"{who} tie: each is shown to be within {numbers.distance(answer.tolerance)} of the best."
            return (first, f"{name} is taken{_cheapest(answer)}: {score}.", sureness(answer))
        case RaceVerdict.WON if _alone(answer):
            return (f"{name} was the only one that could be run, so it was compared with nothing: {score}.",)
        case RaceVerdict.WON:
            verb = "is taken" if answer.stop is RaceStop.EXPECTED_LOSS else "wins"
            return (f"{name} {verb}: {score}{_ahead(answer, names)}.", sureness(answer))
        case _:
            open_ = [names[one.candidate.id] for one in answer.candidates if one.placed.place in (Place.OPEN, Place.TIED)]
            against = f" against {_listed(open_)}" if open_ else ""
            return (f"Undecided: {name} leads{against}; {score}{_ahead(answer, names)}.",)


def _alone(answer: RaceAnswer) -> bool:
    return sum(one.placed.place not in (Place.EXCLUDED, Place.FAILED) for one in answer.candidates) < 2


def _score(one: Racer, answer: RaceAnswer) -> str:
    n = one.placed.rows_run - one.placed.rows_lost
    rows = f"all {numbers.count(answer.rows)} rows" if n == answer.rows else f"{numbers.count(n)} of {numbers.count(answer.rows)} rows"
    metric = "" if answer.source == "recorded" else f" ({METRIC_SAYS.get(answer.metric, one_line(answer.metric.replace('_', ' ')))})"
    score = one.placed.score_on_rows
    exact = isinstance(score, Interval) and score.low == score.high
    return f"it scores {numbers.short_score(score, n) if exact else numbers.score(score, n)}{metric} on {rows}"


def _ahead(answer: RaceAnswer, names: Names) -> str:
    rivals = [(one.placed.difference, one) for one in answer.candidates if isinstance(one.placed.difference, Interval)]
    if not rivals:
        return ""
    gap, next_best = max(((gap, one) for gap, one in rivals if isinstance(gap, Interval)), key=lambda pair: pair[0].value)
    side = "behind" if gap.value <= 0 else "ahead"
    return f"; {names[next_best.candidate.id]} is {numbers.distance(gap.value)} {side} {numbers.points_bounds(gap)}"


def _cheapest(answer: RaceAnswer) -> str:
    return f", the cheapest of them by {answer.cost_by}" if answer.cost_by else ", the cheapest of them"


def _listed(all_: Sequence[str]) -> str:
    if len(all_) <= LISTED_RIVALS:
        return joined(list(all_))
    return f"{', '.join(all_[: LISTED_RIVALS - 1])} and {numbers.counted(len(all_) - LISTED_RIVALS + 1, 'other')}"


def sureness(answer: RaceAnswer) -> str:
    """What the decision claims, and in which sense it is sure."""
    claim = f"no other is better by more than {numbers.distance(answer.tolerance)} on these rows"
    if answer.max_expected_loss is not None and answer.stop is RaceStop.EXPECTED_LOSS:
        return f"It stopped on the expected loss, so nothing is claimed at {numbers.probability(answer.confidence)}."
    if answer.guarantee == "anytime":
        return f"With {numbers.probability(answer.confidence)} confidence {claim}: for this very race, whenever it had stopped."
    sure = numbers.probability(answer.confidence)
    if isinstance(answer.risk, float):
        sure = numbers.percent(1 - answer.risk)
    return f"With a probability of {sure} {claim}: on average over tasks like these, not for each one."


def stakes(answer: RaceAnswer) -> str | None:
    """What stopping here is expected to lose, and what the next batch would save of it."""
    if isinstance(answer.expected_loss, Unknown) or answer.leader is None or _alone(answer):
        return None
    lost = f"Stopping here is expected to lose {_points(answer.expected_loss)} against the best, on average over tasks like these"
    if isinstance(answer.next_saving, Unknown):
        return lost + "."
    return f"{lost}; the next batch of calls would probably save {_points(answer.next_saving)} of it."


def _points(loss: float) -> str:
    return "less than 0.01 points" if loss < 0.0001 else f"{100 * loss:.2f} points"


def new_inputs(answer: RaceAnswer, names: Names) -> str | None:
    """Whether the choice holds for new inputs, and else whom the rows cannot tell apart and how many more would."""
    if answer.leader is None or _alone(answer):
        return None
    told = answer.new_inputs
    if not told.alike:
        return "For new inputs like these the choice holds too."
    rest = _listed([names[who] for who in told.alike])
    unsettled = f"For new inputs like these, the rows that were run do not tell {rest} apart by {numbers.distance(answer.tolerance)}"
    if isinstance(told.rows_more, Unknown):
        return f"{unsettled}: {told.rows_more.reason}."
    more = told.rows_more
    bounds = f"[{numbers.count(int(more.low))}, {numbers.count(int(more.high))}]"
    if more.value < FEW_ROWS:
        return f"{unsettled}: a few more rows would decide."
    about = f"about {numbers.counted(int(more.value), 'more row')} would decide {bounds}"
    left = f" ({numbers.counted(told.rows_left, 'of your rows is', 'of your rows are')} left)" if told.rows_left else ""
    return f"{unsettled}: {about}{left}."


def stopped(answer: RaceAnswer) -> str:
    if answer.stop is RaceStop.STUCK:
        return f"It could not go on: {answer.reasons[0].partition(', but ')[2] if answer.reasons else 'nothing more could be run'}."
    return _STOPPED[answer.stop]


def cost(answer: RaceAnswer) -> tuple[str, ...]:
    """What finding out cost, beside what running everything would have cost."""
    run = sum(one.placed.rows_run for one in answer.candidates)
    everything = answer.everything
    if answer.source == "recorded":
        calls = f"{numbers.count(run)} of {numbers.counted(everything.calls, 'call')} ({numbers.percent(answer.cost_fraction)})"
        recorded = answer.recorded_cost
        if recorded is None or not recorded.everything:
            return (f"The race would have made {calls}.",)
        unit = one_line(recorded.unit)
        share = numbers.percent(recorded.spent / recorded.everything)
        return (f"The race would have made {calls}, for {recorded.spent:,.0f} of {recorded.everything:,.0f} {unit} ({share}).",)
    if not run:
        return ("It cost nothing: no call was made.",)
    share = f" ({numbers.percent(answer.cost_fraction)} of the calls were needed)" if everything.calls >= numbers.TINY_BASE else ""
    return (_spent(answer, run), f"Running every candidate on every row would have taken {spending(everything)}{share}.")


def _spent(answer: RaceAnswer, run: int) -> str:
    kept = run - answer.spent.calls + (answer.judging.spent.calls if answer.judging else 0)
    if kept >= run and not answer.spent.calls:
        return f"It cost nothing: all {numbers.counted(kept, 'answer')} were kept from earlier runs."
    held = f"; {numbers.counted(kept, 'answer')} more were kept from earlier runs" if kept > 0 else ""
    return f"It cost {spending(answer.spent)}{held}."


def conditions(answer: RaceAnswer) -> str:
    """Where and how it was found out, so that it can be replayed."""
    if answer.source == "recorded":
        return f"Recorded scores, seed {answer.seed}."
    engines = dict.fromkeys(f"{one.engine.name} ({one.engine.version}) on {one.engine.device}" for one in answer.candidates if one.engine)
    by = f", answered by {joined([one_line(engine) for engine in engines])}" if engines else ""
    kept = f" Every call: llmpick show {answer.run} --calls" if answer.run else ""
    where = f"Run {answer.run}" if answer.run else "No run was kept"
    return f"{where} on {one_line(answer.device)}, seed {answer.seed}{by}.{kept}"


def legend(answer: RaceAnswer, names: Names) -> str:
    """What the columns of the table mean."""
    together = f"the intervals of a column hold together at {numbers.probability(answer.confidence)}"
    said = [f"on your rows: the mean over these {numbers.counted(answer.rows, 'row')}", "new inputs: what to expect on others like them"]
    if len(answer.candidates) > 1 and answer.leader is not None:
        said.append(f"difference: points from {names[answer.leader]} on your rows, paired")
    return "; ".join([*said, together, *(["they are two-sided; what decides is one-sided and sharper"] if _sharper(answer) else [])])


def _sharper(answer: RaceAnswer) -> bool:
    """Whether an interval leaves open what the rule has shown: the rule asks one question, an interval answers all."""
    gaps = [one.placed.difference for one in answer.candidates if answer.chosen]
    return any(isinstance(gap, Interval) and gap.high > answer.tolerance for gap in gaps)


def status(one: Racer) -> str:
    """The place, with the rows that are missing."""
    lost = one.placed.rows_lost
    return f"{one.placed.place.value}, {numbers.counted(lost, 'row')} missing" if lost else one.placed.place.value


def standings(answer: RaceAnswer, names: Names) -> tuple[str, ...]:
    """Where each of the others stands, those of whom the same is to be said in one sentence."""
    alike: dict[tuple[str, str], list[str]] = {}
    for one in answer.candidates:
        if one.candidate.id != answer.leader:
            alike.setdefault((one.placed.place.value, _why(one, names)), []).append(names[one.candidate.id])
    return tuple(f"{_listed(who)} ({place}): {why}." for (place, why), who in alike.items())


def thinking(answer: RaceAnswer, names: Names) -> tuple[str, ...]:
    """What thinking bought, for each model that took part with and without it."""
    return tuple(sentence(replace(bought, candidate=names[bought.candidate])) + "." for bought in answer.thinking)


def _why(one: Racer, names: Names) -> str:
    """The reasons of one candidate in one line, with every other called by its short name."""
    text = "; ".join(reason.rstrip(".") for reason in one.placed.reasons) or "no reason is recorded"
    for id_ in sorted(names, key=len, reverse=True):
        text = text if id_ == one.candidate.id else text.replace(id_, names[id_])
    return one_line(text)


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
