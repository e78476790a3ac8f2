"""From timed runs to constants of a machine that hold for models that were not timed, with intervals that say how surely."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.catalog.speeds import find_speed_constants
from llmpick.estimate.calibration import SpeedPoint
from llmpick.estimate.machine_speed import calibrated, expected_seconds, speed_points
from llmpick.estimate.shape import Range, Shape, shape_of
from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.evidence.calibration import SpeedReading
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Source
from llmpick.sources.gguf import read_gguf
from llmpick.workflow.calibrate import DEPLOYMENT, believed_of
from llmpick.workflow.models.weights_blueprint import blueprint_of

DEVICE = Device("AMD EPYC", "cpu", 24 * 2**30, 20 * 2**30, cores=2, vendor="cpu")
BANDWIDTH, FLOPS = 28e9, 1.9e11
HERE = Source("llmpick calibrate")

# Milliseconds on two EPYC cores while nothing else ran, llama.cpp b11549: tokens held → a step, tokens of a prompt → reading it.
SMOLLM2 = {"decode": {16: 13.2, 1000: 15.8, 2000: 21.5, 4000: 24.9}, "prefill": {16: 78.5, 128: 530, 512: 2620, 1024: 6400}}
GEMMA = {"decode": {16: 19.1, 1000: 20.6, 2000: 22.9, 4000: 26.5}, "prefill": {16: 58.8, 64: 220, 256: 830, 512: 1440}}


def readings(table: dict[str, dict[int, float]]) -> list[SpeedReading]:
    return [SpeedReading(kind, tokens, (ms / 1000,)) for kind, row in table.items() for tokens, ms in row.items()]  # pyright: ignore[reportArgumentType]


def shape(path: Path) -> Shape:
    found = shape_of(blueprint_of(read_gguf(path)))
    assert found is not None
    return found


@pytest.mark.parametrize("learned_from", ["smollm2", "gemma"])
def test_one_model_predicts_another_within_the_stated_interval(learned_from: str, smollm2_path: Path, gemma_path: Path) -> None:
    """Different makers, layers, quantisations, and 2.6 times the bytes."""
    timed = {"smollm2": (shape(smollm2_path), readings(SMOLLM2)), "gemma": (shape(gemma_path), readings(GEMMA))}
    believed = believed_of(DEVICE)
    known, seen = timed.pop(learned_from)
    points = speed_points(known, DEPLOYMENT, believed, seen)
    constants = calibrated({learned_from: points}, believed, BANDWIDTH, FLOPS, HERE)
    ((other, unseen),) = timed.values()
    decode = [reading for reading in unseen if reading.kind == "decode"]
    for reading in decode:
        expected = expected_seconds(other, DEVICE, DEPLOYMENT, constants, reading)
        assert isinstance(expected, Range)
        assert expected.low <= reading.typical <= expected.high, reading
    inside = [
        expected.low <= reading.typical <= expected.high
        for reading in unseen
        if isinstance(expected := expected_seconds(other, DEVICE, DEPLOYMENT, constants, reading), Range)
    ]
    assert sum(inside) >= len(inside) - 1


def test_two_models_tell_more_than_one(smollm2_path: Path, gemma_path: Path) -> None:
    believed = believed_of(DEVICE)
    one = speed_points(shape(smollm2_path), DEPLOYMENT, believed, readings(SMOLLM2))
    two = speed_points(shape(gemma_path), DEPLOYMENT, believed, readings(GEMMA))
    alone = calibrated({"one": one}, believed, BANDWIDTH, FLOPS, HERE)
    both = calibrated({"one": one, "two": two}, believed, BANDWIDTH, FLOPS, HERE)
    assert both.decode_spread < 0.6 * alone.decode_spread
    assert both.prefill_spread < alone.prefill_spread < believed.prefill_spread
    assert both.decode_spread < believed.decode_spread


TRUTH = replace(
    SpeedConstants("a machine", HERE, token_s=4e-4, layer_s=2e-4, weight_efficiency=0.8, kv_efficiency=0.5),
    decode_spread=0.5,
    prefill_spread=0.5,
    compute_efficiency=0.3,
    attention_efficiency=0.15,
)


def points_of(read_bytes: float, blocks: float, truth: SpeedConstants = TRUTH) -> list[SpeedPoint]:
    found: list[SpeedPoint] = []
    for cache in (0.0, 2e7, 1e8):
        reading = read_bytes / (truth.weight_efficiency * BANDWIDTH) + cache / (truth.kv_efficiency * BANDWIDTH)
        found.append(SpeedPoint(read_bytes, cache, blocks, truth.token_s + truth.layer_s * blocks + reading))
    return found


@given(efficiency=st.floats(0.6, 0.95), layer=st.floats(1e-4, 4e-4))
@settings(max_examples=20, deadline=None)
def test_what_similar_machines_could_be_is_found_from_two_models(efficiency: float, layer: float) -> None:
    truth = replace(TRUTH, weight_efficiency=efficiency, layer_s=layer)
    models = {"small": points_of(1e8, 30, truth), "large": points_of(2e9, 28, truth)}
    found = calibrated(models, TRUTH, BANDWIDTH, FLOPS, HERE)
    assert found.weight_efficiency == pytest.approx(efficiency, rel=0.05)
    assert found.layer_s == pytest.approx(layer, rel=0.35)
    assert found.bandwidth_bytes_per_s == BANDWIDTH


@given(efficiency=st.floats(0.62, 0.98), layer=st.floats(1.1e-4, 3.8e-4), size=st.floats(0.3, 3.5))
@settings(max_examples=30, deadline=None)
def test_one_model_tells_of_others_within_its_interval(efficiency: float, layer: float, size: float) -> None:
    """Machines as they may be, believed to be the one in the middle."""
    truth = replace(TRUTH, weight_efficiency=efficiency, layer_s=layer)
    found = calibrated({"one": points_of(3e8, 24, truth)}, TRUTH, BANDWIDTH, FLOPS, HERE)
    for point in points_of(3e8 * size, 24, truth):
        read = point.read_bytes / (found.weight_efficiency * BANDWIDTH) + point.cache_bytes / (found.kv_efficiency * BANDWIDTH)
        estimate = found.token_s + found.layer_s * point.blocks + read
        ratio = point.seconds / estimate
        assert 1 / (1 + found.decode_spread) / 1.02 <= ratio <= 2.718281828**found.decode_spread * 1.02


def test_sliding_layers_cost_their_whole_cache_where_the_engine_keeps_it(gemma_path: Path) -> None:
    gemma, believed = shape(gemma_path), believed_of(DEVICE)
    long = [SpeedReading("decode", 4096, (0.03,)), SpeedReading("prefill", 4096, (20.0,))]
    whole = speed_points(gemma, DEPLOYMENT, believed, long)
    windowed = speed_points(gemma, Deployment("llama.cpp"), believed, long)
    assert whole[0].cache_bytes == 4096 * 18 * 2 * 256 * 2
    assert whole[0].cache_bytes > 3 * windowed[0].cache_bytes
    assert whole[1].operations > windowed[1].operations


def test_the_start_of_the_engine_is_no_point(smollm2_path: Path) -> None:
    assert speed_points(shape(smollm2_path), DEPLOYMENT, believed_of(DEVICE), [SpeedReading("start", 0, (1.0,))]) == []


def test_without_a_decode_step_nothing_is_calibrated() -> None:
    with pytest.raises(InputError, match="no decode step"):
        calibrated({"one": []}, TRUTH, BANDWIDTH, FLOPS, HERE)


def test_sleeping_threads_arebelieved_of_to_cost_more_than_the_catalog_says() -> None:
    published = find_speed_constants(DEVICE, DEPLOYMENT)
    assert published is not None
    assert believed_of(DEVICE).layer_s > published.layer_s
