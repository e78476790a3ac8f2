"""The documented, versioned shape of `llmpick scale verdict --json`, and `TrainingVerdict` written in it.

What is unknown is null with its reason under the same key of `unknown`; numbers are finite and not rounded; within one `schema_version`
keys are only added. The descriptions are the text of `docs/training.md` and of `scale_verdict.schema.json`;
`python -m tests.report.regenerate` writes both.
"""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from llmpick.decide.training_verdict import Bought, Cost, LawSplit, Rival, SameSize, Span, Threshold, TrainingVerdict, Way
from llmpick.evidence.values import Interval, Unknown
from llmpick.report.document import Range, Reasons, Record, WithUnknowns, known, schema_of
from llmpick.report.scale.budget_json import BudgetSource, source_document

SCHEMA_VERSION = 1
NO_LICENCE = "its licence is not known"
Action = Literal["train", "continue", "finetune", "take"]


class VerdictRange(Record):
    value: float = Field(description="the value taken")
    low: float = Field(description="with the least of the evidence: no interval of a stated confidence")
    high: float = Field(description="with the most of the evidence")


class VerdictCost(WithUnknowns):
    flops: float = Field(description="6 N D")
    gpu_hours: VerdictRange = Field(description="hours of one device, by the MFU")
    money: VerdictRange | None = Field(description="US dollars, by the MFU and the rent")
    formula: str = Field(description="how the GPU-hours were computed, with the numbers filled in")
    unknown: Reasons


class VerdictWay(WithUnknowns):
    action: Action = Field(description="what is done")
    model: str | None = Field(description="the open model that it starts from")
    params: float = Field(description="parameters that a token passes")
    tokens: float = Field(description="tokens that it would be trained on; 0 for a model that is taken")
    cost: VerdictCost | None = Field(description="what that takes")
    score: Range = Field(description="what the prior expects of the result; `finetune`: before your own data, which it does not know")
    beats: float | None = Field(description="probability that the result is better than the model that can be taken")
    obstacle: str | None = Field(description="what rules it out, or leaves it open, whatever the prior says")
    unknown: Reasons


class VerdictLaw(Record):
    law: str = Field(description="the scaling law that splits the budget")
    params: float = Field(description="parameters")
    tokens: float = Field(description="training tokens")
    loss: float = Field(description="nats per token of the law's own text")
    score: Range = Field(description="what the prior expects of that model")
    beats: float = Field(description="probability that it is better than the best open model that costs as little to serve")


class VerdictBought(WithUnknowns):
    gpu_hours: VerdictRange = Field(description="hours of one device")
    money: VerdictRange | None = Field(description="US dollars")
    mfu: VerdictRange = Field(description="share of the rated 16-bit FLOPs: median, least and most of finished trainings")
    flops: VerdictRange = Field(description="what the hours compute")
    formula: str = Field(description="how the FLOPs were computed, with the numbers filled in")
    law: str = Field(description="the scaling law that splits them")
    params: float = Field(description="parameters to train")
    tokens: float = Field(description="tokens to train on")
    loss: Range = Field(description="nats per token of `corpus`")
    corpus: str = Field(description="the text that the loss is of")
    score: Range = Field(description="what the prior expects of that model")
    beats: VerdictRange = Field(description="probability that it wins, over the range of `flops`")
    laws: list[VerdictLaw] = Field(description="the same by other laws")
    unknown: Reasons


class VerdictThreshold(Record):
    cost: VerdictCost = Field(description="the budget")
    params: float = Field(description="parameters of the model that it buys")
    tokens: float = Field(description="its training tokens")


class VerdictRival(WithUnknowns):
    model: str = Field(description="id of the model")
    params_active: float = Field(description="parameters that a token passes")
    params_total: float = Field(description="all parameters, which are kept in memory")
    tokens: float | None = Field(description="tokens seen in training")
    released: date | None = Field(description="the day on which the weights could be had")
    licence: str | None = Field(description="its licence")
    commercial: Literal["yes", "no", "conditions"] | None = Field(description="whether the licence allows commercial use")
    score: Range = Field(description="what the prior expects of it")
    unknown: Reasons


class VerdictSameSize(Record):
    rival: VerdictRival = Field(description="the best of them")
    beats: float = Field(description="probability that the own model is better")


class Verdict(WithUnknowns):
    """The document."""

    schema_version: Literal[1] = Field(description="this description")
    action: Action = Field(description="what to do")
    model: str | None = Field(description="the open model to take, or to start from")
    licence: str | None = Field(description="its licence")
    commercial: Literal["yes", "no", "conditions"] | None = Field(description="whether that allows commercial use")
    next_steps: list[str] = Field(description="the commands to go on with")
    reasons: list[str] = Field(description="why, and why not the others")
    threshold: VerdictThreshold | None = Field(
        description="the least budget from which training from scratch pays, at every larger one too"
    )
    family: str = Field(description="the kind of task")
    language: str = Field(description="its language")
    as_of: date | None = Field(description="the day whose models and trainings were used")
    device: str = Field(description="the device")
    served_tokens: float | None = Field(description="tokens that will be served")
    serving_params: float = Field(description="the most parameters per token of the open models that were compared")
    everyday_params: float = Field(description="and those with so many in all or fewer; 0 where --max-params says what can be served")
    same_size: VerdictSameSize | None = Field(description="the open models that compute no more for a token than the own one")
    larger: VerdictRival | None = Field(description="the best of all open models, where more is expected of it than of those compared")
    undecided: str | None = Field(description="why the prior does not separate models at this task; `rivals` are then in a general order")
    bought: VerdictBought = Field(description="what the budget buys")
    ways: list[VerdictWay] = Field(description="the ways that were weighed")
    rivals: list[VerdictRival] = Field(description="the open models that can be served of which most is expected")
    rival_count: int = Field(description="how many there are in all")
    searched_flops: float = Field(description="the largest budget in which the threshold was looked for")
    searched_beats: float = Field(description="the probability there that training wins")
    notes: list[str] = Field(description="what was assumed, and what else the reader should know")
    sources: list[BudgetSource] = Field(description="where the numbers come from")
    unknown: Reasons


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `scale verdict --json` prints: an answer or an error."""
    return schema_of(Verdict, "llmpick scale verdict --json")


def verdict_document(answer: TrainingVerdict) -> dict[str, Any]:
    """Nothing is left out and nothing is rounded. Raises `pydantic.ValidationError` for what the schema cannot hold: a defect."""
    document = Verdict(
        **known(
            model=answer.chosen.model or Unknown("it starts from scratch"),
            licence=answer.licence or Unknown(NO_LICENCE if answer.chosen.model else "it starts from scratch"),
            commercial=answer.commercial or Unknown(NO_LICENCE if answer.chosen.model else "it starts from scratch"),
            same_size=_same_size(answer.same_size)
            if answer.same_size
            else Unknown("the best that can be served is as small, or was told to be"),
            larger=_rival(answer.larger)
            if answer.larger
            else Unknown("no larger one is better by more than a tie, or --max-params rules it out"),
            undecided=answer.undecided or Unknown("it does"),
            threshold=_threshold(answer.threshold),
            as_of=answer.as_of or Unknown("today's catalog was used"),
            served_tokens=answer.served_tokens or Unknown("it was not said how many tokens will be served"),
        ),
        schema_version=SCHEMA_VERSION,
        action=answer.action,
        next_steps=list(answer.next_steps),
        reasons=list(answer.reasons),
        family=answer.family.value,
        language=answer.language,
        device=answer.device,
        serving_params=answer.serving_params,
        everyday_params=answer.everyday_params,
        bought=_bought(answer.bought),
        ways=[_way(way) for way in answer.ways],
        rivals=[_rival(rival) for rival in answer.rivals],
        rival_count=answer.rival_count,
        searched_flops=answer.searched_flops,
        searched_beats=answer.searched_beats,
        notes=list(answer.notes),
        sources=[source_document(source) for source in answer.sources],
    )
    return document.model_dump(mode="json")


def _threshold(threshold: Threshold | Unknown) -> VerdictThreshold | Unknown:
    if isinstance(threshold, Unknown):
        return threshold
    return VerdictThreshold(cost=_cost(threshold.cost), params=threshold.params, tokens=threshold.tokens)


def _bought(bought: Bought) -> VerdictBought:
    return VerdictBought(
        **known(money=bought.money if isinstance(bought.money, Unknown) else _range(bought.money)),
        gpu_hours=_range(bought.gpu_hours),
        mfu=_range(bought.mfu),
        flops=_range(bought.flops),
        formula=bought.formula,
        law=bought.law,
        params=bought.params,
        tokens=bought.tokens,
        loss=_interval(bought.loss),
        corpus=bought.corpus,
        score=_interval(bought.score),
        beats=_range(bought.beats),
        laws=[_law(one) for one in bought.others],
    )


def _law(one: LawSplit) -> VerdictLaw:
    return VerdictLaw(law=one.law, params=one.params, tokens=one.tokens, loss=one.loss, score=_interval(one.score), beats=one.beats)


def _way(way: Way) -> VerdictWay:
    itself = "it is the model that the others are compared with" if way.action == "take" else "your own data are not in the prior"
    return VerdictWay(
        **known(
            model=way.model or Unknown("it starts from scratch"),
            cost=_cost(way.cost) if way.cost else Unknown("nothing is trained"),
            beats=Unknown(itself) if way.beats is None else way.beats,
            obstacle=way.obstacle or Unknown("nothing rules it out"),
        ),
        action=way.action,
        params=way.params,
        tokens=way.tokens,
        score=_interval(way.score),
    )


def _same_size(same: SameSize) -> VerdictSameSize:
    return VerdictSameSize(rival=_rival(same.rival), beats=same.beats)


def _rival(rival: Rival) -> VerdictRival:
    return VerdictRival(
        **known(
            tokens=rival.tokens or Unknown("how many tokens it saw is not known"),
            released=rival.released or Unknown("its day of release is not known"),
            licence=rival.licence or Unknown(NO_LICENCE),
            commercial=rival.commercial or Unknown(NO_LICENCE),
        ),
        model=rival.model,
        params_active=rival.active,
        params_total=rival.total,
        score=_interval(rival.score),
    )


def _cost(cost: Cost) -> VerdictCost:
    money = cost.money if isinstance(cost.money, Unknown) else _range(cost.money)
    return VerdictCost(**known(money=money), flops=cost.flops, gpu_hours=_range(cost.gpu_hours), formula=cost.formula)


def _range(span: Span) -> VerdictRange:
    return VerdictRange(value=span.value, low=span.low, high=span.high)


def _interval(interval: Interval) -> Range:
    return Range(value=interval.value, low=interval.low, high=interval.high, confidence=interval.confidence)
