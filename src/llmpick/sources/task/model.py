"""The task file as it is written: one pydantic model per table, from which the JSON Schema for editors is generated.

Types are strict and unknown keys are refused; the first thing that is wrong becomes an `InputError` with its dotted key.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from llmpick.evidence.errors import InputError
from llmpick.evidence.task import AnswerBy, CostBy, Normalisation, StageBy

Family = Literal[
    "knowledge", "science", "math", "code", "contest-code", "instructions", "chat", "writing", "summarize", "rewrite", "extract",
    "translate", "tools", "long-context", "reasoning", "classify",
]  # fmt: skip
"""The values of `evidence.ability.TaskFamily`."""

_UNITS = {"": 1, "B": 1} | {
    f"{prefix}{unit}": base**power for power, prefix in enumerate("KMGT", 1) for unit, base in (("B", 1000), ("iB", 1024))
}

LEAST_BYTES = 1_000_000
"""A smaller number without a unit was meant in gigabytes: no model takes less than a megabyte."""


def parse_bytes(size: int | str) -> int:
    """`"4 GiB"` is 4 x 2^30, `"8GB"` 8 x 10^9, a plain number from `LEAST_BYTES` on bytes. Raises `ValueError` for anything else."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?i?B?)\s*", str(size))
    if found is None or found[2] not in _UNITS or not (size_bytes := int(float(found[1]) * _UNITS[found[2]])):
        raise ValueError(f"{size!r} is no size in bytes: write for example '4 GiB' (2^30 bytes each) or '8 GB' (10^9)")
    if not found[2] and size_bytes < LEAST_BYTES:
        raise ValueError(
            f"{size!r} has no unit, and no model fits {size_bytes:,} bytes: write '{size} GB' (10^9 bytes each) or '{size} GiB' (2^30)"
        )
    return size_bytes


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ExamplesTable(Table):
    file: Annotated[str, Field(description="The rows: .jsonl, .csv or .parquet, relative to the task file.")]
    reference: Annotated[
        str | Annotated[list[str], Field(min_length=1)] | None,
        Field(description="The column with the right answer; for extract a list of columns, or one of objects. Only a judge needs none."),
    ] = None
    id: Annotated[str | None, Field(description="The column that names a row; default: its line number.")] = None
    language: Annotated[str | None, Field(description="The column with the row's language.")] = None
    cluster: Annotated[
        str | None, Field(description="The column by which rows belong together, such as their document: new inputs bring new ones.")
    ] = None
    messages: Annotated[
        str | None, Field(description="The column with whole conversations, lists of {role, content} that end with the user.")
    ] = None


class PromptTable(Table):
    template: Annotated[
        str | None, Field(description="Jinja2 text that is rendered with a row's columns; `labels` lists the labels of a choice.")
    ] = None
    system: Annotated[str | None, Field(description="Instructions that stand before every row.")] = None
    fewshot: Annotated[str | None, Field(description="Solved rows with the same columns; a row is shown those in its own language.")] = None


class AnswerTable(Table):
    labels: Annotated[list[str] | None, Field(description="choice: the labels; default: all references, sorted.", min_length=2)] = None
    by: Annotated[
        AnswerBy,
        Field(description="choice: the model writes a label ('generation'), or the one it finds most likely counts ('likelihood')."),
    ] = "generation"
    normalise: Annotated[
        Normalisation | None,
        Field(description="choice by likelihood: none, or per tokens or bytes, or calibrated by an empty context; default: bytes."),
    ] = None
    json_schema: Annotated[
        dict[str, Any] | None,
        Field(alias="schema", description="extract: the JSON Schema of the answer; default: a string per reference column."),
    ] = None
    schema_file: Annotated[str | None, Field(description="extract: a file with the JSON Schema, relative to the task file.")] = None
    max_tokens: Annotated[
        int | None,
        Field(description="Where an answer is cut off; default: 24 for a number, 32 short answers, 128 extract, 512 generate.", ge=1),
    ] = None


class MetricTable(Table):
    """The metric's own options stand beside its name."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    name: Annotated[str | None, Field(description="One of accuracy, exact-match, number, token-f1, rouge-l, regex, json-fields.")] = None


class JudgeTable(Table):
    """Who compares the answers of a `generate` task that has no right ones."""

    model: Annotated[str | None, Field(description="The model that compares two answers, named as on the command line.", min_length=1)] = (
        None
    )
    opponent: Annotated[
        str | None, Field(description="The model whose answers all others are compared with; its own score is 0.5.", min_length=1)
    ] = None
    criteria: Annotated[
        str | None, Field(description="What makes an answer better, in words that complete 'say ...'; default: right, complete, clear.")
    ] = None
    labels: Annotated[
        str | None,
        Field(description="People's word on drawn rows (columns row, model, score), relative to the task file: race --draw-labels."),
    ] = None
    label_share: Annotated[
        float, Field(description="With which probability a row is drawn to be labelled; the same for drawing and racing.", gt=0, le=1)
    ] = 0.2


class StageTable(Table):
    """Evidence that is cheaper than the task's own score, for `race --cascade`; the cheapest first. The task itself comes last."""

    by: Annotated[
        StageBy,
        Field(description="How probable the right answer is ('likelihood'), what is written ('generation'), a cheaper judge ('judge')."),
    ]
    normalise: Annotated[
        Normalisation | None,
        Field(description="likelihood of a choice: none, or per tokens or bytes, or calibrated by an empty context; default: bytes."),
    ] = None
    metric: Annotated[str | None, Field(description="generation: how it is scored; default: the task's metric, or its kind's.")] = None
    max_tokens: Annotated[int | None, Field(description="generation: where it is cut off; default: as the task says.", ge=1)] = None
    thinking: Annotated[
        Literal["off"] | None, Field(description="generation: 'off' has models that think answer at once; default: as they are named.")
    ] = None
    model: Annotated[str | None, Field(description="judge: the model that judges here, against the task's own opponent.", min_length=1)] = (
        None
    )


class LimitsTable(Table):
    device: Annotated[str, Field(description="Where the model must run.")] = "this machine"
    memory: Annotated[
        int | str | None,
        AfterValidator(lambda size: None if size is None else parse_bytes(size)),
        Field(description="At most so much memory: '4 GiB', '8 GB', or bytes."),
    ] = None
    decode_tokens_per_s: Annotated[float | None, Field(description="At least so fast, per user.", gt=0)] = None
    ttft_s: Annotated[float | None, Field(description="The first token within so many seconds.", gt=0)] = None
    users: Annotated[int, Field(description="Simultaneous users for whom the speeds must hold.", ge=1)] = 1
    price_per_million_tokens: Annotated[float | None, Field(description="At most so much money per million tokens.", ge=0)] = None
    licence: Annotated[
        Literal["commercial"] | Annotated[list[str], Field(min_length=1)] | None,
        Field(description="'commercial', or a list of accepted licence ids."),
    ] = None
    context_tokens: Annotated[int | None, Field(description="At least so long a context.", ge=1)] = None
    tuning: Annotated[
        Literal["base", "instruct"] | None,
        Field(description="'instruct': it must follow instructions as it is; 'base': you tune it yourself; default: both."),
    ] = None


class BudgetTable(Table):
    calls: Annotated[int | None, Field(description="At most so many calls.", ge=1)] = None
    tokens: Annotated[int | None, Field(description="At most so many tokens, read and written.", ge=1)] = None
    minutes: Annotated[float | None, Field(description="At most so many minutes.", gt=0)] = None
    money: Annotated[float | None, Field(description="At most so much money.", ge=0)] = None


class PriceTable(Table):
    input: Annotated[float, Field(description="Money per million tokens read.", ge=0)]
    output: Annotated[float, Field(description="Money per million tokens written.", ge=0)]


class BaselinesTable(Table):
    rules: Annotated[
        dict[str, str],
        Field(description="A regular expression per field (extract) or for `answer`; its first group, else the whole match, is the value."),
    ] = {}


class TaskFile(Table):
    """A task for llmpick: examples, prompt, metric, limits."""

    name: Annotated[str, Field(description="What the task is called in reports.", min_length=1)]
    kind: Annotated[Literal["choice", "short-answer", "number", "extract", "generate"], Field(description="What an answer is.")]
    examples: Annotated[ExamplesTable, Field(description="A table: the file of rows and its columns.")]
    family: Annotated[
        Family | None,
        Field(description="What the task asks of a model, for `expect`, `need` and the prior of `pick`; default: guessed from its text."),
    ] = None
    languages: Annotated[list[str] | None, Field(description="Language codes; default: the values of the language column.")] = None
    confidence: Annotated[float, Field(description="How sure the answer must be.", gt=0, lt=1)] = 0.95
    tolerance: Annotated[float, Field(description="Models closer than this are a tie, and the cheaper wins.", ge=0, lt=1)] = 0.02
    cost_by: Annotated[CostBy | None, Field(description="What is cheap; default: money when priced, else seconds.")] = None
    slices: Annotated[list[str], Field(description="Columns by whose values the score is shown as well.")] = []
    model_directories: Annotated[
        list[str], Field(description="Folders with models for this task, relative to the task file; searched when no model is named.")
    ] = []
    prices: Annotated[
        dict[str, PriceTable],
        Field(
            description="Money per million tokens, `input` and `output`, of a served model by its name `URL#model`, "
            "which holds with a `?thinking=` behind it too."
        ),
    ] = {}
    seed: Annotated[int, Field(description="Decides every random choice.", ge=0)] = 0
    prompt: PromptTable = PromptTable()
    answer: AnswerTable = AnswerTable()
    metric: MetricTable = MetricTable()
    judge: JudgeTable = JudgeTable()
    stage: Annotated[
        list[StageTable], Field(description="Tables [[stage]]: evidence that is cheaper than the task's own score, the cheapest first.")
    ] = []
    limits: LimitsTable = LimitsTable()
    budget: BudgetTable = BudgetTable()
    baselines: BaselinesTable = BaselinesTable()


def read_task_file(path: Path) -> TaskFile:
    """The task file, checked by itself (its rows are not read). Raises `InputError` naming the file and the dotted key."""
    try:
        content = tomllib.loads(path.read_bytes().decode())
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError("there is no such task file", where=str(path), remedy="name a task.toml, or write one: llmpick init") from error
    except OSError as error:
        raise InputError(f"the task file cannot be read: {error.strerror}", where=str(path), remedy="check its rights") from error
    except UnicodeDecodeError as error:
        raise InputError("the task file is not UTF-8 text", where=f"{path}, byte {error.start}", remedy="save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"the task file is not TOML: {error}", where=str(path), remedy="mend that line (https://toml.io)") from error
    try:
        return TaskFile.model_validate(content)
    except ValidationError as error:
        raise _first_problem(error, path) from error


def _first_problem(error: ValidationError, path: Path) -> InputError:
    """The error of a wrong key if there is one (it explains a missing one), else the first."""
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    problem = problems[0]
    table, keys = _follow(problem["loc"])
    key = ".".join(keys)
    where = f"{path}, key {key}"
    if problem["type"] == "extra_forbidden":
        return InputError(f"the key {key!r} is unknown", where=where, remedy=suggest(keys[-1], _names(table)))
    if problem["type"] == "missing":
        description = table.model_fields[_field(table, keys[-1])].description
        return InputError(f"the key {key!r} is missing", where=where, remedy=f"add it. {description}")
    expected = "; ".join(dict.fromkeys(_wanted(other) for other in problems if _follow(other["loc"])[1] == keys))
    description = table.model_fields[field].description if (field := _field(table, keys[-1])) else None
    share = f"write {problem['input'] / 100:g}, since it is a share: " if _meant_in_percent(problem) else ""
    remedy = f"{share}{expected}{f'. {description}' if description else ''}"
    return InputError(f"the key {key!r} cannot be {problem['input']!r}", where=where, remedy=remedy)


def _wanted(problem: Mapping[str, Any]) -> str:
    """What pydantic says that a value should be."""
    return str(problem["msg"]).removeprefix("Value error, ").replace("Input should be", "it should be", 1)


def _meant_in_percent(problem: Mapping[str, Any]) -> bool:
    """Whether a share that may not reach 1 is given as 95 or 2."""
    value, bounds = problem["input"], problem.get("ctx") or {}
    return isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value < 100 and 1 in (bounds.get("lt"), bounds.get("le"))


def suggest(wrong: str, known: Sequence[str]) -> str:
    """A remedy for a name that is not among the known ones."""
    near = difflib.get_close_matches(wrong, known, n=1)
    return (f"did you mean {near[0]!r}? " if near else "") + "there are: " + ", ".join(known)


def _follow(location: Sequence[int | str]) -> tuple[type[Table], list[str]]:
    """The table that holds the last key of a pydantic location, and the keys that lead there; names of union members are no keys."""
    table: type[Table] = TaskFile
    keys: list[str] = []
    for step in map(str, location):
        keys.append(step)
        field = table.model_fields.get(_field(table, step))
        inner = field.annotation if field is not None else None
        if step.isdecimal():  # the place in a list of tables
            continue
        inner = next(iter(get_args(inner)), inner)
        if len(keys) == len(location) or not (isinstance(inner, type) and issubclass(inner, Table)):
            break
        table = inner
    return table, keys


def _field(table: type[Table], key: str) -> str:
    return next((name for name, field in table.model_fields.items() if (field.alias or name) == key), "")


def _names(table: type[Table]) -> list[str]:
    return [field.alias or name for name, field in table.model_fields.items()]
