"""What the answer of `scale verdict` must say beside its figures."""

from collections.abc import Iterator

from llmpick.catalog.ability import ability_evidence
from llmpick.catalog.loader import commercial_use
from llmpick.decide.training_verdict import Rival, Way, tokens_text
from llmpick.workflow.scale_verdict_costs import Prices
from llmpick.workflow.scale_verdict_options import VerdictOptions
from llmpick.workflow.scale_verdict_prior import OpenModels


def verdict_notes(
    options: VerdictOptions, open_models: OpenModels, prices: Prices, trained: Way, taken: Rival, no_more_memory: Rival | None
) -> Iterator[str]:
    """One sentence or two each. `no_more_memory` is the best expected that has no more parameters in all than may be active."""
    last = max(facts.released for facts in ability_evidence().facts if facts.released is not None)
    yield (
        "Your own model is taken to be made with the know-how of the one that it must beat; text, people and failed runs are not in the "
        f"cost. The prior has learnt from models up to {last:%B %Y}: later ones are its trend carried on."
    )
    yield from _of_taken(taken, no_more_memory)
    yield from _of_language(options.language)
    yield from _of_training(options, open_models, prices, trained)


def _of_taken(taken: Rival, no_more_memory: Rival | None) -> Iterator[str]:
    use = commercial_use(taken.licence) if taken.licence else None
    if use is None:
        yield f"Which licence {taken.model} has is not known."
    elif use != "yes":
        allows = "allows commercial use under conditions" if use == "conditions" else "does not allow commercial use"
        yield f"The licence of {taken.model}, {taken.licence}, {allows}."
    if no_more_memory is not None and no_more_memory.model != taken.model:
        yield (
            f"{taken.model} computes with {tokens_text(taken.active)} parameters and keeps {tokens_text(taken.total)} in memory. "
            f"Where memory is what is short, {no_more_memory.model} is the best expected: {no_more_memory.score.value:.0%}."
        )


def _of_language(language: str) -> Iterator[str]:
    if language not in ("en", "zh"):
        yield f"The prior tells English and Chinese apart; of {language} it knows what benchmarks in many languages say together."
    if language != "en":
        yield "The prior knows whether makers trained on Chinese, not on how many tokens; how many are enough rests on one case, LLaMA's."


def _of_training(options: VerdictOptions, open_models: OpenModels, prices: Prices, trained: Way) -> Iterator[str]:
    if trained.tokens > open_models.most_tokens:
        yield f"No model of the catalog saw {tokens_text(trained.tokens)} tokens: whether so much text can be had is not known."
    if options.served_tokens is not None:
        yield "The budget pays for training alone; of all models that it could train, this one takes the fewest FLOPs in all for its loss."
    if prices.foreign:
        yield f"No finished training on {prices.device} is known: the MFU is that of all that are known, on other devices."
    if options.as_of is not None:
        yield "Models and trainings are those of that day; the rent, and the scores that the prior has learnt from, are today's."
