"""How config.json says that its weights are stored, as a record of the catalog."""

from typing import Any

import pytest

from llmpick.evidence.quantization import Quantization
from llmpick.sources.hf.quantized import quantization_of


def compressed(weights: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": weights, "targets": ["Linear"]}}, **more}


def found(part: dict[str, Any], blocks: int = 4) -> Quantization:
    quantization = quantization_of({"quantization_config": part}, blocks)
    assert isinstance(quantization, Quantization)
    return quantization


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, "gptq-4bit-g128"),
        ({"quant_method": "gptq", "bits": 8, "group_size": 32}, "gptq-8bit-g32"),
        ({"quant_method": "gptq", "bits": 4, "group_size": -1}, "gptq-4bit-no-groups"),
        ({"quant_method": "awq", "bits": 4, "group_size": 64}, "awq-4bit-g64"),
        ({"quant_method": "awq", "w_bit": 4, "q_group_size": 128}, "awq-4bit-g128"),
        ({"quant_method": "auto-round", "bits": 4, "group_size": 128}, "gptq-4bit-g128"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8-block"),
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "int8"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_use_double_quant": True}, "nf4-double-quant"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "nf4"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4"),
        ({"quant_algo": "FP8"}, "fp8"),
        (compressed({"num_bits": 8, "type": "float", "strategy": "channel"}), "fp8"),
        (compressed({"num_bits": 8, "type": "int", "strategy": "channel"}), "w8a8"),
        (compressed({"num_bits": 4, "type": "int", "group_size": 128, "symmetric": True}), "w4a16"),
        (compressed({"num_bits": 4, "type": "int", "group_size": 128, "symmetric": False}), "gptq-4bit-g128"),
        (compressed({"num_bits": 4, "type": "int", "group_size": 32, "symmetric": True}), "w4a16-g32"),
        (compressed({"num_bits": 4, "type": "float", "group_size": 16}), "nvfp4"),
    ],
)
def test_methods_and_their_names(part: dict[str, Any], name: str):
    assert found(part).name == name


def test_without_quantisation():
    assert quantization_of({}, 4) is None
    assert quantization_of({"quantization_config": None}, 4) is None


@pytest.mark.parametrize(
    "part",
    [
        {"quant_method": "quark"},
        {"quant_method": "gptq", "bits": 5},
        {"quant_method": "gptq", "bits": [4]},
        {"quant_method": "gptq", "bits": 4, "group_size": "128"},
        {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION"},
        {"quant_method": "compressed-tensors", "config_groups": {"a": {"weights": {"num_bits": 4, "type": "int", "group_size": {}}}}},
    ],
)
def test_what_is_not_known_is_said(part: dict[str, Any]):
    assert isinstance(quantization_of({"quantization_config": part}, 4), str)


@pytest.mark.parametrize(
    ("ignored", "bits"),
    [
        (["lm_head"], {}),
        (["model.layers.*.self_attn*"], {"attention": 16}),
        (["re:.*self_attn.*"], {"attention": 16}),
        (["re:^model\\.layers\\.\\d+\\.self_attn.*$"], {"attention": 16}),
        (["model.layers.0.self_attn*", "model.layers.1.self_attn*"], {"attention": (16 + 4.5) / 2}),
        (["model.layers.0.mlp.down_proj"], {"mlp": 4.5 + 11.5 / 12}),
        (["model.language_model.layers.*.linear_attn*", "mlp.gate"], {"recurrent": 16}),
        (["shared_expert"], {"shared_experts": 16}),
        (["re:(a+)+$"], {}),
    ],
)
def test_modules_that_stay_wide(ignored: list[str], bits: dict[str, float]):
    plain = found({"quant_method": "modelopt", "quant_algo": "NVFP4"}).bits_by_role
    by_role = dict(found({"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ignored}).bits_by_role)
    assert by_role == pytest.approx({**plain, **bits})


def test_a_quantised_output():
    part = {"quant_method": "gptq", "bits": 4, "group_size": 128, "lm_head": True}
    assert found(part).bits_by_role["output"] == found(part).bits_per_weight
