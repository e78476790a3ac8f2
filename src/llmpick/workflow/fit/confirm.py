"""`--confirm`: what llmpick estimates of tensors and cache replaced by what llama.cpp's own allocator plans for the file.

The plan counts device memory, which is less than a CPU's process holds: the file is mapped whole, also where a rearranged copy takes the
place of its tensors; the process has a library and a tokenizer. Of the compute buffer it holds only what was written. There the
estimate's lines stay, with the plan's buffer as the upper end.
"""

from dataclasses import replace

from llmpick.estimate.footprint import sum_of
from llmpick.estimate.shape import Range
from llmpick.evidence.errors import InputError
from llmpick.evidence.fit import FitMemory, MemoryLine
from llmpick.evidence.values import Interval, Source
from llmpick.measure.confirm import Plan, PlannedMemory, confirm
from llmpick.workflow.fit.variants import Case

MIB = 2**20
ROUNDED = 0.5 * MIB
"""The plan is printed in whole MiB."""


def check_confirmable(case: Case) -> None:
    """Raises `InputError` where there is no file that llama.cpp on this machine could be asked about."""
    blueprint = case.blueprint
    wrong = None
    if case.deployment.engine != "llama.cpp":
        wrong = f"{case.deployment.engine} cannot be asked without loading the model"
    elif not case.place.here:
        wrong = f"the engine of this machine cannot plan for {case.device.name}"
    elif blueprint.path is None or blueprint.format != "gguf":
        wrong = f"{blueprint.name} is no GGUF file on this machine"
    if wrong:
        raise InputError(wrong, where="--confirm", remedy="name a GGUF file of this machine and no device, or leave --confirm out")


def confirmed(case: Case, memory: FitMemory, options: dict[str, int | float | str | bool]) -> tuple[FitMemory, tuple[str, ...]]:
    """The memory with the plan's figures, and what the plan said. Raises `EngineError` where the engine makes none."""
    check_confirmable(case)
    assert case.blueprint.path is not None
    plan = confirm(case.blueprint.path, options)
    source = Source(f"the plan of {plan.engine}'s own allocator for this file", url="https://github.com/xorbitsai/xllamacpp")
    return _with_plan(memory, _of_device(plan, case.device.kind), source), (_said(plan),)


def _of_device(plan: Plan, kind: str) -> tuple[PlannedMemory, ...]:
    """On a GPU its own buffers; on a CPU all of them are in the process."""
    if kind == "cpu":
        return plan.devices
    return tuple(device for device in plan.devices if not device.device.startswith(("Host", "CPU")))


def _with_plan(memory: FitMemory, devices: tuple[PlannedMemory, ...], source: Source) -> FitMemory:
    resident = memory.kind == "resident"
    copies = [one for one in devices if "REPACK" in one.device]
    mapped = [line for line in memory.lines if resident and line.part == "weights" and line.name != "rearranged copy"]
    planned = [_line("weights", f"tensors in {one.device}", one.model_bytes, source) for one in (copies if resident else devices)]
    planned += [_line("kv_cache", f"cache in {one.device}", one.context_bytes, source) for one in devices]
    compute = sum(one.compute_bytes for one in devices)
    kept = [_within(line, compute, resident, source) for line in memory.lines if line.part in ("compute", "overhead")]
    lines = (*mapped, *(line for line in planned if line.bytes.value), *kept)
    return replace(
        memory,
        weights_bytes=_part(lines, "weights"),
        kv_cache_bytes=_part(lines, "kv_cache"),
        compute_bytes=_part(lines, "compute"),
        total_bytes=_part(lines, None),
        lines=lines,
        confirmed_by=source,
    )


def _within(line: MemoryLine, compute: int, resident: bool, source: Source) -> MemoryLine:
    """The buffer of a batch: on a GPU as planned, in a process at most that."""
    if line.name != "buffer of one batch":
        return line
    if not resident:
        return _line("compute", line.name, compute, source)
    high = max(line.bytes.value, float(compute))
    return replace(line, bytes=replace(line.bytes, high=high))


def _line(part: str, name: str, size: int, source: Source) -> MemoryLine:
    value = Interval(float(size), max(0.0, size - ROUNDED), size + ROUNDED, 0.9)
    return MemoryLine(part, name, value, "as planned, in whole MiB", source)  # pyright: ignore[reportArgumentType]


def _part(lines: tuple[MemoryLine, ...], part: str | None) -> Interval:
    found = [line.bytes for line in lines if part in (None, line.part)]
    total = sum_of([Range(one.value, one.low, one.high) for one in found])
    return Interval(float(total.value), float(total.low), float(total.high), 0.9)


def _said(plan: Plan) -> str:
    parts = {
        "tensors": sum(one.model_bytes for one in plan.devices),
        "cache": sum(one.context_bytes for one in plan.devices),
        "compute": sum(one.compute_bytes for one in plan.devices),
    }
    said = " + ".join(f"{size / MIB:,.0f} MiB {name}" for name, size in parts.items())
    return (
        f"The allocator of {plan.engine} was asked: it plans {plan.total_bytes / MIB:,.0f} MiB ({said}), which leaves out the process "
        "(mapped file, library, tokenizer) and counts the compute buffer whole."
    )
