"""The documented, versioned shape of `llmpick expect --json`, and `Expectations` written in it, under the rules of `report/pick/schema.py`.

The descriptions are the text of `docs/expect.md` and of `expect.schema.json`; `python -m tests.report.regenerate` writes both.
"""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from llmpick.decide.expected_answer import Expectations, ExpectedModel, Question
from llmpick.evidence.values import Interval, Unknown
from llmpick.report.document import Range, Reasons, Record, WithUnknowns, known, schema_of

SCHEMA_VERSION = 1
AS_PUBLISHED = "the model as published"


class ExpectedScore(Range):
    value: float = Field(description="mean of what is to be expected, 0 to 1")


class AskedFamily(Record):
    family: str = Field(description="a family of tasks, by the name that `--family` takes")
    probability: float = Field(description="how likely the task is of it")
    benchmarks: list[str] = Field(
        description="what stands for it in the task's languages; empty: nobody published such scores, and its neighbours have to do"
    )


class Asked(WithUnknowns):
    task: str | None = Field(description="name of the task")
    families: list[AskedFamily] = Field(description="what the task may be, the likeliest first")
    because: str = Field(description="what speaks for that")
    languages: list[str] = Field(description="languages of the task, each with the same weight")
    unknown: Reasons


class FamilyScore(Record):
    family: str = Field(description="the family")
    score: ExpectedScore = Field(description="what to expect if the task is of it")


class Published(Record):
    benchmark: str = Field(description="the benchmark")
    score: float = Field(description="0 to 1")
    source: str = Field(description="who published it, a key of `catalog/ability.yaml`")


class Contribution(Record):
    what: str = Field(description="a kind of evidence")
    score: ExpectedScore = Field(description="what would be expected from it and all kinds before it")


class Model(WithUnknowns):
    model: str = Field(description="id of the model")
    parameters: float = Field(description="all parameters")
    bits_per_weight: float | None = Field(description="as quantised: what its name, file or tag says")
    score: ExpectedScore = Field(description="what to expect at a typical benchmark, over all families that the task may be of")
    families: list[FamilyScore] = Field(description="the same for each family")
    facts: list[str] = Field(description="what is known of the model, in words")
    published: list[Published] = Field(description="its own scores on the benchmarks of the families")
    siblings: dict[str, int] = Field(description="models of its line with such scores, and how many")
    says: list[Contribution] = Field(description="how much each kind of evidence says; for at most five models that are named")
    notes: list[str] = Field(description="what had to be assumed of it")
    unknown: Reasons


class Expect(WithUnknowns):
    """The document."""

    schema_version: Literal[1] = Field(description="this description")
    as_of: date | None = Field(description="the day whose models were used")
    question: Asked = Field(description="what was asked")
    models: list[Model] = Field(description="as named, else the best of the catalog, the best first")
    left_out: int = Field(description="models of the catalog that were not listed")
    notes: list[str] = Field(description="what else the reader should know")
    unknown: Reasons


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `expect --json` prints: an answer or an error."""
    return schema_of(Expect, "llmpick expect --json")


def expect_document(found: Expectations) -> dict[str, Any]:
    """Raises `pydantic.ValidationError` for what the schema cannot hold: a defect of llmpick."""
    document = Expect(
        **known(as_of=found.as_of or Unknown("the models of today")),
        schema_version=SCHEMA_VERSION,
        question=question_document(found.question),
        models=[_model(model) for model in found.models],
        left_out=found.left_out,
        notes=list(found.notes),
    )
    return document.model_dump(mode="json")


def question_document(question: Question) -> Asked:
    families = [
        AskedFamily(family=family.value, probability=p, benchmarks=list(question.stands_for[family]))
        for family, p in question.families.items()
    ]
    return Asked(
        **known(task=question.task or Unknown("a family was named")),
        families=families,
        because=question.because,
        languages=list(question.languages),
    )


def expected_score(score: Interval) -> ExpectedScore:
    return ExpectedScore(value=score.value, low=score.low, high=score.high, confidence=score.confidence)


def _model(model: ExpectedModel) -> Model:
    return Model(
        **known(bits_per_weight=Unknown(AS_PUBLISHED) if model.bits_per_weight is None else model.bits_per_weight),
        model=model.model,
        parameters=model.parameters,
        score=expected_score(model.score),
        families=[FamilyScore(family=family.value, score=expected_score(score)) for family, score in model.families.items()],
        facts=list(model.facts),
        published=[Published(benchmark=one.benchmark, score=one.score, source=one.source) for one in model.published],
        siblings=dict(model.siblings or {}),
        says=[Contribution(what=says.what, score=expected_score(says.score)) for says in model.says],
        notes=list(model.notes),
    )
