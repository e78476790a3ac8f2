import numpy as np
import pytest

from llmpick.estimate.calibration import LEAST_SPREAD, SpeedPoint, calibrate
from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Source

SOURCE = Source("test")
BELIEVED = SpeedConstants("cpu", SOURCE, token_s=3e-4, layer_s=4e-5, weight_efficiency=0.75, kv_efficiency=0.5, compute_efficiency=0.35)
BANDWIDTH, FLOPS = 40e9, 2e11


def seconds(read: float, cache: float, blocks: float) -> float:
    """A machine with 1 ms per step and 0.1 ms per layer, that reads weights at 20 GB/s and the cache at 10 GB/s."""
    return 1e-3 + 1e-4 * blocks + read / 20e9 + cache / 10e9


def decode(read: float, cache: float, blocks: float, noise: float = 0.0) -> SpeedPoint:
    return SpeedPoint(read, cache, blocks, seconds(read, cache, blocks) * np.exp(noise))


SEEN = [decode(1e8, 0, 30), decode(1e8, 2e7, 30), decode(1e8, 1e8, 30), decode(3e8, 0, 18), decode(3e8, 5e7, 18), decode(1.2e9, 0, 28)]


def predicted(constants: SpeedConstants, read: float, cache: float, blocks: float) -> float:
    bandwidth = constants.bandwidth_bytes_per_s
    assert bandwidth
    rates = constants.weight_efficiency * bandwidth, constants.kv_efficiency * bandwidth
    return constants.token_s + constants.layer_s * blocks + read / rates[0] + cache / rates[1]


def test_a_machine_is_found_from_six_points():
    found = calibrate(SEEN, BELIEVED, BANDWIDTH, FLOPS, SOURCE)
    assert predicted(found, 5e9, 5e8, 32) == pytest.approx(seconds(5e9, 5e8, 32), rel=0.05)
    assert found.weight_efficiency * BANDWIDTH == pytest.approx(20e9, rel=0.05)
    assert found.kv_efficiency * BANDWIDTH == pytest.approx(10e9, rel=0.1)
    assert found.decode_spread == LEAST_SPREAD


def test_one_disturbed_run_does_not_move_it():
    disturbed = [*SEEN, decode(1e8, 0, 30, noise=1.0)]
    found = calibrate(disturbed, BELIEVED, BANDWIDTH, FLOPS, SOURCE)
    assert predicted(found, 5e9, 5e8, 32) == pytest.approx(seconds(5e9, 5e8, 32), rel=0.1)


def test_noise_shows_in_the_interval():
    generator = np.random.default_rng(7)
    noisy = [decode(p.read_bytes, p.cache_bytes, p.blocks, generator.normal(0, 0.15)) for p in SEEN * 3]
    assert calibrate(noisy, BELIEVED, BANDWIDTH, FLOPS, SOURCE).decode_spread == pytest.approx(1.645 * 0.15, rel=0.4)


def test_one_point_moves_what_was_believed_to_it():
    found = calibrate([decode(3e8, 0, 18)], BELIEVED, BANDWIDTH, FLOPS, SOURCE)
    assert predicted(found, 3e8, 0, 18) == pytest.approx(seconds(3e8, 0, 18), rel=0.02)


def test_prompts_tell_the_rate_of_computing():
    prompts = [SpeedPoint(1e8, 0, 30, 0.01 + 4e-3 + 2e8 * n / 5e10, n, 2e8 * n) for n in (128, 256, 512, 1024)]
    found = calibrate([*SEEN, *prompts], BELIEVED, BANDWIDTH, FLOPS, SOURCE)
    assert found.flops == FLOPS
    assert found.compute_efficiency * FLOPS == pytest.approx(5e10, rel=0.05)
    assert found.prefill_spread == LEAST_SPREAD


@pytest.mark.parametrize(
    "points", [[], [SpeedPoint(1e8, 0, 30, 1.0, 128, 1e9)], [SpeedPoint(1e8, 0, 30, 0.0)], [SpeedPoint(0, 0, 30, 1.0)]]
)
def test_points_that_measure_nothing_are_refused(points: list[SpeedPoint]):
    with pytest.raises(InputError):
        calibrate(points, BELIEVED, BANDWIDTH, FLOPS, SOURCE)
