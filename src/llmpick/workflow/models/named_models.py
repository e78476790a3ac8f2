"""What the ability prior reads of a model that the user names: the catalog's facts, in the bits per weight that the name asks for.

A model of the catalog is known without a look at any server; of Ollama's models the store on this machine is asked how they are stored.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from llmpick.catalog.ability import ability_facts
from llmpick.catalog.loader import find_model, find_quantization, load_models
from llmpick.catalog.names import plain_name
from llmpick.evidence.ability import AbilityFacts
from llmpick.evidence.errors import InputError, LlmpickError
from llmpick.evidence.model import ModelFacts
from llmpick.evidence.values import Fact
from llmpick.sources.names_settings import split_settings
from llmpick.workflow.models.blueprints import find_blueprints
from llmpick.workflow.prior import Known, evidence_on, find_known

OLLAMA = "ollama:"
OLLAMA_STORES = "Q4_K_M"
"""What Ollama's library holds under most tags that do not say it."""
_TUNED_TAG = re.compile(r"-(instruct|chat|it|text)$")


def find_named(name: str, as_of: date | None, *, environ: Mapping[str, str]) -> tuple[Known, ...]:
    """The models that a name stands for.

    Raises `InputError` for a name that nothing knows, a model of unknown size, and one that was not out on `as_of`.
    """
    bare, _ = split_settings(name)
    if Path(bare).exists():
        if (today := find_model(Path(bare).name)) is not None:
            _check_out(name, today.released, as_of)
        return _described(bare, as_of, environ)
    model = bare.partition("#")[2] or bare
    whole, stored = _asked(model)
    if (today := _of_catalog(model, whole)) is not None:
        _check_out(name, today.released, as_of)
        bits, notes = (stored, ()) if stored is not None else _as_stored(model, environ)
        return (Known(ability_facts(find_model(today.id, as_of) or today, bits), notes),)
    if (scored := _scored(whole)) is not None:
        _check_out(name, scored.released, as_of)
        return (Known(replace(scored, bits_per_weight=stored)),)
    if not re.search(r"[/\\:]|\.(gguf|json)$", bare):
        raise _unknown(bare)
    return _described(bare, as_of, environ)


def _described(name: str, as_of: date | None, environ: Mapping[str, str]) -> tuple[Known, ...]:
    """As files or their headers describe it; of a model that is not in the catalog is said what its name was taken for."""
    return tuple(replace(one, notes=(_taken_for(one.facts),)) if one.notes else one for one in find_known(name, as_of, environ=environ))


def _taken_for(facts: AbilityFacts) -> str:
    kind = "a model that follows instructions" if facts.tuned else "a base model"
    known = facts.family in {model.family for model in load_models()}
    family = f"of the family {facts.family}" if known else "of no family that the catalog has"
    return f"Not in the catalog: its tokens and its day of release are not known, and its name is taken for that of {kind}, {family}."


def _asked(model: str) -> tuple[str, float | None]:
    """`org/name:Q4_K_M@main` → the name without its quantisation, and the bits per weight of that; None where it names none."""
    text = model.partition("@")[0]
    if not text.startswith(OLLAMA):
        repository, colon, file = text.rpartition(":")
        if colon:
            return repository, next((bits for _, bits in _endings(f":{re.sub(r'[.]gguf$', '', file, flags=re.IGNORECASE)}")), None)
    return next(_endings(re.sub(r"[.]gguf$", "", text, flags=re.IGNORECASE)), (text, None))


def _endings(text: str) -> Iterator[tuple[str, float]]:
    """What stands before a quantisation that the text ends in, and its bits per weight, the longest first."""
    for mark in re.finditer(r"[-_.: ]", text):
        try:
            yield text[: mark.start()], find_quantization(text[mark.end() :]).bits_per_weight
        except InputError:
            continue


def _of_catalog(model: str, whole: str) -> ModelFacts | None:
    """By the name as it is, without its quantisation, and without what says that it follows instructions, which Ollama's tags leave out."""
    names = [model, whole, *([_TUNED_TAG.sub("", whole)] if whole.startswith(OLLAMA) else [])]
    found = (find_model(name) for name in dict.fromkeys(names))
    return next((one for one in found if one is not None and one.parameters_total is not None), None)


def _as_stored(model: str, environ: Mapping[str, str]) -> tuple[float | None, tuple[str, ...]]:
    """Bits per weight of a name that does not tell them; None is the model as published."""
    if model.lower().endswith("-gguf"):
        return None, ("Which of its files is meant is not said, so it is taken as published; name one: :Q4_K_M.",)
    if not model.startswith(OLLAMA):
        return None, ()
    try:
        (blueprint,) = find_blueprints(model, environ=environ)
    except LlmpickError:
        return find_quantization(OLLAMA_STORES).bits_per_weight, (
            f"Not in Ollama's store here: taken for {OLLAMA_STORES}, as its library has most models.",
        )
    return 8 * blueprint.weights_bytes / blueprint.parameters if blueprint.parameters else None, ()


def _scored(name: str) -> AbilityFacts | None:
    """A model that is not in the catalog, but of which scores are known."""
    plain = plain_name(name)
    return next((facts for facts in evidence_on(None).facts if plain_name(facts.id) == plain), None)


def _check_out(name: str, released: Fact[date] | date | None, as_of: date | None) -> None:
    day = released.value if isinstance(released, Fact) else released
    if as_of is not None and day is not None and day > as_of:
        raise InputError(
            f"{name} was not out on {as_of.isoformat()}: it was released on {day.isoformat()}",
            where="--as-of",
            remedy="name a later day, or leave the model out",
        )


def _unknown(name: str) -> InputError:
    spellings = {known.rpartition("/")[2].lower(): model.id for model in load_models() for known in (model.id, model.name)}
    near = list(dict.fromkeys(spellings[one] for one in get_close_matches(name.lower(), spellings, n=6, cutoff=0.5)))[:3]
    nearest = f"nearest: {', '.join(near)}; else name" if near else "name"
    return InputError(
        f"{name!r} is not in the catalog",
        where="MODEL",
        remedy=f"{nearest} org/name of the hub, ollama:model:tag, a GGUF file or a config.json",
    )
