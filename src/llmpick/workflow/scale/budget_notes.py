"""What the answer of `scale budget` must say beside its figures."""

import math
from collections.abc import Iterator

from llmpick.catalog.devices import KnownDevice
from llmpick.catalog.training import runs_on
from llmpick.estimate.scaling.amounts import amount
from llmpick.estimate.training.budget import ADAPTED, Work
from llmpick.estimate.training.layout import Training
from llmpick.estimate.training.shape import TrainingShape
from llmpick.estimate.training.utilization import MfuEvidence, attention_share, pipeline_idle, recompute_factor
from llmpick.evidence.values import Unknown
from llmpick.workflow.scale.budget_options import BudgetOptions
from llmpick.workflow.scale.training_shape import Trained

STEPS_ON_GEFORCE = (
    "Steps on one RTX 4090, without restarts and evaluation, took 54% to 81% of that rate (LLM.Q, arXiv:2512.15306); several cards have "
    "the slow links of PCIe between them."
)
"""`tests/papers/test_llmq.py` has the rows."""
MUCH_ATTENTION = 0.2
"""Attention's FLOPs over 6 N D from which a note speaks of them: those of a 7B model at 5,000 tokens of context."""


def budget_notes(
    options: BudgetOptions,
    work: Work,
    trained: Trained,
    device: KnownDevice,
    runs: MfuEvidence | None,
    ceiling: MfuEvidence | Unknown,
    memory: Training | Unknown,
) -> Iterator[str]:
    """One sentence or two each, what changes the answer most first."""
    yield from _of_mfu(options, work, device, runs, ceiling)
    if isinstance(trained.shape, TrainingShape):
        yield from _of_work(options, trained, trained.shape)
    else:
        yield f"The work of attention is not known, and the hours, too few by it, are without: {trained.shape.reason}."
    if isinstance(memory, Training):
        yield from _of_layout(options, memory)
    if options.model is None and isinstance(trained.shape, TrainingShape):
        yield f"Memory and attention are computed with {trained.origin}; --model names another."
    yield from _of_mixture(trained)
    yield from _of_device(options, device)


def _of_mfu(
    options: BudgetOptions, work: Work, device: KnownDevice, runs: MfuEvidence | None, ceiling: MfuEvidence | Unknown
) -> Iterator[str]:
    if runs is not None and not runs_on(device.name):
        yield borrowed_note(device, runs)
    if runs is not None and options.method not in ("pretrain", "continue"):
        yield (
            f"The MFU is assumed: no fine-tuning with published GPU-hours and tokens is known, and {runs.range.low:.0%} to "
            f"{runs.range.high:.0%} is what pre-training reached. Short sequences with padding, and adapters on small devices, reach less."
        )
    if options.mfu is None:
        return
    counted = options.mfu * work.usual_flops / work.flops
    if isinstance(ceiling, MfuEvidence) and counted > ceiling.range.high:
        yield (
            f"An MFU of {options.mfu:.1%} is {counted:.1%} with attention counted, and more than any benchmark of this layout reached "
            f"({ceiling.range.high:.1%})."
        )


def borrowed_note(device: KnownDevice, runs: MfuEvidence) -> str:
    """Where the MFU comes from on a device on which no finished training is known."""
    said = (
        f"No finished training on {device.name} is known: the MFU is borrowed from {len(runs.names)} trainings on data-centre GPUs, which "
        f"reached {runs.range.low:.0%} to {runs.range.high:.0%}, and the range is theirs; --mfu takes yours."
    )
    rate, full = device.training_flops, device.fp16_flops
    if rate is None or full is None or rate.value == full.value or device.vendor != "nvidia":
        return said
    return (
        f"{said} They are shares of {rate.value / 1e12:.4g} TFLOPS, the rate at which products are summed in 32 bits, as in training: half "
        f"of the {full.value / 1e12:.4g} of {device.name}. {STEPS_ON_GEFORCE}"
    )


def _of_work(options: BudgetOptions, trained: Trained, shape: TrainingShape) -> Iterator[str]:
    share = float(attention_share(shape, trained.params, options.context))
    if share >= MUCH_ATTENTION:
        yield (
            f"Attention over {options.context:,} tokens is {share:.0%} of 6 N D, and is in the hours with every pair of tokens. Kernels "
            "that skip the masked half save up to half of it; but a smaller MFU than at short contexts is to be expected: that of "
            "llm-foundry falls by a seventh on A100 and by over a quarter on H100 from 1,024 to 32,768 tokens."
        )
    if options.method == "qlora":
        yield "Unpacking 4-bit weights for each product is not counted."
    if options.method in ADAPTED and trained.params_total > trained.params:
        yield "Adapters are counted on the matrices that a token passes; on every expert they are more."


def _of_mixture(trained: Trained) -> Iterator[str]:
    if trained.params_total > trained.params:
        held, active = amount(trained.params_total), amount(trained.params)
        yield (
            f"Weights, gradients and optimizer states are those of all {held} parameters; FLOPs and activations are those of the {active} "
            "that a token passes. The router, its buffers and the traffic between experts are not counted."
        )


def _of_device(options: BudgetOptions, device: KnownDevice) -> Iterator[str]:
    if device.driver_memory_bytes is None:
        yield f"The memory of {device.name} is its makers' figure, since nobody was seen to report the driver's; most drivers report more."
    if options.price is None:
        yield from rent_note(device)


def rent_note(device: KnownDevice) -> Iterator[str]:
    """Which rent was taken, of when, and what else is asked."""
    rent = device.hourly_usd
    if rent is not None:
        known, day = rent.value, rent.source.published or rent.source.checked
        when = f" of {day:%B %Y}" if day else ""
        offers = f"the middle of ${known.low:g} to ${known.high:g}" if known.low < known.high else "the one offer known"
        yield f"The rent is ${known.middle:.4g} an hour, {offers}{when}; prices fall. --price takes yours."


def _of_layout(options: BudgetOptions, memory: Training) -> Iterator[str]:
    setup = memory.setup
    if setup.recompute == "full":
        more = float(recompute_factor("full")) - 1
        yield f"All activations are computed twice to save memory: {more:.0%} more work that MFU does not count, so expect a lower one."
    if setup.step_tokens > options.tokens:
        yield f"One pass of all devices takes {amount(setup.step_tokens)} tokens, more than the whole training: it has no use for so many."
    if options.batch_tokens is None:
        return
    micro_batches = math.floor(options.batch_tokens / setup.step_tokens)
    if micro_batches < 1:
        yield (
            f"One pass of all devices takes {setup.step_tokens:,} tokens, more than a batch of {options.batch_tokens:,.0f}: "
            "fewer devices, or more of them for each layer."
        )
    elif setup.pipeline_parallel > 1:
        idle = float(pipeline_idle(setup.pipeline_parallel, micro_batches))
        yield f"{setup.pipeline_parallel} pipeline stages and {micro_batches} micro-batches: idle for {idle:.0%} of their time at work."
