"""Writing an answer token by token with torch: which token comes next, and when the answer ends.

The engine `hf` brings the logits; llguidance, where the answer has a grammar, says which tokens may follow.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from llmpick.evidence.call import Sampling
from llmpick.evidence.errors import InputError


@dataclass(frozen=True, slots=True)
class Written:
    """The text, the number of tokens written (an end token included), and whether the answer ended by itself."""

    text: str
    tokens: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """When an answer ends: at one of `ends`, at one of the `stops` (which are cut off), when `matcher` allows no more, at `max_tokens`."""

    max_tokens: int
    ends: frozenset[int]
    stops: Sequence[str] = ()
    matcher: Any = None


def write(logits: Any, feed: Callable[[int], Any], decode: Callable[[list[int]], str], rules: Rules, sampling: Sampling) -> Written:
    """`logits` are those of the first token, shape (vocabulary,); `feed` takes a token and returns the logits that follow it."""
    generator = import_module("torch").Generator(device=logits.device).manual_seed(sampling.seed)
    tokens: list[int] = []
    text = ""
    while len(tokens) < rules.max_tokens:
        token = choose(_held(logits, rules.matcher), sampling, generator)
        if token in rules.ends:
            return Written(text, len(tokens) + 1, ended=True)
        tokens.append(token)
        text = decode(tokens)
        cut = min((at for stop in rules.stops if (at := text.find(stop)) >= 0), default=None)
        if cut is not None:
            return Written(text[:cut], len(tokens), ended=True)
        if rules.matcher is not None:
            rules.matcher.consume_token(token)
            if rules.matcher.is_stopped():
                return Written(text, len(tokens), ended=True)
        logits = feed(token)
    return Written(text, len(tokens), ended=False)


def choose(logits: Any, sampling: Sampling, generator: Any) -> int:
    """The next token: the most probable one at temperature 0, else drawn from the smallest set that holds `top_p`."""
    torch = import_module("torch")
    if sampling.temperature == 0:
        return int(logits.argmax())
    probabilities, order = torch.softmax(logits / sampling.temperature, dim=-1).sort(descending=True)
    before = probabilities.cumsum(dim=-1) - probabilities
    kept = probabilities.masked_fill(before >= sampling.top_p, 0.0)
    return int(order[torch.multinomial(kept, 1, generator=generator)])


def matcher_for(guide: Any, grammar: str) -> Any:
    """A matcher of `grammar` over the tokenizer `guide`. Raises `InputError` for a grammar that llguidance cannot use."""
    matcher = import_module("llguidance").LLMatcher(guide, grammar, log_level=0)
    if matcher.is_error():
        reason = " ".join(matcher.get_error().split())[:400]
        raise InputError(
            f"llguidance cannot hold answers to this schema: {reason}", where="schema", remedy="leave out what the message names"
        )
    return matcher


def _held(logits: Any, matcher: Any) -> Any:
    """The logits with every token that the grammar forbids at minus infinity."""
    if matcher is None:
        return logits
    torch, numpy = import_module("torch"), import_module("numpy")
    bits = numpy.frombuffer(matcher.compute_bitmask(), dtype=numpy.uint8)
    allowed = numpy.zeros(logits.shape[0], dtype=bool)
    told = numpy.unpackbits(bits, bitorder="little")[: logits.shape[0]]
    allowed[: len(told)] = told.astype(bool)
    return logits.masked_fill(~torch.from_numpy(allowed).to(logits.device), float("-inf"))
