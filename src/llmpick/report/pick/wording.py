"""The sentences of the report: plain English for a stranger, each a function of the view. Terminal and page print them as they are."""

from collections.abc import Sequence

from llmpick.decide.answer import Answer, CandidateAnswer, LearningPoint, Status, Verdict
from llmpick.decide.thinking import sentence
from llmpick.evidence.call import Outcome
from llmpick.evidence.model import Baseline
from llmpick.evidence.values import Estimate, Interval, Unknown
from llmpick.report import numbers
from llmpick.report.grouping import group
from llmpick.report.pick.view import Confused, View, deciding_reason, own_faults
from llmpick.report.spent import spending
from llmpick.report.text import joined, one_line

_BASELINE_SAYS = {
    "majority": "always answering the most frequent label",
    "tfidf": "a classifier trained on your own rows (TF-IDF character n-grams with logistic regression)",
    "rules": "the rules of your task file",
}
TIES_NAMED = 3
METRIC_SAYS = {
    "json_fields": "JSON-field accuracy",
    "number": "number within tolerance",
    "regex": "regular expression matched",
    "rouge_l": "ROUGE-L",
    "token_f1": "token F1",
}
_FITS = {"yes": "fits", "marginal": "may just fit", "no": "does not fit", "unknown": "it is not known whether it fits"}
_FAULT_SAYS = {Outcome.CUT_OFF: "cut off", Outcome.EMPTY: "empty", Outcome.UNPARSED: "not in the asked form"}


def headline(view: View) -> tuple[str, ...]:
    """The answer in one to three sentences, the decisive one first."""
    match view.answer.verdict:
        case Verdict.CHOSEN:
            return _chosen(view)
        case Verdict.TIE:
            return _tie(view)
        case Verdict.BASELINE:
            return _baseline(view)
        case Verdict.UNDECIDED:
            return _undecided(view)
        case Verdict.NONE_FITS:
            return _none_fits(view)


def scores(one: CandidateAnswer, answer: Answer) -> str:
    """For example: 80.3% [75.6, 84.3] (exact_match) on 212 of your 320 rows."""
    run = "all" if one.score_n == answer.rows else f"{numbers.count(one.score_n)} of"
    return f"{numbers.score(one.score, one.score_n)} ({metric(answer)}) on {run} your {numbers.count(answer.rows)} rows"


def metric(answer: Answer) -> str:
    """The metric in the words of the field: "exact match"."""
    return METRIC_SAYS.get(answer.metric, one_line(answer.metric.replace("_", " ")))


def _chosen(view: View) -> tuple[str, ...]:
    answer, best = view.answer, view.best
    if best is None:
        return ("A candidate is chosen, but the record does not hold it.",)
    if answer.basis == "expected" or isinstance(best.score, Unknown):
        return (f"Use {view.name(best)}: it is expected to be the best.", "Nothing was measured.")
    return (f"Use {view.name(best)}: it scores {scores(best, answer)}.", _how_sure(view, best))


def _how_sure(view: View, best: CandidateAnswer) -> str:
    answer = view.answer
    others = [one for one in view.measured if one is not best]
    sure = f"With {numbers.probability(answer.confidence)} confidence no other is better by more than {numbers.distance(answer.tolerance)}"
    if not others:
        return "It is the only candidate that was measured, so it was compared with nothing."
    return f"{sure}; {_next_best(view, others[0])}."


def _next_best(view: View, other: CandidateAnswer) -> str:
    gap = other.difference
    name = f"the next best, {view.name(other)},"
    if gap is None:
        return f"{name} scores {numbers.score(other.score, other.score_n)}"
    side = "behind" if gap.value <= 0 else "ahead, and costs more"
    return f"{name} is {numbers.distance(gap.value)} {side} {numbers.points_bounds(gap)}"


def _tie(view: View) -> tuple[str, ...]:
    answer = view.answer
    if answer.basis == "expected":
        return _expected_tie(view)
    tied = [one for one in view.measured if one.status in (Status.CHOSEN, Status.TIED)]
    within = f"within {numbers.distance(answer.tolerance)} of each other, with {numbers.probability(answer.confidence)} confidence"
    first = f"{joined([view.name(one) for one in tied])} tie: they are {within}." if tied else f"Several candidates are {within}."
    if view.best is None or answer.chosen is None:
        return (first,)
    score = f"it scores {scores(view.best, answer)}"
    return (first, f"Use {view.name(view.best)}, the cheapest of them by {answer.cost_by}{_cost(view.best, answer)}: {score}.")


def _expected_tie(view: View) -> tuple[str, ...]:
    """Nothing was called, and the prior cannot tell the best from others."""
    tied = [view.name(one) for one in view.unseen if one.status is Status.TIED]
    if view.best is None:
        return (f"{joined(tied)} tie.",)
    named = joined([*tied[:TIES_NAMED], *([f"{len(tied) - TIES_NAMED} more"] if len(tied) > TIES_NAMED else [])])
    first = f"Use {view.name(view.best)}: it is expected to be the best{_cost(view.best, view.answer)}."
    return (first, f"Nothing was measured, and expectation alone does not rule out {named}.")


def _cost(one: CandidateAnswer, answer: Answer) -> str:
    match answer.cost_by:
        case "memory" if not isinstance(one.memory_bytes, Unknown):
            return f" ({numbers.memory_cell(one.memory_bytes)})"
        case "seconds" if one.seconds_per_call is not None:
            return f" ({numbers.seconds(one.seconds_per_call)} per call)"
        case "money" if one.spent.money is not None and one.spent.calls:
            return f" ({numbers.money(1000 * one.spent.money / one.spent.calls)} per 1,000 calls)"
        case _:
            return ""


def _baseline(view: View) -> tuple[str, ...]:
    answer, best, model = view.answer, view.best, view.best_model
    if best is None:
        return ("You do not need an LLM for this.",)
    run = best.candidate.run
    says = _BASELINE_SAYS.get(run.name, view.name(best)) if isinstance(run, Baseline) else view.name(best)
    first = f"You do not need an LLM for this: {says} scores {scores(best, answer)}."
    if model is None:
        return (first, "No language model was measured.")
    return (first, f"The best language model, {view.name(model)}, scores {scores(model, answer)}{_against(model, answer)}.")


def _against(model: CandidateAnswer, answer: Answer) -> str:
    gap = model.difference
    if gap is None:
        return ""
    if gap.value <= 0:
        return f": {numbers.distance(gap.value)} less {numbers.points_bounds(gap)}"
    return f": {numbers.distance(gap.value)} more {numbers.points_bounds(gap)}, where {numbers.distance(answer.tolerance)} would count"


def _undecided(view: View) -> tuple[str, ...]:
    answer = view.answer
    if answer.run is None:
        return ("Dry run: nothing was called, so nothing is decided.",)
    if view.best_model is None:
        return ("Undecided: no language model was measured.", what_would_decide(view))
    best = view.measured[0]
    leads = f"The best so far is {view.name(best)}, which scores {scores(best, answer)}."
    return (
        f"Undecided: no candidate is shown to be best with {numbers.probability(answer.confidence)} confidence.",
        leads,
        what_would_decide(view),
    )


def what_would_decide(view: View) -> str:
    """The next step that could turn "undecided" into an answer."""
    answer = view.answer
    missing = sum(one.outcomes.get(Outcome.FAILED, 0) for one in answer.candidates)
    if missing:
        again = "run the same command again, and only those are asked again"
        return f"What would decide: the {numbers.counted(missing, 'row')} that the machinery failed to answer; {again}."
    if view.best_model is None:
        return "What would decide: a model that can run here. Name one with --model, or fetch one of those below."
    rest = [view.name(one) for one in view.measured if one.score_n < answer.rows and one.status is not Status.ELIMINATED]
    if rest:
        return f"What would decide: the rows that {joined(rest)} did not run yet; give a larger budget and run again."
    return f"What would decide: more examples; all {numbers.count(answer.rows)} were used."


def _none_fits(view: View) -> tuple[str, ...]:
    n = len(view.answer.candidates)
    first = f"Nothing fits: none of {numbers.counted(n, 'candidate')} satisfies your limits."
    groups = group(deciding_reason(one) for one in view.answer.candidates)
    return (first, f"Most often ({numbers.k_of_n(groups[0].count, n)}): {groups[0].text}.") if groups else (first,)


def status(one: CandidateAnswer) -> str:
    """The status, with the rows that are missing."""
    failed = one.outcomes.get(Outcome.FAILED, 0)
    return f"{one.status.value}, {numbers.counted(failed, 'row')} missing" if failed else one.status.value


def why(view: View, one: CandidateAnswer) -> str:
    """The reasons of one candidate in one line, with what is expected of it where nothing else is known."""
    if one.status is Status.UNMEASURED and one.candidate.run is not None and not isinstance(one.expected, Unknown):
        return f"{_reasons(view, one)}; expected score {numbers.percent_interval(one.expected)}"
    return _reasons(view, one)


def _reasons(view: View, one: CandidateAnswer) -> str:
    return "; ".join(view.readable(reason).rstrip(".") for reason in one.reasons) or "no reason is recorded"


def legend(view: View) -> str:
    """What the columns of the table of candidates mean."""
    answer = view.answer
    said = [f"score: {metric(answer)} on new inputs like yours, with its {numbers.probability(answer.confidence)} interval"]
    if view.compared:
        said.append(f"difference: percentage points from {view.name(view.measured[0])} on your own rows")
    if any(isinstance(q, Estimate) for one in view.measured for q in (one.memory_bytes, one.decode_tokens_per_s)):
        said.append("~ an estimate, not a measurement")
    return "; ".join(said)


def macro_f1(view: View) -> str | None:
    """Macro-F1 beside the accuracy: it counts a rare label as much as a frequent one."""
    known = [(view.name(one), one.macro_f1) for one in view.measured if one.macro_f1 is not None]
    return "Macro-F1 (every label counts the same): " + ", ".join(f"{name} {f1:.3f}" for name, f1 in known) if known else None


def faults(view: View) -> str | None:
    """The answers that scored 0 for their form, by candidate. A judge reads an answer as it stands."""
    if view.answer.judging:
        return None
    told = [f"{view.name(one)} {_faults_of(one)}" for one in view.measured if own_faults(one)]
    return f"Answers that score 0 for their form: {'; '.join(told)}" if told else None


def thinking(view: View) -> tuple[str, ...]:
    """What thinking bought, for each model that took part with and without it."""
    return tuple(view.readable(sentence(bought)) for bought in view.answer.thinking)


def _faults_of(one: CandidateAnswer) -> str:
    return ", ".join(f"{numbers.count(n)} {_FAULT_SAYS[outcome]}" for outcome, n in own_faults(one))


def confusion(pair: Confused) -> str:
    """For example: "refund" taken for "cancel_order" in 9 of 41 rows."""
    answered = f'taken for "{one_line(pair.answered)}"' if pair.answered else "answered with no label"
    return f'"{one_line(pair.reference)}" {answered} in {numbers.k_of_n(pair.rows, pair.of)} rows'


def learning_curve(view: View) -> str | None:
    """The learned baseline by the number of labelled rows, and where it overtakes the best language model."""
    curve = view.answer.learning_curve
    if not curve:
        return None
    points = ", ".join(f"{numbers.count(point.rows)} rows {numbers.percent(point.score.value)}" for point in curve)
    return f"Learned baseline by labelled rows: {points}.{_crossing(view, curve)}"


def _crossing(view: View, curve: Sequence[LearningPoint]) -> str:
    model = view.best_model
    if model is None or isinstance(model.score, Unknown):
        return ""
    level = model.score.value
    name = f"{view.name(model)} ({numbers.percent(level)})"
    above = next((i for i, point in enumerate(curve) if point.score.value >= level), None)
    if above is None:
        return f" It stays below {name}."
    if above == 0:
        return f" It is above {name} from the first point on."
    return f" It overtakes {name} between {numbers.count(curve[above - 1].rows)} and {numbers.count(curve[above].rows)} rows."


def graded(score: float) -> str:
    """The score of one answer: right, wrong, or in between."""
    return {1.0: "right", 0.0: "wrong"}.get(score, numbers.percent(score))


def expected(view: View) -> str | None:
    """What published scores led to expect of those that were measured, beside what was found."""
    told = [
        f"{view.name(one)} {numbers.percent_interval(one.expected)}, found {numbers.short_score(one.score, one.score_n)}"
        for one in view.measured
        if not isinstance(one.expected, Unknown)
    ]
    return f"Expected of published scores before a call (90% ranges): {'; '.join(told)}" if told else None


def size(one: CandidateAnswer) -> str:
    """What a model worth fetching takes, to download and to run; and what to expect of it."""
    return _takes(one) if isinstance(one.expected, Unknown) else f"{_takes(one)}; expected score {numbers.percent_interval(one.expected)}"


def _takes(one: CandidateAnswer) -> str:
    fetch = one.fetch
    if fetch is None:
        return "size unknown"
    download = f"{numbers.memory(fetch.download_bytes)} to download" if fetch.download_bytes is not None else "size unknown"
    if isinstance(one.memory_bytes, Unknown):
        return f"{download}, memory unknown ({one_line(one.memory_bytes.reason)})"
    return f"{download}, {_FITS[fetch.fits]}: needs {numbers.memory_cell(one.memory_bytes)} of memory"


def spent(answer: Answer) -> str:
    """What finding out cost."""
    if not answer.spent.calls:
        return "No model was called, so nothing was spent."
    unknown = "; the money is unknown, since no price is given" if answer.spent.money is None else ""
    return f"Finding out took {spending(answer.spent)}{unknown}."


def saved(answer: Answer) -> str | None:
    """What was not spent, against running every candidate on every row; None when no model was called at all."""
    saving = answer.saved
    if saving.calls:
        everything = saving.calls + answer.spent.calls
        share = f"; that is {numbers.percent(saving.calls / everything)} of all calls" if everything >= numbers.TINY_BASE else ""
        return f"Running every candidate on every row would have taken {spending(saving)} more{share}."
    return "Nothing was left out: every candidate ran on every row." if answer.spent.calls else None


def losers_title(answer: Answer) -> str:
    return "Why not the others" if answer.chosen else "Where each one stands"


def conditions(answer: Answer) -> str:
    """Where and how it was found out, so that it can be replayed."""
    day = f", facts as known on {answer.as_of.isoformat()}" if answer.as_of else ""
    engines = dict.fromkeys(f"{one.engine.name} ({one.engine.version}) on {one.engine.device}" for one in answer.candidates if one.engine)
    by = f", answered by {joined([one_line(engine) for engine in engines])}" if engines else ""
    kept = f"Every call: llmpick show {answer.run} --calls" if answer.run else "Nothing of it is kept"
    return f"{f'Run {answer.run}' if answer.run else 'Dry run'} on {one_line(answer.device)}, seed {answer.seed}{day}{by}. {kept}"


def interval_parts(score: Interval | Unknown, n: int) -> tuple[str, str]:
    """A score as (value, range); the range is "" where there is none or where it would promise too much."""
    if isinstance(score, Unknown):
        return ("-", "")
    return (numbers.short_score(score, n), "" if n < numbers.TINY_BASE else numbers.bounds(score))


def difference_parts(gap: Interval | None) -> tuple[str, str]:
    """A difference as (value, range) in percentage points."""
    return ("", "") if gap is None else (numbers.signed_points(gap.value), numbers.points_bounds(gap))
