"""The first filter over the catalog: what deserves a look by published facts alone, what does not, and why."""

from datetime import date

from llmpick.catalog.loader import commercial_use, find_quantization, load_licences, load_models
from llmpick.decide.first_filter import PLACES, Demands, Filtered, Screening, first_filter
from llmpick.estimate.weights import stored_as
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import ModelFacts
from llmpick.workflow.models.facts_blueprint import blueprint_of_facts


def screen_catalog(demands: Demands, as_of: date | None = None) -> Screening:
    """Raises `InputError` for a licence, a language or a quantisation that the catalog does not know, and where nothing is demanded."""
    _check(demands)
    known = load_models(as_of)
    quantization = find_quantization(demands.quantization)
    filtered = [
        first_filter(model, demands, weights_bytes=_weights_bytes(model, quantization.name), commercial_use=commercial_use, as_of=as_of)
        for model in known
    ]
    return Screening(demands, as_of, tuple(sorted(filtered, key=lambda one: _rank(one, demands))), len(load_models()) - len(known))


def _check(demands: Demands) -> None:
    if demands == Demands(strict=demands.strict, quantization=demands.quantization):
        raise InputError(
            "nothing is demanded, so nothing would be dropped",
            where="llmpick screen",
            remedy="name a demand, such as --min-training-tokens 1e12; llmpick screen --help lists them",
        )
    licences = demands.licence if isinstance(demands.licence, tuple) else ()
    if "commercial" in licences:
        raise InputError("commercial stands for many licences", where="--licence", remedy="write it alone, or name licences without it")
    strange = [licence for licence in licences if licence not in load_licences()]
    if strange:
        raise InputError(
            f"the licence {strange[0]!r} is not known", where="--licence", remedy=f"name one of {', '.join(load_licences())}, or commercial"
        )
    named = {language for model in load_models() if model.languages for language in model.languages.value}
    foreign = [language for language in demands.languages if language not in named]
    if foreign:
        raise InputError(
            f"no maker of a model names {foreign[0]!r} among its languages",
            where="--languages",
            remedy=f"leave it out, or name codes of ISO 639 that are: {', '.join(sorted(named))}",
        )


def _weights_bytes(model: ModelFacts, quantization: str) -> float | None:
    blueprint = blueprint_of_facts(model)
    return None if blueprint is None else float(stored_as(blueprint, find_quantization(quantization))[0].weights_bytes)


def _rank(one: Filtered, demands: Demands) -> tuple[int, int, int, str]:
    """Kept, not known, dropped; then those whose makers name the languages, then those of whom that is not known; then the larger."""
    size = one.model.parameters_total
    naming = 2 if one.unnamed_languages else 1 if demands.languages and one.model.languages is None else 0
    return PLACES.index(one.place), naming, -(size.value if size else 0), one.model.id
