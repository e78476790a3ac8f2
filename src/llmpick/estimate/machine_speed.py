"""From what was timed on one machine to constants that hold there for any model, and how surely they do.

`estimate/calibration.py` fits constants to points. Here readings become points, and the interval is widened by what the points cannot
tell. One model alone does not say which part of a step is launching its layers and which is reading its weights; the belief about
similar machines decides, and another model has another share of both. So the fit is repeated from beliefs that differ as machines
differ, and where the fits disagree about other models, that is what is not known.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from llmpick.estimate.calibration import SpeedPoint, calibrate
from llmpick.estimate.rooflines import Layout, Machine, prefill_seconds
from llmpick.estimate.shape import Range, Shape
from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.estimate.throughput import estimate_throughput, work_of
from llmpick.evidence.calibration import SpeedReading
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device
from llmpick.evidence.values import Source, Unknown

EFFICIENCY_SPREAD = 1.25
"""An engine on a CPU reads weights at 0.6 to 0.94 of the bandwidth that plain reading reaches; 0.75 is believed."""
LAUNCH_SPREAD = 2.0
"""Half to twice as long as believed takes the launch of a layer: how fast a sleeping thread wakes depends on the system."""
OTHER_MODELS = 4.0
"""Models that the constants must serve have a quarter to four times as many bytes per layer as those that were timed."""


def speed_points(shape: Shape, deployment: Deployment, believed: SpeedConstants, readings: Iterable[SpeedReading]) -> list[SpeedPoint]:
    """What the engine read and computed in each reading, with its seconds. Attention is counted in operations of matrix products."""
    shape = _as_computed(shape, deployment)
    points: list[SpeedPoint] = []
    for reading in readings:
        work = work_of(shape, deployment, reading.tokens, max(reading.tokens, 1), 1)
        read, blocks = float(shape.read_bytes), float(shape.blocks)
        if reading.kind == "decode":
            points.append(SpeedPoint(read, float(work.cache_bytes), blocks, reading.typical))
        elif reading.kind == "prefill":
            operations = _operations(shape, deployment, believed, reading.tokens)
            points.append(SpeedPoint(read, 0.0, blocks, reading.typical, reading.tokens, operations))
    return points


def calibrated(
    models: Mapping[str, Sequence[SpeedPoint]], believed: SpeedConstants, bandwidth: float, flops: float, source: Source
) -> SpeedConstants:
    """Constants of this machine, from the points of each model. Raises `InputError` without a decode point.

    The spreads are half-widths of log(measured / estimated) for models that were not timed, with probability 0.9: residuals, and what
    the beliefs alone decide. Which instructions unpack and multiply differs between quantisations: the believed spread of prompts
    shrinks with the root of how many models were timed, as a mean does.
    """
    points = [point for timed in models.values() for point in timed]
    learned = calibrate(points, believed, bandwidth, flops, source)
    others = [calibrate(points, other, bandwidth, flops, source) for other in _other_beliefs(believed)]
    decode = float(np.hypot(learned.decode_spread, _disagreement([learned, *others], points)))
    prefill = max(learned.prefill_spread, believed.prefill_spread / np.sqrt(1 + len(models)))
    return replace(
        learned,
        attention_efficiency=learned.compute_efficiency * believed.attention_efficiency / believed.compute_efficiency,
        decode_spread=decode,
        prefill_spread=float(prefill),
        ttft_spread=float(prefill),
    )


def expected_seconds(
    shape: Shape, device: Device, deployment: Deployment, constants: SpeedConstants, reading: SpeedReading
) -> Range | Unknown:
    """The seconds that the formulas give for what was timed, as a range that holds with probability 0.9."""
    found = estimate_throughput(
        _as_computed(shape, deployment),
        device,
        deployment,
        constants,
        context_tokens=float(reading.tokens),
        prompt_tokens=float(max(reading.tokens, 1)),
    )
    rate = found.decode_tokens_per_s if reading.kind == "decode" else found.prefill_tokens_per_s
    if isinstance(rate, Unknown):
        return rate
    tokens = 1.0 if reading.kind == "decode" else float(reading.tokens)
    return Range(tokens / rate.value, tokens / rate.high, tokens / rate.low)


def _as_computed(shape: Shape, deployment: Deployment) -> Shape:
    """With the whole cache kept (swa_full), llama.cpp computes and reads all of it, and masks what is outside the window."""
    if not deployment.option("swa_full", False):
        return shape
    sliding = np.asarray(shape.window_elements, dtype=float)
    return shape._replace(kv_elements=shape.kv_elements + sliding.sum(axis=-1), window_elements=np.zeros_like(sliding), sliding_layers=0.0)


def _operations(shape: Shape, deployment: Deployment, believed: SpeedConstants, prompt: int) -> float:
    """The formulas of a prompt on a machine of one operation per second that does nothing else."""
    ratio = believed.attention_efficiency / believed.compute_efficiency
    counter = SpeedConstants("operations", believed.source, attention_efficiency=ratio)
    work = work_of(shape, deployment, prompt, prompt, 1)
    return float(prefill_seconds(shape, Machine(float("inf"), 1.0), counter, work, Layout()))


def _other_beliefs(believed: SpeedConstants) -> list[SpeedConstants]:
    """The same machine with slow layers and fast memory, and the other way round."""
    return [
        replace(
            believed,
            token_s=believed.token_s * factor(LAUNCH_SPREAD),
            layer_s=believed.layer_s * factor(LAUNCH_SPREAD),
            weight_efficiency=believed.weight_efficiency * factor(EFFICIENCY_SPREAD),
        )
        for factor in (lambda spread: spread, lambda spread: 1 / spread)
    ]


def _disagreement(fits: Sequence[SpeedConstants], points: Sequence[SpeedPoint]) -> float:
    """Half of the widest range of log(seconds) that the fits give to one of the other models."""
    decode = [point for point in points if point.prompt_tokens == 0]
    widest = 0.0
    for point in decode:
        for size in (1 / OTHER_MODELS, OTHER_MODELS):
            steps = [np.log(_step(fit, replace(point, read_bytes=point.read_bytes * size))) for fit in fits]
            widest = max(widest, float(max(steps) - min(steps)) / 2)
    return widest


def _step(fit: SpeedConstants, point: SpeedPoint) -> float:
    bandwidth = fit.bandwidth_bytes_per_s or 1.0
    read = point.read_bytes / (fit.weight_efficiency * bandwidth) + point.cache_bytes / (fit.kv_efficiency * bandwidth)
    return fit.token_s + fit.layer_s * point.blocks + read
