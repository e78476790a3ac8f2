"""What llama.cpp's server is sent, and how its answer is read, for each way to ask: choose, reason, write. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from llmpick.evidence.call import Sampling, Thinking
from llmpick.measure.labels import Tokens

LABEL_BIAS = 100.0
"""Added to the labels' logits: lifts them above all other tokens. A softmax over them is not changed by it."""

_TAG_TOKENS = re.compile(r"</?[^<>\s]+>|\[/?[A-Z]+\]")


def choosing(choices: Tokens) -> dict[str, Any]:
    """One token out of `choices`, with the probability of each."""
    return {
        "max_tokens": 1,
        "temperature": 1,
        "samplers": ["temperature"],
        "logit_bias": [[token, LABEL_BIAS] for token in choices],
        "n_probs": len(choices),
        "post_sampling_probs": True,
    }


def chosen(choices: Tokens, answer: Mapping[str, Any]) -> dict[int, float]:
    """The choices' probabilities, summing to 1. One that is not listed has underflowed to zero."""
    listed = answer["choices"][0]["logprobs"]["content"][0]["top_probs"]
    told = {entry["id"]: entry["prob"] for entry in listed}
    total = sum(told.get(token, 0.0) for token in choices)
    return {token: told.get(token, 0.0) / total for token in choices}


def reasoning(thinking: Thinking, sampling: Sampling) -> dict[str, Any]:
    """Free text until the reasoning is closed, or its budget is spent."""
    return {
        "max_tokens": thinking.max_tokens,
        "stop": [thinking.closing.strip()],
        # Tags that are control tokens would not be written out, and the end of the reasoning not be seen.
        "preserved_tokens": _TAG_TOKENS.findall(thinking.opening + thinking.closing),
        **sampled(Sampling(thinking.temperature, thinking.top_p, sampling.seed)),
    }


def sampled(sampling: Sampling) -> dict[str, Any]:
    """Only the samplers that the request names: the server's defaults include more."""
    return {"temperature": sampling.temperature, "top_p": sampling.top_p, "seed": sampling.seed, "samplers": ["top_p", "temperature"]}
