"""The sentences of the report of a race: plain English for a stranger, each a function of the answer and the candidates' short names."""

from collections.abc import Sequence
from dataclasses import replace

from llmpick.decide.cost import cost_ranks
from llmpick.decide.race_answer import Place, RaceAnswer, Racer, RaceStop, RaceVerdict, Sense
from llmpick.decide.thinking import sentence
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.grouping import group, wording_of
from llmpick.report.pick.wording import METRIC_SAYS
from llmpick.report.race.beyond import new_inputs, stakes, without_a_model
from llmpick.report.race.cells import (
    SHOWN,
    Names,
    all_is_known,
    all_rows,
    alone,
    by_people,
    gap_of,
    gap_parts,
    listed,
    plain_mean,
    ran,
    score_parts,
)
from llmpick.report.spent import spending
from llmpick.report.text import joined, one_line

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
    tolerance = f"tolerance {numbers.distance(answer.tolerance)}" if answer.tolerance else "no tolerance"
    return f"{field}, {answer.guarantee} at {numbers.probability(answer.confidence)}, {tolerance}"


def decision(answer: RaceAnswer, names: Names) -> tuple[str, ...]:
    """Everything that is to be said before the table, the decisive sentence first."""
    said = (
        *headline(answer, names),
        *without_a_model(answer, names),
        failures(answer, names),
        new_inputs(answer, names),
        stakes(answer),
        stopped(answer, names),
    )
    return tuple(sentence for sentence in said if sentence)


def headline(answer: RaceAnswer, names: Names) -> tuple[str, ...]:
    """Who wins, by how much, and how sure: the decisive sentence first."""
    best = next((one for one in answer.candidates if one.candidate.id == answer.leader), None)
    if best is None:
        first = "Nothing fits" if answer.verdict is RaceVerdict.NONE_FITS else "Undecided"
        return (f"{first}: {answer.reasons[0] if answer.reasons else 'nothing was run'}.",)
    name, score = names[best.candidate.id], _score(best, answer)
    match answer.verdict:
        case RaceVerdict.TIE:
            tied = [one for one in answer.candidates if one.placed.place is Place.TIED]
            who = listed([name, *(names[one.candidate.id] for one in tied)])
            shown = "probably" if answer.sense is Sense.ON_AVERAGE else "shown to be"
            level = f"within {numbers.distance(answer.tolerance)} of the best" if answer.tolerance else "as good as the best"
            first = f"{who} tie: each is {shown} {level}."
            return (first, f"{name} is taken, {_why_it(best, tied, answer)}: {score}.", sureness(answer))
        case RaceVerdict.ALONE:
            return (f"Nothing was compared: {_without_the_others(answer, names)}only {name} took part, with {score}.",)
        case RaceVerdict.WON:
            verb = "is taken" if answer.stop is RaceStop.EXPECTED_LOSS or _another_is_ahead(answer) else "wins"
            return (f"{name} {verb}: {score}.", *_next_best(answer, names), sureness(answer))
        case _:
            open_ = [names[one.candidate.id] for one in answer.candidates if one.placed.place in (Place.OPEN, Place.TIED)]
            against = f" against {listed(open_)}" if open_ else ""
            return (f"Undecided: {name} leads{against}, with {score}.", *_next_best(answer, names))


def _without_the_others(answer: RaceAnswer, names: Names) -> str:
    """Why one is left: "b failed, so "; "" where there never was another."""
    out = {place: [names[one.candidate.id] for one in answer.candidates if one.placed.place is place] for place in _KEPT_OUT}
    told = [f"{listed(who)} {_KEPT_OUT[place]}" for place, who in out.items() if who]
    return f"{joined(told)}, so " if told else ""


def failures(answer: RaceAnswer, names: Names) -> str | None:
    """Who failed, and why the first one did: nothing is known of it, which no table of the others shows."""
    failed = [one for one in answer.candidates if one.placed.place is Place.FAILED]
    if not failed or answer.leader is None:
        return None
    if not alone(answer):
        return f"{listed([names[one.candidate.id] for one in failed])} failed and took no part: {_why(failed[0], names)}."
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
    mean = plain_mean(one, answer)
    seen = "" if mean is None else f" ({numbers.percent(mean)} on these, drawn towards the others' scores)"
    return (
        f"{value} {bounds}{metric} on {all_rows(answer.rows)}{f', by the {numbers.count(n)} that it ran{seen}' if n < answer.rows else ''}"
    )


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


def sureness(answer: RaceAnswer) -> str:
    """What the decision claims, and in which sense it is sure."""
    where = "on new inputs like these, as people judge" if by_people(answer) else "on these rows"
    claim = f"no other is better{numbers.by_more_than(answer.tolerance)} {where}"
    if all_is_known(answer):
        return f"All candidates have run all rows: {claim}, for certain."
    if answer.sense is Sense.TOGETHER:
        return f"With {numbers.probability(answer.confidence)} confidence {claim}: for this very race, whenever it had stopped."
    return f"With a probability of {_probability(answer)} {claim}: on average over tasks like these, not for each one."


def _probability(answer: RaceAnswer) -> str:
    """That no other is better by more than the tolerance. It is counted over 512 cases, so that tenths of a per cent would be noise."""
    if isinstance(answer.risk, Unknown):
        return numbers.probability(answer.confidence)
    return "more than 99%" if answer.risk < 0.01 else f"{100 * (1 - answer.risk):.0f}%"


def stopped(answer: RaceAnswer, names: Names) -> str | None:
    """Why it ended where that is worth a word: as soon as it was decided is what everybody expects."""
    if answer.stop is RaceStop.STUCK:
        return f"It could not go on: {answer.reasons[0].partition(', but ')[2] if answer.reasons else 'nothing more could be run'}."
    if answer.stop is RaceStop.ALL_ROWS:
        through = [names[one.candidate.id] for one in ran(answer) if one.placed.rows_run == answer.rows]
        who = "" if len(through) == len(ran(answer)) else f" by {listed(through)}"
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
    """Where each of the others stands, in one sentence for all of whom the same is to be said; of a large field with ranges of numbers."""
    others = [one for one in answer.candidates if one.candidate.id != answer.leader]
    alike: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one in others:
        why = _why(one, names)
        key = wording_of(why) if len(others) > SHOWN else why
        alike.setdefault((one.placed.place.value, key), []).append((names[one.candidate.id], why))
    told = [(place, [who for who, _ in same], group(why for _, why in same)[0].text) for (place, _), same in alike.items()]
    return tuple(f"{listed(who)} ({place}): {why}." for place, who, why in told)


def thinking(answer: RaceAnswer, names: Names) -> tuple[str, ...]:
    """What thinking bought, for each model that took part with and without it."""
    return tuple(sentence(replace(bought, candidate=names[bought.candidate])) + "." for bought in answer.thinking)


def _why(one: Racer, names: Names) -> str:
    """The reasons of one candidate in one line, with every other called by its short name."""
    text = "; ".join(reason.rstrip(".") for reason in one.placed.reasons) or "no reason is recorded"
    for id_ in sorted(names, key=len, reverse=True):
        text = text if id_ == one.candidate.id else text.replace(id_, names[id_])
    return one_line(text)
