"""Memory of training: the published figures of ZeRO and Megatron, adapters, and properties that any setup has."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.estimate.training.layout import laid_out, simplest_that_fits
from llmpick.estimate.training.memory import (
    ADAM,
    NF4_BYTES,
    OPTIMIZERS,
    Adapters,
    Setup,
    activation_lines,
    layer_activation_bytes,
    state_lines,
    training_memory,
)
from llmpick.estimate.training.shape import TrainingShape, shape_by_count
from llmpick.evidence.errors import InputError

LLAMA_7B = TrainingShape(6_738_415_616, 32, 4096, 32, 32, 128, 11_008, 32_000)
LLAMA_65B = TrainingShape(65_285_660_672, 80, 8192, 64, 64, 128, 22_016, 32_000)
GPT_175B = TrainingShape(175e9, 96, 12_288, 96, 96, 128, 49_152, 51_200, gated=False, dropout=True)


def total(shape: TrainingShape, setup: Setup) -> float:
    return sum(line.bytes for line in training_memory(shape, setup))


@pytest.mark.parametrize(("stage", "gigabytes"), [(0, 120), (1, 31.4), (2, 16.6), (3, 1.9)])
def test_figure_1_of_zero(stage, gigabytes):
    """7.5B parameters on 64 devices; the layer that ZeRO 3 gathers is not in the figure."""
    lines = state_lines(TrainingShape(7.5e9, 1, 1, 1, 1, 1, 1, 1), Setup(1, zero_stage=stage, data_parallel=64))
    assert sum(line.bytes for line in lines if line.name != "gathered") / 1e9 == pytest.approx(gigabytes, rel=0.015)


@pytest.mark.parametrize(
    ("setup", "per_token_and_width"),
    [
        (Setup(2048, flash_attention=False), 34 + 5 * 96 * 2048 / 12_288),
        (Setup(2048, flash_attention=False, tensor_parallel=8), 10 + 24 / 8 + 5 * 96 * 2048 / 12_288 / 8),
        (Setup(2048, tensor_parallel=8, sequence_parallel=True, recompute="selective"), 34 / 8),
    ],
)
def test_table_2_of_korthikanti(setup, per_token_and_width):
    assert layer_activation_bytes(GPT_175B, setup) / (2048 * 12_288) == pytest.approx(per_token_and_width)


def test_full_recomputation_keeps_the_inputs_of_layers_and_one_layer():
    setup = Setup(2048, recompute="full")
    kept = next(line.bytes for line in activation_lines(GPT_175B, setup) if line.name == "activations")
    assert kept == pytest.approx(2 * 2048 * 12_288 * 96 + layer_activation_bytes(GPT_175B, setup))


def test_adapters_of_every_matrix():
    """Rank 64 on LLaMA-7B: 159,907,840 parameters, as peft counts them for all seven projections (39,976,960 at rank 16)."""
    assert Adapters(16).params(LLAMA_7B) == 39_976_960
    assert Adapters(64).params(LLAMA_7B) == 159_907_840


def test_frozen_weights_have_neither_gradients_nor_states():
    lines = {line.name: line.bytes for line in state_lines(LLAMA_7B, Setup(2048, adapters=Adapters(16)))}
    assert lines["weights"] == 2 * LLAMA_7B.params
    assert lines["gradients"] == 2 * 39_976_960
    assert lines["optimizer"] == 12 * 39_976_960


def test_four_bits_for_all_but_the_tables():
    """NF4 with double quantisation takes 4.127 bits per weight (QLoRA); input and output tables stay in 16."""
    lines = {line.name: line.bytes for line in state_lines(LLAMA_7B, Setup(2048, adapters=Adapters(16, NF4_BYTES)))}
    tables = 2 * 32_000 * 4096
    assert lines["weights"] == pytest.approx((LLAMA_7B.params - tables) * 4.127 / 8 + 2 * tables)


def test_the_shape_follows_from_the_count():
    shape = shape_by_count(LLAMA_7B.params, layers=32, hidden_size=4096, kv_heads=32, head_size=128, vocabulary=32_000)
    assert shape.feed_forward == LLAMA_7B.feed_forward
    assert shape.heads == 32


def test_too_few_parameters_for_the_layers():
    with pytest.raises(InputError, match="fewer than vocabulary and attention"):
        shape_by_count(1e6, layers=32, hidden_size=4096, kv_heads=32, head_size=128, vocabulary=32_000)


@given(
    stage=st.integers(0, 2),
    devices=st.sampled_from([2, 8, 64]),
    context=st.sampled_from([512, 4096]),
    optimizer=st.sampled_from(list(OPTIMIZERS.values())),
)
def test_sharding_more_takes_no_more_but_the_gathered_layer(stage, devices, context, optimizer):
    setup = Setup(context, optimizer=optimizer, data_parallel=devices, zero_stage=stage)
    gathered = sum(line.bytes for line in training_memory(LLAMA_7B, replace(setup, zero_stage=3)) if line.name == "gathered")
    assert total(LLAMA_7B, replace(setup, zero_stage=stage + 1)) <= total(LLAMA_7B, setup) + gathered


@given(width=st.sampled_from([1, 2, 4]), batch=st.integers(1, 8))
def test_wider_tensor_parallelism_and_smaller_batches_take_less(width, batch):
    setup = Setup(2048, batch, tensor_parallel=width)
    assert total(LLAMA_7B, replace(setup, tensor_parallel=2 * width)) < total(LLAMA_7B, setup)
    assert total(LLAMA_7B, replace(setup, micro_batch=batch + 1)) > total(LLAMA_7B, setup)


def test_the_simplest_layout_that_fits_is_taken():
    assert simplest_that_fits(LLAMA_7B, Setup(2048), 240e9, gpus=128).setup.zero_stage == 0
    chosen = simplest_that_fits(LLAMA_7B, Setup(2048), 80e9, gpus=128)
    assert (chosen.fits, chosen.setup.zero_stage, chosen.setup.recompute) == ("yes", 1, "none")
    large = simplest_that_fits(LLAMA_65B, Setup(2048), 80e9, gpus=2048)
    assert (large.fits, large.setup.zero_stage) == ("yes", 3)


def test_where_nothing_fits_the_least_is_shown():
    chosen = simplest_that_fits(LLAMA_65B, Setup(2048), 24e9, gpus=8)
    sharded = simplest_that_fits(LLAMA_65B, Setup(2048), 24e9, gpus=8, zero_stage=3, tensor_parallel=1)
    assert (chosen.fits, sharded.fits) == ("no", "no")
    assert 24e9 < chosen.total_bytes <= sharded.total_bytes


def test_what_is_given_is_kept():
    chosen = simplest_that_fits(
        LLAMA_65B, Setup(2048, pipeline_parallel=4), 80e9, gpus=64, zero_stage=1, tensor_parallel=8, recompute="full"
    )
    setup = chosen.setup
    assert (setup.zero_stage, setup.tensor_parallel, setup.pipeline_parallel, setup.data_parallel) == (1, 8, 4, 2)
    assert setup.recompute == "full"


def test_devices_that_do_not_divide():
    with pytest.raises(InputError, match="cannot be split"):
        simplest_that_fits(LLAMA_7B, Setup(2048, pipeline_parallel=3), 80e9, gpus=8)


@pytest.mark.parametrize(("share", "fits"), [(0.69, "yes"), (0.71, "marginal"), (1.001, "no")])
def test_a_memory_that_may_be_fragmented(share, fits):
    setup = Setup(2048)
    assert laid_out(LLAMA_7B, setup, total(LLAMA_7B, setup) / share).fits == fits


@pytest.mark.parametrize("wrong", [{"context": 0}, {"context": 2048, "micro_batch": 0}, {"context": 2048, "tensor_parallel": 0}])
def test_sizes_below_one_are_refused(wrong):
    with pytest.raises(InputError):
        Setup(**wrong)
    with pytest.raises(InputError):
        Adapters(0)


def test_adam_takes_sixteen_bytes_for_each_parameter():
    lines = state_lines(LLAMA_7B, Setup(2048, optimizer=ADAM))
    assert sum(line.bytes for line in lines) == 16 * LLAMA_7B.params
