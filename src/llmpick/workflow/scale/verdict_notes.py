"""What the answer of `scale verdict` must say beside its figures."""

from collections.abc import Iterator, Sequence

from llmpick.catalog.ability import ability_evidence
from llmpick.catalog.training import load_benchmarks
from llmpick.decide.training_reasons import score_text
from llmpick.decide.training_verdict import Rival, Way, tokens_text
from llmpick.workflow.scale.budget_notes import borrowed_note, rent_note
from llmpick.workflow.scale.verdict_costs import Prices
from llmpick.workflow.scale.verdict_options import VerdictOptions
from llmpick.workflow.scale.verdict_prior import GENERAL, ROUNDLY, Learnt, OpenModels
from llmpick.workflow.scale.verdict_rivals import Commercial


def verdict_notes(
    options: VerdictOptions,
    open_models: OpenModels,
    prices: Prices,
    trained: Way,
    rivals: Sequence[Rival],
    taken: str | None,
    commercial: Commercial | None,
    no_more_memory: Rival | None,
) -> Iterator[str]:
    """One sentence or two each. `rivals` are in their order, `taken` among them; `commercial` is what the recommended one allows.

    `no_more_memory` is the best that takes no more memory than the own model, or that anybody has.
    """
    last = max(facts.released for facts in ability_evidence().facts if facts.released is not None)
    yield (
        "Your own model is taken to be made with the know-how of the one that it must beat; text, people and failed runs are not in the "
        f"cost. The prior has learnt from models up to {last:%B %Y}: later ones are its trend carried on."
    )
    if commercial == "no":
        allowed = next((rival for rival in rivals if rival.commercial in ("yes", "conditions")), None)
        what = f"{allowed.model} ({allowed.licence}) is the best: {score_text(allowed.score)}" if allowed else "there is none"
        yield f"Of those whose licence is known to allow commercial use, {what}."
    yield from _of_serving(options, next(rival for rival in rivals if rival.model == taken), no_more_memory)
    yield from _of_language(options.language)
    yield from _of_training(options, open_models, prices, trained)
    yield from _of_prices(options, prices)


def not_separated(options: VerdictOptions, learnt: Learnt) -> str:
    """Why no score decides."""
    task, general = f"{options.family.value} ({options.language})", ", ".join(family.value for family in GENERAL)
    known = f"of {learnt.models} models" if learnt.exactly else "of other tasks"
    return (
        f"The published scores do not separate models at {task}: there are only those {known}, and what is expected of one is more "
        f"uncertain than models differ. So it is the one of which most is expected in general ({general}); only your own examples tell."
    )


def not_learnt(learnt: Learnt, options: VerdictOptions, params: float, tokens: float) -> str | None:
    """That the own model is smaller, larger, or trained on less or more than any that was scored."""
    small, large = learnt.params
    few, many = learnt.tokens
    beyond = [
        *([f"so small (the smallest has {tokens_text(small)} parameters)"] if params < small else []),
        *([f"so large (the largest has {tokens_text(large)} parameters)"] if params > large else []),
        *([f"trained on so little (the least is {tokens_text(few)} tokens)"] if tokens < few else []),
        *([f"trained on so much (the most is {tokens_text(many)} tokens)"] if tokens > many else []),
    ]
    if not beyond:
        return None
    at = f" at {options.family.value} ({options.language})" if learnt.exactly else ""
    guessing = f", and guessing scores {learnt.chance:.0%}" if learnt.chance and (params < small or tokens < few) else ""
    return f"No model {' nor '.join(beyond)} was scored{at}: what yours would reach is carried on beyond the evidence{guessing}."


def _of_serving(options: VerdictOptions, taken: Rival, no_more_memory: Rival | None) -> Iterator[str]:
    if options.everyday and taken.total <= ROUNDLY * options.everyday:
        yield (
            f"Models of up to {tokens_text(options.everyday)} parameters in all count as served by anybody: in 4 bits their weights fit "
            "into a computer of 8 GB. --max-params names what you can serve."
        )
    if no_more_memory is not None and no_more_memory.model != taken.model:
        yield (
            f"{taken.model} computes with {tokens_text(taken.active)} parameters and keeps {tokens_text(taken.total)} in memory. "
            f"Where memory is what is short, {no_more_memory.model} is the best: {score_text(no_more_memory.score)}."
        )


def _of_language(language: str) -> Iterator[str]:
    if language not in ("en", "zh"):
        yield f"The prior tells English and Chinese apart; of {language} it knows what benchmarks in many languages say together."
    if language != "en":
        yield (
            "The prior knows which languages makers name, not how many tokens they had of each; how many are enough rests on one case, "
            "LLaMA's Chinese."
        )


def _of_training(options: VerdictOptions, open_models: OpenModels, prices: Prices, trained: Way) -> Iterator[str]:
    if trained.tokens > open_models.most_tokens:
        yield f"No model of the catalog saw {tokens_text(trained.tokens)} tokens: whether so much text can be had is not known."
    if options.served_tokens is not None:
        yield "The budget pays for training alone; of all models that it could train, this one takes the fewest FLOPs in all for its loss."
    if prices.borrowed is not None:
        yield borrowed_note(prices.known, prices.borrowed)
    most = max(row.mfu for row in load_benchmarks())
    if options.mfu is not None and options.mfu > most:
        yield f"An MFU of {options.mfu:.1%} is more than any benchmark of the catalog reached ({most:.1%})."


def _of_prices(options: VerdictOptions, prices: Prices) -> Iterator[str]:
    if options.mfu is None:
        yield "The MFU is a share of 6 N D alone, in the finished trainings as here; that of scale budget counts attention, and is higher."
    if options.price is None:
        yield from rent_note(prices.known)
    if options.as_of is not None:
        yield "Models and trainings are those of that day; the rent, and the scores that the prior has learnt from, are today's."
