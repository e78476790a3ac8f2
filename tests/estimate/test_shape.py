"""One formula serves one model and many: a stacked shape gives each model what it gives alone."""

from datetime import date

import numpy as np
import pytest

from llmpick.estimate.footprint import probability_that_it_fits
from llmpick.estimate.kv_cache import cache_bytes, state_bytes
from llmpick.estimate.shape import Range, Shape, shape_of, stack, take
from llmpick.evidence.model import Architecture, AttentionLayer, Blueprint, Experts, RecurrentLayer, TensorGroup
from llmpick.evidence.values import Source

HERE = Source("a test", checked=date(2026, 11, 24))
FULL = AttentionLayer(8, 128, 128)
SLIDING = AttentionLayer(8, 128, 128, 1024)
LATENT = AttentionLayer(1, 576, 0, latent=True)
STATE = RecurrentLayer(1000, 30)


def blueprint(*layers: AttentionLayer | RecurrentLayer, experts: Experts | None = None) -> Blueprint:
    architecture = Architecture("x", 4096, 32_000, layers, blocks=len(layers), heads=32, experts=experts)
    tensors = (
        TensorGroup("embedding", "F16", 32_000 * 4096, 2 * 32_000 * 4096),
        TensorGroup("output", "F16", 32_000 * 4096, 2 * 32_000 * 4096),
        TensorGroup("experts", "Q8_0", 32_000, 34_000),
        TensorGroup("mlp", "F16", 10_000, 20_000),
    )
    return Blueprint("x", "files", "gguf", "F16", architecture, tensors, 8192, HERE)


def shape(*layers: AttentionLayer | RecurrentLayer, experts: Experts | None = None) -> Shape:
    found = shape_of(blueprint(*layers, experts=experts))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("layers", "tokens", "size"),
    [
        ((FULL,) * 32, 8192, 32 * 2 * 8 * 128 * 2 * 8192),
        ((SLIDING,) * 5 + (FULL,), 8192, 2 * 2 * 8 * 128 * (5 * 1024 + 8192)),
        ((SLIDING,) * 5 + (FULL,), 512, 2 * 2 * 8 * 128 * 6 * 512),
        ((LATENT,) * 27, 1000, 27 * 576 * 2 * 1000),
        ((STATE, FULL), 10, 2 * 2 * 8 * 128 * 10),
        ((AttentionLayer(1, 64, 64, 128), SLIDING), 2000, 2 * (128 * 128 + 2 * 8 * 128 * 1024)),
    ],
)
def test_the_cache_of_each_kind_of_layer(layers: tuple[AttentionLayer, ...], tokens: int, size: int):
    assert cache_bytes(shape(*layers), tokens).total == size


def test_a_stack_gives_each_model_what_it_gives_alone():
    models = [shape(FULL), shape(SLIDING, FULL), shape(AttentionLayer(1, 64, 64, 128), SLIDING), shape(STATE, LATENT)]
    many = stack(models)
    alone = [float(np.asarray(cache_bytes(model, 3000).total)) for model in models]
    assert np.asarray(cache_bytes(many, np.array([3000.0] * 4)).total).tolist() == alone
    assert np.asarray(state_bytes(many)).tolist() == [0, 0, 0, 4 * 1030]
    twice = take(many, np.array([1, 1, 3]))
    assert np.asarray(cache_bytes(twice, 3000.0).total).tolist() == [alone[1], alone[1], alone[3]]
    assert np.asarray(twice.weights.value).tolist() == [models[0].weights.value] * 3


def test_a_token_reads_the_output_matrix_its_experts_and_one_row_of_the_input_table():
    dense = shape(FULL)
    mixture = shape(FULL, experts=Experts(8, 2))
    table = 2 * 32_000 * 4096
    assert dense.read_bytes == table + 20_000 + 34_000
    assert mixture.read_bytes == table + 20_000 + 34_000 / 4
    assert mixture.active_parameters == 2 * 32_000 * 4096 + 10_000 + 32_000 / 4


def test_the_probability_that_it_fits_is_half_at_the_value_and_five_percent_at_the_ends():
    total = Range(10.0, 8.0, 14.0)
    found = np.asarray(probability_that_it_fits(total, np.array([8.0, 10.0, 14.0, 1e9, 0.0]))).tolist()
    assert found == pytest.approx([0.05, 0.5, 0.95, 1, 0], abs=1e-9)
    assert np.asarray(probability_that_it_fits(Range.exact(10.0), np.array([9.9, 10.0]))).tolist() == [0, 1]
