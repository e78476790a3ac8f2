"""The documented, versioned shape of `llmpick need --json`, and a `Need` written in it, under the rules of `report/pick/schema.py`.

The descriptions are the text of `docs/expect.md` and of `need.schema.json`; `python -m tests.report.regenerate` writes both.
"""

from typing import Any, Literal

from pydantic import Field

from llmpick.decide.expected_answer import Need
from llmpick.evidence.values import Unknown
from llmpick.report.document import Range, Reasons, Record, WithUnknowns, known, schema_of
from llmpick.report.expect_json import Asked, ExpectedScore, expected_score, question_document

SCHEMA_VERSION = 1
BEYOND = "no size that was looked at does"
FLAT = "size does not matter here"


class Size(WithUnknowns):
    value: float | None = Field(description="parameters of the smallest size that clears the target with the wanted probability")
    low: float | None = Field(
        description="the size that clears it with 5%, or `value` where less is wanted; the smallest of `curve` where that has more. No "
        "interval about `value`"
    )
    high: float | None = Field(description="the size that clears it with 95%, or `value` where more is wanted")
    unknown: Reasons


class CurvePoint(Record):
    parameters: float = Field(description="a size of the recipe")
    score: ExpectedScore = Field(description="what to expect of it")
    probability: float = Field(description="with which it clears the target")


class ClearingModel(Record):
    model: str = Field(description="id of a model of the catalog")
    parameters: float = Field(description="all its parameters")
    probability: float = Field(description="with which it clears the target")


class MeasuredModel(Record):
    model: str = Field(description="a model that was run on the task, as it was named")
    score: float = Field(description="its mean score, 0 to 1")
    rows: int = Field(description="rows that it ran")


class Rise(Range):
    value: float = Field(description="expected score at 70B less that at 3B")


class NeedAnswer(WithUnknowns):
    """The document."""

    schema_version: Literal[1] = Field(description="this description")
    question: Asked = Field(description="what was asked")
    target: float = Field(description="the score to clear, 0 to 1")
    probability: float = Field(description="with which it is to be cleared")
    recipe: str = Field(description="the family whose recipe the sizes follow")
    params: Size = Field(description="the answer, in parameters")
    flat: bool = Field(description="whether size does not matter: the rise is less than 3 points")
    rise: Rise = Field(description="what 70B is expected to gain over 3B")
    best: float = Field(
        description="the highest probability with which a size clears the target; the exit code is 3 where it is below `probability`"
    )
    reasons: list[str] = Field(description="what decides, in words")
    curve: list[CurvePoint] = Field(description="the recipe by size, the smallest first")
    models: list[ClearingModel] = Field(description="the smallest models of the catalog that clear the target with the probability")
    run: str | None = Field(description="the run of the store whose scores count as evidence")
    measured: list[MeasuredModel] = Field(description="those scores")
    notes: list[str] = Field(description="what else the reader should know")
    unknown: Reasons


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `need --json` prints: an answer or an error."""
    return schema_of(NeedAnswer, "llmpick need --json")


def need_document(found: Need) -> dict[str, Any]:
    """Raises `pydantic.ValidationError` for what the schema cannot hold: a defect of llmpick."""
    why = Unknown(FLAT if found.flat else BEYOND)
    ends = {name: why if value is None else value for name, value in (("value", found.params), ("low", found.low), ("high", found.high))}
    rise = found.rise
    document = NeedAnswer(
        **known(run=found.run or Unknown("the store has no finished run of the same rows")),
        schema_version=SCHEMA_VERSION,
        question=question_document(found.question),
        target=found.target,
        probability=found.probability,
        recipe=found.recipe,
        params=Size(**known(**ends)),
        flat=found.flat,
        rise=Rise(value=rise.value, low=rise.low, high=rise.high, confidence=rise.confidence),
        best=found.best,
        reasons=list(found.reasons),
        curve=[
            CurvePoint(parameters=point.parameters, score=expected_score(point.score), probability=point.probability)
            for point in found.curve
        ],
        models=[ClearingModel(model=one.model, parameters=one.parameters, probability=one.probability) for one in found.models],
        measured=[MeasuredModel(model=model, score=score, rows=rows) for model, score, rows in found.measured],
        notes=list(found.notes),
    )
    return document.model_dump(mode="json")
