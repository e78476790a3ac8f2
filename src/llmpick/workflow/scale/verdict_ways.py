"""The ways from an open model: continuing its pre-training in a language, fine-tuning it, and what rules each out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.training_verdict import EVEN, Way, tokens_text
from llmpick.estimate.training.budget import Range
from llmpick.evidence.ability import AbilityFacts
from llmpick.evidence.model import ModelFacts
from llmpick.evidence.values import Source
from llmpick.workflow.scale.verdict_costs import Prices
from llmpick.workflow.scale.verdict_prior import OpenModels, Weighed

ENOUGH, TOO_FEW = 30e9, 5e9
"""Tokens of a new language with which LLaMA was continued: 120 GB were worth it, the makers no longer recommend their models of 20 GB."""
CONTINUED = (
    Source("Efficient and Effective Text Encoding for Chinese LLaMA and Alpaca (20 GB, then 120 GB)", "https://arxiv.org/abs/2304.08177"),
    Source(
        "LLaMA Beyond English: An Empirical Study on Language Capability Transfer (120 GB are 30B tokens)",
        "https://arxiv.org/abs/2401.01055",
    ),
)
TEXT_STOCK = Range(300e12, 100e12, 1000e12)
"""Tokens of public text by people, of a quality and as often as training can use it, with the 90% interval (`STOCK`)."""
STOCK = Source(
    "Will we run out of data? Limits of LLM scaling based on human-generated data", "https://arxiv.org/abs/2211.04325", date(2024, 6, 4)
)
SAME_SIZE = 0.01


@dataclass(frozen=True, slots=True)
class Start:
    """A base model that could be trained further on `tokens`: its `position` among the open models, and the facts of what comes out."""

    position: int
    becomes: AbilityFacts
    tokens: float

    @property
    def active(self) -> float:
        return self.becomes.active or self.becomes.parameters


def continued(open_models: OpenModels, prices: Prices, hours: float, servable: NDArray[np.bool_]) -> list[Start]:
    """Every base model that can be served (F,), trained on what the hours can pass through it, in the language asked."""
    found = list[Start]()
    for position in _bases(open_models, servable):
        facts = open_models.facts[position]
        tokens = hours * prices.flops_per_hour.value / (6.0 * (facts.active or facts.parameters))
        languages = None if facts.languages is None else tuple(dict.fromkeys((*facts.languages, open_models.language)))
        seen = None if facts.tokens is None else facts.tokens + tokens
        found.append(Start(position, replace(facts, tokens=seen, languages=languages), tokens))
    return found


def finetuned(open_models: OpenModels, tokens: float, servable: NDArray[np.bool_]) -> list[Start]:
    """Every base model that can be served (F,) of which no tuned one is there."""
    models = open_models.models
    untuned = [at for at in _bases(open_models, servable) if not _tuned_from(models[at], models)]
    return [Start(at, replace(open_models.facts[at], tuned=True), tokens) for at in untuned]


def continue_way(open_models: OpenModels, starts: Sequence[Start], weighed: Weighed, first: int, prices: Prices) -> Way | None:
    """The start of which most is expected, of those to which the language is new if there are any; None without a base model.

    The scores of the starts begin at position `first` of the weighed.
    """
    new = [i for i, start in enumerate(starts) if _is_new(open_models.models[start.position], open_models.language)]
    promise = [weighed.own_mean[first + i] if open_models.separates else open_models.merit[one.position] for i, one in enumerate(starts)]
    best = max(new or range(len(starts)), key=promise.__getitem__, default=None)
    if best is None:
        return None
    start = starts[best]
    model = open_models.models[start.position]
    return Way(
        action="continue",
        model=model.id,
        params=start.active,
        tokens=start.tokens,
        cost=prices.cost(start.active, start.tokens),
        score=weighed.own_score(first + best),
        beats=float(weighed.beats[first + best]),
        obstacle=beyond_all_text(start.tokens) or (_too_few(start.tokens) if new else _nothing_new(model, open_models, start.tokens)),
    )


def finetune_way(
    open_models: OpenModels, starts: Sequence[Start], weighed: Weighed, first: int, prices: Prices, hours: float, tokens: float, taken: Way
) -> Way:
    """The base that nobody tuned yet, where it would probably beat what is free; else what is free, with the gain unknown."""
    promising = [i for i in range(len(starts)) if open_models.separates and weighed.beats[first + i] >= EVEN]
    if not promising:
        cost = prices.cost(taken.params, tokens)
        unknown = "what your own data add is not in the prior: llmpick race tells, before and after"
        return Way(
            "finetune", taken.model, taken.params, tokens, cost, taken.score, None, _unaffordable(cost.gpu_hours.value, hours) or unknown
        )
    best = max(promising, key=lambda i: weighed.own_mean[first + i])
    start = starts[best]
    cost = prices.cost(start.active, tokens)
    return Way(
        action="finetune",
        model=open_models.models[start.position].id,
        params=start.active,
        tokens=tokens,
        cost=cost,
        score=weighed.own_score(first + best),
        beats=float(weighed.beats[first + best]),
        obstacle=_unaffordable(cost.gpu_hours.value, hours),
    )


def beyond_all_text(tokens: float) -> str | None:
    """What rules a training out that needs more text than there is."""
    if tokens <= TEXT_STOCK.value:
        return None
    low, high = tokens_text(TEXT_STOCK.low), tokens_text(TEXT_STOCK.high)
    stock = f"about {tokens_text(TEXT_STOCK.value)} tokens [{low}, {high}] of text that people made public (Villalobos 2024)"
    return f"there are {stock}, and {tokens_text(tokens)} are more"


def _bases(open_models: OpenModels, servable: NDArray[np.bool_]) -> list[int]:
    return [int(at) for at in np.flatnonzero(servable) if open_models.models[at].tuning == "base"]


def _tuned_from(base: ModelFacts, models: Sequence[ModelFacts]) -> bool:
    """Whether somebody tuned this base already: a model derived from it, or a tuned one of the same family and size."""
    tuned = (model for model in models if model.tuning == "instruct")
    return any(model.derived_from == base.id or (model.family == base.family and _as_large(model, base)) for model in tuned)


def _as_large(one: ModelFacts, other: ModelFacts) -> bool:
    assert one.parameters_total is not None
    assert other.parameters_total is not None
    return abs(one.parameters_total.value / other.parameters_total.value - 1.0) <= SAME_SIZE


def _is_new(model: ModelFacts, language: str) -> bool:
    return model.languages is not None and language not in model.languages.value


def _too_few(tokens: float) -> str | None:
    if tokens < TOO_FEW:
        return f"{tokens_text(tokens)} tokens are fewer than the 5B (20 GB) that were not enough to bring Chinese to LLaMA"
    if tokens < ENOUGH:
        return f"whether {tokens_text(tokens)} tokens are enough is not known: 5B (20 GB) did not bring Chinese to LLaMA, 30B (120 GB) did"
    return None


def _nothing_new(model: ModelFacts, open_models: OpenModels, tokens: float) -> str:
    language = open_models.language
    if model.languages is None:
        return f"whether its makers trained it on {language} is not known, so what more of it would add is not either"
    seen = model.training_tokens
    share = "" if seen is None else f", {_part(tokens / seen.value)} what it saw"
    return f"its makers trained it on {language} already; the budget buys {tokens_text(tokens)} tokens more{share}"


def _part(share: float) -> str:
    return "less than a hundredth of" if share < 0.01 else f"{share:.2g} times"


def _unaffordable(takes: float, hours: float) -> str | None:
    return None if takes <= hours else f"that is more than the {hours:,.3g} GPU-hours there are"
