"""`expect`: how good models should be at a kind of task, before one of them has run, and what leads one to expect it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np

from llmpick.decide.expected_answer import Expectations, ExpectedModel, Question, Says
from llmpick.estimate.ability import AbilityEvidence
from llmpick.estimate.ability.features import line_of
from llmpick.estimate.ability.posterior import learn
from llmpick.estimate.expected_task import LEVEL, Weighed, mixed
from llmpick.evidence.ability import AbilityFacts, TaskFamily
from llmpick.evidence.values import Interval
from llmpick.sources.task import load_task
from llmpick.workflow.asked_question import asked_question, prior_notes
from llmpick.workflow.models.named_models import find_named
from llmpick.workflow.prior import Known, catalog_known, evidence_on, only, parts_of

TOP = 20
EXPLAINED = 5
"""Models of which is said what each kind of evidence contributes: for each of them all is learnt again without it, twice."""
NAMED = 3
"""So many benchmarks or models are named where some evidence is of neither the model nor the family that is asked."""


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
    """Raises `InputError` when neither a task nor a family is named, or for a name that nothing knows or that was not out on that day."""
    task = None if options.task_file is None else load_task(options.task_file)
    evidence = evidence_on(options.as_of)
    question = asked_question(task, options.family, options.language, evidence)
    found = [one for name in options.models for one in find_named(name, options.as_of, environ=environ)]
    known = found or [Known(facts) for facts in catalog_known(options.as_of)]
    parts = parts_of([one.facts for one in known], question, evidence)
    order = range(len(known)) if found else np.argsort(-mixed(parts)[0], kind="stable")[: options.top].tolist()
    listed = [known[k] for k in order]
    less = _Less(question, evidence) if found and len(found) <= EXPLAINED else None
    models = _models(listed, [part.only(order) for part in parts], question, evidence, less)
    notes = prior_notes(question, [one.facts for one in listed], evidence, options.as_of)
    return Expectations(question, models, len(known) - len(models), options.as_of, notes)


class _Less:
    """What would be expected given the scores of fewer models. All is learnt again, from the abilities that all scores led to."""

    def __init__(self, question: Question, evidence: AbilityEvidence) -> None:
        found = learn(evidence).mode.latent[: len(evidence.scores)]  # the scores' own come first
        modes = dict(zip(evidence.scores, found.tolist(), strict=True))
        self._question, self._evidence = question, replace(evidence, modes=modes)
        self._scored = {score.model for score in evidence.scores}
        self._without: Callable[[frozenset[str]], AbilityEvidence] = lru_cache(self._fewer)

    def score(self, facts: AbilityFacts, without: set[str]) -> Interval:
        return intervals(parts_of([facts], self._question, self._without(frozenset(without & self._scored))))[0]

    def _fewer(self, models: frozenset[str]) -> AbilityEvidence:
        return only(self._evidence, {one.id for one in self._evidence.facts} - models)


def _models(
    known: Sequence[Known], parts: Sequence[Weighed], question: Question, evidence: AbilityEvidence, less: _Less | None
) -> tuple[ExpectedModel, ...]:
    whole = intervals(parts)
    by_family = {family: intervals(_of_family(parts, family)) for family in question.families}
    wanted = {name for names in question.stands_for.values() for name in names}
    scored = Counter(score.model for score in evidence.scores if score.benchmark in wanted)
    return tuple(
        ExpectedModel(
            model=one.facts.id,
            parameters=one.facts.parameters,
            bits_per_weight=one.facts.bits_per_weight,
            score=whole[k],
            families={family: found[k] for family, found in by_family.items()},
            published=tuple(score for score in evidence.scores if score.model == one.facts.id and score.benchmark in wanted),
            siblings={id_: scored[id_] for id_ in _siblings(one.facts, evidence) if scored[id_]},
            facts=_in_words(one.facts),
            says=() if less is None else _says(one.facts, wanted, evidence, whole[k], less),
            notes=one.notes,
        )
        for k, one in enumerate(known)
    )


def _siblings(facts: AbilityFacts, evidence: AbilityEvidence) -> list[str]:
    """The other models of its line."""
    return [one.id for one in evidence.facts if one.id != facts.id and line_of(one.family) == line_of(facts.family)]


def _says(facts: AbilityFacts, wanted: set[str], evidence: AbilityEvidence, everything: Interval, less: _Less) -> tuple[Says, ...]:
    """What would be expected from less: without its own scores, and without those of its line; kinds that are not there are left out."""
    line = set(_siblings(facts, evidence))
    own = [score for score in evidence.scores if score.model == facts.id]
    near = [score for score in evidence.scores if score.model in line]
    said = [Says("its facts, and scores of other lines", less.score(facts, line | {facts.id}) if own or near else everything)]
    if near:
        elsewhere = "" if any(one.benchmark in wanted for one in near) else f" on other benchmarks ({_some(one.model for one in near)})"
        said.append(Says(f"scores of its siblings{elsewhere}", less.score(facts, {facts.id}) if own else everything))
    if own:
        elsewhere = "" if any(one.benchmark in wanted for one in own) else f" on other benchmarks ({_some(one.benchmark for one in own)})"
        said.append(Says(f"its own scores{elsewhere}", everything))
    return tuple(said)


def _some(names: Iterable[str]) -> str:
    """The most frequent ones: "ARC-C, HellaSwag, MMLU and 4 more"."""
    ranked = [name for name, _ in Counter(names).most_common()]
    more = len(ranked) - NAMED
    return f"{', '.join(ranked[:NAMED])}{f' and {more} more' if more > 0 else ''}"


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
    return tuple(words)
