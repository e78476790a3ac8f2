"""The first filter: which candidates break a hard limit by facts alone, before anything is estimated or run.

A limit that cannot be checked because the fact is unknown excludes too: the user asked for certainty, so the reason says what is missing.
"""

from collections.abc import Callable
from datetime import date
from typing import Literal

from llmpick.evidence.model import Candidate, Weights
from llmpick.evidence.task import Limits

CommercialUse = Callable[[str], Literal["yes", "no", "conditions"] | None]
"""What a licence id says of commercial use; None for an id that nothing is known of."""


def broken_by_facts(candidate: Candidate, *, limits: Limits, as_of: date | None, commercial_use: CommercialUse) -> tuple[str, ...]:
    """Why the candidate's facts rule it out; empty when they do not. Only models are screened: a baseline has no licence or context."""
    checks = (
        _released(candidate, as_of),
        _licence(candidate, limits, commercial_use),
        _context(candidate, limits),
        _tuning(candidate, limits),
    )
    return tuple(reason for reason in checks if reason)


def licence_of(candidate: Candidate) -> str | None:
    """The licence id by the catalog, else by the model's own file."""
    if candidate.facts and candidate.facts.licence:
        return candidate.facts.licence.value
    return candidate.run.licence if isinstance(candidate.run, Weights) else None


def unnamed_languages(candidate: Candidate, languages: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the task's languages that the model's makers leave out of theirs; none when they name no language at all.

    It rules nobody out: models carry over to languages that they saw little of (Vicuna-13B in Chinese), so only a measurement says.
    """
    if candidate.facts and candidate.facts.languages:
        named = candidate.facts.languages.value
    else:
        named = candidate.run.languages if isinstance(candidate.run, Weights) else None
    return () if named is None else tuple(language for language in languages if language not in named)


def context_of(candidate: Candidate) -> int | None:
    """The longest context in tokens: what the file says where there is one, else the catalog."""
    if isinstance(candidate.run, Weights) and candidate.run.context_tokens:
        return candidate.run.context_tokens
    return candidate.facts.context_tokens.value if candidate.facts and candidate.facts.context_tokens else None


def _released(candidate: Candidate, as_of: date | None) -> str | None:
    if as_of is None:
        return None
    if not candidate.facts or not candidate.facts.released:
        return f"not known to have been released by {as_of}"
    released = candidate.facts.released.value
    return f"released on {released}, after {as_of}" if released > as_of else None


def _licence(candidate: Candidate, limits: Limits, commercial_use: CommercialUse) -> str | None:
    if limits.licence is None:
        return None
    licence = licence_of(candidate)
    if licence is None:
        return "its licence is not known, and the task limits the licence"
    if limits.licence == "commercial":
        allowed = commercial_use(licence)
        unknown = f"whether its licence ({licence}) allows commercial use is not known" if allowed is None else None
        return f"licence {licence} does not allow commercial use" if allowed == "no" else unknown
    return None if licence in limits.licence else f"licence {licence} is not one of {', '.join(limits.licence)}"


def _context(candidate: Candidate, limits: Limits) -> str | None:
    if limits.context_tokens is None:
        return None
    context = context_of(candidate)
    if context is None:
        return f"its context is not known, and the task needs {limits.context_tokens:,} tokens"
    return f"its context is {context:,} tokens, the task needs {limits.context_tokens:,}" if context < limits.context_tokens else None


def _tuning(candidate: Candidate, limits: Limits) -> str | None:
    """The catalog's word, else whether the model's own file has a template for chats."""
    if limits.tuning is None:
        return None
    if candidate.facts:
        tuning = candidate.facts.tuning
    elif isinstance(candidate.run, Weights):
        tuning = "base" if candidate.run.chat_template is None else "instruct"
    else:
        return "it is not known whether it follows instructions, and the task limits that"
    if tuning == limits.tuning:
        return None
    return (
        "a base model, and the task wants one that follows instructions" if tuning == "base" else "tuned, and the task wants a base model"
    )
