"""`llmpick scale verdict`: what a budget would train, beside the open models that are there, and from which budget on it pays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.catalog.loader import commercial_use, load_models
from llmpick.decide.training_verdict import (
    Bought,
    LawSplit,
    Rival,
    Span,
    Threshold,
    TrainingVerdict,
    Way,
    choose_way,
    tokens_text,
    verdict_reasons,
)
from llmpick.estimate.scaling.laws import interval
from llmpick.estimate.scaling.optimal import Split
from llmpick.estimate.scaling.published import EPOCH, HOFFMANN
from llmpick.estimate.training.budget import Range, exactly, times
from llmpick.evidence.ability import AbilityFacts
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Unknown
from llmpick.workflow.scale_optimal import BESIDE
from llmpick.workflow.scale_predict import as_interval
from llmpick.workflow.scale_verdict_costs import Prices, prices_on
from llmpick.workflow.scale_verdict_notes import verdict_notes
from llmpick.workflow.scale_verdict_options import OwnModel, VerdictOptions
from llmpick.workflow.scale_verdict_prior import CONFIDENCE, Crossing, OpenModels, Weighed, crossing
from llmpick.workflow.scale_verdict_ways import CONTINUED, Start, continue_way, continued, finetune_way, finetuned

SHOWN = 5
"""Open models that are named beside the trained one."""


@dataclass(frozen=True, slots=True)
class _Case:
    """All that the question fixes. `split` (3,) is at value, least and most of `flops`; `limit` active parameters can be served."""

    options: VerdictOptions
    prices: Prices
    open_models: OpenModels
    own: OwnModel
    hours: Range
    flops: Range
    split: Split
    limit: float

    @property
    def params(self) -> float:
        return float(self.split.params[0])

    @property
    def tokens(self) -> float:
        return float(self.split.tokens[0])


def training_verdict(options: VerdictOptions) -> TrainingVerdict:
    """Raises `InputError` for a budget that is not clear, an unknown device, and a day on which no open model was there."""
    case = _case(options)
    laws = [OwnModel(law, options) for law in BESIDE if law is not case.own.law]
    splits = [law.split(np.array([case.flops.value])) for law in laws]
    own = [*case.own.facts(case.split), *(law.facts(split)[0] for law, split in zip(laws, splits, strict=True))]
    starts = continued(case.open_models, case.prices, case.hours.value, case.limit)
    tunable = finetuned(case.open_models, options.own_tokens, case.limit)
    weighed = _weigh(case, own, starts, tunable)

    ways = _ways(case, weighed, len(own), starts, tunable)
    threshold, searched = _threshold(case)
    chosen = choose_way(ways, case.flops.value, None if isinstance(threshold, Unknown) else threshold.cost.flops)
    rivals = _rivals(case, weighed)
    light = next((rival for rival in rivals if rival.total <= case.limit), None)
    return TrainingVerdict(
        action=chosen.action,
        chosen=chosen,
        reasons=verdict_reasons(chosen, ways, case.flops.value, threshold, f"{options.family.value} ({options.language})"),
        family=options.family,
        language=options.language,
        as_of=options.as_of,
        device=case.prices.device,
        served_tokens=options.served_tokens,
        bought=_bought(
            case, weighed, [_law_split(law, split, weighed, 3 + i) for i, (law, split) in enumerate(zip(laws, splits, strict=True))]
        ),
        serving_params=case.limit,
        ways=ways,
        rivals=tuple(dict.fromkeys((*rivals[:SHOWN], *([light] if light else [])))),
        rival_count=len(rivals),
        threshold=threshold,
        searched_flops=searched.most,
        searched_beats=searched.beats_at_most,
        notes=tuple(verdict_notes(options, case.open_models, case.prices, ways[0], rivals[0], light)),
        sources=(*case.prices.sources, *dict.fromkeys(law.law.source for law in (case.own, *laws)), *CONTINUED),
    )


def _case(options: VerdictOptions) -> _Case:
    if (options.money is None) == (options.gpu_hours is None):
        raise InputError("the budget is not clear", where="--money, --gpu-hours", remedy="give one of the two")
    prices = prices_on(options.device, mfu=options.mfu, price=options.price, as_of=options.as_of)
    hours = exactly(options.gpu_hours) if options.gpu_hours is not None else prices.hours_for(options.money or 0.0)
    open_models = OpenModels.of(load_models(options.as_of), options.family, options.language)
    own = OwnModel(EPOCH if options.served_tokens is None else HOFFMANN, options)
    flops = times(hours, prices.flops_per_hour)
    split = own.split(np.array(flops))
    limit = max(options.max_params or float(split.params[0]), float(open_models.active.min()))
    return _Case(options, prices, open_models, own, hours, flops, split, limit)


def _weigh(case: _Case, own: Sequence[AbilityFacts], starts: Sequence[Start], tunable: Sequence[Start]) -> Weighed:
    """Own models first, then those continued, then those tuned: the better of base and tuned, but for the last."""
    further = [start.becomes for start in (*starts, *tunable)]
    most = np.concatenate([case.own.served_with(own), np.full(len(further), case.limit)])
    tuned = np.arange(len(own) + len(further)) >= len(own) + len(starts)
    return case.open_models.weigh([*own, *further], most, tuned=tuned)


def _ways(case: _Case, weighed: Weighed, first: int, starts: Sequence[Start], tunable: Sequence[Start]) -> tuple[Way, ...]:
    """From scratch, continued where there is a base model, fine-tuned, taken."""
    at, hours = int(weighed.taken[0]), case.hours.value
    taken = Way("take", case.open_models.models[at].id, float(case.open_models.active[at]), 0.0, None, weighed.free_score(at), None)
    cost = case.prices.cost(case.params, case.tokens)
    trained = Way("train", None, case.params, case.tokens, cost, weighed.own_score(0), float(weighed.beats[0]))
    further = continue_way(case.open_models, starts, weighed, first, case.prices)
    own_tokens, after = case.options.own_tokens, first + len(starts)
    tuned = finetune_way(case.open_models, tunable, weighed, after, case.prices, hours, own_tokens, taken)
    return tuple(way for way in (trained, further, tuned, taken) if way is not None)


def _threshold(case: _Case) -> tuple[Threshold | Unknown, Crossing]:
    """Looked for from the smallest budget of the law's own runs up to the largest that was ever spent, or to this one."""

    def beats(split: Split) -> NDArray[np.float64]:
        facts = case.own.facts(split)
        return case.open_models.weigh(facts, case.own.served_with(facts)).beats

    high, most_tokens = max(case.prices.most_spent, case.flops.value), max(case.open_models.most_tokens, case.tokens)
    low = min(EPOCH.fitted.flops[0], case.flops.value)
    found = crossing(beats, case.own.split, low, high, most_tokens)
    if found.flops is None:
        return Unknown(_never(case, found, most_tokens)), found
    split = case.own.split(np.array([found.flops]))
    params, tokens = float(split.params[0]), float(split.tokens[0])
    return Threshold(case.prices.cost(params, tokens), params, tokens), found


def _never(case: _Case, found: Crossing, most_tokens: float) -> str:
    if np.isclose(found.most, case.prices.most_spent):
        what = f"the most that a finished training took ({case.prices.largest})"
    elif np.isclose(found.most, case.flops.value):
        what = "all of this budget, more than was ever spent"
    else:
        what = f"with the {tokens_text(most_tokens)} tokens that the longest training saw"
    return f"never within what was ever spent: at {found.most:.3g} FLOPs, {what}, it would win with probability {found.beats_at_most:.0%}"


def _bought(case: _Case, weighed: Weighed, others: Sequence[LawSplit]) -> Bought:
    law, cluster = case.own.law, case.prices.cluster
    decades = float(law.fitted.decades_outside(case.params, case.tokens))
    loss = interval(float(case.split.loss[0]), law.log_sd(case.params, case.tokens), decades, CONFIDENCE)
    rent, chances = cluster.dollars_per_hour, weighed.beats[:3]
    if case.options.money is not None:
        money = Span(*exactly(case.options.money))
    else:
        money = Unknown(f"what an hour of {case.prices.device} costs is not known") if rent is None else Span(*times(case.hours, rent))
    return Bought(
        gpu_hours=Span(*case.hours),
        money=money,
        mfu=Span(*cluster.mfu),
        flops=Span(*case.flops),
        formula=f"{case.hours.value:,.0f} GPU-hours x 3600 x {cluster.peak_flops / 1e12:g} TFLOPS x {cluster.mfu.value:.3g}",
        law=law.name,
        corpus=law.corpus,
        params=case.params,
        tokens=case.tokens,
        loss=as_interval(loss),
        score=weighed.own_score(0),
        beats=Span(float(chances[0]), float(chances.min()), float(chances.max())),
        others=tuple(others),
    )


def _law_split(own: OwnModel, split: Split, weighed: Weighed, number: int) -> LawSplit:
    params, tokens, loss = (float(values[0]) for values in (split.params, split.tokens, split.loss))
    return LawSplit(own.law.name, params, tokens, loss, weighed.own_score(number), float(weighed.beats[number]))


def _rivals(case: _Case, weighed: Weighed) -> list[Rival]:
    """The open models that can be served, the best expected first."""
    within = np.flatnonzero(case.open_models.active <= case.limit)
    best = within[np.argsort(-case.open_models.mean[within], kind="stable")]
    return [_rival(case.open_models, weighed, int(at)) for at in best]


def _rival(open_models: OpenModels, weighed: Weighed, at: int) -> Rival:
    model, facts = open_models.models[at], open_models.facts[at]
    licence = model.licence.value if model.licence else None
    return Rival(
        model=model.id,
        active=float(open_models.active[at]),
        total=facts.parameters,
        tokens=facts.tokens,
        released=facts.released,
        licence=licence,
        commercial=commercial_use(licence) if licence else None,
        score=weighed.free_score(at),
    )
