"""`llmpick scale optimal`: the best split of a budget between parameters and tokens, also with serving in mind or few data."""

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from llmpick.estimate.scaling.answers import Allocation, OptimalAnswer, Served
from llmpick.estimate.scaling.conventions import FlopCount, Flops
from llmpick.estimate.scaling.kaplan import EDGES, KAPLAN_JOINT, kaplan_budget, kaplan_optimum
from llmpick.estimate.scaling.laws import AdditiveLaw, Law, interval
from llmpick.estimate.scaling.optimal import (
    ServingSplit,
    Split,
    compute_optimal,
    data_constrained,
    optimal_for_loss,
    optimal_for_params,
    serving_optimal,
)
from llmpick.estimate.scaling.published import APPROACHES, EPOCH, HOFFMANN, HOFFMANN_PAPER, HOFFMANN_PRINTED, OPTIMA
from llmpick.estimate.scaling.registry import GADRE_REDPAJAMA, law_named
from llmpick.estimate.scaling.repeated import MUENNIGHOFF_LAW, RepeatedLaw
from llmpick.estimate.scaling.serving_budget import serving_split
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Unknown
from llmpick.workflow.scale.notes import ACROSS_CORPORA, OPPOSED, SAME_RUNS, guessing_notes, law_notes, range_notes
from llmpick.workflow.scale.predict import as_interval


class Question(NamedTuple):
    """What was given, and how much of it."""

    what: Literal["flops", "params", "loss"]
    value: float


BESIDE = (EPOCH, HOFFMANN, HOFFMANN_PRINTED, MUENNIGHOFF_LAW.additive(), GADRE_REDPAJAMA.loss)
SAME_TEXT = (EPOCH, HOFFMANN, HOFFMANN_PRINTED)
BUDGET_KEPT = (
    "--flops is what training takes; serving comes on top of it. --params or --loss keep the quality instead, and train for longer."
)
LOSS_KEPT = "The quality is kept, so training takes more than the training-optimal model does; --flops keeps training within a budget."
KAPLAN_BUDGET = (
    "kaplan counts parameters and FLOPs without embeddings, and its budget is the least compute (6 N D at the critical batch is 1.8 times "
    "that); its row takes the same numbers in its own count."
)


@dataclass(frozen=True, slots=True)
class OptimalOptions:
    """One of `flops`, `params` (of a training-optimal model) and `loss` says the budget or the quality. `flops_count` None: as the law."""

    flops: float | None = None
    params: float | None = None
    loss: float | None = None
    inference_tokens: float | None = None
    unique_tokens: float | None = None
    law: str | None = None
    flops_count: FlopCount | None = None
    confidence: float = 0.9


def optimum(options: OptimalOptions) -> OptimalAnswer:
    """Raises `InputError` for a question that the law has no answer to, `ConventionError` for FLOPs that are counted in another way."""
    question = _question(options)
    law = law_named(options.law or _default(options))
    if question.what == "flops" and options.flops_count:
        Flops(question.value, options.flops_count).as_counted(law.flops, law=law.name)
    if options.unique_tokens is not None:
        answer = _few_data(options, law, question)
    elif law is KAPLAN_JOINT:
        answer = _by_kaplan(options, question)
    else:
        answer = _by_additive(options, law, question)
    if min(answer.split.params, answer.split.tokens) < 1.0:
        raise InputError(
            f"the best split has {answer.split.params:.2g} parameters and {answer.split.tokens:.2g} tokens, and is none",
            where="--flops, --params, --inference-tokens",
            remedy="give a larger budget or model, or serve fewer tokens",
        )
    return replace(answer, notes=(*guessing_notes(answer.loss.value), *answer.notes))


def _question(options: OptimalOptions) -> Question:
    given = [Question(name, value) for name in ("flops", "params", "loss") if (value := getattr(options, name)) is not None]
    if len(given) != 1:
        raise InputError("the budget is not clear", where="--flops, --params, --loss", remedy="give one of the three")
    if options.unique_tokens is not None and options.inference_tokens is not None:
        raise InputError("few data and serving are two questions", where="--unique-tokens, --inference-tokens", remedy="ask one of them")
    return given[0]


def _default(options: OptimalOptions) -> str:
    """Epoch's refit; Hoffmann's constants for serving, since Sardana's published answers have them; Muennighoff's where data are few."""
    if options.unique_tokens is not None:
        return "muennighoff"
    return "epoch" if options.inference_tokens is None else "hoffmann"


def _by_additive(options: OptimalOptions, law: Law, question: Question) -> OptimalAnswer:
    additive, served = _additive(law), options.inference_tokens
    split = _split(additive, question) if served is None else _served_split(additive, question, served)
    if served is None:
        others = _others(law.name, question)
    else:
        others = [_allocation(one, _served_split(one, question, served)) for one in SAME_TEXT if one.name != law.name]
    decades = float(additive.fitted.decades_outside(split.params, split.tokens))
    found = interval(split.loss, additive.log_sd(split.params, split.tokens), decades, options.confidence)
    notes = [*range_notes(law.name, additive.fitted, decades), *law_notes(law), *_printed(question)]
    notes += _disagreement({law.name, *(one.law for one in others)})
    serving = _serving(additive, split) if isinstance(split, ServingSplit) else None
    notes += [] if serving is None else [BUDGET_KEPT if question.what == "flops" else LOSS_KEPT]
    return OptimalAnswer(
        *(question.what, _allocation(additive, split), as_interval(found), decades, serving, None, None), tuple(others), tuple(notes)
    )


def _additive(law: Law) -> AdditiveLaw:
    if isinstance(law, RepeatedLaw):
        return law.additive()
    if isinstance(law, AdditiveLaw):
        return law
    raise InputError(f"{law.name} has no split of a budget", where="--law", remedy="take epoch, hoffmann, muennighoff, gadre, or kaplan")


def _split(law: AdditiveLaw, question: Question) -> Split:
    return {"flops": compute_optimal, "params": optimal_for_params, "loss": optimal_for_loss}[question.what](law, question.value)


def _served_split(law: AdditiveLaw, question: Question, served: float) -> ServingSplit:
    """Of a budget: what it can train at most, with serving in mind. Of a size or loss: the same loss at the least cost in all (Sardana)."""
    reached = serving_split(law, question.value, served) if question.what == "flops" else _split(law, question)
    return serving_optimal(law, reached.loss, served)


def _serving(law: AdditiveLaw, found: ServingSplit) -> Served:
    best = optimal_for_loss(law, found.loss)
    ratios = (found.tokens_ratio, found.flops / best.flops, found.total_ratio)
    return Served(*(float(number) for number in (found.served, found.total_flops, *ratios, best.params, best.tokens)))


def _disagreement(names: Set[str]) -> list[str]:
    notes = [SAME_RUNS] if {"epoch", "hoffmann"} <= names else []
    return [*notes, *([KAPLAN_BUDGET, OPPOSED] if "kaplan" in names else []), ACROSS_CORPORA]


def _others(chosen: str, question: Question) -> list[Allocation]:
    """What other laws make of the same budget; a loss is of one text, so other texts cannot be asked for it."""
    laws = SAME_TEXT if question.what == "loss" else BESIDE
    found = [_allocation(law, _split(law, question)) for law in laws if law.name != chosen]
    if question.what == "loss":
        return found
    for approach in APPROACHES:
        flops = question.value if question.what == "flops" else float(approach.flops_for(question.value))
        params = float(approach.params_for(flops))
        unknown = Unknown("the approach only splits")
        found.append(Allocation(approach.name, HOFFMANN_PAPER, params, flops / (6.0 * params), flops, unknown))
    return [*found, _kaplan(question)]


def _allocation(law: AdditiveLaw, split: Split) -> Allocation:
    return Allocation(law.name, law.source, float(split.params), float(split.tokens), float(split.flops), float(split.loss))


def _kaplan(question: Question) -> Allocation:
    budget = question.value if question.what == "flops" else float(kaplan_budget(question.value))
    best, law = kaplan_optimum(budget), KAPLAN_JOINT
    return Allocation(law.name, law.source, float(best.params), float(best.tokens), budget, float(best.loss), law.parameters)


def _by_kaplan(options: OptimalOptions, question: Question) -> OptimalAnswer:
    if question.what == "loss" or options.inference_tokens is not None:
        raise InputError("kaplan only splits a training budget", where="--law kaplan", remedy="give --flops or --params, or another law")
    split = _kaplan(question)
    decades = float(KAPLAN_JOINT.fitted.decades_outside(split.params, split.tokens))
    found = interval(split.loss, EDGES, decades, options.confidence)
    notes = [*range_notes("kaplan", KAPLAN_JOINT.fitted, decades), *_disagreement({"kaplan"})]
    others = [one for one in _others("kaplan", question) if one.law != "kaplan"]
    return OptimalAnswer(question.what, split, as_interval(found), decades, None, None, None, tuple(others), tuple(notes))


def _few_data(options: OptimalOptions, law: Law, question: Question) -> OptimalAnswer:
    unique = options.unique_tokens
    if not isinstance(law, RepeatedLaw) or question.what != "flops" or unique is None:
        raise InputError(
            "few data are split by muennighoff's law and a budget", where="--unique-tokens", remedy="give --flops, and no other --law"
        )
    best = data_constrained(law, question.value, unique)
    plenty = _allocation(law.additive(), compute_optimal(law.additive(), question.value))
    tokens = float(best.tokens)
    epochs = max(1.0, tokens / unique)
    decades = float(law.fitted.decades_outside(best.params, tokens, epochs))
    found = interval(best.loss, law.log_sd(best.params, tokens), decades, options.confidence)
    split = Allocation(law.name, law.source, float(best.params), tokens, question.value, float(best.loss))
    notes = (*range_notes(law.name, law.fitted, decades), *law_notes(law))
    others = (Allocation("muennighoff, data in plenty", plenty.source, plenty.params, plenty.tokens, plenty.flops, plenty.loss),)
    return OptimalAnswer(question.what, split, as_interval(found), decades, None, unique, epochs, others, notes)


def _printed(question: Question) -> list[str]:
    """A misprint of the published table, where it is the row that was asked for."""
    rows = [row for row in OPTIMA if question.what == "params" and row.misprint and np.isclose(row.params, question.value, rtol=0.01)]
    return [f"Hoffmann's tables: {row.misprint}." for row in rows]
