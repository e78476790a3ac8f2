"""Which load options each engine's formulas read: what `fit` says of the others is true."""

from collections.abc import Iterator, Mapping

import pytest

from llmpick.estimate.run_memory import ENGINES, counted_options, run_available, run_footprint
from llmpick.estimate.shape import shape_of
from llmpick.evidence.deployment import Deployment, EngineName, Option
from llmpick.evidence.device import Device
from llmpick.evidence.model import Architecture, AttentionLayer, Blueprint, RecurrentLayer, TensorGroup
from llmpick.evidence.values import Source

GIB = 2**30
GPU, CPU = Device("H100", "gpu", 80 * GIB, 80 * GIB, vendor="nvidia"), Device("a CPU", "cpu", 80 * GIB, 80 * GIB)
LAYERS = (AttentionLayer(8, 128, 128), AttentionLayer(8, 128, 128, 1024), RecurrentLayer(4096, 512))
HYBRID = Blueprint(
    "hybrid",
    "files",
    "gguf",
    "F16",
    Architecture("x", 4096, 32_000, LAYERS, blocks=3, heads=32, intermediate_size=11_008),
    (TensorGroup("mlp", "F16", 10**9, 2 * 10**9), TensorGroup("embedding", "F16", 10**8, 2 * 10**8)),
    8192,
    Source("a test"),
)


class Recording(Mapping[str, Option]):
    """Options of which none is set; it keeps what was asked for."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Option:
        self.read.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.mark.parametrize("engine", ENGINES)
def test_the_options_that_count_are_those_that_are_read(engine: EngineName):
    shape, recording = shape_of(HYBRID), Recording()
    assert shape is not None
    deployment = Deployment(engine, options=recording)
    for device in (GPU, CPU):
        run_footprint(shape, device, deployment, context_tokens=4096, sequences=2)
        run_available(shape, device, deployment)
    assert recording.read == counted_options(deployment)
