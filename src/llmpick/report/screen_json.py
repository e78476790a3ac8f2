"""The documented, versioned shape of `llmpick screen --json`, and a `Screening` written in it, under the rules of `report/pick/schema.py`.

The descriptions are the text of `docs/training.md` and of `screen.schema.json`; `python -m tests.report.regenerate` writes both.
"""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from llmpick.decide.first_filter import PLACES, Filtered, Screening
from llmpick.evidence.values import Fact, Unknown
from llmpick.report.document import Reasons, Record, WithUnknowns, schema_of, written

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
    languages: list[str] | None = Field(description="languages that its makers name")
    unnamed_languages: list[str] = Field(
        description="languages that are wanted and that its makers do not name; empty where none are known"
    )
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
    """The JSON Schema (draft 2020-12) of what `screen --json` prints: an answer or an error."""
    return schema_of(Screen, "llmpick screen --json")


def screen_document(screening: Screening) -> dict[str, Any]:
    """Raises `pydantic.ValidationError` for what the schema cannot hold: a defect of llmpick."""
    kept, not_known, dropped = ([_model(one) for one in screening.placed(place)] for place in PLACES)
    demands, licence = screening.demands, screening.demands.licence
    document = written(
        Screen,
        screening,
        as_of=screening.as_of or Unknown(TODAY),
        demands=written(Demanded, demands, licence=[licence] if isinstance(licence, str) else licence),
        kept=kept,
        not_known=not_known,
        dropped=dropped,
        schema_version=SCHEMA_VERSION,
    )
    return document.model_dump(mode="json")


def _model(one: Filtered) -> ScreenedModel:
    facts = ("parameters_total", "training_tokens", "unique_tokens", "released", "licence", "languages")
    return written(
        ScreenedModel,
        one,
        one.model,
        **{name: _value(getattr(one.model, name)) for name in facts},
        weights_bytes=Unknown("its number of parameters is not known") if one.weights_bytes is None else one.weights_bytes,
        model=one.model.id,
        reason=one.reasons[0] if one.reasons else "it breaks no demand",
    )


def _value(fact: Fact[Any] | None) -> Any:
    return Unknown(NOT_SAID) if fact is None else fact.value
