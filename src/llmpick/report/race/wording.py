"""The sentences of the report of a race: plain English for a stranger, each a function of the answer and the candidates' short names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from llmpick.decide.cost import cost_ranks
from llmpick.decide.race_answer import Place, RaceAnswer, Racer, RaceStop, RaceVerdict, Sense
from llmpick.decide.thinking import sentence
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.pick.wording import METRIC_SAYS
from llmpick.report.race.cells import by_people, gap_of, gap_parts, ran, score_parts
from llmpick.report.spent import spending
from llmpick.report.text import joined, one_line

Names = Mapping[str, str]
LISTED_RIVALS = 4
"""So many names stand in one sentence; the table has the others."""

SMALLEST_LOSS = 0.0001
"""A hundredth of a point."""
FEW_ROWS = 10
"""A forecast of fewer rows than this is "a few"."""

_KEPT_OUT = {Place.FAILED: "failed", Place.EXCLUDED: "could not take part"}
_STOPPED = {
    RaceStop.EXPECTED_LOSS: "It stopped because stopping is expected to lose no more than was allowed.",
    RaceStop.BUDGET: "It stopped because the budget is spent.",
    RaceStop.INTERRUPTED: "It was interrupted; the same command goes on with it.",
    RaceStop.NOT_RUN: "Nothing was run.",
}


def title(answer: RaceAnswer) -> str:
    """For example: race of 3 candidates on 320 rows, anytime at 95%, tolerance 2.0 points."""
    took_part, of = len(ran(answer)), numbers.counted(len(answer.candidates), "candidate")
    who = f"{took_part} of {of}" if 0 < took_part < len(answer.candidates) else of
    field = f"race of {who} on {numbers.counted(answer.rows, 'row')}"
    return f"{field}, {answer.guarantee} at {numbers.probability(answer.confidence)}, tolerance {numbers.distance(answer.tolerance)}"


def decision(answer: RaceAnswer, names: Names) -> tuple[str, ...]:
    """Everything that is to be said before the table, the decisive sentence first."""
    said = (*headline(answer, names), failures(answer, names), new_inputs(answer, names), stakes(answer), stopped(answer, names))
    return tuple(sentence for sentence in said if sentence)


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
            shown = "probably" if answer.sense is Sense.ON_AVERAGE else "shown to be"
            first = f"{who} tie: each is {shown} within {numbers.distance(answer.tolerance)} of the best."
            return (first, f"{name} is taken, {_why_it(best, tied, answer)}: {score}.", sureness(answer))
        case RaceVerdict.WON if _alone(answer):
            return (f"{_without_the_others(answer, names)}{name} was compared with nothing: {score}.",)
        case RaceVerdict.WON:
            verb = "is taken" if answer.stop is RaceStop.EXPECTED_LOSS or _another_is_ahead(answer) else "wins"
            return (f"{name} {verb}: {score}.", *_next_best(answer, names), sureness(answer))
        case _:
            open_ = [names[one.candidate.id] for one in answer.candidates if one.placed.place in (Place.OPEN, Place.TIED)]
            against = f" against {_listed(open_)}" if open_ else ""
            return (f"Undecided: {name} leads{against}, with {score}.", *_next_best(answer, names))


def _alone(answer: RaceAnswer) -> bool:
    return len(ran(answer)) < 2


def _without_the_others(answer: RaceAnswer, names: Names) -> str:
    """Why one is left: "b failed, so "; "" where there never was another."""
    out = {place: [names[one.candidate.id] for one in answer.candidates if one.placed.place is place] for place in _KEPT_OUT}
    told = [f"{_listed(who)} {_KEPT_OUT[place]}" for place, who in out.items() if who]
    return f"{joined(told)}, so " if told else ""


def failures(answer: RaceAnswer, names: Names) -> str | None:
    """Who failed, and why the first one did: nothing is known of it, which no table of the others shows."""
    failed = [one for one in answer.candidates if one.placed.place is Place.FAILED]
    if not failed or answer.leader is None:
        return None
    if not _alone(answer):
        return f"{_listed([names[one.candidate.id] for one in failed])} failed and took no part: {_why(failed[0], names)}."
    return f"{names[failed[0].candidate.id]}: {_why(failed[0], names)}."


def _score(one: Racer, answer: RaceAnswer) -> str:
    n = one.placed.rows_run - one.placed.rows_lost
    rows = all_rows(answer.rows) if n == answer.rows else f"{numbers.count(n)} of {numbers.counted(answer.rows, 'row')}"
    metric = "" if answer.source == "recorded" else f" ({METRIC_SAYS.get(answer.metric, one_line(answer.metric.replace('_', ' ')))})"
    if by_people(answer):
        return f"{numbers.score(one.placed.score, n)} (as people judge) on new inputs, by {rows}"
    value, bounds = score_parts(one.placed.score_on_rows, n, answer)
    if not bounds:
        return f"{value}{metric} on {rows}"
    return f"{value} {bounds}{metric} on {all_rows(answer.rows)}{f', by the {numbers.count(n)} that it ran' if n < answer.rows else ''}"


def all_rows(n: int) -> str:
    """For example: all 320 rows."""
    return "the only row" if n == 1 else f"all {numbers.count(n)} rows"


def _next_best(answer: RaceAnswer, names: Names) -> tuple[str, ...]:
    rivals = [(gap_of(one, answer), one) for one in answer.candidates if isinstance(gap_of(one, answer), Interval)]
    if not rivals:
        return ()
    gap, next_best = max(((gap, one) for gap, one in rivals if isinstance(gap, Interval)), key=lambda pair: pair[0].value)
    value, bounds = gap_parts(gap)
    where = "level" if value == "0.0" else f"{numbers.distance(gap.value)} {'behind' if gap.value < 0 else 'ahead'}"
    return (f"{names[next_best.candidate.id]} is {where}{f' {bounds}' if bounds else ''}{_on_shared_rows(next_best, answer)}.",)


def _on_shared_rows(one: Racer, answer: RaceAnswer) -> str:
    """Paired bets know only rows that both ran, so that the gap is not that of the two scores where one ran fewer."""
    leader = next(other.placed for other in answer.candidates if other.candidate.id == answer.leader)
    if answer.sense is Sense.ON_AVERAGE or by_people(answer) or leader.rows_run == one.placed.rows_run:
        return ""
    shared = min(leader.rows_run, one.placed.rows_run)
    return f" on the {numbers.count(shared)} rows that both ran" if shared > 1 else " on the one row that both ran"


def _another_is_ahead(answer: RaceAnswer) -> bool:
    """Within the tolerance the cheapest is taken, or whoever was shown first; it is not always the one with the highest score."""
    differences = [gap_of(one, answer) for one in answer.candidates]
    return any(isinstance(gap, Interval) and gap.value > 0 for gap in differences)


def _why_it(best: Racer, tied: Sequence[Racer], answer: RaceAnswer) -> str:
    """Of equals the cheapest is taken, and of equally cheap ones the one with the best score."""
    if best.cost is None or all(one.cost is None or cost_ranks([best.cost, one.cost]) == [0, 0] for one in tied):
        return "the best of them so far" if best.cost is None else "the best of them so far, at the same cost"
    return f"the cheapest of them by {answer.cost_by}" if answer.cost_by else "the cheapest of them"


def _listed(all_: Sequence[str]) -> str:
    if len(all_) <= LISTED_RIVALS:
        return joined(list(all_))
    return f"{', '.join(all_[: LISTED_RIVALS - 1])} and {numbers.counted(len(all_) - LISTED_RIVALS + 1, 'other')}"


def sureness(answer: RaceAnswer) -> str:
    """What the decision claims, and in which sense it is sure."""
    where = "on new inputs like these, as people judge" if by_people(answer) else "on these rows"
    claim = f"no other is better by more than {numbers.distance(answer.tolerance)} {where}"
    if _all_is_known(answer):
        return f"All candidates have run all rows: {claim}, for certain."
    if answer.sense is Sense.TOGETHER:
        return f"With {numbers.probability(answer.confidence)} confidence {claim}: for this very race, whenever it had stopped."
    return f"With a probability of {_probability(answer)} {claim}: on average over tasks like these, not for each one."


def _all_is_known(answer: RaceAnswer) -> bool:
    """Whether nothing is left to chance: every row was run by everyone who could run, and none was lost. Labels speak of new inputs."""
    placed = [one.placed for one in ran(answer)]
    return not by_people(answer) and all(one.rows_run == answer.rows and not one.rows_lost for one in placed)


def _probability(answer: RaceAnswer) -> str:
    """That no other is better by more than the tolerance. It is counted over a few hundred cases, so that the last per cent is unsure."""
    if isinstance(answer.risk, Unknown):
        return numbers.probability(answer.confidence)
    return "more than 99%" if answer.risk < 0.01 else numbers.percent(1 - answer.risk)


def stakes(answer: RaceAnswer) -> str | None:
    """What stopping here is expected to lose, and what the next batch would save of it."""
    if isinstance(answer.expected_loss, Unknown) or answer.leader is None or _alone(answer) or _all_is_known(answer):
        return None
    lost = f"Stopping here is expected to lose {loss(answer.expected_loss)} against the best, on average over tasks like these"
    if isinstance(answer.next_saving, Unknown) or answer.expected_loss < SMALLEST_LOSS:
        return lost + "."
    return f"{lost}; the next batch of calls would probably save {loss(answer.next_saving)} of it."


def loss(score: float) -> str:
    """A loss of score in words; "less than 0.01 points" where it is hardly any."""
    return "less than 0.01 points" if score < SMALLEST_LOSS else f"{100 * score:.2f} points"


def new_inputs(answer: RaceAnswer, names: Names) -> str | None:
    """Whether the choice holds for new inputs, and else whom the rows cannot tell apart and how many more would."""
    if answer.leader is None or _alone(answer):
        return None
    told = answer.new_inputs
    if not told.alike:
        if answer.chosen is None:
            return None
        return f"For new inputs like these the choice holds too{_how_sure(answer)}."
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


def _how_sure(answer: RaceAnswer) -> str:
    sure = numbers.probability(answer.confidence)
    return f", with a probability of at least {sure} on average" if answer.sense is Sense.ON_AVERAGE else f", at {sure}"


def stopped(answer: RaceAnswer, names: Names) -> str | None:
    """Why it ended where that is worth a word: as soon as it was decided is what everybody expects."""
    if answer.stop is RaceStop.STUCK:
        return f"It could not go on: {answer.reasons[0].partition(', but ')[2] if answer.reasons else 'nothing more could be run'}."
    if answer.stop is RaceStop.ALL_ROWS:
        through = [names[one.candidate.id] for one in ran(answer) if one.placed.rows_run == answer.rows]
        who = "" if len(through) == len(ran(answer)) else f" by {_listed(through)}"
        return f"It was decided only when {all_rows(answer.rows)} had been run{who}."
    return _STOPPED.get(answer.stop)


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
    share = f" ({numbers.percent(answer.cost_fraction)} of the calls were made)" if everything.calls >= numbers.TINY_BASE else ""
    silent = any(one.everything.calls and not one.placed.rows_run for one in answer.candidates)
    # Whoever has not answered yet may write any number of tokens.
    whole = numbers.counted(everything.calls, "call") if silent else spending(everything)
    return (_spent(answer, run), f"Running every candidate on every row would have taken {whole}{share}.")


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
    day = f", facts as known on {answer.as_of.isoformat()}" if answer.as_of else ""
    return f"{where} on {one_line(answer.device)}, seed {answer.seed}{day}{by}.{kept}"


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
