"""The ability prior as the verbs ask it: which family and languages are meant, what is known of the models, and the answer of each part."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path

from llmpick.catalog.ability import ability_evidence, ability_facts
from llmpick.catalog.loader import find_model, load_models
from llmpick.catalog.names import plain_name
from llmpick.decide.expected_answer import Question
from llmpick.estimate.ability import AbilityEvidence, expected_abilities
from llmpick.estimate.expected_task import Weighed, weigh
from llmpick.estimate.task_family import family_of
from llmpick.evidence.ability import AbilityFacts, TaskFamily
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import Blueprint, Candidate, ModelFacts, Weights
from llmpick.evidence.task import Task
from llmpick.sources.names_settings import split_settings
from llmpick.workflow.models.blueprints import find_blueprints

_TUNED = re.compile(r"(^|-)(instruct|chat|it|sft|dpo|rlhf|assistant)(-|$)")
_SIZE = re.compile(r"(^|-)(\d+x)?\d+(\.\d+)?[bm](?=-|$).*")
AS_OF = "The prior learns from scores of models that were out on that day; some of the scores were published later."


@dataclass(frozen=True, slots=True)
class Known:
    """What the prior reads of one model, under the name that it goes by here, and what had to be assumed."""

    facts: AbilityFacts
    notes: tuple[str, ...] = ()


def question_of(task: Task | None, family: TaskFamily | None, language: str | None) -> Question:
    """What is asked: the family and language that are named, else those of the task."""
    if family is not None:
        families, because = {family: 1.0}, "you named it"
    elif task is not None:
        guess = family_of(task)
        families = guess.probabilities
        seen = f"its kind is {task.kind.value}" + (f"; seen: {', '.join(guess.cues)}" if guess.cues else "; no cue was seen in its text")
        because = "the task file says so" if guess.declared else f'{seen}. family = "..." in the task file settles it'
    else:
        raise InputError(
            "neither a task nor a family is named", where="--task, --family", remedy=f"name one: {', '.join(f.value for f in TaskFamily)}"
        )
    languages = (language,) if language else task.languages if task and task.languages else ("en",)
    known = ability_evidence().families
    stands_for = {one: known[one].benchmarks if one in known else () for one in families}
    return Question(task.name if task else None, families, because, languages, stands_for)


@lru_cache(maxsize=2)
def evidence_on(as_of: date | None) -> AbilityEvidence:
    """The published scores, of models that were out on `as_of`."""
    evidence = ability_evidence()
    if as_of is None:
        return evidence
    out = {facts.id for facts in evidence.facts if facts.released is not None and facts.released <= as_of}
    return only(evidence, out)


def only(evidence: AbilityEvidence, models: set[str]) -> AbilityEvidence:
    """The scores of `models` alone; what is known of the others stays."""
    return replace(evidence, scores=tuple(score for score in evidence.scores if score.model in models))


def parts_of(models: Sequence[AbilityFacts], question: Question, evidence: AbilityEvidence) -> list[Weighed]:
    """The prior of the models at each family in each language, weighed by how likely the task is of it.

    Raises `InputError` when no score is known of any model.
    """
    if not evidence.scores:
        raise InputError("no published score is known of a model of that day", where="--as-of", remedy="name a later day, or none")
    share = 1 / len(question.languages)
    return [
        weigh(probability * share, expected_abilities(models, family, evidence, language=language), own_task=question.task is not None)
        for family, probability in question.families.items()
        for language in question.languages
    ]


def catalog_known(as_of: date | None) -> list[AbilityFacts]:
    """All models of the catalog whose size is known."""
    return [ability_facts(model) for model in load_models(as_of) if model.parameters_total is not None]


def find_known(name: str, as_of: date | None, *, environ: Mapping[str, str]) -> tuple[Known, ...]:
    """The models that a name stands for: of the catalog, else as their files or their config.json describe them.

    Raises `InputError` for a name that nothing knows, or a model of unknown size.
    """
    bare, _ = split_settings(name)
    model = bare.partition("#")[2] or bare
    known = find_model(model, as_of)
    if known is not None and not Path(bare).exists():
        return (Known(ability_facts(known)),)
    if not Path(bare).exists() and (scored := _scored(as_of).get(plain_name(model))):
        return (Known(scored),)
    return tuple(_of_blueprint(one, as_of) for one in find_blueprints(bare, environ=environ))


def known_candidate(candidate: Candidate, *, bits_per_weight: float | None = None) -> AbilityFacts | None:
    """What the prior reads of a candidate of `pick`; None where its size is known from nowhere."""
    weights = candidate.run if isinstance(candidate.run, Weights) else None
    if weights is not None and weights.parameters_total:
        bits_per_weight = 8 * weights.weight_bytes / weights.parameters_total
    if candidate.facts is not None and candidate.facts.parameters_total is not None:
        return _renamed(ability_facts(candidate.facts, bits_per_weight), candidate.facts)
    if weights is None or not weights.parameters_total:
        return None
    name = weights.name or weights.path.name
    tuned = weights.chat_template is not None
    return _strange(name, weights.parameters_total, None, bits_per_weight, tuned=tuned, languages=weights.languages)


def _renamed(facts: AbilityFacts, model: ModelFacts) -> AbilityFacts:
    return facts if facts.id == model.id else replace(facts, id=model.id)


def _of_blueprint(blueprint: Blueprint, as_of: date | None) -> Known:
    """A model that is described by its headers or config: the catalog's facts of it, where its name is known there."""
    parameters = blueprint.parameters
    if not parameters:
        raise InputError("its number of parameters is not known", where=blueprint.name, remedy="name its weights, or its config.json")
    bits = 8 * blueprint.weights_bytes / parameters
    file = blueprint.path.name if blueprint.path else blueprint.name
    known = find_model(blueprint.name, as_of) or find_model(file, as_of)
    if known is not None and known.parameters_total is not None:
        return Known(ability_facts(known, bits))
    tuned = _TUNED.search(plain_name(blueprint.name)) is not None
    facts = _strange(blueprint.name, parameters, blueprint.active_parameters, bits, tuned=tuned)
    kind = "tuned to follow instructions" if tuned else "a base model"
    notes = (f"Not in the catalog: its tokens and its day of release are not known, and by its name it is {kind} of {facts.family}.",)
    return Known(facts, notes)


def _strange(
    name: str, parameters: int, active: int | None, bits: float | None, *, tuned: bool, languages: tuple[str, ...] | None = None
) -> AbilityFacts:
    """A model that the catalog does not know. Its family is one of the catalog's with which its name begins, if any."""
    return AbilityFacts(
        id=name,
        family=family_named(plain_name(name)),
        parameters=float(parameters),
        active=None if active is None else float(active),
        tokens=None,
        released=None,
        tuned=tuned,
        languages=languages,
        bits_per_weight=bits,
    )


def family_named(plain: str) -> str:
    """The longest family of the catalog with which the plain name begins; else the name up to its size."""
    near = [family for family in _families() if plain == family or plain.startswith(f"{family}-")]
    return max(near, key=len) if near else _SIZE.sub("", plain) or plain


@lru_cache(maxsize=2)
def _scored(as_of: date | None) -> Mapping[str, AbilityFacts]:
    """The scored models by plain name: some of them are not in the catalog."""
    return {plain_name(facts.id): facts for facts in evidence_on(as_of).facts}


@lru_cache(maxsize=1)
def _families() -> frozenset[str]:
    return frozenset(model.family for model in load_models())
