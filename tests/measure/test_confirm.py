"""llama.cpp's own plan of its memory, and the estimate beside it."""

from pathlib import Path

import pytest

from llmpick.estimate.engines.llamacpp import engine_options, footprint
from llmpick.estimate.shape import shape_of
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device
from llmpick.evidence.errors import EngineError
from llmpick.measure.confirm import confirm
from llmpick.sources.gguf import read_gguf
from llmpick.workflow.models.weights_blueprint import blueprint_of

MIB = 2**20
CPU = Device("a CPU", "cpu", 2**36, 2**36)


@pytest.mark.parametrize(("swa_full", "cache_mib"), [(False, 39), (True, 144)])
def test_the_engine_plans_what_is_estimated(gemma_path: Path, swa_full: bool, cache_mib: int):
    deployment = Deployment("llama.cpp", options={"swa_full": swa_full})
    shape = shape_of(blueprint_of(read_gguf(gemma_path)))
    assert shape is not None
    plan = confirm(gemma_path, engine_options(deployment, CPU, 8192))
    estimate = footprint(shape, CPU, deployment, context_tokens=8192)
    assert sum(device.context_bytes for device in plan.devices) == cache_mib * MIB == estimate.part("kv_cache").value
    copy = next(line.bytes.value for line in estimate.lines if line.name == "rearranged copy")
    assert next(device.model_bytes for device in plan.devices if device.device == "CPU_REPACK") == pytest.approx(copy, abs=MIB)
    assert plan.engine.startswith("xllamacpp ")


def test_a_file_that_is_no_model_is_an_error_that_says_so(tmp_path: Path):
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(EngineError, match="made no plan"):
        confirm(path, engine_options(Deployment("llama.cpp"), CPU, 512))
