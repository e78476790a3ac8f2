"""How likely a model finds a text: what an engine that can score text returns, and what is computed from it."""

import math
from dataclasses import dataclass

from llmpick.evidence.call import EngineInfo


@dataclass(frozen=True, slots=True)
class TextScore:
    """The log-likelihood of a text after a context, by one model.

    `nats` is the sum of the natural logarithms of the probabilities of the scored tokens (never positive), `tokens` how many they are,
    `text_bytes` the length of the scored text in UTF-8. `first_token_scored` is False where the model has nothing to condition its
    first token on (no BOS and no context), so that this token is left out of `nats`, and its bytes out of `text_bytes`.
    `processed_tokens` counts every token that the engine had to read, windows that overlap included: what the score cost.
    """

    nats: float
    tokens: int
    text_bytes: int
    first_token_scored: bool = True
    processed_tokens: int = 0

    @property
    def bits_per_byte(self) -> float:
        """Bits of information per byte of UTF-8: comparable between models with different tokenizers."""
        return -self.nats / math.log(2) / self.text_bytes

    @property
    def perplexity(self) -> float:
        """The exponential of the mean negative log-likelihood per token: comparable between models with the same tokenizer only."""
        return math.exp(-self.nats / self.tokens)


@dataclass(frozen=True, slots=True)
class TextRead:
    """One reading of a text by one model, as it is kept: its score, what it took, and who read it.

    `max_tokens` is what the engine could read at once, None where it does not tell. `split` stands for the text's token ids (a hash: equal
    for equal ids), None where they were not asked for.
    """

    score: TextScore
    seconds: float
    engine: EngineInfo
    max_tokens: int | None = None
    split: str | None = None
