"""One configuration: memory, speed and price from the pure formulas, and whether it fits."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from llmpick.estimate.footprint import Footprint, Line, probability_that_it_fits, sum_of
from llmpick.estimate.run_memory import run_available, run_footprint, run_options
from llmpick.estimate.shape import Range, Shape, shape_of
from llmpick.estimate.unknown_architecture import Bounds, bounded, bounding_shapes
from llmpick.evidence.deployment import Option
from llmpick.evidence.fit import FitMemory, FitPrice, FitResult, Fits, FitSpeed, MemoryLine
from llmpick.evidence.values import Interval, Source, Unknown
from llmpick.workflow.fit.price import Purse, price_of
from llmpick.workflow.fit.speed import speed_of
from llmpick.workflow.fit.variants import Case

CONFIDENCE = 0.9
SURELY, HARDLY = 0.95, 0.05
BOUNDS = ("Its layers are not known: the interval reaches from no cache at all to the most that a model of its size keeps.",)


class Verdict(NamedTuple):
    """What a configuration's memory says by itself: speed and price cost more to find out, and do not change it."""

    shape: Shape | None
    memory: FitMemory | Unknown
    available: int
    probability: float | None
    fits: Fits
    reasons: tuple[str, ...]
    notes: tuple[str, ...]


def verdict_on(case: Case) -> Verdict:
    """Memory, and whether it fits."""
    shape = shape_of(case.blueprint, spread=case.spread)
    bounds = None if shape else bounding_shapes(case.blueprint, spread=case.spread)
    footprint = footprint_of(case, shape, bounds)
    available = _available(case, shape or (bounds.likely if bounds else None))
    memory = _memory(footprint) if footprint else Unknown("neither its layers nor its number of parameters are known")
    said: tuple[str, ...] = ()
    if case.confirm and isinstance(memory, FitMemory):
        from llmpick.workflow.fit.confirm import confirmed  # brings the engine's files, which nothing else here needs

        memory, said = confirmed(case, memory, _options(case))
    probability, fits, reasons = judge(memory, available, whole=shape is not None)
    return Verdict(shape, memory, available, probability, fits, reasons, (*said, *(BOUNDS if shape is None and footprint else ())))


def fit_case(case: Case, purse: Purse) -> FitResult:
    """The whole answer for one configuration."""
    found = verdict_on(case)
    speed = speed_of(case, found.shape)
    price = Unknown("it does not fit") if found.fits == "no" else price_of(case, speed, purse)
    return FitResult(
        model=case.blueprint.name,
        quantization=case.blueprint.quantization,
        deployment=case.deployment,
        engine_options=_options(case),
        device=case.device,
        load=case.load,
        available_bytes=found.available,
        memory=found.memory,
        speed=speed,
        price=price,
        fits=found.fits,
        fits_probability=found.probability,
        sources=_sources(case, found.memory, speed, price),
        reasons=found.reasons,
        blueprint=case.blueprint,
        notes=(*case.blueprint.notes, *case.notes, *found.notes),
    )


def _options(case: Case) -> dict[str, Option]:
    return run_options(case.deployment, case.device, case.load.context_tokens, case.load.sequences)


def judge(memory: FitMemory | Unknown, available: int, *, whole: bool) -> tuple[float | None, Fits, tuple[str, ...]]:
    """The probability that it fits, the word for it, and why it does not. `whole`: the interval is an estimate, not mere bounds."""
    if isinstance(memory, Unknown):
        return None, "unknown", ("nothing is known of its memory",)
    total = memory.total_bytes
    if not whole and total.low <= available < total.high:
        return None, "unknown", ("its layers are not known, so neither is its KV cache: it may fit or not",)
    probability = float(probability_that_it_fits(Range(total.value, total.low, total.high), available))
    fits = fits_word(probability)
    return probability, fits, () if fits in ("yes", "marginal") else (_too_much(total, available),)


def fits_word(probability: float) -> Literal["yes", "marginal", "no"]:
    return "yes" if probability >= SURELY else "no" if probability <= HARDLY else "marginal"


def interval(value: Range) -> Interval:
    middle = float(value.value)
    # Rounding may put the ends of a point a last digit beside it.
    return Interval(middle, min(middle, float(value.low)), max(middle, float(value.high)), CONFIDENCE)


def _too_much(total: Interval, available: int) -> str:
    return f"needs {total.value / 2**30:.1f} GiB, {available / 2**30:.1f} GiB are there"


def _available(case: Case, shape: Shape | None) -> int:
    return int(run_available(shape, case.device, case.deployment)) if shape else case.device.memory_free_bytes


def footprint_of(case: Case, shape: Shape | None, bounds: Bounds | None) -> Footprint | None:
    """Of the shape, else between the bounds; None where nothing is known."""
    if shape:
        return _run(case, shape)
    return bounded(*(_run(case, one) for one in bounds)) if bounds else None


def _run(case: Case, shape: Shape) -> Footprint:
    load = case.load
    return run_footprint(shape, case.device, case.deployment, context_tokens=load.context_tokens, sequences=load.sequences)


def _memory(footprint: Footprint) -> FitMemory:
    pool = None if footprint.kv_pool is None else interval(footprint.kv_pool)
    return FitMemory(
        kind=footprint.kind,
        weights_bytes=interval(footprint.part("weights")),
        kv_cache_bytes=interval(footprint.part("kv_cache")),
        compute_bytes=interval(footprint.part("compute")),
        overhead_bytes=interval(footprint.part("overhead")),
        total_bytes=interval(footprint.total),
        kv_pool_bytes=pool,
        kv_pool_tokens=None if footprint.pool_tokens is None else int(footprint.pool_tokens),
        lines=_lines(footprint.lines),
        host_bytes=interval(sum_of([line.bytes for line in footprint.host])) if footprint.host else None,
        host_lines=_lines(footprint.host),
    )


def _lines(lines: Sequence[Line]) -> tuple[MemoryLine, ...]:
    return tuple(MemoryLine(line.part, line.name, interval(line.bytes), line.formula, line.source) for line in lines)


def _of_device(case: Case) -> list[Source]:
    """Who says what memory and bandwidth a device of the catalog has."""
    if case.place.here:
        return []
    from llmpick.catalog.devices import find_device

    known = find_device(case.device.name)
    return [] if known is None else [(known.driver_memory_bytes or known.memory_bytes).source, known.bandwidth_bytes_per_s.source]


def _sources(case: Case, memory: FitMemory | Unknown, speed: FitSpeed, price: FitPrice | Unknown) -> tuple[Source, ...]:
    """Each source once, in the order in which they were used."""
    used: list[Source] = [case.blueprint.source, *_of_device(case)]
    if isinstance(memory, FitMemory):
        used.extend(line.source for line in (*memory.lines, *memory.host_lines))
    if speed.source:
        used.append(speed.source)
    if isinstance(price, FitPrice):
        used.append(price.device_per_hour_source)
        used.extend([price.offer.snapshot] if price.offer else [])
    return tuple(dict.fromkeys(used))
