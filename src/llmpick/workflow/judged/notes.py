"""Who of a judged race sits on its bench, and what that does to the scores: language models favour what they, or their like, have written.

Panickssery et al., "LLM Evaluators Recognize and Favor Their Own Generations", 2024, arXiv:2404.13076.
"""

from collections.abc import Sequence

from llmpick.catalog.loader import load_models
from llmpick.catalog.names import plain_name
from llmpick.evidence.model import Candidate, Endpoint, Weights
from llmpick.measure.thinking import with_thinking
from llmpick.workflow.findings import Entry, Findings, runnable
from llmpick.workflow.prior import family_named

JUDGE, OPPONENT = 0, 1


def sitting(findings: Findings, seat: int) -> str | None:
    """The candidate that is the very model of a seat of the bench: the judge, or the opponent, which is asked in the same way, too."""
    if findings.bench is None:
        return None
    sits, first = findings.bench[seat], findings.course.requests[:1]
    for entry in findings.entries:
        asked_alike = with_thinking(first, entry.candidate.thinking) == with_thinking(first, sits.candidate.thinking)
        if entry.identity == sits.identity and (seat == JUDGE or asked_alike):
            return entry.candidate.id
    return None


def bench_notes(findings: Findings) -> tuple[str, ...]:
    """What the answer must say of a bench that is not apart from the candidates; nothing where it is, or where a metric scores."""
    if findings.bench is None:
        return ()
    judge, opponent = findings.bench
    own, rival = sitting(findings, JUDGE), sitting(findings, OPPONENT)
    family = family_of(judge.candidate)
    return tuple(
        note
        for note in (
            f"{own} is the judge and a candidate: it judges its own answers, and judges tend to favour these" if own else None,
            f"{rival} is the judge's opponent and a candidate: it ties with itself, so that its score is one half by definition"
            if rival
            else None,
            _of_the_opponent(judge, opponent, family),
            _of_relatives([entry for entry in runnable(findings.entries) if entry.candidate.id != own], judge, family),
        )
        if note
    )


def family_of(candidate: Candidate) -> str | None:
    """The catalog's family of models that the candidate is of, by its facts or by its name; None where that tells nothing."""
    if candidate.facts is not None:
        return candidate.facts.family
    run = candidate.run
    name = run.model if isinstance(run, Endpoint) else (run.name or run.path.name) if isinstance(run, Weights) else candidate.id
    family = family_named(plain_name(name))
    return family if any(model.family == family for model in load_models()) else None


def _of_the_opponent(judge: Entry, opponent: Entry, family: str | None) -> str | None:
    """A judge that favours the opponent takes as much from every candidate."""
    lowers = "which it may favour: the candidates' scores may be too low"
    if judge.identity == opponent.identity:
        return f"The judge compares every answer with one of its own, {lowers}"
    if family is not None and family_of(opponent.candidate) == family:
        return f"The opponent is of the judge's own family, {family}, {lowers}"
    return None


def _of_relatives(entries: Sequence[Entry], judge: Entry, family: str | None) -> str | None:
    alike = [entry.candidate.id for entry in entries if family is not None and family_of(entry.candidate) == family]
    if not alike:
        return None
    names, are, their = ", ".join(alike), "is" if len(alike) == 1 else "are", "its" if len(alike) == 1 else "their"
    return f"{names} {are} of the judge's own family, {family}, which {judge.candidate.id} may favour: {their} score may be too high"
