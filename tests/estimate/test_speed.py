"""The speed formula against published measurements, and the prior that does not exist yet."""

from dataclasses import replace
from pathlib import Path

import pytest

from llmpick.estimate.ability import expected_scores
from llmpick.estimate.speed import estimate_decode_speed
from llmpick.evidence.device import Device, Load
from llmpick.evidence.model import Architecture, AttentionLayer, Candidate, ModelFacts, Weights
from llmpick.evidence.task import Metric, Prompt, Task, TaskKind
from llmpick.evidence.values import Estimate, Fact, Source, Unknown

GIB = 2**30
PAPER = Source("a paper")
LLAMA3_8B = Architecture("llama", 4096, 128_256, (AttentionLayer(8, 128, 128),) * 32)


def weights(gib: float) -> Weights:
    return Weights(Path("m.gguf"), "gguf", round(gib * GIB), "Q4_K_M", LLAMA3_8B, 8192, None)


def gpu(bandwidth: float | None) -> Device:
    return Device("a GPU", "gpu", 24 * GIB, 24 * GIB, bandwidth)


def speed(run: Weights | None, facts: ModelFacts | None, bandwidth: float, load: Load = Load(1024)) -> float:  # noqa: B008 - frozen
    estimate = estimate_decode_speed(run, facts, gpu(bandwidth), load)
    assert isinstance(estimate, Estimate)
    return estimate.interval.value


# Llama-3-8B, 1024 tokens, batch 1: https://github.com/XiongjieDai/GPU-Benchmarks-on-LLM-Inference; bandwidths as sold.
@pytest.mark.parametrize(
    ("card", "bandwidth", "file_gib", "measured"),
    [
        ("RTX 3090 Q4_K_M", 936e9, 4.58, 111.74),
        ("RTX 4090 Q4_K_M", 1008e9, 4.58, 127.74),
        ("RTX 4090 F16", 1008e9, 14.96, 54.34),
        ("L40S F16", 864e9, 14.96, 43.42),
        ("A100 SXM Q4_K_M", 2039e9, 4.58, 133.38),
        ("H100 PCIe F16", 2040e9, 14.96, 67.79),
        ("M2 Ultra F16", 800e9, 14.96, 36.25),
        ("M1 Q4_K_M", 68e9, 4.58, 9.72),
    ],
)
def test_published_speeds_lie_inside_the_interval(card: str, bandwidth: float, file_gib: float, measured: float):
    estimate = estimate_decode_speed(weights(file_gib), None, gpu(bandwidth), Load(1024))
    assert isinstance(estimate, Estimate)
    assert estimate.interval.low < measured < estimate.interval.high


def test_twice_the_bandwidth_is_twice_the_speed_and_more_context_is_slower():
    assert speed(weights(4), None, 2e12) == pytest.approx(2 * speed(weights(4), None, 1e12))
    assert speed(weights(4), None, 1e12, Load(100_000)) < speed(weights(4), None, 1e12)
    assert speed(weights(4), None, 1e12, Load(1024, sequences=16)) < speed(weights(4), None, 1e12)


def test_a_mixture_of_experts_reads_its_active_share():
    dense = ModelFacts("m", "M", "m", "base", parameters_total=Fact(40 * 10**9, PAPER))
    sparse = replace(dense, parameters_active=Fact(4 * 10**9, PAPER))
    assert speed(None, sparse, 1e12) == pytest.approx(10 * speed(None, dense, 1e12))
    assert speed(weights(20), sparse, 1e12) > 5 * speed(weights(20), dense, 1e12)


def test_what_is_not_known_is_said():
    assert estimate_decode_speed(weights(4), None, gpu(None), Load(1)) == Unknown("the memory bandwidth of a GPU is not known")
    assert estimate_decode_speed(None, None, gpu(1e12), Load(1)) == Unknown("neither its files nor its number of parameters are known")


def test_there_is_no_prior_yet():
    task = Task("t", TaskKind.CHOICE, ("en",), (), Prompt("{{ text }}"), Metric("accuracy"), "0" * 64)
    assert expected_scores([Candidate("m", weights(4))], task) is None
