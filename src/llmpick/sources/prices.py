"""What APIs ask for a model: the price list that the package genai-prices brings along, read without any network.

A wrong match is worse than none, so an entry counts only where its id, in the provider's own spelling, is a name of the model: an 8B is
no 70B, a base model no chat model, and a free, batch or preview variant no offer. The list itself is the work of the package's
makers (https://github.com/pydantic/genai-prices, MIT).
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time
from importlib.metadata import version
from typing import Any

from llmpick.catalog.loader import find_model
from llmpick.catalog.names import plain_name
from llmpick.evidence.fit import ApiOffer
from llmpick.evidence.values import Source

SNAPSHOTS = {"0.2.3": date(2026, 11, 10)}
"""The day on which a version of the package, with the list in it, was published. The list itself has no date."""
URL = "https://github.com/pydantic/genai-prices"

_RESOLD = frozenset({"cursor", "github-copilot"})
"""They price seats and credits of their own, not the model's tokens for everybody."""
_SPELLINGS: dict[str, tuple[tuple[str, str], ...]] = {
    "aws": ((r"^[a-z]+\.", ""), (r"-(v\d+|\d):\d$", ""), (r"^llama(\d)-(\d)-", r"llama-\1.\2-"), (r"^llama(\d)-", r"llama-\1-")),
    "cerebras": ((r"^llama(\d)", r"llama-\1"), (r"^(llama-3\.[13]-\d+b)$", r"\1-instruct")),
    "databricks": ((r"^databricks-", ""), (r"^meta-", ""), (r"(?<=[a-z])-(\d)-(\d)-(?=\d+b)", r"-\1.\2-")),
    "fireworks": ((r"(?<=\d)p(?=\d)", "."), (r"^llama-v", "llama-")),
    "groq": (
        (r"^(llama-3\.[13]-\d+b)-(?:instant|versatile)$", r"\1-instruct"),
        (r"^llama3-(\d+b)-8192$", r"llama-3-\1-instruct"),
        (r"^gemma2", "gemma-2"),
    ),
    "together": ((r"-turbo$", ""),),
}
"""How a provider writes what its makers call otherwise: dots as p or -, model cards' names shortened; Turbo is Together's FP8 copy."""


def api_offers(model: str, *, input_share: float = 0.5, on: date | None = None) -> tuple[ApiOffer, ...]:
    """What providers ask for the model that `model` names (a hub name, a file, a catalog id), the cheapest first.

    The order is by a million tokens of which `input_share` are input. Prices are those in force on `on` (None: the list's own day).
    Offers without a price are left out, and so is what the list says is no longer offered.
    """
    from genai_prices.data import providers  # takes 0.2 s, spent only where prices are asked for

    is_wanted = _matcher(model)
    source = snapshot_source()
    moment = datetime.combine(on or source.published or date.today(), time(), UTC)
    found = [
        offer
        for provider in providers
        if provider.id not in _RESOLD
        for entry in provider.models
        if not entry.deprecated and is_wanted(_names(provider.id, entry))
        if (offer := _offer(provider.name, entry, moment, source)) is not None
    ]
    return tuple(sorted(found, key=lambda offer: (_blended(offer, input_share), offer.provider, offer.model)))


def snapshot_source() -> Source:
    """The price list, with its version and the day it was published; None as day for a version that is not listed here."""
    release = version("genai-prices")
    return Source(f"genai-prices {release}, offline snapshot", URL, SNAPSHOTS.get(release))


def _matcher(model: str) -> Callable[[Iterable[str]], bool]:
    """Whether an entry's names mean the model: the first that the catalog knows decides, and only without any the plain name itself."""
    facts, plain = find_model(model), plain_name(model)

    def is_wanted(names: Iterable[str]) -> bool:
        spelled = tuple(names)
        known = next((found for name in spelled if (found := find_model(name))), None)
        if known is None:
            return facts is None and plain in spelled
        return facts is not None and known.id == facts.id

    return is_wanted


def _names(provider: str, entry: Any) -> Iterator[str]:
    """The entry's id and the spellings that it says are the same, as the model's makers would write them."""
    if provider == "openrouter" and "/" not in entry.id:
        return  # its ids have had the makers' name before a slash for years: these are leftovers, with prices of long ago
    for name in dict.fromkeys((entry.id, *_equals(entry.match))):
        plain = name.lower().rpartition("/")[2]
        for pattern, instead in _SPELLINGS.get(provider, ()):
            plain = re.sub(pattern, instead, plain)
        yield plain_name(plain)


def _equals(match: Any) -> Iterator[str]:
    """The whole names in a rule of the list; what only begins with, contains or resembles something says too little."""
    if isinstance(whole := getattr(match, "equals", None), str):
        yield whole
    for part in getattr(match, "or_", ()):
        yield from _equals(part)


def _offer(provider: str, entry: Any, moment: datetime, source: Source) -> ApiOffer | None:
    """None for what is free, priced by something else than tokens of text, or has one price only."""
    prices = entry.get_prices(moment)
    paid, written = (_dollars(price) for price in (prices.input_mtok, prices.output_mtok))
    return ApiOffer(provider, entry.id, paid, written, source) if paid and written else None


def _dollars(price: Any) -> float | None:
    """Of prices in steps that of the shortest prompts."""
    return None if price is None else float(getattr(price, "base", price))


def _blended(offer: ApiOffer, input_share: float) -> float:
    return input_share * offer.input_per_million + (1 - input_share) * offer.output_per_million
