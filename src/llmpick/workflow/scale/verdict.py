"""`llmpick scale verdict`: what a budget would train, beside the open models that are there, and from which budget on it pays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from llmpick.catalog.ability import ability_evidence
from llmpick.catalog.loader import load_models
from llmpick.decide.training_reasons import Question, chance_text, verdict_reasons
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
)
from llmpick.estimate.scaling import amounts
from llmpick.estimate.scaling.laws import interval
from llmpick.estimate.scaling.optimal import Split
from llmpick.estimate.scaling.published import EPOCH, HOFFMANN
from llmpick.estimate.training.budget import Range, exactly, times
from llmpick.evidence.ability import AbilityFacts
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Unknown
from llmpick.workflow.scale.optimal import BESIDE
from llmpick.workflow.scale.predict import as_interval
from llmpick.workflow.scale.verdict_costs import Prices, prices_on
from llmpick.workflow.scale.verdict_next import next_steps
from llmpick.workflow.scale.verdict_notes import not_learnt, not_separated, verdict_notes
from llmpick.workflow.scale.verdict_options import OwnModel, VerdictOptions
from llmpick.workflow.scale.verdict_prior import CONFIDENCE, ROUNDLY, Crossing, OpenModels, Weighed, crossing, learnt_of
from llmpick.workflow.scale.verdict_rivals import larger_than, licence_of, lightest_as_good, ranked, same_size
from llmpick.workflow.scale.verdict_ways import (
    CONTINUED,
    STOCK,
    TEXT_STOCK,
    Start,
    beyond_all_text,
    continue_way,
    continued,
    finetune_way,
    finetuned,
)

SHOWN = 5
"""Open models that are named beside the trained one."""
UNDECIDED = "the prior does not separate models at this task, so it does not tell"


@dataclass(frozen=True, slots=True)
class _Case:
    """All that the question fixes. `split` (3,) is at value, least and most of `flops`; `servable` (F,) of the open models can be served.

    That are those with `limit` active parameters or fewer, and small ones that anybody can serve, unless the user said what he can.
    """

    options: VerdictOptions
    prices: Prices
    open_models: OpenModels
    own: OwnModel
    hours: Range
    flops: Range
    split: Split
    limit: float
    servable: NDArray[np.bool_]

    @property
    def params(self) -> float:
        return float(self.split.params[0])

    @property
    def tokens(self) -> float:
        return float(self.split.tokens[0])

    def allowed(self, facts: Sequence[AbilityFacts]) -> NDArray[np.bool_]:
        """The open models that each own one is compared with (H, F)."""
        return self.open_models.servable(self.own.served_with(facts), self.options.everyday)


def training_verdict(options: VerdictOptions) -> TrainingVerdict:
    """Raises `InputError` for a budget that is not clear or beyond all text, an unknown device, and a day without any open model."""
    case = _case(options)
    laws = [OwnModel(law, options) for law in BESIDE if law is not case.own.law]
    splits = [law.split(np.array([case.flops.value])) for law in laws]
    own = [*case.own.facts(case.split), *(law.facts(split)[0] for law, split in zip(laws, splits, strict=True))]
    starts = continued(case.open_models, case.prices, case.hours.value, case.servable)
    tunable = finetuned(case.open_models, options.own_tokens, case.servable)
    weighed = _weigh(case, own, starts, tunable)

    best, taken = (_taking(case, weighed, at) for at in (int(weighed.taken[0]), lightest_as_good(case.open_models, case.servable)))
    costly = _costly_ways(case, weighed, len(own), starts, tunable, taken)
    threshold, searched = _threshold(case, weighed)
    rivals = ranked(case.open_models, weighed, case.servable)
    question = _question(case, weighed, threshold, rivals[0])
    chosen, ways = choose_way((*costly, best), case.flops.value, question.pays_from), (*costly, taken)
    chosen = taken if chosen is best else chosen
    light = next((rival for rival in rivals if rival.total <= ROUNDLY * max(case.limit, options.everyday)), None)
    licence, commercial = licence_of(case.open_models, chosen.model)
    return TrainingVerdict(
        action=chosen.action,
        chosen=chosen,
        reasons=verdict_reasons(chosen, ways, question),
        family=options.family,
        language=options.language,
        as_of=options.as_of,
        device=case.prices.device,
        served_tokens=options.served_tokens,
        bought=_bought(
            case, weighed, [_law_split(law, split, weighed, 3 + i) for i, (law, split) in enumerate(zip(laws, splits, strict=True))]
        ),
        serving_params=case.limit,
        everyday_params=options.everyday,
        same_size=question.same_size,
        larger=question.larger,
        licence=licence,
        commercial=commercial,
        undecided=question.undecided,
        ways=ways,
        rivals=tuple(rival for i, rival in enumerate(rivals) if i < SHOWN or rival is light or rival.model == taken.model),
        rival_count=len(rivals),
        threshold=threshold,
        searched_flops=searched.most,
        searched_beats=searched.beats_at_most,
        next_steps=next_steps(chosen, case.prices.device),
        notes=tuple(verdict_notes(options, case.open_models, case.prices, ways[0], rivals, taken.model, commercial, light)),
        sources=(*case.prices.sources, *dict.fromkeys(law.law.source for law in (case.own, *laws)), *CONTINUED, STOCK),
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
    if float(split.tokens[0]) > TEXT_STOCK.high:
        raise InputError(
            f"so large a budget cannot be spent on text: {beyond_all_text(float(split.tokens[0]))}",
            where="--money, --gpu-hours, --served-tokens, --max-params",
            remedy="give a smaller budget or fewer served tokens, or allow a larger model",
        )
    limit = max(options.max_params or float(split.params[0]), float(open_models.active.min()))
    servable = open_models.servable(np.array([limit]), options.everyday)[0]
    return _Case(options, prices, open_models, own, hours, flops, split, limit, servable)


def _question(case: _Case, weighed: Weighed, threshold: Threshold | Unknown, best: Rival) -> Question:
    """Smaller and larger open models stand beside where the user did not say what can be served; larger ones if scores separate them."""
    options, open_models = case.options, case.open_models
    learnt, free = learnt_of(ability_evidence(), options.family, options.language), options.max_params is None
    return Question(
        task=f"{options.family.value} ({options.language})",
        flops=case.flops.value,
        threshold=threshold,
        best=best,
        same_size=same_size(open_models, weighed, case.params) if free else None,
        larger=larger_than(open_models, weighed, case.servable) if free and open_models.separates else None,
        undecided=None if open_models.separates else not_separated(options, learnt),
        caution=not_learnt(learnt, options, case.params, case.tokens),
        guessing=learnt.chance,
    )


def _weigh(case: _Case, own: Sequence[AbilityFacts], starts: Sequence[Start], tunable: Sequence[Start]) -> Weighed:
    """Own models first, then those continued, then those tuned: the better of base and tuned, but for the last."""
    further = [start.becomes for start in (*starts, *tunable)]
    allowed = np.vstack([case.allowed(own), np.tile(case.servable, (len(further), 1))])
    tuned = np.arange(len(own) + len(further)) >= len(own) + len(starts)
    return case.open_models.weigh([*own, *further], allowed, tuned=tuned)


def _taking(case: _Case, weighed: Weighed, at: int) -> Way:
    return Way("take", case.open_models.models[at].id, float(case.open_models.active[at]), 0.0, None, weighed.free_score(at), None)


def _costly_ways(
    case: _Case, weighed: Weighed, first: int, starts: Sequence[Start], tunable: Sequence[Start], taken: Way
) -> tuple[Way, ...]:
    """From scratch, continued where there is a base model, fine-tuned. Where the prior does not separate models, all have an obstacle."""
    cost, obstacle = case.prices.cost(case.params, case.tokens), beyond_all_text(case.tokens)
    trained = Way("train", None, case.params, case.tokens, cost, weighed.own_score(0), float(weighed.beats[0]), obstacle)
    further = continue_way(case.open_models, starts, weighed, first, case.prices)
    own_tokens, after = case.options.own_tokens, first + len(starts)
    tuned = finetune_way(case.open_models, tunable, weighed, after, case.prices, case.hours.value, own_tokens, taken)
    ways = [way for way in (trained, further, tuned) if way is not None]
    if not case.open_models.separates:
        ways = [replace(way, obstacle=way.obstacle or UNDECIDED) for way in ways]
    return tuple(ways)


def _threshold(case: _Case, weighed: Weighed) -> tuple[Threshold | Unknown, Crossing]:
    """Looked for from the smallest budget of the law's own runs up to the largest that was ever spent, or to this one."""
    if not case.open_models.separates:
        return Unknown(UNDECIDED), Crossing(None, case.flops.value, float(weighed.beats[0]))

    def beats(split: Split) -> NDArray[np.float64]:
        facts = case.own.facts(split)
        return case.open_models.weigh(facts, case.allowed(facts)).beats

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
    elif most_tokens > case.open_models.most_tokens:
        what = f"with the {tokens_text(most_tokens)} tokens of this budget, more than any training saw"
    else:
        what = f"with the {tokens_text(most_tokens)} tokens that the longest training saw"
    chance = f"it would win with probability {chance_text(found.beats_at_most)}"
    return f"never within what was ever spent: at {amounts.flops(found.most)} FLOPs, {what}, {chance}"


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
        formula=f"{_digits(case.hours.value)} GPU-hours x 3600 x {cluster.peak_flops / 1e12:g} TFLOPS x MFU {cluster.mfu.value:.4g}",
        law=law.name,
        corpus=law.corpus,
        params=case.params,
        tokens=case.tokens,
        loss=as_interval(loss),
        score=weighed.own_score(0),
        beats=Span(float(chances[0]), float(chances.min()), float(chances.max())),
        others=tuple(others),
    )


def _digits(value: float) -> str:
    """Enough of them that a product can be checked: 1.342, 18,587."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _law_split(own: OwnModel, split: Split, weighed: Weighed, number: int) -> LawSplit:
    params, tokens, loss = (float(values[0]) for values in (split.params, split.tokens, split.loss))
    return LawSplit(own.law.name, params, tokens, loss, weighed.own_score(number), float(weighed.beats[number]))
