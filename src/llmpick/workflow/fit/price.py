"""The price of one configuration: what an hour of the device costs, by the user or the catalog, against what APIs ask for the model."""

from dataclasses import dataclass

from llmpick.catalog.devices import find_device
from llmpick.estimate.price import HourlyRate, cheapest, estimate_price, input_share_of
from llmpick.evidence.fit import ApiOffer, FitPrice, FitSpeed
from llmpick.evidence.values import Interval, Source, Unknown
from llmpick.workflow.fit.variants import Case

NAMED_BY_USER = Source("--price-per-hour")


@dataclass(frozen=True, slots=True)
class Purse:
    """What the user said of money. `input_share` is the part of all tokens that is read, None: as the prompt and the answer say."""

    price_per_hour: float | None = None
    input_share: float | None = None


def price_of(case: Case, speed: FitSpeed, purse: Purse) -> FitPrice | Unknown:
    """Unknown where nobody says what the device costs, or where its speed is not known."""
    rate = _rate(case, purse)
    if isinstance(rate, Unknown):
        return rate
    deployment = case.deployment
    share = purse.input_share if purse.input_share is not None else input_share_of(case.load, speed.prompt_tokens)
    return estimate_price(
        speed,
        case.load,
        rate,
        _offer(case, share) if isinstance(speed.decode_tokens_per_s, Interval) else None,
        input_share=share,
        power_watts=case.device.power_watts,
        devices=deployment.tensor_parallel * deployment.pipeline_parallel,
    )


def _rate(case: Case, purse: Purse) -> HourlyRate | Unknown:
    """What the user says, else for what a device of the catalog is let."""
    if purse.price_per_hour is not None:
        return HourlyRate(purse.price_per_hour, NAMED_BY_USER)
    known = None if case.place.here else find_device(case.device.name)
    if known is not None and known.hourly_usd is not None:
        return HourlyRate(known.hourly_usd.value.value, known.hourly_usd.source)
    return Unknown(f"what an hour of {case.device.name} costs is not known; name it with --price-per-hour")


def _offer(case: Case, share: float) -> ApiOffer | None:
    """The cheapest API for the same model."""
    from llmpick.sources.prices import api_offers  # the price list takes 0.2 s to load

    return cheapest(api_offers(case.blueprint.name, input_share=share), share)
