"""Dollars per million tokens and the load at which a device of one's own is cheaper than an API."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.estimate.price import HourlyRate, bought, cheapest, estimate_price, input_share_of, offer_per_million, seconds_per_token
from llmpick.evidence.device import Load
from llmpick.evidence.errors import InputError
from llmpick.evidence.fit import ApiOffer, FitPrice, FitSpeed
from llmpick.evidence.values import Interval, Source, Unknown

RENT = HourlyRate(2.0, Source("a price list"))
LIST = Source("genai-prices 0.2.3, offline snapshot", published=date(2026, 11, 10))
OFFER = ApiOffer("Somebody", "org/model", input_per_million=0.4, output_per_million=1.2, snapshot=LIST)
LOAD = Load(context_tokens=4096, sequences=10, output_tokens=250)


def about(value: float, spread: float = 0.1) -> Interval:
    return Interval(value, value * (1 - spread), value * (1 + spread), 0.9)


SPEED = FitSpeed(about(100.0), about(5000.0), about(0.5), context_tokens=4096, prompt_tokens=750)


def priced(speed: FitSpeed = SPEED, load: Load = LOAD, rate: HourlyRate = RENT, offer: ApiOffer | None = None, **options) -> FitPrice:
    price = estimate_price(speed, load, rate, offer, **options)
    assert isinstance(price, FitPrice)
    return price


def known(value: Interval | Unknown | None) -> Interval:
    assert isinstance(value, Interval)
    return value


def test_an_hour_is_split_by_the_seconds_that_tokens_take() -> None:
    """10 sequences at 100 tokens/s write 3.6 million tokens an hour, a prompt rate of 5,000 reads 18 million: at 2 dollars an hour."""
    price = priced()
    assert known(price.output_per_million).value == pytest.approx(2.0 / 3.6)
    assert known(price.input_per_million).value == pytest.approx(2.0 / 18.0)
    assert price.input_share == 0.75
    assert price.energy_kwh_per_million_output == Unknown("the power of the device is not known")


def test_a_slow_speed_is_a_high_price() -> None:
    output = known(priced().output_per_million)
    assert (output.low, output.high) == pytest.approx((2.0 / 3.6 / 1.1, 2.0 / 3.6 / 0.9))
    assert output.confidence == 0.9


def test_a_bought_device_pays_for_its_years_its_idle_hours_and_its_energy() -> None:
    owned = bought(8766.0, years=2.0, dollars_per_kwh=0.2, pue=1.5, source=Source("a bill"))
    assert owned.dollars_per_hour == pytest.approx(0.5)
    price = priced(rate=owned, power_watts=400.0, utilization=0.25)
    assert price.device_per_hour == pytest.approx(0.5 / 0.25 + 0.4 * 1.5 * 0.2)
    assert known(price.energy_kwh_per_million_output).value == pytest.approx(0.4 * 1.5 / 3.6)


def test_several_devices_cost_several_times_and_serve_together() -> None:
    one, four = priced(), priced(devices=4)
    assert known(four.output_per_million).value == pytest.approx(4 * known(one.output_per_million).value)
    assert four.device_per_hour == 8.0


def test_break_even_of_a_rented_device() -> None:
    """48 dollars a day against 0.75 x 0.4 + 0.25 x 1.2 dollars per million: 80 million tokens a day."""
    price = priced(offer=OFFER, load=replace(LOAD, sequences=50))
    assert price.break_even_tokens_per_day == pytest.approx(80e6)
    assert price.note is None
    assert known(price.capacity_tokens_per_day).value == pytest.approx(86400 / (0.75 / 5000 + 0.25 / 5000))


def test_no_break_even_beyond_what_the_device_carries() -> None:
    price = priced(offer=replace(OFFER, input_per_million=0.01, output_per_million=0.02))
    assert price.break_even_tokens_per_day is None
    assert price.note == "Somebody is cheaper up to 3.84 billion tokens a day, and the device carries 216 million only"


def test_near_its_capacity_the_device_is_said_to_be() -> None:
    price = priced(offer=OFFER, speed=replace(SPEED, decode_tokens_per_s=about(28.0)))
    assert price.break_even_tokens_per_day == pytest.approx(80e6)
    assert price.note is not None
    assert "carries about 82.8 million" in price.note


def test_energy_that_costs_more_than_the_api_never_pays() -> None:
    owned = bought(1000.0, years=4.0, dollars_per_kwh=0.3, source=Source("a bill"))
    slow = replace(SPEED, decode_tokens_per_s=about(1.0), prefill_tokens_per_s=about(20.0))
    price = priced(rate=owned, offer=OFFER, power_watts=300.0, speed=slow, load=Load(4096, 1, 250))
    assert price.break_even_tokens_per_day is None
    assert price.note == "never cheaper than Somebody: the energy of a token alone costs what it asks for one"


@given(
    decode=st.floats(1, 1e4),
    prefill=st.floats(1, 1e6),
    rate=st.floats(0.01, 100),
    kwh=st.floats(0, 1),
    share=st.floats(0, 1),
    asked=st.floats(0.01, 100),
)
def test_at_break_even_both_cost_the_same(decode: float, prefill: float, rate: float, kwh: float, share: float, asked: float) -> None:
    speed = FitSpeed(about(decode), about(prefill), Unknown("not asked"), 1000, 100)
    offer = ApiOffer("Somebody", "m", asked, 2 * asked, LIST)
    price = priced(speed, Load(1000, 4, 50), HourlyRate(rate, LIST, kwh, 1.2), offer, input_share=share, power_watts=350.0)
    load = price.break_even_tokens_per_day
    if load is None:
        assert price.note
        return
    read, written = (known(part).value for part in seconds_per_token(speed, Load(1000, 4, 50)))
    worked = load * (share * read + (1 - share) * written) / 3600
    own = 24 * rate + worked * 0.350 * 1.2 * kwh
    assert own == pytest.approx(load / 1e6 * offer_per_million(offer, share), rel=1e-6)
    assert load <= known(price.capacity_tokens_per_day).high * (1 + 1e-9)


def test_what_is_unknown_stays_unknown_with_its_reason() -> None:
    reason = Unknown("no rate of computing")
    price = priced(speed=replace(SPEED, prefill_tokens_per_s=reason), offer=OFFER)
    assert price.input_per_million == reason
    assert isinstance(price.output_per_million, Interval)
    assert (price.break_even_tokens_per_day, price.note) == (None, "no rate of computing")
    assert estimate_price(SPEED, LOAD, Unknown("no price")) == Unknown("no price")


def test_an_input_only_load_needs_no_decode_speed() -> None:
    price = priced(speed=replace(SPEED, decode_tokens_per_s=Unknown("x")), offer=OFFER, input_share=1.0)
    assert known(price.capacity_tokens_per_day).value == pytest.approx(86400 * 5000)


def test_the_cheapest_offer_depends_on_the_mix() -> None:
    reads = ApiOffer("A", "m", 0.1, 2.0, LIST)
    writes = ApiOffer("B", "m", 0.5, 0.5, LIST)
    assert cheapest([reads, writes], 0.9) == reads
    assert cheapest([reads, writes], 0.1) == writes
    assert cheapest([], 0.5) is None
    assert input_share_of(Load(10, 1, 0), 0) == 0.0


@pytest.mark.parametrize("options", [{"input_share": 1.5}, {"input_share": -0.1}, {"utilization": 0.0}, {"utilization": 1.1}])
def test_impossible_shares_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError):
        estimate_price(SPEED, LOAD, RENT, **options)


@pytest.mark.parametrize(("dollars", "years", "kwh", "pue"), [(-1, 1, 0, 1), (1, 0, 0, 1), (1, 1, -1, 1), (1, 1, 0, 0.9)])
def test_an_impossible_purchase_is_refused(dollars: float, years: float, kwh: float, pue: float) -> None:
    with pytest.raises(InputError, match="cannot be priced"):
        bought(dollars, years, dollars_per_kwh=kwh, pue=pue, source=Source("a bill"))
