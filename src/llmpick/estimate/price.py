"""What a token costs on a device of one's own, and from which load on that is cheaper than an API. US dollars.

An hour of the device costs the same whatever the device does in it, so a token costs the seconds that it takes. A token of input takes
1 / prefill rate, a token of output 1 / (decode rate of one sequence x sequences decoded at once). The two add up: a day's work of
I input and O output tokens takes I x s_in + O x s_out seconds. That splits the hour without remainder, and it is an upper bound where
an engine mixes both kinds in one step (chunked prefill, arXiv:2308.16369), since reading a prompt is bound by computing, decoding by
memory.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from llmpick.evidence.device import Load
from llmpick.evidence.errors import InputError
from llmpick.evidence.fit import ApiOffer, FitPrice, FitSpeed
from llmpick.evidence.values import Interval, Source, Unknown

MILLION = 1e6
SECONDS_PER_HOUR, HOURS_PER_DAY, HOURS_PER_YEAR = 3600.0, 24.0, 8766.0
WATTS_PER_KW = 1000.0


@dataclass(frozen=True, slots=True)
class HourlyRate:
    """What one device costs: `dollars_per_hour` for each hour that one has it, used or not, and `dollars_per_kwh` for its energy.

    A rent includes the energy: then `dollars_per_kwh` is 0. `pue` is what the building takes per watt of the device (1 at home).
    """

    dollars_per_hour: float
    source: Source
    dollars_per_kwh: float = 0.0
    pue: float = 1.0


def bought(dollars: float, years: float, *, dollars_per_kwh: float, source: Source, pue: float = 1.0) -> HourlyRate:
    """A device that was bought: its price spread evenly over its years, whether it works or not; energy where it works.

    Raises `InputError` for a price below 0, no years, or a PUE below 1.
    """
    wrong = "the price is negative" if dollars < 0 else "the years are not positive" if years <= 0 else None
    wrong = wrong or ("the price of energy is negative" if dollars_per_kwh < 0 else "the PUE is below 1" if pue < 1 else None)
    if wrong:
        raise InputError(f"a bought device cannot be priced: {wrong}", where="price of the device", remedy="correct that number")
    return HourlyRate(dollars / (years * HOURS_PER_YEAR), source, dollars_per_kwh, pue)


def estimate_price(
    speed: FitSpeed,
    load: Load,
    rate: HourlyRate | Unknown,
    offer: ApiOffer | None = None,
    *,
    input_share: float | None = None,
    power_watts: float | None = None,
    utilization: float = 1.0,
    devices: int = 1,
) -> FitPrice | Unknown:
    """Money and energy per million tokens on `devices` devices that serve the model together, at the speed for `load.sequences`.

    `input_share` is the part of all tokens that is read (None: what `load` and the prompt of `speed` say), `power_watts` what one device
    draws at work: its rated power, so that energy is an upper bound. `utilization` is the part of the hours in which there is work; an
    hour of work pays for the idle ones too, whose energy is not counted. `Unknown` where the rate is.
    Raises `InputError` for shares outside [0, 1] and for a utilization of 0.
    """
    if isinstance(rate, Unknown):
        return rate
    _check(input_share, utilization)
    share = input_share_of(load, speed.prompt_tokens) if input_share is None else input_share
    input_s, output_s = seconds_per_token(speed, load)
    power_kw = None if power_watts is None else power_watts * devices * rate.pue / WATTS_PER_KW
    energy_per_hour = (power_kw or 0.0) * rate.dollars_per_kwh
    busy_hour = rate.dollars_per_hour * devices / utilization + energy_per_hour
    standing_per_day = rate.dollars_per_hour * devices * HOURS_PER_DAY
    even = _break_even(_mixed(input_s, output_s, share), share, standing_per_day, energy_per_hour, offer)
    return FitPrice(
        device_per_hour=busy_hour,
        device_per_hour_source=rate.source,
        input_per_million=_times(input_s, busy_hour / SECONDS_PER_HOUR * MILLION),
        output_per_million=_times(output_s, busy_hour / SECONDS_PER_HOUR * MILLION),
        energy_kwh_per_million_output=_energy(output_s, power_kw),
        offer=offer,
        break_even_tokens_per_day=even.tokens_per_day,
        note=even.note,
        capacity_tokens_per_day=even.capacity,
        input_share=share,
    )


def seconds_per_token(speed: FitSpeed, load: Load) -> tuple[Interval | Unknown, Interval | Unknown]:
    """Seconds of the device that a token of input, and one of output, take."""
    together = _times(speed.decode_tokens_per_s, float(load.sequences))
    return _inverse(speed.prefill_tokens_per_s), _inverse(together)


def input_share_of(load: Load, prompt_tokens: int) -> float:
    """The part of a request's tokens that is read: prompt / (prompt + answer)."""
    return prompt_tokens / max(prompt_tokens + load.output_tokens, 1)


def offer_per_million(offer: ApiOffer, input_share: float) -> float:
    """What a million tokens cost there, in the user's mix."""
    return input_share * offer.input_per_million + (1 - input_share) * offer.output_per_million


def cheapest(offers: Iterable[ApiOffer], input_share: float) -> ApiOffer | None:
    """The offer that costs least in the user's mix; None without any."""
    return min(offers, key=lambda offer: (offer_per_million(offer, input_share), offer.provider, offer.model), default=None)


@dataclass(frozen=True, slots=True)
class _Even:
    capacity: Interval | None
    tokens_per_day: float | None = None
    note: str | None = None


def _break_even(second: Interval | Unknown, share: float, standing_per_day: float, energy_per_hour: float, offer: ApiOffer | None) -> _Even:
    """Where standing cost + load x energy per token = load x price of the API; `second` is what a token of the mix takes."""
    if isinstance(second, Unknown):
        return _Even(None, note=second.reason if offer else None)
    day = HOURS_PER_DAY * SECONDS_PER_HOUR
    capacity = Interval(day / second.value, day / second.high, day / second.low, second.confidence)
    if offer is None:
        return _Even(capacity, note="no API offers this model in the price list")
    saved = offer_per_million(offer, share) / MILLION - energy_per_hour / SECONDS_PER_HOUR * second.value
    if saved <= 0:
        return _Even(capacity, note=f"never cheaper than {offer.provider}: the energy of a token alone costs what it asks for one")
    load = standing_per_day / saved
    carried = _count(capacity.value)
    if load > capacity.high:
        return _Even(capacity, note=f"{offer.provider} is cheaper up to {_count(load)} tokens a day, and the device carries {carried} only")
    if load > capacity.low:
        return _Even(capacity, load, note=f"the device carries about {carried} tokens a day, hardly more than it needs to be cheaper")
    return _Even(capacity, load)


def _check(input_share: float | None, utilization: float) -> None:
    if input_share is not None and not 0 <= input_share <= 1:
        raise InputError(f"the share of input is {input_share}", where="input share", remedy="give a number from 0 to 1")
    if not 0 < utilization <= 1:
        raise InputError(f"the utilization is {utilization}", where="utilization", remedy="give a number above 0, at most 1")


def _mixed(input_s: Interval | Unknown, output_s: Interval | Unknown, share: float) -> Interval | Unknown:
    """Seconds of a token of the mix. The errors of both speeds come from the same device, so bounds are added, not squared."""
    parts = [(part, weight) for part, weight in ((input_s, share), (output_s, 1 - share)) if weight > 0]
    known = [(part, weight) for part, weight in parts if isinstance(part, Interval)]
    if len(known) < len(parts):
        return next(part for part, _ in parts if isinstance(part, Unknown))
    value, low, high = (sum(weight * getattr(part, name) for part, weight in known) for name in ("value", "low", "high"))
    return Interval(value, min(low, value), max(high, value), known[0][0].confidence)


def _energy(output_s: Interval | Unknown, power_kw: float | None) -> Interval | Unknown:
    if power_kw is None:
        return Unknown("the power of the device is not known")
    return _times(output_s, power_kw / SECONDS_PER_HOUR * MILLION)


def _times(value: Interval | Unknown, factor: float) -> Interval | Unknown:
    if isinstance(value, Unknown):
        return value
    return Interval(value.value * factor, value.low * factor, value.high * factor, value.confidence)


def _inverse(rate: Interval | Unknown) -> Interval | Unknown:
    if isinstance(rate, Unknown):
        return rate
    if rate.low <= 0:
        return Unknown("the speed may be zero")
    return Interval(1 / rate.value, 1 / rate.high, 1 / rate.low, rate.confidence)


def _count(tokens: float) -> str:
    """1,234,567,890 → "1.23 billion": nobody knows the digits after that."""
    size, name = next(((s, n) for s, n in ((1e9, " billion"), (1e6, " million"), (1e3, " thousand")) if tokens >= s), (1.0, ""))
    scaled = tokens / size
    return f"{scaled:,.0f}{name}" if scaled >= 100 else f"{scaled:.3g}{name}"
