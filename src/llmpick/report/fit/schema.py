"""The documented, versioned shape of `llmpick fit --json`, under the rules of `report/pick/schema.py`.

What is unknown is null with its reason under the same key of `unknown`; numbers are finite; within one `schema_version` keys are only
added. The descriptions are the text of `docs/fit.md` and of `fit.schema.json`; `python -m tests.report.regenerate` writes both.
"""

from datetime import date
from typing import Any, Literal

from pydantic import Field, JsonValue

from llmpick.report.document import Range, Reasons, Record, WithUnknowns, schema_of

SCHEMA_VERSION = 1
Fits = Literal["yes", "marginal", "no", "unknown"]


class FitSource(WithUnknowns):
    title: str = Field(description="what was read, or the formula")
    url: str | None = Field(description="its address")
    published: date | None = Field(description="the day from which it could be known")
    checked: date | None = Field(description="the day on which it was last compared with the source")
    unknown: Reasons


class FitLine(Record):
    part: Literal["weights", "kv_cache", "compute", "overhead"] = Field(description="the part that it is a term of")
    name: str = Field(description="what takes the memory")
    bytes: Range = Field(description="how much of it")
    formula: str = Field(description="how that was computed, with the numbers filled in")
    source: str = Field(description="title of the source of the formula")


class Parts(Record):
    weights_bytes: Range = Field(description="the weights")
    kv_cache_bytes: Range = Field(description="keys, values and states of all sequences")
    compute_bytes: Range = Field(description="buffers of the computation and of the output")
    overhead_bytes: Range = Field(description="what the engine adds")


class Memory(WithUnknowns):
    kind: Literal["resident", "allocated", "on the device"] = Field(
        description="which memory is meant: of the process above an idle one, allocated by the engine, or counted by the device's driver"
    )
    weights_bytes: int = Field(description="the weights, per device")
    kv_cache_bytes: int = Field(description="keys, values and states of all sequences at the full context, per device")
    compute_bytes: int = Field(description="buffers of the computation and of the output, per device")
    overhead_bytes: int = Field(description="what the engine adds, per device")
    total_bytes: Range = Field(description="the sum, per device")
    kv_pool_bytes: Range | None = Field(description="the cache that the engine claims beforehand, per device")
    kv_pool_tokens: int | None = Field(description="the tokens of context that the pool holds, as the engine counts them")
    intervals: Parts = Field(description="the four parts with their intervals")
    lines: list[FitLine] = Field(description="every term of the sum")
    host_bytes: Range | None = Field(description="the host's memory that it takes beside, where layers or experts were kept there")
    host_lines: list[FitLine] = Field(description="every term of `host_bytes`")
    confirmed_by: str | None = Field(description="the engine's own allocator, where it was asked")
    unknown: Reasons


class Speed(WithUnknowns):
    decode_tokens_per_s: Range | None = Field(description="what each sequence receives while its cache holds `context_tokens`")
    prefill_tokens_per_s: Range | None = Field(description="tokens of a prompt of `prompt_tokens` read per second")
    ttft_s: Range | None = Field(description="seconds until the first token of such a prompt, with nobody waiting before it")
    context_tokens: int = Field(description="tokens that each cache holds")
    prompt_tokens: int = Field(description="tokens of the prompt")
    source: str | None = Field(description="where the constants come from")
    unknown: Reasons


class Offer(Record):
    provider: str = Field(description="who sells it")
    model: str = Field(description="under which name")
    input_per_million: float = Field(description="US dollars per million tokens read")
    output_per_million: float = Field(description="US dollars per million tokens written")
    snapshot: str = Field(description="the price list, with its day")


class FitCost(WithUnknowns):
    device_per_hour: float = Field(description="US dollars per hour of all devices")
    device_per_hour_source: str = Field(description="who says so")
    input_per_million: Range | None = Field(description="US dollars per million tokens read, if the device is busy all the time")
    output_per_million: Range | None = Field(description="US dollars per million tokens written, if the device is busy all the time")
    energy_kwh_per_million_output: Range | None = Field(description="energy of writing a million tokens")
    offer: Offer | None = Field(description="the cheapest API for the same model")
    break_even_tokens_per_day: float | None = Field(description="tokens a day above which the device is cheaper than the offer")
    capacity_tokens_per_day: Range | None = Field(description="tokens a day that the device carries in the user's mix, busy all the time")
    input_share: float | None = Field(description="the part of all tokens that is read")
    note: str | None = Field(description="what else there is to say")
    unknown: Reasons


class Result(WithUnknowns):
    model: str = Field(description="the model")
    quantization: str = Field(description="how its weights are stored")
    engine: str = Field(description="`llama.cpp`, `vllm`, `sglang` or `transformers`")
    engine_version: str | None = Field(description="the version that was named")
    engine_options: dict[str, JsonValue] = Field(description="the load options that the estimate assumes, by the engine's own names")
    device: str = Field(description="the device; all bytes are per device")
    tensor_parallel: int = Field(description="devices that share each layer")
    pipeline_parallel: int = Field(description="groups of devices that hold layers one after the other")
    context_tokens: int = Field(description="tokens of context of each sequence")
    sequences: int = Field(description="sequences at once")
    available_bytes: int = Field(description="memory that it may take on each device")
    memory: Memory | None = Field(description="the memory")
    speed: Speed = Field(description="the speed")
    price: FitCost | None = Field(description="the price")
    fits: Fits = Field(description="`yes` from a probability of 0.95 on, `no` up to 0.05, `marginal` between")
    fits_probability: float | None = Field(description="the probability that `total_bytes` is at most `available_bytes`")
    reasons: list[str] = Field(description="why it does not fit, or why it cannot be told")
    notes: list[str] = Field(description="what was assumed, and what else the reader should know")
    sources: list[FitSource] = Field(description="where the numbers come from")
    unknown: Reasons


class CatalogModel(WithUnknowns):
    model: str = Field(description="id of the model")
    foremost: bool = Field(description="it fits, and no other that fits is at least as large, as long trained and as new")
    fits: Fits = Field(description="whether it fits in `quantization` at the context that was asked for")
    fits_probability: float | None = Field(description="the probability of that")
    tuning: Literal["base", "instruct"] = Field(description="a base model, or one that follows instructions")
    parameters_total: int | None = Field(description="all parameters")
    parameters_active: int | None = Field(description="parameters that one token uses")
    training_tokens: int | None = Field(description="tokens that it was trained on")
    released: date | None = Field(description="the day of its release")
    quantization: str | None = Field(description="the widest that surely fits, else the one that comes nearest")
    bits_per_weight: float | None = Field(description="bits per weight of that, over the whole model")
    longest_context_tokens: int | None = Field(description="the longest of the contexts tried that surely fits in it")
    total_bytes: Range | None = Field(description="memory at the context that was asked for")
    decode_tokens_per_s: Range | None = Field(description="speed of writing there")
    reasons: list[str] = Field(description="why it is not worth a look here")
    notes: list[str] = Field(description="what else there is to say")
    unknown: Reasons


class Configurations(Record):
    yes: int = Field(description="surely fit")
    marginal: int = Field(description="may fit")
    no: int = Field(description="do not fit")
    cannot_tell: int = Field(description="cannot be told")


class Outlook(WithUnknowns):
    device: str = Field(description="the device")
    engine: str = Field(description="the engine")
    available_bytes: int = Field(description="memory that a model may take")
    task: str | None = Field(description="the task whose limits were used")
    context_tokens: int = Field(description="the context that was asked for; models trained on less are taken at theirs where nobody asked")
    sequences: int = Field(description="sequences at once")
    quantizations: list[str] = Field(description="the quantisations tried")
    contexts: list[int] = Field(description="the contexts tried")
    configurations: Configurations = Field(description="how many configurations were computed, by whether they fit")
    seconds: float = Field(description="what computing them took")
    order: str = Field(description="how the models are ordered")
    models: list[CatalogModel] = Field(description="every model of the catalog, those to try first at the head")
    notes: list[str] = Field(description="what else the reader should know")
    unknown: Reasons


class Fit(WithUnknowns):
    schema_version: Literal[1] = Field(description="this description")
    results: list[Result] = Field(description="the configurations that were asked for; without a model, the first of the outlook")
    outlook: Outlook | None = Field(description="what fits best, where no model was named")
    unknown: Reasons


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `fit --json` prints: an answer or an error."""
    return schema_of(Fit, "llmpick fit --json")
