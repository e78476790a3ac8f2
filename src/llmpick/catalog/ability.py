"""What the ability prior knows: published scores from `ability.yaml`, and the numbers fitted to them from `ability_fit.yaml`."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from llmpick.catalog.files import CATALOG, named_source, read_file
from llmpick.catalog.loader import find_entry, find_model, load_models
from llmpick.catalog.schema import Count, Day, Language, Shape, SourceEntry
from llmpick.estimate.ability.features import line_of
from llmpick.estimate.ability.records import AbilityEvidence, Benchmark, Hyperparameters, Quantized, Standing
from llmpick.evidence.ability import AbilityFacts, PublishedScore, TaskFamily
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import ModelFacts

FITTED = CATALOG / "ability_fit.yaml"
Share = Annotated[float, Field(ge=0, le=1)]
CODE_WORDS = ("code", "starcoder", "codegen")
"""Words by which makers call models that are made for code: CodeLlama, Qwen2.5-Coder, StarCoder."""


class FactsEntry(Shape):
    """As `AbilityFacts`, for a model that is not in the catalog; `assumed` names those that no source of the file confirms."""

    family: str
    parameters: Count
    active: Count | None = None
    tokens: Count | None = None
    released: Day
    tuned: bool = False
    languages: tuple[Language, ...] | None = None
    code: bool = False
    assumed: tuple[Literal["tokens", "released"], ...] = ()


class ScoredEntry(Shape):
    """`scores`: source -> benchmark -> score, or several of one source."""

    id: str
    facts: FactsEntry | None = None
    scores: dict[str, dict[str, Share | tuple[Share, ...]]]


class FamilyEntry(Shape):
    skill: str
    benchmarks: tuple[str, ...] = ()


class QuantizedEntry(Shape):
    source: str
    parameters: Count
    bits: float
    before: tuple[Share, ...]
    after: tuple[Share, ...]


class AbilityFile(Shape):
    sources: dict[str, SourceEntry]
    skills: dict[str, dict[str, tuple[str, ...]]]
    options: dict[PositiveInt, tuple[str, ...]]
    families: dict[TaskFamily, FamilyEntry]
    quantized: tuple[QuantizedEntry, ...]
    models: tuple[ScoredEntry, ...]


class FittedQuantized(Shape):
    loss: float
    rate: float
    size: float
    spread: float


class FittedFile(Shape):
    """`modes`: the latent ability of each score of `ability.yaml`, in its order."""

    link: float
    floor: float
    noise: float
    shapes: dict[str, float]
    amplitudes: dict[str, dict[str, float]]
    quantized: FittedQuantized
    modes: tuple[float, ...] = ()


@lru_cache(maxsize=1)
def ability_evidence() -> AbilityEvidence:
    """All published scores with the facts of their models, and the fitted numbers. Raises `InputError` for a name that leads nowhere."""
    file, fitted = read_ability(), read_file(FITTED, FittedFile)
    chance = {name: 1 / options for options, names in file.options.items() for name in names}
    benchmarks = {
        name: Benchmark(skill, language, chance.get(name, 0.0))
        for skill, languages in file.skills.items()
        for language, names in languages.items()
        for name in names
    }
    scores = tuple(score for entry in file.models for score in _scores_of(entry, file, benchmarks))
    return AbilityEvidence(
        facts=tuple(_facts_of(entry) for entry in file.models),
        scores=scores,
        benchmarks=benchmarks,
        families={family: Standing(entry.skill, entry.benchmarks) for family, entry in file.families.items()},
        hyper=Hyperparameters(fitted.amplitudes, fitted.shapes, fitted.noise, fitted.link, fitted.floor),
        quantized=Quantized(fitted.quantized.loss, fitted.quantized.rate, fitted.quantized.size, fitted.quantized.spread),
        modes=dict(zip(scores, fitted.modes, strict=False)) if len(fitted.modes) == len(scores) else {},
    )


@lru_cache(maxsize=1)
def read_ability() -> AbilityFile:
    """The authored file as it is."""
    return read_file(CATALOG / "ability.yaml", AbilityFile)


def ability_facts(model: ModelFacts, bits_per_weight: float | None = None) -> AbilityFacts:
    """What the prior reads of a catalog model, as quantised to `bits_per_weight` (None: as published).

    Tokens seen, else those of the corpus; where a model does not say, those of the model that it was derived from. So with languages, where
    what its makers named of their last model before it helps too. Raises `InputError` for a model of unknown size.
    """
    if model.parameters_total is None:
        raise InputError("its number of parameters is not known", where=model.id, remedy="add it to the catalog")
    tokens = next((known for one in _ancestors(model) if (known := one.training_tokens or one.unique_tokens)), None)
    languages = next((one.languages.value for one in _ancestors(model) if one.languages is not None), None)
    return AbilityFacts(
        id=model.id,
        family=model.family,
        parameters=float(model.parameters_total.value),
        active=None if model.parameters_active is None else float(model.parameters_active.value),
        tokens=None if tokens is None else float(tokens.value),
        released=None if model.released is None else model.released.value,
        tuned=model.tuning == "instruct",
        languages=languages or _languages_of_line(model),
        code=any(word in model.family for word in CODE_WORDS),
        bits_per_weight=bits_per_weight,
    )


def _ancestors(model: ModelFacts) -> Iterator[ModelFacts]:
    """The model, what it was derived from, and so on."""
    one: ModelFacts | None = model
    while one is not None:
        yield one
        one = find_model(one.derived_from) if one.derived_from is not None else None


def _languages_of_line(model: ModelFacts) -> tuple[str, ...] | None:
    """What the makers named of the last model of the line before this one (Qwen3.5: of Qwen3), if Chinese is among them.

    Languages are seldom given up, but may be added without being named (Gemma 3 after Gemma 2): then it is not known.
    """
    day = date.max if model.released is None else model.released.value
    named = [languages for released, languages in _named_languages().get(line_of(model.family), ()) if released <= day]
    return named[-1] if named and "zh" in named[-1] else None


@lru_cache(maxsize=1)
def _named_languages() -> Mapping[str, list[tuple[date, tuple[str, ...]]]]:
    """Line -> the days of release of its models whose languages are named, ascending, and those."""
    found: dict[str, list[tuple[date, tuple[str, ...]]]] = {}
    for model in load_models():
        if model.languages is not None and model.released is not None:
            found.setdefault(line_of(model.family), []).append((model.released.value, model.languages.value))
    return {line: sorted(named, key=lambda one: one[0]) for line, named in found.items()}


def _facts_of(entry: ScoredEntry) -> AbilityFacts:
    if entry.facts is not None:
        facts = entry.facts
        active = None if facts.active is None else float(facts.active)
        tokens = None if facts.tokens is None else float(facts.tokens)
        size = float(facts.parameters)
        return AbilityFacts(entry.id, facts.family, size, active, tokens, facts.released, facts.tuned, facts.languages, facts.code)
    found = find_entry(entry.id)
    model = None if found is None or found.model.id != entry.id else find_model(entry.id)
    if model is None:
        raise InputError("the catalog has no model of this id", where=f"ability.yaml, {entry.id}", remedy="give its facts there")
    return ability_facts(model)


def _scores_of(entry: ScoredEntry, file: AbilityFile, benchmarks: dict[str, Benchmark]) -> list[PublishedScore]:
    found = list[PublishedScore]()
    for source, by_benchmark in entry.scores.items():
        where = f"ability.yaml, {entry.id}"
        named_source(file.sources, source, where)
        for benchmark, value in by_benchmark.items():
            if benchmark not in benchmarks:
                raise InputError(f"the benchmark {benchmark!r} is of no skill", where=where, remedy="add it under skills")
            values = value if isinstance(value, tuple) else (value,)
            found.extend(PublishedScore(entry.id, benchmark, one, source) for one in values)
    return found
