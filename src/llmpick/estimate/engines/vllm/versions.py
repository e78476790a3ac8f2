"""What vLLM's versions do differently, as far as it moves memory. One after the last known is taken to behave like it, less surely."""

import re
from typing import NamedTuple

from llmpick.estimate.engine_versions import Checked, two_numbers
from llmpick.estimate.shape import Range

GIB = 2**30
_HOPPER_OR_LATER = re.compile(r"\b(GH200|H100|H200|H800|H20|B100|B200|B300|GB200|GB300)\b", re.IGNORECASE)
# Streaming multiprocessors, from NVIDIA's data sheets; the sampler keeps one buffer row for each.
_PROCESSORS = {
    "H100": 132, "H200": 132, "GH200": 132, "H800": 132, "H20": 78, "B200": 148, "B300": 148, "GB200": 148, "A100": 108, "A800": 108,
    "A40": 84, "A30": 56, "A10": 72, "A6000": 84, "L40S": 142, "L40": 142, "L4": 58, "T4": 40, "V100": 80, "3090": 82, "3080": 68,
    "4090": 128, "4080": 76, "4070": 46, "4060": 24, "5090": 170, "5080": 84, "5070": 48, "5060": 30,
}  # fmt: skip
_USUAL_PROCESSORS = 108
_LARGE_WORKSPACE, _SMALL_WORKSPACE = 32 * 2**20, 8.125 * 2**20  # what torch gives cuBLAS, by generation (torch.backends.cuda)


class Version(NamedTuple):
    """`sorts`: top-k and top-p sort all logits (until the Triton kernel of 0.17). `graphs_in_claim`: CUDA graphs are paid from the pool.

    `outside_torch` is what one GPU holds outside of torch's allocator, `outside_torch_tp` the same with tensor parallelism on Hopper and
    later, `outside_torch_tp_old` on earlier GPUs (no symmetric memory, no fused all-reduce). `activations` is the 90% error of the peak:
    relative low and high, and an absolute part in bytes. `pool_by_concurrency`: the log counts the requests that fit, not blocks.
    """

    sorts: bool
    graphs_in_claim: bool
    pool_by_concurrency: bool
    utilization: float
    rows_on_large: int
    outside_torch: Range
    outside_torch_tp: Range
    outside_torch_tp_old: Range
    activations: tuple[float, float, float]


def _gib(value: float, low: float, high: float) -> Range:
    return Range(value * GIB, low * GIB, high * GIB)


# Sources: 0.19 from 58 logged boots, 0.15-0.18 from a version sweep and 0.11 from a report, all of llm-d-planner (H100); 0.6 from vLLM's
# pull request 10511; that 0.21 charges the graphs is what its log says; 0.28 from four boots of ridgepoint's calibration (A100).
_V0 = Version(True, False, False, 0.9, 256, _gib(0.13, 0.04, 1.8), _gib(0.6, 0.1, 3.6), _gib(0.6, 0.1, 3.6), (0.4, 0.4, 0.15 * GIB))
_SORTING = Version(
    True, False, False, 0.9, 1024, _gib(0.13, 0.1, 0.25), _gib(0.55, 0.2, 0.9), _gib(0.5, 0.2, 0.9), (0.03, 0.03, 0.05 * GIB)
)
_TRITON = _SORTING._replace(sorts=False)
_CURRENT = _TRITON._replace(
    outside_torch=_gib(0.25, 0.2, 0.47), outside_torch_tp=_gib(2.1, 2.0, 2.3), outside_torch_tp_old=_gib(0.67, 0.3, 2.1)
)
_GRAPHS_CHARGED = _CURRENT._replace(graphs_in_claim=True, utilization=0.92, activations=(0.25, 0.35, 0.3 * GIB))
_BY_CONCURRENCY = _GRAPHS_CHARGED._replace(pool_by_concurrency=True)
_FROM: tuple[tuple[tuple[int, int], Version], ...] = (
    ((0, 0), _V0),
    ((0, 8), _SORTING),
    ((0, 17), _TRITON),
    ((0, 18), _CURRENT),
    ((0, 21), _GRAPHS_CHARGED),
    ((0, 22), _BY_CONCURRENCY),
)


_CHECKED = Checked((0, 6), (0, 28))


def version_note(version: str | None) -> str | None:
    """What is to be said of an estimate for a version that no boot was logged of."""
    return _CHECKED.note("vLLM", version, two_numbers(version))


def traits(version: str | None) -> Version:
    """What is known of `version` ("0.19", "0.19.1", "v0.6.x"); None is the newest."""
    number = two_numbers(version) or (999, 0)
    return next(known for first, known in reversed(_FROM) if number >= first)


def is_hopper_or_later(device_name: str) -> bool:
    """A data-centre GPU of NVIDIA from 2022 on, by its name."""
    return _HOPPER_OR_LATER.search(device_name) is not None


def processors(device_name: str) -> int:
    """Streaming multiprocessors; those of an A100 where the name is not known."""
    words = re.findall(r"[A-Za-z]*\d+[A-Za-z]?", device_name.upper())
    return next((_PROCESSORS[word] for word in words if word in _PROCESSORS), _USUAL_PROCESSORS)


def workspace_bytes(device_name: str) -> float:
    """CuBLAS's workspace."""
    return _LARGE_WORKSPACE if is_hopper_or_later(device_name) else _SMALL_WORKSPACE
