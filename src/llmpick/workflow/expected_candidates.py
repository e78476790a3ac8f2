"""The step "expect" of `pick`: what the ability prior says of every candidate before a call, and in which order to fetch the others."""

from dataclasses import replace

from llmpick.catalog.loader import find_quantization
from llmpick.decide.screen import unnamed_languages
from llmpick.evidence.ability import AbilityFacts
from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Task
from llmpick.evidence.values import Unknown
from llmpick.workflow.asked_question import newer_note
from llmpick.workflow.expect import intervals
from llmpick.workflow.findings import Entry, Findings
from llmpick.workflow.prior import AS_OF, evidence_on, known_candidate, parts_of, question_of

FITS = {"yes": 1.0, "marginal": 0.5, "unknown": 0.5, "no": 0.0}
"""The probability that a model fits, by what the estimate of its memory says; half where that cannot tell."""
NO_SIZE = Unknown("its number of parameters is not known")


def with_prior(findings: Findings) -> Findings:
    """The findings with an expected score in every entry whose size is known; the models to fetch by expected score x fit."""
    known = {id(entry): facts for entry in (*findings.entries, *findings.absent) if (facts := _facts(entry)) is not None}
    question, evidence = question_of(findings.task, None, None), evidence_on(findings.as_of)
    try:
        parts = parts_of(list(known.values()), question, evidence) if known else []
    except InputError as error:  # no score was published by that day
        return replace(findings, notes=(*findings.notes, f"No prior ranks the models that were not run: {error.what}."))
    scores = dict(zip(known, intervals(parts), strict=True)) if parts else {}
    entries, absent = (
        tuple(replace(entry, expected=scores.get(id(entry), NO_SIZE)) for entry in some) for some in (findings.entries, findings.absent)
    )
    if not scores:
        return replace(findings, entries=entries, absent=absent)
    families = ", ".join(f"{family.value} {100 * p:.0f}%" for family, p in question.families.items())
    note = f"Expected scores are a prior from published benchmarks, not from this task, which is taken for: {families}."
    return replace(
        findings,
        entries=entries,
        absent=tuple(sorted(absent, key=lambda entry: _worth_a_look(entry, findings.task))),
        notes=(*findings.notes, note, *newer_note(known.values(), evidence), *([AS_OF] if findings.as_of else [])),
    )


def _facts(entry: Entry) -> AbilityFacts | None:
    bits = find_quantization(entry.fetch.quantization).bits_per_weight if entry.fetch else None
    return known_candidate(entry.candidate, bits_per_weight=bits)


def _worth_a_look(entry: Entry, task: Task) -> tuple[float | int, ...]:
    """What may fit before what does not; whose makers name the task's languages; expected score x fit; newest and largest."""
    facts, expected = entry.candidate.facts, entry.expected
    released = facts.released.value.toordinal() if facts and facts.released else 0
    parameters = facts.parameters_total.value if facts and facts.parameters_total else 0
    fits = FITS[entry.fetch.fits] if entry.fetch else 0.0
    score = 0.0 if isinstance(expected, Unknown) else expected.value
    return not fits, len(unnamed_languages(entry.candidate, task.languages)), -score * fits, -released, -parameters
