"""What training takes: FLOPs, GPU-hours, days, money, energy and carbon, each line with its formula and source.

Every line but the FLOPs is proportional to 1 / MFU, so its range is that of the MFU; money also has the range of the rent.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Unknown

Method = Literal["pretrain", "continue", "full", "lora", "qlora"]
ADAPTED: tuple[Method, ...] = ("lora", "qlora")
"""Methods that keep the model's own weights frozen."""

PUE = 1.1
"""Power of the building over that of its devices, as LLaMA assumes (arXiv:2302.13971, section 6)."""
CARBON = 0.385
"""kg CO2eq per kWh, the average of the United States that LLaMA assumes for all models (section 6)."""
LLAMA_CARBON = "arXiv:2302.13971, section 6"
SECONDS_PER_HOUR, HOURS_PER_DAY = 3600.0, 24.0
USUAL_CONTEXT = 2048
"""Tokens of context at which an MFU of the products with weights alone is meant: that of LLaMA and of most benchmarks."""
OF_WEIGHTS = f"6 N D at {USUAL_CONTEXT:,} tokens of context"
OF_WEIGHTS_SOURCE = (
    f"6 N D, over the dense 16-bit rate and the MFU; a longer context takes more by all FLOPs over those at {USUAL_CONTEXT:,}"
)
OF_ALL_SOURCE = "all FLOPs, over the dense 16-bit rate of the device and the MFU"


class Range(NamedTuple):
    """A value with the least and the most of the evidence: no interval of a stated confidence."""

    value: float
    low: float
    high: float


def exactly(value: float) -> Range:
    return Range(value, value, value)


@dataclass(frozen=True, slots=True)
class Line:
    """One result in `unit`: its amount, how it is computed, with the numbers filled in, and who says so. Unknown with a reason."""

    name: str
    amount: Range | Unknown
    unit: str
    formula: str
    source: str


@dataclass(frozen=True, slots=True)
class Work:
    """What is computed. `params` are those that a token passes (a mixture of experts: the active ones), `adapter_params` LoRA's own.

    `tokens` are those that pass the model, repeats counted each time. `attention` are its FLOPs for each token, unknown with the shape, and
    `usual_attention` those at `USUAL_CONTEXT`; 0 where attention is left out. Frozen weights save none of them: they have no weights.
    """

    params: float
    tokens: float
    method: Method = "pretrain"
    adapter_params: float = 0.0
    attention: float | Unknown = 0.0
    usual_attention: float = 0.0

    def __post_init__(self) -> None:
        wrong = next((name for name in ("params", "tokens") if not 0 < getattr(self, name) < float("inf")), None)
        wrong = wrong or (None if 0 <= self.adapter_params < float("inf") else "adapter_params")
        if wrong:
            raise InputError(f"{wrong} must be a positive number", where="training budget", remedy="correct that number")

    @property
    def flops(self) -> float:
        """Of the products with weights."""
        if self.method in ADAPTED:
            return 4.0 * self.params * self.tokens + 6.0 * self.adapter_params * self.tokens
        return 6.0 * self.params * self.tokens

    @property
    def attention_flops(self) -> float | Unknown:
        return self.attention if isinstance(self.attention, Unknown) else self.attention * self.tokens

    @property
    def known_flops(self) -> float:
        """All that is counted: without attention where that is not known."""
        return self.flops + (0.0 if isinstance(self.attention_flops, Unknown) else self.attention_flops)

    @property
    def usual_flops(self) -> float:
        """The same at the usual context."""
        return self.flops + self.usual_attention * self.tokens


@dataclass(frozen=True, slots=True)
class Cluster:
    """`gpus` devices of `peak_flops` (dense, 16 bits) and `power_watts` each; `mfu` and rent in US dollars per hour with their sources.

    `of_weights`: the MFU counts the products with weights alone, 6 N D, at the usual context, as most publications do; otherwise attention
    counts too.
    """

    gpus: int
    peak_flops: float
    power_watts: float | None
    mfu: Range
    mfu_source: str
    dollars_per_hour: Range | None = None
    price_source: str = "given"
    pue: float = PUE
    carbon_kg_per_kwh: float = CARBON
    of_weights: bool = False

    def __post_init__(self) -> None:
        value, low, high = self.mfu
        if not 0.0 < low <= value <= high <= 1.0:
            raise InputError(f"an MFU lies above 0 and is at most 1, not {value:g}", where="MFU", remedy="give a share such as 0.4")
        if self.gpus < 1:
            raise InputError("training needs at least one device", where="GPUs", remedy="give 1 or more")
        if self.pue < 1.0:
            raise InputError(f"a PUE is at least 1, not {self.pue:g}", where="PUE", remedy="give the building's power over its devices'")


def budget(work: Work, cluster: Cluster) -> tuple[Line, ...]:
    """flops, attention_flops, mfu, gpu_hours, days, money, energy_mwh and tco2e, in this order."""
    mfu, more = cluster.mfu, work.known_flops / work.usual_flops
    flops = work.flops * more if cluster.of_weights else work.known_flops
    per_hour = cluster.peak_flops * SECONDS_PER_HOUR
    hours = Range(flops / (per_hour * mfu.value), flops / (per_hour * mfu.high), flops / (per_hour * mfu.low))
    days = times(hours, exactly(1.0 / (cluster.gpus * HOURS_PER_DAY)))
    gpus = f"{cluster.gpus:,} GPU{'s' * (cluster.gpus > 1)}"
    what = OF_WEIGHTS if cluster.of_weights else "FLOPs"
    counted = f"{work.flops:.4g} x {more:.4g}" if cluster.of_weights and more != 1 else f"{flops:.4g}"
    hours_formula = f"{counted} FLOPs / ({cluster.peak_flops / 1e12:g} TFLOPS x {mfu.value:.3g} x 3600)"
    return (
        _flops_line(work),
        _attention_line(work),
        Line("mfu", mfu, "share", f"{what} over what the devices are rated for", cluster.mfu_source),
        Line("gpu_hours", hours, "h", hours_formula, OF_WEIGHTS_SOURCE if cluster.of_weights else OF_ALL_SOURCE),
        Line("days", days, "d", f"{hours.value:,.0f} GPU-hours / ({gpus} x 24)", "no idle time between start and end"),
        _money_line(hours, cluster),
        *_energy_lines(hours, cluster),
    )


def implied_mfu(flops: float, gpu_hours: float, peak_flops: float) -> float:
    """The MFU of a run whose GPU-hours are known."""
    return flops / (gpu_hours * SECONDS_PER_HOUR * peak_flops)


def tokens_for_hours(params: float, gpu_hours: float, peak_flops: float, mfu: float) -> float:
    """The tokens that so many GPU-hours pass through `params`: the budget the other way round."""
    return gpu_hours * SECONDS_PER_HOUR * peak_flops * mfu / (6.0 * params)


def times(one: Range, other: Range) -> Range:
    """The product of two positive ranges."""
    return Range(one.value * other.value, one.low * other.low, one.high * other.high)


def _flops_line(work: Work) -> Line:
    n, d = f"{work.params:.4g}", f"{work.tokens:.4g}"
    if work.method in ADAPTED:
        formula = f"4 N D + 6 N_adapter D = 4 x {n} x {d} + 6 x {work.adapter_params:.4g} x {d}"
        source = "derived: frozen weights need no gradient of their own, 2 N D less than arXiv:2001.08361, section 2.1"
    else:
        formula = f"6 N D = 6 x {n} x {d}"
        source = "2 N D forward, 4 N D backward (arXiv:2001.08361, section 2.1)"
    return Line("flops", exactly(work.flops), "FLOP", formula, source)


def _attention_line(work: Work) -> Line:
    source = "every pair of tokens, as MFU counts them (arXiv:2204.02311, appendix B); kernels that skip the masked half save up to half"
    flops = work.attention_flops
    amount = flops if isinstance(flops, Unknown) else exactly(flops)
    per_token = "" if isinstance(work.attention, Unknown) else f" = {work.attention:.4g} x {work.tokens:.4g}"
    return Line("attention_flops", amount, "FLOP", f"12 x layers x width of all heads x context x D{per_token}", source)


def _money_line(hours: Range, cluster: Cluster) -> Line:
    rent = cluster.dollars_per_hour
    if rent is None:
        reason = Unknown("what an hour of the device costs is not known; name it with --price")
        return Line("money", reason, "USD", "GPU-hours x price per hour", "none")
    return Line("money", times(hours, rent), "USD", f"{hours.value:,.0f} GPU-hours x ${rent.value:.4g}", cluster.price_source)


def _energy_lines(hours: Range, cluster: Cluster) -> tuple[Line, Line]:
    if cluster.power_watts is None:
        unknown = Unknown("the rated power of the device is not known")
        return Line("energy_mwh", unknown, "MWh", "GPU-hours x watts x PUE", "none"), Line("tco2e", unknown, "t", "MWh x kg/kWh", "none")
    energy = times(hours, exactly(cluster.power_watts * cluster.pue / 1e6))
    carbon = times(energy, exactly(cluster.carbon_kg_per_kwh))
    power = f"rated power, an upper bound of what a device draws ({LLAMA_CARBON})"
    return (
        Line("energy_mwh", energy, "MWh", f"{hours.value:,.0f} GPU-hours x {cluster.power_watts:g} W x PUE {cluster.pue:g}", power),
        Line("tco2e", carbon, "t", f"{energy.value:,.4g} MWh x {cluster.carbon_kg_per_kwh:g} kg/kWh", LLAMA_CARBON),
    )
