"""The first filter of the catalog: which models deserve a look by published facts alone, and why the others do not.

A model that breaks a demand is dropped. One of which a fact is missing is neither kept nor dropped but set apart, so that nobody takes
silence for a yes or a no; a strict filter drops it too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from llmpick.decide.screen import CommercialUse, broken_by_facts, unnamed_languages
from llmpick.evidence.model import Candidate, ModelFacts
from llmpick.evidence.task import Limits

Place = Literal["kept", "not known", "dropped"]
PLACES: tuple[Place, ...] = ("kept", "not known", "dropped")
BILLION = 1e9
GIB = 2**30
NO_LANGUAGES = "its languages are not known"


@dataclass(frozen=True, slots=True)
class Demands:
    """What a model must have. None: no demand. `max_memory_bytes` is compared with the weights alone, stored as `quantization`.

    `languages` rule nobody out unless `strict`: models carry over to languages that they saw little of.
    """

    min_training_tokens: float | None = None
    languages: tuple[str, ...] = ()
    tuning: Literal["base", "instruct"] | None = None
    licence: Literal["commercial"] | tuple[str, ...] | None = None
    context_tokens: int | None = None
    max_memory_bytes: int | None = None
    quantization: str = "int4"
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Filtered:
    """Where a model went, and why: of a kept one what speaks for it, of another the deciding reason first.

    `unnamed_languages` are those of the demanded ones that its makers do not name; `weights_bytes` None where they are not known.
    """

    model: ModelFacts
    place: Place
    reasons: tuple[str, ...]
    unnamed_languages: tuple[str, ...] = ()
    weights_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Screening:
    """Every model of the catalog of that day, those kept first; `later` models came after it and are not among them."""

    demands: Demands
    as_of: date | None
    models: tuple[Filtered, ...]
    later: int

    def placed(self, place: Place) -> tuple[Filtered, ...]:
        return tuple(one for one in self.models if one.place == place)


def first_filter(
    model: ModelFacts, demands: Demands, *, weights_bytes: float | None, commercial_use: CommercialUse, as_of: date | None = None
) -> Filtered:
    """`weights_bytes` are those of the weights in `demands.quantization`."""
    candidate = Candidate(model.id, None, model)
    limits = Limits(licence=demands.licence if model.licence else None)
    unnamed = unnamed_languages(candidate, demands.languages)
    broken = [
        *_broken(model, demands, weights_bytes),
        *broken_by_facts(candidate, limits=limits, as_of=as_of, commercial_use=commercial_use),
    ]
    missing = list(_missing(model, demands, weights_bytes))
    if demands.strict:
        broken += [*missing, *_left_out(unnamed)]
    place: Place = "dropped" if broken else "not known" if missing else "kept"
    reasons = broken if broken else missing if missing else list(_in_favour(model, demands, unnamed, weights_bytes))
    return Filtered(model, place, tuple(reasons), unnamed, weights_bytes)


def tokens_text(tokens: float) -> str:
    """1.05e12 → "1.05T", 366e9 → "366B": three digits at most."""
    return f"{tokens / 1e12:.3g}T" if tokens >= 1e12 else f"{tokens / BILLION:.3g}B"


def _broken(model: ModelFacts, demands: Demands, weights_bytes: float | None) -> Iterator[str]:
    wanted, seen = demands.min_training_tokens, model.training_tokens
    if wanted is not None and seen is not None and seen.value < wanted:
        yield f"it {_saw(model)}, fewer than {tokens_text(wanted)}"
    context = demands.context_tokens
    if context is not None and model.context_tokens is not None and model.context_tokens.value < context:
        yield f"its context is {model.context_tokens.value:,} tokens, fewer than {context:,}"
    if demands.tuning is not None and model.tuning != demands.tuning:
        is_one = "it is a base model" if model.tuning == "base" else "it is tuned to follow instructions"
        yield f"{is_one}, and {'a base model' if demands.tuning == 'base' else 'one tuned to follow instructions'} is wanted"
    limit = demands.max_memory_bytes
    if limit is not None and weights_bytes is not None and weights_bytes > limit:
        yield f"its weights alone take {weights_bytes / GIB:.1f} GiB in {demands.quantization}, more than {limit / GIB:.1f} GiB"


def _missing(model: ModelFacts, demands: Demands, weights_bytes: float | None) -> Iterator[str]:
    if demands.min_training_tokens is not None and model.training_tokens is None:
        corpus = f", of a corpus of {tokens_text(model.unique_tokens.value)}" if model.unique_tokens else ""
        yield f"how many tokens it saw is not known{corpus}"
    if demands.context_tokens is not None and model.context_tokens is None:
        yield "its context is not known"
    if demands.licence is not None and model.licence is None:
        yield "its licence is not known"
    if demands.max_memory_bytes is not None and weights_bytes is None:
        yield "how much its weights take is not known"
    if demands.strict and demands.languages and model.languages is None:
        yield NO_LANGUAGES


def _in_favour(model: ModelFacts, demands: Demands, unnamed: tuple[str, ...], weights_bytes: float | None) -> Iterator[str]:
    if model.training_tokens is not None:
        yield f"it {_saw(model)}"
    if demands.languages and not unnamed:
        yield f"its makers name {', '.join(demands.languages)}" if model.languages else NO_LANGUAGES
    yield from _left_out(unnamed)
    if demands.context_tokens is not None and model.context_tokens is not None:
        yield f"its context is {model.context_tokens.value:,} tokens"
    if demands.max_memory_bytes is not None and weights_bytes is not None:
        yield f"its weights take {weights_bytes / GIB:.1f} GiB in {demands.quantization}"
    if demands.licence is not None and model.licence is not None:
        yield f"its licence is {model.licence.value}"


def _left_out(unnamed: tuple[str, ...]) -> Iterator[str]:
    if unnamed:
        yield f"its makers do not name {', '.join(unnamed)}"


def _saw(model: ModelFacts) -> str:
    assert model.training_tokens is not None
    once = f" ({tokens_text(model.unique_tokens.value)} different ones)" if model.unique_tokens else ""
    return f"saw {tokens_text(model.training_tokens.value)} tokens{once}"
