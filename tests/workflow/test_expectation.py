"""What `pick` expects of a candidate before it runs: the memory that `fit` computes, and what its own engine then took."""

import subprocess
import sys
from pathlib import Path

import pytest

from llmpick.catalog.loader import find_model
from llmpick.evidence.device import Device, Load
from llmpick.evidence.fit import FitMemory
from llmpick.evidence.values import Estimate, Unknown
from llmpick.sources.gguf import read_gguf
from llmpick.workflow.expectation import as_fetched, of_files, while_measured
from llmpick.workflow.fit.fit import fit
from llmpick.workflow.fit.inputs import FitOptions

MIB, GIB = 2**20, 2**30
CPU = Device("a CPU", "cpu", 64 * GIB, 64 * GIB)
GPU = Device("RTX 3090", "gpu", 24 * GIB, 24 * GIB, 936e9, vendor="nvidia", fp16_flops=142e12)

# Resident MiB of the whole engine process after a prompt of 80% of the context (xllamacpp 2026.10.11549, swa_full, no flash attention).
MEASURED = {
    "smollm2": [(1024, 194.5), (2048, 243.0), (4096, 331.4)],
    "gemma": [(1024, 380.4), (2048, 413.3), (4096, 474.0)],
}


@pytest.mark.parametrize("model", MEASURED)
def test_what_the_engine_took_lies_inside_the_interval(model: str, request: pytest.FixtureRequest):
    weights = read_gguf(request.getfixturevalue(f"{model}_path"))
    for context, resident_mib in MEASURED[model]:
        room = while_measured(weights, None, CPU, context)
        assert isinstance(room, Estimate)
        assert room.interval.low < resident_mib * MIB < room.interval.high
        assert room.interval.high < 1.5 * resident_mib * MIB


@pytest.mark.parametrize("model", MEASURED)
@pytest.mark.parametrize(("context", "users"), [(1024, 1), (2048, 1), (2048, 3)])
def test_serving_it_takes_what_fit_says_at_the_same_context(model: str, context: int, users: int, request: pytest.FixtureRequest):
    path = request.getfixturevalue(f"{model}_path")
    (result,) = fit(FitOptions(models=(str(path),), context_tokens=context, sequences=users), {}).results
    assert isinstance(result.memory, FitMemory)
    memory, _ = of_files(read_gguf(path), None, result.device, Load(context, users), here=True)
    assert isinstance(memory, Estimate)
    assert memory.interval == result.memory.total_bytes
    assert f"{context:,} tokens" in memory.source.title


ENGINE = """
import sys, psutil, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel, params.verbosity, params.swa_full = sys.argv[1], 1024, 1, -1, True
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
server = xllamacpp.Server(params)
server.handle_completions({"prompt": "the quick brown fox " * 20, "n_predict": 1})
print(psutil.Process().memory_info().rss)
"""


def test_the_real_engine_stays_inside_the_interval(smollm2_path: Path):
    done = subprocess.run([sys.executable, "-c", ENGINE, str(smollm2_path)], capture_output=True, text=True, timeout=120, check=True)
    room = while_measured(read_gguf(smollm2_path), None, CPU, 1024)
    assert isinstance(room, Estimate)
    assert room.interval.low < int(done.stdout) < room.interval.high


def test_a_model_of_the_catalog_is_taken_as_it_would_be_fetched():
    """A file of 4.58 GiB, 1 GiB of cache and a quarter of buffers at 8,192 tokens; a 3090 wrote 115 tokens/s from an empty cache."""
    facts = find_model("meta-llama/Meta-Llama-3-8B")
    assert facts is not None
    memory, speed = as_fetched(facts, "Q4_K_M", GPU, Load(8192), here=False)
    assert isinstance(memory, Estimate)
    assert isinstance(speed, Estimate)
    # The input table stays on the host; the driver's context comes on top.
    assert 5.5 * GIB < memory.interval.value < 6.0 * GIB
    assert 60 < speed.interval.low < speed.interval.value < 115
    wide, _ = as_fetched(facts, "BF16", GPU, Load(8192), here=False)
    assert isinstance(wide, Estimate)
    assert wide.interval.value > 15.2 * GIB


def test_a_speed_that_nobody_can_know_is_unknown(smollm2_path: Path):
    _, speed = of_files(read_gguf(smollm2_path), None, CPU, Load(1024), here=False)
    assert speed == Unknown("the memory bandwidth of a CPU is not known")
