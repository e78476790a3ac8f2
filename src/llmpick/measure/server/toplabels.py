"""Label probabilities from the alternatives that a server lists for the first token of its answer. Pure.

A server tells at most 20 alternatives, as text. They are enough when the answer begins with a label and every label is told apart
by its first token: then the label probabilities are the listed ones, restricted to the labels. When what cannot be told (labels that
are not listed, tokens that begin several labels) might matter, there are none.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

UNTOLD = 0.01
"""The largest share that unlisted labels and ambiguous tokens may have beside the labels that were told."""


def label_probabilities_of(choice: Mapping[str, Any], labels: Sequence[str]) -> dict[str, float] | None:
    """`choice` is one element of the server's `choices`, from chat or plain completions. None when they cannot be told."""
    alternatives = first_alternatives(choice.get("logprobs"))
    return restricted(alternatives, labels) if alternatives else None


def first_alternatives(logprobs: Any) -> list[tuple[str, float]]:
    """(token text, log-probability) of the first token's alternatives, most probable first; empty when none are given.

    Chat answers list them at `content[0].top_logprobs`, plain completions map them at `top_logprobs[0]`.
    """
    try:
        if logprobs.get("content"):
            pairs = [(top["token"], top["logprob"]) for top in logprobs["content"][0]["top_logprobs"]]
        else:
            pairs = list(logprobs["top_logprobs"][0].items())
    except (AttributeError, KeyError, IndexError, TypeError):
        return []
    usable = [(text, logprob) for text, logprob in pairs if isinstance(text, str) and isinstance(logprob, int | float)]
    return sorted(usable, key=lambda pair: -pair[1])


def restricted(alternatives: Sequence[tuple[str, float]], labels: Sequence[str]) -> dict[str, float] | None:
    """The labels' probabilities, summing to 1; None unless the most probable token begins exactly one label."""
    told = dict.fromkeys(labels, 0.0)
    ambiguous = 0.0
    for rank, (text, logprob) in enumerate(alternatives):
        begun = [label for label in labels if text.strip() and label.startswith(text.strip())]
        if rank == 0 and len(begun) != 1:
            return None
        if len(begun) == 1:
            told[begun[0]] += math.exp(logprob)
        elif begun:
            ambiguous += math.exp(logprob)
    unlisted = sum(probability == 0.0 for probability in told.values()) * math.exp(alternatives[-1][1])
    total = sum(told.values())
    if ambiguous + unlisted > UNTOLD * total:
        return None
    return {label: probability / total for label, probability in told.items()}
