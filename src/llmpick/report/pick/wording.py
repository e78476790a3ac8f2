"""The sentences of the report: plain English for a stranger, each a function of the view. Terminal and page print them as they are."""

from collections.abc import Callable, Sequence
from typing import TypeGuard

from llmpick.decide.answer import Answer, CandidateAnswer, LearningPoint, NextStep, Status, Verdict
from llmpick.decide.thinking import sentence
from llmpick.evidence.call import Outcome
from llmpick.evidence.model import Baseline
from llmpick.evidence.values import Estimate, Interval, Measurement, Unknown
from llmpick.report import numbers
from llmpick.report.pick.view import Confused, View, is_baseline, own_faults
from llmpick.report.spent import spending
from llmpick.report.text import joined, one_line

METRIC_SAYS = {
    "exact-match": "exact match",
    "json-fields": "JSON-field accuracy",
    "judge": "share of rows won against the judge's opponent",
    "number": "number within tolerance",
    "regex": "regular expression matched",
    "rouge-l": "ROUGE-L",
    "token-f1": "token F1",
}
_FITS = {"yes": "fits", "marginal": "may just fit", "no": "does not fit", "unknown": "it is not known whether it fits"}
_FAULT_SAYS = {Outcome.CUT_OFF: "cut off", Outcome.EMPTY: "empty", Outcome.UNPARSED: "not in the asked form"}


def scores(one: CandidateAnswer, answer: Answer) -> str:
    """For example: 80.3% [75.6, 84.3] (exact match) on 212 of your 320 rows."""
    if by_definition(one.score):
        return f"{numbers.percent(one.score.value)} by definition, as the opponent with which the judge compares all"
    run = "all" if one.score_n == answer.rows else f"{numbers.count(one.score_n)} of"
    return f"{numbers.score(one.score, one.score_n)} ({metric(answer)}) on {run} your {numbers.count(answer.rows)} rows"


def by_definition(score: Interval | Unknown) -> TypeGuard[Interval]:
    """Whether the score was not found out: on new inputs only that of a judge's opponent, who ties with itself, is a point."""
    return isinstance(score, Interval) and score.low == score.high


def metric(answer: Answer) -> str:
    """The metric in the words of the field: "exact match"."""
    return METRIC_SAYS.get(answer.metric, one_line(answer.metric.replace("_", " ")))


def status(one: CandidateAnswer) -> str:
    """The status, with the rows that are missing."""
    failed = one.outcomes.get(Outcome.FAILED, 0)
    return f"{one.status.value}, {numbers.counted(failed, 'row')} missing" if failed else one.status.value


def why(view: View, one: CandidateAnswer) -> str:
    """The reasons of one candidate in one line, with what is expected of it where nothing else is known."""
    score = foretold(one, view.answer) if one.status is Status.UNMEASURED and one.candidate.run is not None else None
    return f"{_reasons(view, one)}; expected score {score}" if score else _reasons(view, one)


def _reasons(view: View, one: CandidateAnswer) -> str:
    return "; ".join(view.readable(reason).rstrip(".") for reason in one.reasons) or "no reason is recorded"


def reasons(view: View) -> tuple[str, ...]:
    """Why this verdict, where the headline does not say it already."""
    dry = view.answer.run is None and view.answer.verdict is Verdict.UNDECIDED
    return () if dry else tuple(view.readable(reason) for reason in view.answer.reasons)


def unseen_legend(view: View) -> str:
    """What the columns of the table of those that nobody ran mean."""
    judged = view.answer.metric == "judge"
    expected = "the score at such tasks, which says nothing of a judge's verdicts" if judged else "the score on this task"
    context = numbers.count(view.answer.context_tokens)
    return f"expected: {expected}, by published ones, with its 90% range; memory: computed (~) for {context} tokens of context"


def legend(view: View) -> str:
    """What the columns of the table of candidates mean."""
    answer = view.answer
    said = [f"score: {metric(answer)} on new inputs like yours, with its {numbers.probability(answer.confidence)} interval"]
    if view.compared:
        said.append(f"difference: percentage points from {view.name(view.measured[0])} on your own rows")
    return "; ".join([*said, *_of_memory(view)])


def _of_memory(view: View) -> list[str]:
    """What the figures of memory are, which decide where memory is the cost."""
    kinds = [type(one.memory_bytes) for one in view.measured]
    context = numbers.count(view.answer.context_tokens)
    computed = f"memory: computed (~) as by llmpick fit, to serve it with {context} tokens of context"
    estimates = any(isinstance(one.decode_tokens_per_s, Estimate) for one in view.measured)
    return [
        *([computed] if Estimate in kinds else []),
        *(["memory without ~: the most that its process was seen to hold, as nothing can be computed"] if Measurement in kinds else []),
        *(["tokens/s with ~: computed, too"] if estimates else []),
    ]


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
    learned = (one for one in view.measured if isinstance(one.candidate.run, Baseline) and one.candidate.run.name == "tfidf")
    says = "above is cross-validated: it learns from more rows"
    whole = next((f" (the {numbers.short_score(one.score, one.score_n)} {says})" for one in learned), "")
    return f"Learned baseline by labelled rows: {points}{whole}.{_crossing(view, curve)}"


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


def resident(view: View) -> str | None:
    """What the engines took here, which is another figure than what serving takes."""
    seen = [(view.name(one), one.resident_bytes) for one in view.measured]
    told = [f"{name} {numbers.memory(held.interval.value)}" for name, held in seen if isinstance(held, Measurement)]
    if not told:
        return None
    return f"Memory that llmpick's own engine processes were seen to hold on this task, at most (it orders nobody): {', '.join(told)}"


def learns(view: View, step: NextStep) -> str:
    """What one would know after the step: "How the 2 models that can be run now do on your rows"."""
    text = view.readable(step.learns)
    return text[:1].upper() + text[1:]


def takes(step: NextStep) -> str:
    """What the step takes at most: "8.4 GiB to download, at most 640 calls, 251,000 tokens [201,000, 310,000], 9 min [7 min, 12 min]"."""
    if not step.calls:
        return "no call is made"
    amounts = [f"{numbers.memory(step.download_bytes)} to download"] if step.download_bytes is not None else []
    amounts.append(f"at most {numbers.counted(step.calls, 'call')}")
    if isinstance(step.tokens, Interval):
        amounts.append(f"{_range(step.tokens, lambda n: numbers.large(round(n)))} tokens")
    if isinstance(step.seconds, Interval):
        amounts.append(f"{_range(step.seconds, numbers.seconds)} without loading")
    why = "" if isinstance(step.seconds, Interval) else f"; how long is not known ({one_line(step.seconds.reason)})"
    return f"{', '.join(amounts)}{why}"


def _range(amount: Interval, write_out: Callable[[float], str]) -> str:
    return f"{write_out(amount.value)} [{write_out(amount.low)}, {write_out(amount.high)}]"


def notes(view: View) -> tuple[str, ...]:
    """What else the reader should know, each a sentence."""
    return tuple(f"{view.readable(note).rstrip('.')}." for note in view.notes)


def graded(score: float) -> str:
    """The score of one answer: right, wrong, or in between."""
    return {1.0: "right", 0.0: "wrong"}.get(score, numbers.percent(score))


def expected(view: View) -> str | None:
    """What published scores led to expect of those that were measured, beside what was found."""
    told = [
        f"{view.name(one)} {score}, found {numbers.short_score(one.score, one.score_n)}"
        for one in view.measured
        if (score := foretold(one, view.answer))
    ]
    return f"Expected of published scores before a call (90% ranges): {'; '.join(told)}" if told else None


def expected_of(one: CandidateAnswer) -> str:
    """The expected score with its range."""
    return "-" if isinstance(one.expected, Unknown) else numbers.percent_interval(one.expected)


def foretold(one: CandidateAnswer, answer: Answer) -> str | None:
    """The score to expect of it, if any: published ones say nothing of how often a judge prefers it to an opponent."""
    return None if isinstance(one.expected, Unknown) or answer.metric == "judge" else numbers.percent_interval(one.expected)


def size(one: CandidateAnswer, answer: Answer) -> str:
    """What a model worth fetching takes, to download and to run; and what to expect of it."""
    score = foretold(one, answer)
    return f"{_takes(one)}; expected score {score}" if score else _takes(one)


def _takes(one: CandidateAnswer) -> str:
    fetch = one.fetch
    if fetch is None:
        return "size unknown"
    download = f"{numbers.memory(fetch.download_bytes)} to download" if fetch.download_bytes is not None else "size unknown"
    if isinstance(one.memory_bytes, Unknown):
        return f"{download}, memory unknown ({one_line(one.memory_bytes.reason)})"
    return f"{download}, {_FITS[fetch.fits]}: needs {numbers.memory_cell(one.memory_bytes)} of memory"


def spent(answer: Answer) -> str:
    """What finding out cost; what was kept from earlier runs costs nothing."""
    kept = sum(
        max(sum(one.outcomes.values()) - one.spent.calls, 0) for one in answer.candidates if one.candidate.run and not is_baseline(one)
    )
    answers = f"{numbers.counted(kept, 'answer')} {'was' if kept == 1 else 'were'} kept from earlier runs"
    if not answer.spent.calls:
        return f"Finding out cost nothing: all {answers}." if kept else "No model was called, so nothing was spent."
    unknown = "; the money is unknown, since no price is given" if answer.spent.money is None else ""
    return f"Finding out took {spending(answer.spent)}{unknown}{f'; {answers}' if kept else ''}."


def saved(answer: Answer) -> str | None:
    """What was not spent, against running every candidate on every row; None when no model was called at all."""
    saving = answer.saved
    if saving.calls and not answer.spent.calls:
        return f"Asking every candidate on every row anew would take {spending(saving)}."
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
    return (
        f"{f'Run {answer.run} on' if answer.run else 'Without a call, for'} {one_line(answer.device)}, seed {answer.seed}{day}{by}. {kept}"
    )


def interval_parts(score: Interval | Unknown, n: int) -> tuple[str, str]:
    """A score as (value, range); the range is "" where there is none or where it would promise too much."""
    if isinstance(score, Unknown):
        return ("-", "")
    if by_definition(score):
        return (numbers.percent(score.value), "by definition")
    return (numbers.short_score(score, n), "" if n < numbers.TINY_BASE else numbers.bounds(score))


def difference_parts(gap: Interval | None) -> tuple[str, str]:
    """A difference as (value, range) in percentage points."""
    return ("", "") if gap is None else (numbers.signed_points(gap.value), numbers.points_bounds(gap))
