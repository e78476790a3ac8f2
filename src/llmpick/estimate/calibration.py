"""The speed constants of one machine, from a few measurements on it, in place of those of machines like it.

Seconds of a decode step are linear in what the step does (`estimate/rooflines.py`): a fixed part, a part per layer, the bytes of weights
and the bytes of cache over bandwidths that the points tell. Few points tell little, so that the constants of similar machines enter as
beliefs: maximum posterior in logarithms, with Huber's loss (Huber 1964) against a run that something disturbed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Source

Array = np.ndarray[Any, Any]

NOISE = 0.03
"""Standard deviation of log(seconds) between repeated runs on a quiet machine; the intervals come from the residuals, not from this."""
BELIEF = 0.7
"""Standard deviation of the logarithm of a constant before anything was measured: a factor of two either way."""
LEAST_SPREAD = 0.08
"""A machine that was measured once is still not the same the next day: other models, temperatures, neighbours."""
HUBER = 1.5


@dataclass(frozen=True, slots=True)
class SpeedPoint:
    """One measurement: of a decode step if `prompt_tokens` is 0, else of reading a prompt, in `seconds`.

    `read_bytes` are the weights that one token reads (`Shape.read_bytes`), `cache_bytes` the cache and state that the step reads at the
    context in use, `operations` those of the whole prompt (2 per parameter and token), `blocks` the layers.
    """

    read_bytes: float
    cache_bytes: float
    blocks: float
    seconds: float
    prompt_tokens: int = 0
    operations: float = 0.0


def calibrate(points: Sequence[SpeedPoint], believed: SpeedConstants, bandwidth: float, flops: float, source: Source) -> SpeedConstants:
    """Constants with the rates of this machine in them (`bandwidth_bytes_per_s`, `flops`), and spreads from their residuals.

    `believed` are the constants of similar machines, `bandwidth` and `flops` what is rated or guessed. Raises `InputError` without a
    decode point or for a point whose figures are not positive.
    """
    _check(points)
    decode = [point for point in points if point.prompt_tokens == 0]
    prompts = [point for point in points if point.prompt_tokens > 0]
    start = np.array([believed.token_s + 1e-6, believed.layer_s + 1e-7, believed.weight_efficiency, believed.kv_efficiency])
    fixed, layer, weights, cache = _positive_fit(
        lambda values: _decode(decode, values, bandwidth), np.array([point.seconds for point in decode]), start
    )
    decode_errors = _errors(_decode(decode, np.array([fixed, layer, weights, cache]), bandwidth), decode)
    learned = replace(
        believed,
        name="this machine",
        source=source,
        token_s=float(fixed),
        layer_s=float(layer),
        weight_efficiency=float(weights),
        kv_efficiency=float(cache),
        bandwidth_bytes_per_s=bandwidth,
        decode_spread=_spread(decode_errors, parameters=2, otherwise=believed.decode_spread),
        rows=len(points),
        devices=1,
    )
    return _with_prompts(learned, prompts, flops) if prompts else learned


def _with_prompts(constants: SpeedConstants, prompts: Sequence[SpeedPoint], flops: float) -> SpeedConstants:
    start = np.array([constants.prefill_s + 1e-4, constants.compute_efficiency])
    measured = np.array([point.seconds for point in prompts])
    overhead, efficiency = _positive_fit(lambda values: _prompt(prompts, constants, values, flops), measured, start)
    errors = _errors(_prompt(prompts, constants, np.array([overhead, efficiency]), flops), prompts)
    spread = _spread(errors, parameters=1, otherwise=constants.prefill_spread)
    return replace(
        constants,
        prefill_s=float(overhead),
        compute_efficiency=float(efficiency),
        compute_exponent=1.0,
        unpack_ops=0.0,
        flops=flops,
        prefill_spread=spread,
        ttft_spread=spread,
    )


def _decode(points: Sequence[SpeedPoint], values: Array, bandwidth: float) -> Array:
    fixed, layer, weights, cache = values
    return np.array([fixed + layer * p.blocks + p.read_bytes / (weights * bandwidth) + p.cache_bytes / (cache * bandwidth) for p in points])


def _prompt(points: Sequence[SpeedPoint], constants: SpeedConstants, values: Array, flops: float) -> Array:
    overhead, efficiency = values
    launching = np.array([constants.token_s + constants.layer_s * point.blocks for point in points])
    return overhead + launching + np.array([point.operations for point in points]) / (efficiency * flops)


def _positive_fit(predict: Any, measured: Array, start: Array) -> Array:
    """The values, near `start` in logarithms, whose predictions are nearest to what was measured."""

    def residuals(step: Array) -> Array:
        scaled = np.log(predict(start * np.exp(BELIEF * step)) / measured) / NOISE
        size = np.abs(scaled)
        bent = np.where(size <= HUBER, size, np.sqrt(HUBER * np.maximum(2 * size - HUBER, 0)))
        return np.concatenate([np.sign(scaled) * bent, step])

    return start * np.exp(BELIEF * least_squares(residuals, np.zeros(len(start))).x)


def _errors(predicted: Array, points: Sequence[SpeedPoint]) -> Array:
    return np.log(predicted / np.array([point.seconds for point in points]))


def _spread(errors: Array, *, parameters: int, otherwise: float) -> float:
    """1.645 standard deviations, the degrees of freedom that the fit took deducted; what was believed where none are left."""
    free = len(errors) - parameters
    if free < 1:
        return max(LEAST_SPREAD, otherwise / 2)
    return max(LEAST_SPREAD, 1.645 * float(np.sqrt(np.sum(errors**2) / free)))


def _check(points: Sequence[SpeedPoint]) -> None:
    if not any(point.prompt_tokens == 0 for point in points):
        raise InputError("no decode step was measured", where="calibration", remedy="measure at least one model's seconds per token")
    wrong = next((p for p in points if not (p.seconds > 0 and p.read_bytes > 0 and (p.prompt_tokens == 0 or p.operations > 0))), None)
    if wrong:
        raise InputError(f"{wrong} is no measurement", where="calibration", remedy="leave out runs without bytes, operations or seconds")
