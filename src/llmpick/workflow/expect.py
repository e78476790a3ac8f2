"""`expect`: how good models should be at a kind of task, before one of them has run, and what leads one to expect it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from llmpick.decide.expected_answer import PRIOR, Expectations, ExpectedModel, Question, Says
from llmpick.estimate.ability import AbilityEvidence
from llmpick.estimate.ability.features import line_of
from llmpick.estimate.expected_task import LEVEL, Weighed, mixed
from llmpick.evidence.ability import AbilityFacts, TaskFamily
from llmpick.evidence.values import Interval
from llmpick.sources.task import load_task
from llmpick.workflow.prior import AS_OF, Known, catalog_known, evidence_on, find_known, only, parts_of, question_of

TOP = 20
EXPLAINED = 5
"""Models of which is said what each kind of evidence contributes: for each of them all is learnt again without it, twice."""


@dataclass(frozen=True, slots=True)
class ExpectOptions:
    """What the user asked for: `models` by name, or all of the catalog; a task or a family."""

    models: tuple[str, ...] = ()
    task_file: Path | None = None
    family: TaskFamily | None = None
    language: str | None = None
    top: int = TOP
    as_of: date | None = None


def expect(options: ExpectOptions, *, environ: Mapping[str, str]) -> Expectations:
    """Raises `InputError` when neither a task nor a family is named, or for a name that nothing knows."""
    task = None if options.task_file is None else load_task(options.task_file)
    question = question_of(task, options.family, options.language)
    evidence = evidence_on(options.as_of)
    found = [one for name in options.models for one in find_known(name, options.as_of, environ=environ)]
    known = found or [Known(facts) for facts in catalog_known(options.as_of)]
    parts = parts_of([one.facts for one in known], question, evidence)
    order = range(len(known)) if found else np.argsort(-mixed(parts)[0], kind="stable")[: options.top].tolist()
    explain = bool(found) and len(found) <= EXPLAINED
    models = _models([known[k] for k in order], [part.only(order) for part in parts], question, evidence, explain=explain)
    notes = (PRIOR, *([AS_OF] if options.as_of else []))
    return Expectations(question, models, len(known) - len(models), options.as_of, notes)


def _models(
    known: Sequence[Known], parts: Sequence[Weighed], question: Question, evidence: AbilityEvidence, *, explain: bool
) -> tuple[ExpectedModel, ...]:
    whole = intervals(parts)
    by_family = {family: intervals(_of_family(parts, family)) for family in question.families}
    wanted = {name for names in question.stands_for.values() for name in names}
    scored = Counter((score.model, score.benchmark in wanted) for score in evidence.scores)
    return tuple(
        ExpectedModel(
            model=one.facts.id,
            parameters=one.facts.parameters,
            score=whole[k],
            families={family: found[k] for family, found in by_family.items()},
            published=tuple(score for score in evidence.scores if score.model == one.facts.id and score.benchmark in wanted),
            siblings={
                facts.id: scored[facts.id, True]
                for facts in evidence.facts
                if facts.id != one.facts.id and line_of(facts.family) == line_of(one.facts.family) and scored[facts.id, True]
            },
            facts=_in_words(one.facts),
            says=_says(one.facts, question, evidence, whole[k]) if explain else (),
            notes=one.notes,
        )
        for k, one in enumerate(known)
    )


def _says(facts: AbilityFacts, question: Question, evidence: AbilityEvidence, everything: Interval) -> tuple[Says, ...]:
    """What would be expected from less: without its own scores, and without those of its line; kinds that are not there are left out."""
    line = {one.id for one in evidence.facts if line_of(one.family) == line_of(facts.family)}
    scored = {score.model for score in evidence.scores}
    said = [Says("its facts, and scores of other lines", _without(facts, question, evidence, line | {facts.id}))]
    if (line - {facts.id}) & scored:
        said.append(Says("scores of its siblings", _without(facts, question, evidence, {facts.id})))
    if facts.id in scored:
        said.append(Says("its own scores", everything))
    return tuple(said)


def _without(facts: AbilityFacts, question: Question, evidence: AbilityEvidence, models: set[str]) -> Interval:
    less = only(evidence, {one.id for one in evidence.facts} - models)
    return intervals(parts_of([facts], question, less))[0]


def intervals(parts: Sequence[Weighed]) -> list[Interval]:
    """The mixture's score of each model."""
    return [
        Interval(float(np.clip(value, low, high)), float(low), float(high), LEVEL) for value, low, high in zip(*mixed(parts), strict=True)
    ]


def _of_family(parts: Sequence[Weighed], family: TaskFamily) -> list[Weighed]:
    mine = [part for part in parts if part.family == family]
    return [replace(part, probability=1 / len(mine)) for part in mine]


def _in_words(facts: AbilityFacts) -> tuple[str, ...]:
    """What of the model's facts the prior reads; what is not known is estimated from the others."""
    mixture = "" if facts.active is None or facts.active == facts.parameters else f", {facts.active / 1e9:.3g}B per token"
    words = [f"{facts.parameters / 1e9:.3g}B parameters{mixture}", "tuned" if facts.tuned else "base model"]
    words.append("tokens not known" if facts.tokens is None else f"{facts.tokens / 1e12:.3g}T tokens")
    words.append("day of release not known" if facts.released is None else f"released {facts.released.isoformat()}")
    if facts.languages is not None:
        words.append(f"languages {', '.join(facts.languages)}" if len(facts.languages) <= 6 else f"{len(facts.languages)} languages")
    return (*words, *([f"{facts.bits_per_weight:.2g} bits per weight"] if facts.bits_per_weight is not None else []))
