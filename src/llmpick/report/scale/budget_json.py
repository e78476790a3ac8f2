"""The documented, versioned shape of `llmpick scale budget --json`, and `BudgetAnswer` written in it.

What is unknown is null with its reason under the same key of `unknown`; numbers are finite; within one `schema_version` keys are only
added. The descriptions are the text of `docs/training.md` and of `scale_budget.schema.json`; `python -m tests.report.regenerate`
writes both.
"""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from llmpick.estimate.training.answer import BudgetAnswer
from llmpick.estimate.training.layout import Training
from llmpick.estimate.training.utilization import MfuEvidence
from llmpick.evidence.values import Source, Unknown
from llmpick.report.document import Reasons, Record, WithUnknowns, schema_of, written

SCHEMA_VERSION = 1
NOT_STATED = "the source does not say"


class BudgetRange(Record):
    value: float = Field(description="the value taken: the median of the evidence, or what was given")
    low: float = Field(description="lower end of the evidence")
    high: float = Field(description="upper end; equal to `value` where nothing varies")


class BudgetLine(WithUnknowns):
    name: str = Field(description="the key of the document that it explains")
    unit: str = Field(description="its unit")
    amount: BudgetRange | None = Field(description="the same as under that key")
    formula: str = Field(description="how it was computed, with the numbers filled in")
    source: str = Field(description="who says so")
    unknown: Reasons


class BudgetSource(WithUnknowns):
    title: str = Field(description="what was read")
    url: str | None = Field(description="its address")
    published: date | None = Field(description="the day from which it could be known")
    checked: date | None = Field(description="the day on which it was last compared with the source")
    unknown: Reasons


class BudgetMfu(Record):
    value: float = Field(description="the median")
    low: float = Field(description="the least")
    high: float = Field(description="the most")
    of: list[str] = Field(description="the runs or benchmarks")


class TrainingLayout(Record):
    zero_stage: int = Field(description="what is sharded over data-parallel devices: 1 optimizer, 2 gradients too, 3 weights too (FSDP)")
    data_parallel: int = Field(description="groups of devices that see different sequences")
    tensor_parallel: int = Field(description="devices that share each layer")
    pipeline_parallel: int = Field(description="groups of devices that take the layers in turn")
    recompute: Literal["none", "selective", "full"] = Field(description="activations that are computed again instead of kept")
    micro_batch: int = Field(description="sequences at once on a data-parallel group")
    context_tokens: int = Field(description="tokens of each sequence")
    optimizer: str = Field(description="the optimizer")
    step_tokens: int = Field(description="tokens that pass all devices at once: no batch can be smaller")


class TrainingMemoryLine(Record):
    name: str = Field(description="what takes the memory")
    bytes: float = Field(description="how much of it on the fullest device")
    formula: str = Field(description="how that was computed")
    source: str = Field(description="source of the formula")


class TrainingMemory(Record):
    fits: Literal["yes", "marginal", "no"] = Field(description="`yes` even if 30% of the memory is lost to fragmentation")
    total_bytes: float = Field(description="the sum of the lines, on the fullest device")
    available_bytes: float = Field(description="memory of the device")
    layout: TrainingLayout = Field(description="the first layout that fits, the cheapest in work and traffic first; else the smallest")
    lines: list[TrainingMemoryLine] = Field(description="every term of the sum")


class Budget(WithUnknowns):
    """The document."""

    schema_version: Literal[1] = Field(description="this description")
    method: Literal["pretrain", "continue", "full", "lora", "qlora"] = Field(description="what is trained, and on what")
    params: float = Field(description="parameters that a token passes")
    params_total: float = Field(description="all parameters, of which memory is made")
    adapter_params: float = Field(description="parameters of the adapters; 0 without")
    tokens: float = Field(description="tokens that pass the model, repeats counted each time")
    device: str = Field(description="the device")
    gpus: int = Field(description="how many of it")
    flops: BudgetRange = Field(description="floating-point operations of the products with weights, 6 N D")
    attention_flops: BudgetRange | None = Field(description="those of attention over the context, which come on top")
    mfu: BudgetRange = Field(
        description="share of the rated 16-bit FLOPs that become these: as given, `flops` at 2,048 tokens of context; of finished "
        "trainings, all of them, attention counted"
    )
    gpu_hours: BudgetRange = Field(description="hours of one device")
    days: BudgetRange = Field(description="days on all devices")
    money: BudgetRange | None = Field(description="US dollars")
    energy_mwh: BudgetRange | None = Field(description="megawatt-hours, cooling and losses of the building included")
    tco2e: BudgetRange | None = Field(description="tonnes of CO2 equivalent")
    lines: list[BudgetLine] = Field(description="each of the eight with its formula and source")
    mfu_runs: BudgetMfu | None = Field(description="the finished trainings that the MFU was taken from")
    mfu_benchmarks: BudgetMfu | None = Field(description="what benchmarks of the layout reached: more than a whole run will")
    memory: TrainingMemory | None = Field(description="memory of weights, gradients, optimizer and activations")
    notes: list[str] = Field(description="what was assumed, and what else the reader should know")
    sources: list[BudgetSource] = Field(description="where the numbers come from")
    unknown: Reasons


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `scale budget --json` prints: an answer or an error."""
    return schema_of(Budget, "llmpick scale budget --json")


def budget_document(answer: BudgetAnswer) -> dict[str, Any]:
    """Nothing is left out and nothing is rounded. Raises `pydantic.ValidationError` for what the schema cannot hold: a defect."""
    document = written(
        Budget,
        answer,
        answer.work,
        **{line.name: line.amount for line in answer.lines},
        mfu_runs=Unknown("the MFU was given") if answer.runs is None else _mfu(answer.runs),
        mfu_benchmarks=answer.ceiling if isinstance(answer.ceiling, Unknown) else _mfu(answer.ceiling),
        memory=answer.memory if isinstance(answer.memory, Unknown) else _memory(answer.memory),
        lines=[written(BudgetLine, line) for line in answer.lines],
        sources=[source_document(source) for source in answer.sources],
        schema_version=SCHEMA_VERSION,
    )
    return document.model_dump(mode="json")


def _mfu(evidence: MfuEvidence) -> BudgetMfu:
    return written(BudgetMfu, evidence.range, of=evidence.names)


def _memory(training: Training) -> TrainingMemory:
    setup = training.setup
    layout = written(TrainingLayout, setup, context_tokens=setup.context, optimizer=setup.optimizer.name)
    return written(TrainingMemory, training, layout=layout)


def source_document(source: Source) -> BudgetSource:
    return written(BudgetSource, source, **{key: getattr(source, key) or Unknown(NOT_STATED) for key in ("url", "published", "checked")})
