"""The second filter: memory, speed and price, estimated before a candidate runs and measured once it has."""

from llmpick.evidence.model import Candidate, Endpoint
from llmpick.evidence.task import Limits
from llmpick.evidence.values import Estimate, Measurement, Unknown

GIB = 2**30
Value = Estimate | Measurement | Unknown


def broken_by_memory(memory: Value, limits: Limits, *, available_bytes: int | None) -> str | None:
    """Why the candidate's memory rules it out. An estimate excludes only when even its low end is too much; then it is not worth a run."""
    bound = min((b for b in (limits.memory_bytes, available_bytes) if b is not None), default=None)
    if bound is None or isinstance(memory, Unknown):
        return None
    needed = memory.interval.value if isinstance(memory, Measurement) else memory.interval.low
    if needed <= bound:
        return None
    verb = "was seen to take" if isinstance(memory, Measurement) else "needs at least"
    digits = next((n for n in (1, 2, 3) if f"{needed / GIB:.{n}f}" != f"{bound / GIB:.{n}f}"), 6)  # so many as tell the two apart
    there = f"{bound / GIB:.{digits}f} GiB"
    says = f"the task's limit is {there}" if bound == limits.memory_bytes else f"the device has {there} free"
    return f"{verb} {needed / GIB:.{digits}f} GiB, {says}"


def broken_by_speed(decode_tokens_per_s: Value, ttft_s: Value, limits: Limits, *, measured_here: bool) -> tuple[str, ...]:
    """Why its speed rules a candidate out, or why a speed limit could not be checked.

    `measured_here` says that the limit is set for the machine on which the speeds were measured, with one user: a speed seen elsewhere
    decides nothing.
    """
    wanted = [
        ("decode speed", limits.decode_tokens_per_s, decode_tokens_per_s, "tokens/s", False),
        ("time to first token", limits.ttft_s, ttft_s, "s", True),
    ]
    reasons: list[str] = []
    for name, limit, value, unit, smaller_is_better in wanted:
        if limit is None:
            continue
        if isinstance(value, Unknown):
            reasons.append(f"its {name} is not known ({value.reason}), the task's limit is {limit:g} {unit}")
        elif not measured_here:
            reasons.append(
                f"its {name} was not measured on {limits.device} with {limits.users} users, the task's limit is {limit:g} {unit}"
            )
        elif (value.interval.value > limit) if smaller_is_better else (value.interval.value < limit):
            reasons.append(f"{name} {value.interval.value:.3g} {unit}, the task's limit is {limit:g} {unit}")
    return tuple(reasons)


def broken_by_price(candidate: Candidate, limits: Limits) -> str | None:
    """Why the price of an endpoint rules it out. What runs on the user's own machine has no price per token."""
    if limits.price_per_million_tokens is None or not isinstance(candidate.run, Endpoint):
        return None
    prices = [price for price in (candidate.run.input_price, candidate.run.output_price) if price is not None]
    if not prices:
        return f"its price is not known, the task's limit is {limits.price_per_million_tokens:g} per million tokens"
    dearest = max(prices)
    return (
        f"costs {dearest:g} per million tokens, the task's limit is {limits.price_per_million_tokens:g}"
        if dearest > limits.price_per_million_tokens
        else None
    )
