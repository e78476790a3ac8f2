"""What is said of one configuration, in sentences. Numbers are written by `report/numbers.py`."""

from llmpick.evidence.fit import FitMemory, FitPrice, FitResult
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.text import joined, one_line

ENGINES = {"llama.cpp": "llama.cpp", "vllm": "vLLM", "sglang": "SGLang", "transformers": "transformers"}
KINDS = {
    "resident": "Memory is what the engine's process holds (resident) above an idle one, after it has answered once.",
    "allocated": "Memory is what the engine allocates on each device.",
    "on the device": "Memory is what the driver counts on each device.",
}


def title(result: FitResult) -> str:
    """The configuration in one line: "gemma-3-270m Q4_K_M in llama.cpp on RTX 4090"."""
    return f"{one_line(result.model)} {one_line(result.quantization)} in {engine(result)} on {devices(result)}"


def engine(result: FitResult) -> str:
    name, version = ENGINES[result.deployment.engine], result.deployment.version
    return f"{name} {one_line(version)}" if version else name


def devices(result: FitResult) -> str:
    """How many of which: "2 x H100"."""
    count = result.deployment.tensor_parallel * result.deployment.pipeline_parallel
    name = one_line(result.device.name)
    return name if count == 1 else f"{count} x {name}"


def verdict(result: FitResult) -> str:
    """Whether it fits, how much of what it takes."""
    said = {"yes": "It fits", "marginal": "It may just fit", "no": "It does not fit", "unknown": "It cannot be told whether it fits"}
    start = said[result.fits]
    if isinstance(result.memory, Unknown):
        return f"{start}: {result.memory.reason}."
    chance = f" (probability {chance_of(result)})" if result.fits == "marginal" else ""
    total = memory_interval(result.memory.total_bytes)
    if result.fits == "no":
        return f"{start}: it needs {total} for {load(result)}, and there are only {there(result)}."
    return f"{start}{chance}: it takes {total} of {there(result)}, for {load(result)}."


def there(result: FitResult) -> str:
    """How much memory there is to take: "21.3 GiB free", "the 0.9 x 79.6 GiB that it may claim"."""
    device = result.device
    each = " on each device" if result.deployment.tensor_parallel * result.deployment.pipeline_parallel > 1 else ""
    if result.available_bytes < device.memory_free_bytes:
        return f"the {size(result.available_bytes)} that {engine(result)} may claim{each}"
    if device.memory_free_bytes < device.memory_total_bytes:
        return f"the {size(device.memory_free_bytes)} that are free (of {size(device.memory_total_bytes)}){each}"
    return f"{size(device.memory_total_bytes)}{each}"


def load(result: FitResult) -> str:
    context = f"{numbers.count(result.load.context_tokens)} tokens of context"
    return context if result.load.sequences == 1 else f"{numbers.count(result.load.sequences)} sequences of {context}"


def chance_of(result: FitResult) -> str:
    """The probability that it fits, never rounded to certainty."""
    p = result.fits_probability
    if p is None:
        return "unknown"
    return ">99.9%" if p > 0.999 else "<0.1%" if p < 0.001 else f"{100 * p:.0f}%" if 0.01 < p < 0.99 else f"{100 * p:.1f}%"


def speed(result: FitResult) -> str:
    """How fast it writes, reads and starts to answer; what is not known is said once."""
    s = result.speed
    write, read, start = ("would write", "read", "start") if result.fits == "no" else ("writes", "reads", "starts")
    parts = list[str]()
    if isinstance(s.decode_tokens_per_s, Interval):
        each = "" if result.load.sequences == 1 else " for each sequence"
        parts.append(f"{write} {rate_interval(s.decode_tokens_per_s)} tokens/s{each}")
    if isinstance(s.prefill_tokens_per_s, Interval):
        parts.append(f"{read} {rate_interval(s.prefill_tokens_per_s)} tokens/s")
    if isinstance(s.ttft_s, Interval):
        parts.append(f"{start} to answer {numbers.count(s.prompt_tokens)} tokens after {seconds_interval(s.ttft_s)}")
    missing = next((v.reason for v in (s.decode_tokens_per_s, s.prefill_tokens_per_s, s.ttft_s) if isinstance(v, Unknown)), None)
    if not parts:
        return f"Its speed is not known: {missing}."
    said = f"It {joined(parts)}."
    return f"{said} The rest is not known: {missing}." if missing else said


def pool(result: FitResult) -> str | None:
    """What the claimed cache holds."""
    memory = result.memory
    if isinstance(memory, Unknown) or memory.kv_pool_bytes is None:
        return None
    said = f"The KV pool that {engine(result)} claims is {memory_interval(memory.kv_pool_bytes)}"
    if memory.kv_pool_tokens is None:
        return f"{said}."
    whole = memory.kv_pool_tokens // max(1, result.load.context_tokens)
    return f"{said}: {numbers.count(memory.kv_pool_tokens)} tokens, {numbers.counted(whole, 'sequence')} of full context."


def host(result: FitResult) -> str | None:
    """What a partial offload leaves to the host."""
    memory = result.memory
    if isinstance(memory, Unknown) or memory.host_bytes is None:
        return None
    same = ", which is the GPU's too" if result.device.shares_memory else ""
    return f"What is not on the GPU takes {memory_interval(memory.host_bytes)} of the host's memory beside{same}."


def price(p: FitPrice) -> str:
    parts = [f"Price at ${numbers.money(p.device_per_hour)} an hour: {per_million(p)}"]
    if p.offer is not None:
        parts.append(
            f"{one_line(p.offer.provider)} sells it at ${numbers.money(p.offer.input_per_million)} and "
            f"${numbers.money(p.offer.output_per_million)}"
        )
    if p.break_even_tokens_per_day is not None:
        parts.append(f"the device is cheaper from {numbers.count(round(p.break_even_tokens_per_day))} tokens a day on")
    return "; ".join(parts) + "." + (f" {p.note[:1].upper()}{p.note[1:]}." if p.note else "")


def per_million(p: FitPrice) -> str:
    """What a million tokens read and written cost."""
    read, written = p.input_per_million, p.output_per_million
    if isinstance(read, Unknown) or isinstance(written, Unknown):
        missing = read if isinstance(read, Unknown) else written
        return f"per token not known ({missing.reason})" if isinstance(missing, Unknown) else ""
    return f"${money_interval(read)} per million tokens read, ${money_interval(written)} written"


def kind(memory: FitMemory) -> str:
    """Which memory is meant."""
    return KINDS[memory.kind]


def size(n: float, unit: str | None = None) -> str:
    """Bytes in GiB from one GiB on, else in MiB: "23.7 GiB", "9.80 GiB", "359 MiB", "2.2 MiB"; in `unit` where one is named."""
    if (unit or unit_of(n)) == "GiB":
        return f"{n / numbers.GIB:.{1 if n >= numbers.TENTHS_OF_GIB_FROM * numbers.GIB else 2}f} GiB"
    return f"{n / numbers.MIB:.{0 if n >= numbers.TENTHS_OF_GIB_FROM * numbers.MIB else 1}f} MiB"


def unit_of(n: float) -> str:
    return "GiB" if n >= numbers.GIB else "MiB"


def memory_interval(value: Interval) -> str:
    """The value with its range: "9.80 GiB [9.60, 10.1]"."""
    return f"{size(value.value)} {bounds(value)}".rstrip()


def bounds(value: Interval) -> str:
    """The range in the value's unit: "[9.60, 10.1]"; "" for a point."""
    unit = unit_of(value.value)
    low, high = (size(n, unit).removesuffix(f" {unit}") for n in (value.low, value.high))
    return "" if low == high else f"[{low}, {high}]"


def rate_interval(value: Interval) -> str:
    return f"{numbers.rate(value.value)} [{numbers.rate(value.low)}, {numbers.rate(value.high)}]"


def seconds_interval(value: Interval) -> str:
    return f"{numbers.seconds(value.value)} [{numbers.seconds(value.low)}, {numbers.seconds(value.high)}]"


def money_interval(value: Interval) -> str:
    low, high = numbers.money(value.low), numbers.money(value.high)
    return numbers.money(value.value) + ("" if low == high else f" [{low}, {high}]")
