"""What `llmpick fit` answers: for one model, quantisation, engine and device, the memory, the speed, the price, and whether it fits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device, Load
from llmpick.evidence.model import Blueprint
from llmpick.evidence.values import Interval, Source, Unknown

Fits = Literal["yes", "marginal", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class MemoryLine:
    """One term of the memory: how many bytes of which part, by which formula (numbers filled in), known from where."""

    part: Literal["weights", "kv_cache", "compute", "overhead"]
    name: str
    bytes: Interval
    formula: str
    source: Source


@dataclass(frozen=True, slots=True)
class FitMemory:
    """Bytes per device. `kind` says which memory: of the process (resident), allocated, or what the device's driver counts.

    `host_bytes` is the sum of `host_lines`: what lies in the host's memory beside, where layers or experts were kept there; else None.

    `kv_pool_bytes` is the cache that an engine claims beforehand, `kv_pool_tokens` the tokens it holds; None for engines that do not.
    """

    kind: Literal["resident", "allocated", "on the device"]
    weights_bytes: Interval
    kv_cache_bytes: Interval
    compute_bytes: Interval
    overhead_bytes: Interval
    total_bytes: Interval
    kv_pool_bytes: Interval | None
    kv_pool_tokens: int | None
    lines: tuple[MemoryLine, ...]
    confirmed_by: Source | None = None
    """The engine's own allocator, where it was asked."""
    host_bytes: Interval | None = None
    host_lines: tuple[MemoryLine, ...] = ()


@dataclass(frozen=True, slots=True)
class FitSpeed:
    """`decode_tokens_per_s` is what each sequence receives while its cache holds `context_tokens`; `prefill_tokens_per_s` the whole
    device's, for a prompt of `prompt_tokens`; `ttft_s` the seconds until the first token of such a prompt, with nobody waiting before it.
    """

    decode_tokens_per_s: Interval | Unknown
    prefill_tokens_per_s: Interval | Unknown
    ttft_s: Interval | Unknown
    context_tokens: int
    prompt_tokens: int
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class ApiOffer:
    """One price of one API for the same model, money per million tokens. `snapshot` is the price list it was read in, with its date."""

    provider: str
    model: str
    input_per_million: float
    output_per_million: float
    snapshot: Source


@dataclass(frozen=True, slots=True)
class FitPrice:
    """US dollars. Per million tokens at the load that was named, if the device does nothing else in its hours of work.

    `device_per_hour` is what an hour of work costs: rent or wear of all devices, their idle hours included, and energy.
    `break_even_tokens_per_day` is the load (input and output together, `input_share` of them input) above which the device is cheaper
    than the cheapest `offer`; None without an offer, or where the device cannot carry that load (`note` says so).
    `capacity_tokens_per_day` is what the device carries in that mix when it works day and night.
    """

    device_per_hour: float
    device_per_hour_source: Source
    input_per_million: Interval | Unknown
    output_per_million: Interval | Unknown
    energy_kwh_per_million_output: Interval | Unknown
    offer: ApiOffer | None = None
    break_even_tokens_per_day: float | None = None
    note: str | None = None
    capacity_tokens_per_day: Interval | None = None
    input_share: float | None = None


@dataclass(frozen=True, slots=True)
class FitResult:
    """One configuration. `fits` is `yes` from a probability of 0.95 on, `no` below 0.05, `marginal` between, `unknown` without estimate.

    `engine_options` are the load options that the estimate assumes, by the engine's own names. `reasons` say why it does not fit or is
    not considered; `notes` what the reader should know.
    """

    model: str
    quantization: str
    deployment: Deployment
    engine_options: dict[str, int | float | str | bool]
    device: Device
    load: Load
    available_bytes: int
    memory: FitMemory | Unknown
    speed: FitSpeed
    price: FitPrice | Unknown
    fits: Fits
    fits_probability: float | None
    sources: tuple[Source, ...]
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    blueprint: Blueprint | None = None
    """What all of it was computed from."""


@dataclass(frozen=True, slots=True)
class ModelOutlook:
    """What a device can do with one model of the catalog, at the context that was asked for.

    `quantization` is the widest one that surely fits, else the one that comes nearest, None where the memory cannot be told; `total_bytes`,
    `fits_probability` and the speed are its. `longest_context_tokens` is the longest of the contexts tried that surely fits in it.
    `foremost`: no other model that fits is at least as large, as long trained and as new. `reasons` say why the model is not considered.
    """

    model: str
    tuning: Literal["base", "instruct"]
    parameters_total: int | None
    parameters_active: int | None
    training_tokens: int | None
    released: date | None
    quantization: str | None
    bits_per_weight: float | None
    longest_context_tokens: int | None
    total_bytes: Interval | Unknown
    decode_tokens_per_s: Interval | Unknown
    fits: Fits
    fits_probability: float | None
    foremost: bool
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FitOutlook:
    """Every model of the catalog x quantisation x context on one device. `models` has what fits first, in the order that `order` words.

    `configurations` counts all that were computed by whether they fit, `seconds` is what computing them took.
    """

    device: Device
    deployment: Deployment
    available_bytes: int
    load: Load
    quantizations: tuple[str, ...]
    contexts: tuple[int, ...]
    configurations: Mapping[Fits, int]
    models: tuple[ModelOutlook, ...]
    order: str
    seconds: float
    task: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FitAnswer:
    """The configurations that were asked for, or, where no model was named, the best of the `outlook` in full."""

    results: tuple[FitResult, ...]
    outlook: FitOutlook | None = None

    @property
    def nothing_fits(self) -> bool:
        """Surely not; what may fit, or where it cannot be told, is something."""
        if self.outlook is not None:
            return not any(one.foremost for one in self.outlook.models)
        return all(one.fits == "no" for one in self.results)
