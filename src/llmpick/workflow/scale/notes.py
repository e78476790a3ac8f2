"""What an answer of a scaling law must say beside its numbers: its range, its corpus, and why other laws say something else."""

from collections.abc import Sequence

from llmpick.estimate.scaling.amounts import amount
from llmpick.estimate.scaling.disagreement import PORIAN
from llmpick.estimate.scaling.laws import PER_DECADE, FittedRange, Law
from llmpick.estimate.scaling.registry import GADRE_LAWS
from llmpick.estimate.scaling.repeated import RepeatedLaw

LARGEST_LOSS = 15.0
"""Nats per token: guessing among 3 million tokens, more than any vocabulary has."""
OUTSIDE_FROM = 0.005
"""Decades outside the fitted range that are worth a word."""
ACROSS_CORPORA = (
    "Losses are in nats per token of each law's own text and tokenizer: they compare models under one law, and do not compare between laws "
    "of different corpora."
)
SAME_RUNS = "epoch and hoffmann are fits to the same runs; where they differ, epoch's describes these runs better."
OPPOSED = (
    f"Why Kaplan's split is so unlike: changed one by one, Porian's steps move the exponent of N_opt(C) from {PORIAN[0].weighted:.3f} to "
    + "; ".join(f"{step.weighted:.3f} ({step.change})" for step in PORIAN[1:])
    + "."
)


def range_notes(name: str, fitted: FittedRange, decades_outside: float, *, of: str | None = None) -> list[str]:
    """That the answer is an extrapolation, where it is one; `of` names the answer where there are several."""
    if decades_outside < OUTSIDE_FROM:
        return []
    low, high = (amount(value) for value in fitted.params)
    few, many = (amount(value) for value in fitted.tokens)
    span = f"{low} to {high} parameters, {few} to {many} tokens"
    outside = "Outside" if of is None else f"{of[0].upper()}{of[1:]}: outside"
    return [
        f"{outside} the range that {name} was fitted on ({span}) by {decades_outside:.2g} decades (factors of ten): "
        f"each widens the interval by {100 * PER_DECADE:g} % (one standard deviation)."
    ]


def guessing_notes(loss: float) -> list[str]:
    """That no model is as bad as that, where none is."""
    if loss <= LARGEST_LOSS:
        return []
    return [f"Guessing has a loss of 10 to 13 nats per token, so no model has {loss:,.0f}: so far from its runs the law says nothing."]


def law_notes(law: Law) -> list[str]:
    """What is particular to a law."""
    if isinstance(law, RepeatedLaw):
        return ["muennighoff lies 7 % below the losses of the runs that it was fitted to: trust its effective tokens before its loss."]
    if any(law is one.loss for one in GADRE_LAWS):
        return [
            "gadre: constants of fits to the paper's runs, which give back its held-out predictions; the interval is what these missed."
        ]
    return []


def disagreement_notes(laws: Sequence[str]) -> list[str]:
    """Why these laws do not say the same."""
    notes = [ACROSS_CORPORA] if len(laws) > 1 else []
    notes += [SAME_RUNS] if {"epoch", "hoffmann"} <= set(laws) else []
    return notes + ([OPPOSED] if any(name.startswith("kaplan") for name in laws) else [])
