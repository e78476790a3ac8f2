"""The open models of `scale verdict`, in the order of what is expected of them: those that can be served, as small ones, larger ones."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from llmpick.catalog.loader import commercial_use
from llmpick.decide.training_verdict import TIE, Rival, SameSize
from llmpick.evidence.model import ModelFacts
from llmpick.workflow.scale.verdict_prior import OpenModels, Weighed

Commercial = Literal["yes", "no", "conditions"]


def ranked(open_models: OpenModels, weighed: Weighed, allowed: NDArray[np.bool_]) -> list[Rival]:
    """The allowed ones (F,), the best first."""
    within = np.flatnonzero(allowed)
    best = within[np.argsort(-open_models.merit[within], kind="stable")]
    return [rival_at(open_models, weighed, int(at)) for at in best]


def lightest_as_good(open_models: OpenModels, allowed: NDArray[np.bool_]) -> int:
    """Of the allowed ones (F,) within a tie of the best, the one with the fewest parameters in all, then for a token."""
    merit = np.where(allowed, open_models.merit, -np.inf)
    as_good = np.flatnonzero(merit >= merit.max() - TIE)
    return int(min(as_good, key=lambda at: (open_models.facts[at].parameters, open_models.active[at], -merit[at])))


def same_size(open_models: OpenModels, weighed: Weighed, params: float) -> SameSize | None:
    """The best that computes with no more than `params` for a token, beside the first own model; None where it is the one to take."""
    at = int(open_models.best(open_models.servable(np.array([params]), 0.0))[0])
    return None if at == int(weighed.taken[0]) else SameSize(rival_at(open_models, weighed, at), weighed.beats_free(0, at))


def larger_than(open_models: OpenModels, weighed: Weighed, servable: NDArray[np.bool_]) -> Rival | None:
    """The best of all, where it is not among the servable ones (F,) and better than the best of them by more than a tie."""
    at, taken = int(open_models.best(np.ones_like(servable))), int(weighed.taken[0])
    return rival_at(open_models, weighed, at) if open_models.merit[at] - open_models.merit[taken] > TIE else None


def licence_of(open_models: OpenModels, model: str | None) -> tuple[str | None, Commercial | None]:
    """The licence of one of them, and whether it allows commercial use; nothing of a model that is no open one."""
    return _licence(next((one for one in open_models.models if one.id == model), None))


def rival_at(open_models: OpenModels, weighed: Weighed, at: int) -> Rival:
    model, facts = open_models.models[at], open_models.facts[at]
    licence, commercial = _licence(model)
    return Rival(
        model=model.id,
        active=float(open_models.active[at]),
        total=facts.parameters,
        tokens=facts.tokens,
        released=facts.released,
        licence=licence,
        commercial=commercial,
        score=weighed.free_score(at),
    )


def _licence(model: ModelFacts | None) -> tuple[str | None, Commercial | None]:
    licence = model.licence.value if model is not None and model.licence else None
    return licence, commercial_use(licence) if licence else None
