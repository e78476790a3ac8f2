"""What a training would take on devices of the catalog: FLOPs to carbon, on the evidence of finished runs, and the memory of its states."""

from collections.abc import Mapping

from llmpick.catalog.devices import KnownDevice, device_named
from llmpick.catalog.training import benchmarks_on, load_whole_runs, runs_on
from llmpick.estimate.training.answer import BudgetAnswer
from llmpick.estimate.training.budget import ADAPTED, USUAL_CONTEXT, Cluster, Method, Range, Work, budget, exactly
from llmpick.estimate.training.layout import Training, simplest_that_fits
from llmpick.estimate.training.memory import NF4_BYTES, OPTIMIZERS, Adapters, Setup
from llmpick.estimate.training.shape import TrainingShape
from llmpick.estimate.training.utilization import Layout, MfuEvidence, mfu_of_benchmarks, mfu_of_runs
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Source, Unknown
from llmpick.workflow.scale.budget_notes import budget_notes
from llmpick.workflow.scale.budget_options import BudgetOptions
from llmpick.workflow.scale.training_shape import Trained, trained_model

GIVEN = "--mfu"
FROM_TEXT: tuple[Method, ...] = ("pretrain", "continue")
"""Methods that are done as the finished trainings were."""
ASSUMED = "assumed to be as in pre-training, since no fine-tuning is known with its GPU-hours and tokens"
LORA_RANK = 64
"""On every matrix of every layer, as QLoRA trains them (arXiv:2305.14314)."""


def training_budget(options: BudgetOptions, *, environ: Mapping[str, str]) -> BudgetAnswer:
    """Raises `InputError` for a device without a 16-bit rate, options that contradict each other, and numbers out of range."""
    device, trained = device_named(options.device), trained_model(options.params, options.params_total, options.model, environ=environ)
    if device.training_flops is None:
        raise InputError(f"the 16-bit rate of {device.name} is not known", where="--device", remedy="name a device with matrix units")
    adapters = _adapters(options, trained)
    memory = _memory(options, trained, device, adapters)
    runs = None if options.mfu is not None else mfu_of_runs(runs_on(device.name) or load_whole_runs(), with_attention=True)
    cluster = _cluster(options, device, runs)
    adapter_params = adapters.params(trained.shape) if adapters and isinstance(trained.shape, TrainingShape) else 0.0
    attention = float(trained.shape.attention_flops(options.context)) if isinstance(trained.shape, TrainingShape) else trained.shape
    usual = float(trained.shape.attention_flops(USUAL_CONTEXT)) if isinstance(trained.shape, TrainingShape) else 0.0
    work = Work(trained.params, options.tokens, options.method, adapter_params, attention, usual)
    ceiling = _ceiling(device.name, memory)
    return BudgetAnswer(
        work=work,
        params_total=trained.params_total,
        device=device.name,
        gpus=options.gpus,
        lines=budget(work, cluster),
        runs=runs,
        ceiling=ceiling,
        memory=memory,
        shape_from=trained.origin,
        notes=tuple(budget_notes(options, work, trained, device, runs, ceiling, memory)),
        sources=_sources(device, runs, ceiling, options.price is None),
    )


def _adapters(options: BudgetOptions, trained: Trained) -> Adapters | None:
    if options.method not in ADAPTED:
        if options.lora_rank is not None:
            raise InputError(f"{options.method} trains no adapters", where="--lora-rank", remedy="add --method lora, or leave the rank out")
        return None
    rank = LORA_RANK if options.lora_rank is None else options.lora_rank
    most = min(map(min, trained.shape.linear_matrices)) if isinstance(trained.shape, TrainingShape) else rank
    if options.lora_rank is not None and rank > most:
        raise InputError(
            f"a rank of {rank:,} is more than the matrices have", where="--lora-rank", remedy=f"give at most {most:,}, such as 64"
        )
    return Adapters(rank, NF4_BYTES) if options.method == "qlora" else Adapters(rank)


def _memory(options: BudgetOptions, trained: Trained, device: KnownDevice, adapters: Adapters | None) -> Training | Unknown:
    if isinstance(trained.shape, Unknown):
        return trained.shape
    setup = Setup(
        options.context, options.micro_batch, OPTIMIZERS[options.optimizer], adapters, pipeline_parallel=options.pipeline_parallel
    )
    return simplest_that_fits(
        trained.shape,
        setup,
        float((device.driver_memory_bytes or device.memory_bytes).value),
        gpus=options.gpus,
        zero_stage=options.zero,
        tensor_parallel=options.tensor_parallel,
        recompute=options.recompute,
    )


def _cluster(options: BudgetOptions, device: KnownDevice, runs: MfuEvidence | None) -> Cluster:
    assert device.training_flops is not None
    if runs is None:
        assert options.mfu is not None
        mfu, mfu_source = exactly(options.mfu), GIVEN
    else:
        evidence = f"median, least and most of {len(runs.names)} finished trainings: {', '.join(runs.names)}"
        mfu, mfu_source = runs.range, evidence if options.method in FROM_TEXT else f"{ASSUMED}: {evidence}"
    rent, price_source = None, "--price"
    if options.price is not None:
        rent = exactly(options.price)
    elif device.hourly_usd is not None:
        known = device.hourly_usd.value
        rent = Range(known.middle, known.low, known.high)
        middle = f"the middle of ${known.low:g} to ${known.high:g}: " if known.low < known.high else ""
        price_source = middle + device.hourly_usd.source.title
    power = device.power_watts.value if device.power_watts else None
    rate, given = device.training_flops.value, runs is None
    return Cluster(options.gpus, rate, power, mfu, mfu_source, rent, price_source, options.pue, options.carbon, of_weights=given)


def _ceiling(device: str, memory: Training | Unknown) -> MfuEvidence | Unknown:
    """What benchmarks reached on this device with the layout that the memory asks for."""
    if isinstance(memory, Unknown):
        return Unknown("without its memory no layout is known")
    layout = layout_name(memory.setup)
    return mfu_of_benchmarks(benchmarks_on(device, layout)) or Unknown(f"no benchmark of {layout} on {device} is known")


def layout_name(setup: Setup) -> Layout:
    """The kind of layout by which benchmarks are filed."""
    return "fsdp" if setup.tensor_parallel == 1 else "tensor" if setup.pipeline_parallel == 1 else "tensor+pipeline"


def _sources(device: KnownDevice, runs: MfuEvidence | None, ceiling: MfuEvidence | Unknown, by_rent: bool) -> tuple[Source, ...]:
    facts = [device.training_flops, device.power_watts, device.hourly_usd if by_rent else None]
    evidence = [one.sources for one in (runs, ceiling) if isinstance(one, MfuEvidence)]
    return tuple(dict.fromkeys([*(fact.source for fact in facts if fact), *(source for sources in evidence for source in sources)]))
