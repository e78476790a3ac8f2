"""The documented, versioned shape of `llmpick screen --json`, and a `Screening` written in it, under the rules of `report/pick/schema.py`.

The descriptions are the text of `docs/training.md` and of `screen.schema.json`; `python -m tests.report.training.regenerate` writes both.
"""

from datetime import date
from typing import Any, Literal

from pydantic import Field, TypeAdapter

from llmpick.decide.first_filter import PLACES, Demands, Filtered, Screening
from llmpick.evidence.values import Fact, Unknown
from llmpick.report.pick.json import known
from llmpick.report.pick.schema import Reasons, Record, WithUnknowns

SCHEMA_VERSION = 1
NOT_SAID = "no source of the catalog gives it"
TODAY = "the facts of today"


class Demanded(Record):
    min_training_tokens: float | None = Field(description="least number of tokens seen; null: not demanded, as all below")
    languages: list[str] = Field(description="languages that the makers should name; only `strict` drops a model that does not")
    tuning: Literal["base", "instruct"] | None = Field(description="a base model, or one tuned to follow instructions")
    licence: list[str] | None = Field(description="accepted licences; `commercial` for all that allow commercial use")
    context_tokens: int | None = Field(description="least context")
    max_memory_bytes: int | None = Field(description="most memory that the weights alone may take in `quantization`")
    quantization: str = Field(description="how the weights are stored for that")
    strict: bool = Field(description="whether a missing fact drops a model")


class ScreenedModel(WithUnknowns):
    model: str = Field(description="id of the model")
    name: str = Field(description="its name")
    reason: str = Field(description="why it is in this list: the deciding reason, or what speaks for it")
    reasons: list[str] = Field(description="all of them")
    tuning: Literal["base", "instruct"] = Field(description="a base model, or one tuned to follow instructions")
    parameters_total: int | None = Field(description="all parameters")
    training_tokens: int | None = Field(description="tokens seen, repeats included")
    unique_tokens: int | None = Field(description="different tokens among them")
    released: date | None = Field(description="the day on which the weights could be had")
    licence: str | None = Field(description="its licence")
    unnamed_languages: list[str] = Field(description="languages that are wanted and that its makers do not name")
    weights_bytes: float | None = Field(description="its weights in the `quantization` of the demands")
    unknown: Reasons


class Screen(WithUnknowns):
    """The document."""

    schema_version: Literal[1] = Field(description="this description")
    as_of: date | None = Field(description="the day whose knowledge was used")
    demands: Demanded = Field(description="what was demanded")
    kept: list[ScreenedModel] = Field(description="those that deserve a look; those whose makers name the languages first, then the larger")
    not_known: list[ScreenedModel] = Field(description="those of which a fact is missing; empty with `strict`")
    dropped: list[ScreenedModel] = Field(description="those that break a demand")
    later: int = Field(description="models of the catalog that were released after `as_of`")
    unknown: Reasons


def json_schema() -> dict[str, Any]:
    return TypeAdapter(Screen).json_schema(mode="serialization")


def screen_document(screening: Screening) -> dict[str, Any]:
    """Raises `pydantic.ValidationError` for what the schema cannot hold: a defect of llmpick."""
    kept, not_known, dropped = ([_model(one) for one in screening.placed(place)] for place in PLACES)
    document = Screen(
        **known(as_of=screening.as_of or Unknown(TODAY)),
        kept=kept,
        not_known=not_known,
        dropped=dropped,
        schema_version=SCHEMA_VERSION,
        demands=_demands(screening.demands),
        later=screening.later,
    )
    return document.model_dump(mode="json")


def _demands(demands: Demands) -> Demanded:
    names = ("min_training_tokens", "tuning", "context_tokens", "max_memory_bytes", "quantization", "strict")
    licence = ["commercial"] if demands.licence == "commercial" else None if demands.licence is None else list(demands.licence)
    return Demanded(**{name: getattr(demands, name) for name in names}, languages=list(demands.languages), licence=licence)


def _model(one: Filtered) -> ScreenedModel:
    model = one.model
    names = ("parameters_total", "training_tokens", "unique_tokens", "released", "licence")
    weights = Unknown("its number of parameters is not known") if one.weights_bytes is None else one.weights_bytes
    return ScreenedModel(
        **known(**{name: _value(getattr(model, name)) for name in names}, weights_bytes=weights),
        model=model.id,
        name=model.name,
        reason=one.reasons[0] if one.reasons else "it breaks no demand",
        reasons=list(one.reasons),
        tuning=model.tuning,
        unnamed_languages=list(one.unnamed_languages),
    )


def _value(fact: Fact[Any] | None) -> Any:
    return Unknown(NOT_SAID) if fact is None else fact.value
