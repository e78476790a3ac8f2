"""The answer in one to four sentences, by its verdict: what to use, how sure that is, and what would decide where nothing does."""

from llmpick.decide.answer import Answer, CandidateAnswer, Status, Verdict
from llmpick.evidence.call import Outcome
from llmpick.evidence.model import Baseline
from llmpick.evidence.values import Unknown
from llmpick.report import numbers
from llmpick.report.grouping import group
from llmpick.report.pick.view import View, deciding_reason
from llmpick.report.pick.wording import scores
from llmpick.report.text import joined, one_line

_BASELINE_SAYS = {
    "majority": "always answering the most frequent label",
    "tfidf": "a classifier trained on your own rows (TF-IDF character n-grams with logistic regression)",
    "rules": "the rules of your task file",
}
TIES_NAMED = 3


def headline(view: View) -> tuple[str, ...]:
    """The sentences, the decisive one first."""
    judging = view.answer.judging
    if judging and judging.record and not judging.record.worth_its_calls:
        return (*_verdict(view), "But the judge is not shown to read the answers, so that its scores prove little: see the notes.")
    return _verdict(view)


def _verdict(view: View) -> tuple[str, ...]:
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


def _chosen(view: View) -> tuple[str, ...]:
    answer, best = view.answer, view.best
    if best is None:
        return ("A candidate is chosen, but the record does not hold it.",)
    if answer.basis == "expected" or isinstance(best.score, Unknown):
        return (_as_expected(view, best), "Nothing was measured.")
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
    return (_as_expected(view, view.best), f"Nothing was measured, and expectation alone does not rule out {named}.")


def _as_expected(view: View, best: CandidateAnswer) -> str:
    """A cheaper one may stand before the best of all."""
    expected = [one.expected.value for one in view.unseen if not isinstance(one.expected, Unknown)]
    stored = f" in {one_line(best.quantization)}" if best.quantization else ""
    use = f"Use {view.name(best)}{stored}{_cost(best, view.answer)}"
    if isinstance(best.expected, Unknown) or best.expected.value >= max(expected, default=0.0):
        return f"{use}: it is expected to be the best."
    return f"{use}: it is the cheapest of those expected to be within {numbers.distance(view.answer.tolerance)} of the best."


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
