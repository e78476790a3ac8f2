"""What the answer of `scale budget` must say beside its figures."""

import math
from collections.abc import Iterator

from llmpick.catalog.devices import KnownDevice
from llmpick.catalog.training import runs_on
from llmpick.estimate.training.budget import ADAPTED
from llmpick.estimate.training.layout import Training
from llmpick.estimate.training.shape import TrainingShape
from llmpick.estimate.training.utilization import MfuEvidence, attention_share, pipeline_idle, recompute_factor
from llmpick.evidence.values import Unknown
from llmpick.workflow.scale_budget_options import BudgetOptions
from llmpick.workflow.training_shape import Trained

MUCH_ATTENTION = 0.2
"""Attention's FLOPs over 6 N D from which a note says so: those of a 7B model at 5,000 tokens of context."""


def budget_notes(
    options: BudgetOptions,
    trained: Trained,
    device: KnownDevice,
    runs: MfuEvidence | None,
    ceiling: MfuEvidence | Unknown,
    memory: Training | Unknown,
) -> Iterator[str]:
    """One sentence or two each, what changes the answer most first."""
    yield from _of_mfu(options, device, runs, ceiling)
    if isinstance(trained.shape, TrainingShape):
        yield from _of_work(options, trained, trained.shape)
    if isinstance(memory, Training):
        yield from _of_layout(options, memory)
    if options.model is None and isinstance(trained.shape, TrainingShape):
        yield f"Memory is computed with {trained.origin}; --model names another."
    if options.price is None and device.hourly_usd is not None and device.hourly_usd.source.published is not None:
        yield f"The rent was that in {device.hourly_usd.source.published:%B %Y}; prices fall. --price takes yours."


def _of_mfu(options: BudgetOptions, device: KnownDevice, runs: MfuEvidence | None, ceiling: MfuEvidence | Unknown) -> Iterator[str]:
    if runs is not None and not runs_on(device.name):
        yield f"No finished training on {device.name} is known: the MFU is that of all that are known, on other devices."
    if runs is not None and options.method not in ("pretrain", "continue"):
        yield "No fine-tuning with published GPU-hours is known: the MFU is that of pre-training, and a guess here."
    if options.mfu is not None and isinstance(ceiling, MfuEvidence) and options.mfu > ceiling.range.high:
        yield f"An MFU of {options.mfu:.1%} is more than any benchmark of this layout reached ({ceiling.range.high:.1%})."


def _of_work(options: BudgetOptions, trained: Trained, shape: TrainingShape) -> Iterator[str]:
    share = float(attention_share(shape, trained.params, options.context))
    if share >= MUCH_ATTENTION:
        yield f"Attention over {options.context:,} tokens is {share:.0%} more work than 6 N D, which MFU counts: expect a lower MFU."
    if options.method == "qlora":
        yield "Unpacking 4-bit weights for each product is not counted."
    if options.method in ADAPTED and trained.params_total > trained.params:
        yield "Adapters are counted on the matrices that a token passes; on every expert they are more."


def _of_layout(options: BudgetOptions, memory: Training) -> Iterator[str]:
    setup = memory.setup
    if setup.recompute == "full":
        more = float(recompute_factor("full")) - 1
        yield f"All activations are computed twice to save memory: {more:.0%} more work that MFU does not count, so expect a lower one."
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
