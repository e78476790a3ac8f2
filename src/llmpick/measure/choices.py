"""Multiple choice by likelihood: which of the answers does the model find most likely after the question, and by which measure.

Four measures, all from the same calls:

- `none`: the log-likelihood of the answer as it is. Long answers lose.
- `tokens`: per token. It depends on the model's tokenizer.
- `bytes`: per byte of UTF-8. It does not.
- `calibrated`: what the question adds to the answer's log-likelihood, which is what is left when that after an empty context is taken
  away. An answer that is likely anywhere gains nothing from it.

Sources: Brown et al., "Language models are few-shot learners" (NeurIPS 2020), section 2.4 (per token, and divided by the likelihood after
"Answer:"); Holtzman et al., "Surface form competition" (EMNLP 2021), equation 2 (the same as pointwise mutual information).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmpick.evidence.errors import InputError
from llmpick.evidence.likelihood import TextScore
from llmpick.evidence.task import Normalisation
from llmpick.measure.likelihood import TextScorer


@dataclass(frozen=True, slots=True)
class ChoiceScores:
    """The answers of one question in their order: their likelihood after the question, and after the empty context."""

    choices: tuple[str, ...]
    asked: tuple[TextScore, ...]
    alone: tuple[TextScore, ...]

    def values(self, normalise: Normalisation) -> list[float]:
        """A number for each answer, in nats, the most likely one the highest."""
        match normalise:
            case "none":
                return [score.nats for score in self.asked]
            case "tokens":
                return [score.nats / score.tokens for score in self.asked]
            case "bytes":
                return [score.nats / score.text_bytes for score in self.asked]
            case "calibrated":
                return [score.nats - alone.nats for score, alone in zip(self.asked, self.alone, strict=True)]

    def best(self, normalise: Normalisation) -> str:
        """The most likely answer; the first of equals."""
        values = self.values(normalise)
        return self.choices[values.index(max(values))]

    def probabilities(self, normalise: Normalisation) -> dict[str, float]:
        """The softmax of the values, which sums to 1. For `none` it is the probability of each answer among these; for the others it
        orders them, and has no meaning of its own.
        """
        values = self.values(normalise)
        weights = [math.exp(value - max(values)) for value in values]
        return {choice: weight / sum(weights) for choice, weight in zip(self.choices, weights, strict=True)}


def score_choices(
    scorer: TextScorer, context: str, choices: Sequence[str], *, alone: Mapping[str, TextScore] | None = None
) -> ChoiceScores:
    """Asks for every answer after `context`, which the engine reads once if it can. `alone` holds their scores after the empty context,
    where they are known (they are the same for all questions, see `score_alone`).

    Between the context and an answer stands one blank, as between a question and its answer in a solved row. Raises what the scorer does.
    """
    asked = tuple(scorer.score_all(asked_context(context), _answers(choices)))
    known = score_alone(scorer, choices) if alone is None else alone
    return ChoiceScores(tuple(choices), asked, tuple(known[choice] for choice in choices))


def score_alone(scorer: TextScorer, choices: Sequence[str]) -> dict[str, TextScore]:
    """How likely each answer is after nothing. A model that knows no mark for the start of a text cannot score a first token; for it, and
    then for all answers, a new line stands in the place of nothing.
    """
    try:
        after_nothing = scorer.score_all("", _answers(choices))
    except InputError:  # Some answer is a single token, so that nothing of it would be scored.
        after_nothing = []
    if not after_nothing or not all(score.first_token_scored for score in after_nothing):
        after_nothing = scorer.score_all("\n", _answers(choices))
    return dict(zip(choices, after_nothing, strict=True))


def asked_context(context: str) -> str:
    """What is read before the blank and the answer."""
    return context.rstrip()


def _answers(choices: Sequence[str]) -> list[str]:
    return [f" {choice}" for choice in choices]
