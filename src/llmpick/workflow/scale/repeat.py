"""`llmpick scale repeat`: what seeing the same tokens several times is worth (Muennighoff's law)."""

from dataclasses import dataclass

import numpy as np

from llmpick.estimate.scaling.answers import RepeatAnswer, Repeats
from llmpick.estimate.scaling.laws import interval
from llmpick.estimate.scaling.repeated import MUENNIGHOFF_LAW, OTHER_MINIMA, saturated
from llmpick.workflow.scale.notes import guessing_notes, law_notes, range_notes
from llmpick.workflow.scale.predict import as_interval

EPOCHS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
NEVER_HURTS = "The law levels off and never turns up: it cannot say that too many epochs hurt."


@dataclass(frozen=True, slots=True)
class RepeatOptions:
    """Parameters with embeddings, tokens that differ, and how often each is seen (at least once)."""

    params: float
    unique_tokens: float
    epochs: float
    confidence: float = 0.9


def repeated(options: RepeatOptions) -> RepeatAnswer:
    """Raises `InputError` for less than one epoch."""
    law, params, unique = MUENNIGHOFF_LAW, options.params, options.unique_tokens
    here = _repeats(params, unique, options.epochs)
    decades = law.fitted.decades_outside(params, here.tokens, options.epochs)
    found = interval(here.loss, law.log_sd(params, here.tokens), decades, options.confidence)
    seen = options.epochs - 1.0
    worth = [float(saturated(unique, seen, scale)) for scale in (law.r_d, *(r_d for r_d, _ in OTHER_MINIMA))]
    most = f"{max(worth) / unique:.3g} times the unique tokens in place of {here.effective_tokens / unique:.3g}"
    notes = [
        *guessing_notes(here.loss),
        *law_notes(law),
        f"R_D* = {law.r_d:.4g} and R_N* = {law.r_n:.3g} are a local minimum: constants that fit the same 182 runs slightly better make "
        f"{options.epochs:g} epochs worth up to {most}.",
        NEVER_HURTS,
    ]
    return RepeatAnswer(
        params,
        unique,
        here,
        as_interval(found),
        float(decades),
        (min(worth), max(worth)),
        float(law.effective_params(params, here.tokens, unique)),
        float(np.exp(-seen / law.r_d)),
        float(law.at(params, here.tokens)),
        tuple(_repeats(params, unique, epochs) for epochs in EPOCHS),
        law.source,
        law.corpus,
        (*range_notes(law.name, law.fitted, float(decades)), *notes),
    )


def _repeats(params: float, unique: float, epochs: float) -> Repeats:
    tokens = unique * epochs
    effective = float(MUENNIGHOFF_LAW.effective_tokens(tokens, unique))
    return Repeats(epochs, tokens, effective, float(MUENNIGHOFF_LAW.at(params, tokens, unique)))
