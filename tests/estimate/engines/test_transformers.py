"""The memory of transformers: a process that was measured, and what each option moves. Published GPU figures are in tests/article."""

import subprocess
import sys
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from llmpick.estimate.engines import transformers
from llmpick.estimate.shape import Shape, shape_of, stack
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device
from llmpick.evidence.model import Architecture, AttentionLayer, Blueprint, TensorGroup
from llmpick.evidence.values import Source

GIB = 2**30
HERE = Source("a test", checked=date(2026, 11, 24))
CPU = Device("this machine", "cpu", 16 * GIB, 16 * GIB)
GPU = Device("RTX 3090", "gpu", 24 * GIB, 24 * GIB, vendor="nvidia")
PLAIN = Deployment("transformers", "5.23.0")
TOKENS = 2048

# A Llama of random weights answers a prompt of TOKENS words; prints the peak of its resident memory less that of an idle interpreter.
GENERATE = """
import resource
idle = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
import torch
from transformers import LlamaConfig, LlamaForCausalLM
model = LlamaForCausalLM(LlamaConfig(hidden_size=512, intermediate_size=2048, num_hidden_layers=8, vocab_size=16384,
    num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=8192, tie_word_embeddings=True)).eval()
with torch.inference_mode():
    model.generate(torch.ones((1, {tokens}), dtype=torch.long), max_new_tokens=2, do_sample=False)
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak * 1024 - idle)
"""


def shape(*, layers: int = 8, hidden: int = 512, width: int = 2048, vocabulary: int = 16_384, element_bytes: int = 4) -> Shape:
    sizes = {"embedding": vocabulary * hidden, "mlp": layers * 3 * hidden * width, "attention": layers * 3 * hidden * hidden}
    groups = tuple(TensorGroup(role, "F32", size, element_bytes * size) for role, size in sizes.items())  # pyright: ignore[reportArgumentType]
    architecture = Architecture("x", hidden, vocabulary, (AttentionLayer(4, 64, 64),) * layers, layers, hidden // 64, width)
    found = shape_of(Blueprint("x", "files", "safetensors", "F32", architecture, groups, None, HERE))
    assert found is not None
    return found


def total(model: Shape, device: Device, deployment: Deployment, context: float = TOKENS) -> float:
    return float(np.asarray(transformers.footprint(model, device, deployment, context_tokens=context).total.value))


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_a_process_that_was_measured_here():
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    deployment = replace(PLAIN, options={"dtype": "float32"})
    found = transformers.footprint(shape(), CPU, deployment, context_tokens=TOKENS)
    script = GENERATE.format(tokens=TOKENS)
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True, timeout=120)
    peak = int(ran.stdout)
    # (ru_maxrss would not do: a child starts with that of the process which started it.)
    assert found.kind == "resident"
    assert np.asarray(found.total.low) <= peak <= np.asarray(found.total.high)
    assert np.asarray(found.total.value) == pytest.approx(peak, rel=0.2)


def test_a_chunked_prompt_writes_less_and_an_old_version_all_logits():
    whole, chunked = total(shape(), GPU, PLAIN), total(shape(), GPU, replace(PLAIN, options={"prefill_chunk_size": 128}))
    old = total(shape(vocabulary=256_000), GPU, replace(PLAIN, version="4.40"))
    assert whole - chunked == pytest.approx((TOKENS - 128) * 2 * (3 * 2048 + 3 * 512), rel=0.01)
    assert old - total(shape(vocabulary=256_000), GPU, PLAIN) > 0.9 * TOKENS * 256_000 * 6


def test_a_gpu_must_hold_the_drivers_context_too():
    assert transformers.available_bytes(shape(), CPU, PLAIN) == CPU.memory_free_bytes
    assert 23 * GIB < np.asarray(transformers.available_bytes(shape(), GPU, PLAIN)) < 23.7 * GIB


def test_options_by_their_own_names():
    assert transformers.engine_options(PLAIN, CPU, 4096, 2) == {
        "max_length": 4096,
        "batch_size": 2,
        "attn_implementation": "sdpa",
        "device_map": "cpu",
    }


def test_many_models_at_once_give_what_each_gives_alone():
    models = [shape(), shape(layers=12), shape(vocabulary=256_000)]
    many = transformers.footprint(stack(models), CPU, PLAIN, context_tokens=np.array([10.0, 8192.0, 300.0])).total
    alone = [total(model, CPU, PLAIN, tokens) for model, tokens in zip(models, (10.0, 8192.0, 300.0), strict=True)]
    assert np.asarray(many.value).tolist() == pytest.approx(alone)
