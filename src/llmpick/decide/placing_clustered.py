"""Places of a race whose rows come in clusters, as several questions on one document do: what is said of new inputs is of new clusters.

The claims about the user's own rows stand as they are: the order of the rows is random, whatever belongs together.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.choice import rows_to_settle
from llmpick.decide.placing import Claims, Placing
from llmpick.decide.race_answer import NewInputs
from llmpick.decide.race_intervals import COMPARED, NO_ROW, answered, confidence_of_one, from_half, itself
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.clustered import new_input_interval
from llmpick.stats.goal import Goal
from llmpick.stats.race import Progress

Clusters = NDArray[np.int64]


def by_clusters(
    placed: Placing,
    ids: Sequence[str],
    progress: Progress,
    goal: Goal,
    claims: Claims,
    clusters: Clusters,
    *,
    opponent: int | None = None,
) -> Placing:
    """The same places, with the intervals for new inputs as new clusters widen them. `clusters`, shape (N,), in race order.

    They hold together as those of the same rule do: the bets' for all candidates, the posterior's each by itself.
    """
    leader, count = placed.leader, len(ids)
    shared = (1, 1) if claims == "bayes" else (count, max(count - 1, 1))

    def score(k: int) -> Interval | Unknown:
        if k == opponent:
            return itself(goal.confidence)
        rows = answered(progress, k)
        return _interval(progress.scores[k, rows], clusters[rows], goal, shared[0], low=0.0)

    def difference(k: int) -> Interval | Unknown:
        if k == leader:
            return COMPARED
        if opponent in (k, leader):
            return from_half(score(leader if k == opponent else k), opposite=k == opponent)
        return _interval(*_gaps(progress, k, leader, clusters), goal, shared[1], low=-1.0)

    places = (replace(one, score=score(k), difference_on_new_inputs=difference(k)) for k, one in enumerate(placed.places))
    return replace(placed, places=tuple(places), new_inputs=_new_inputs(ids, progress, goal, leader, clusters))


def _interval(values: NDArray[np.float64], clusters: Clusters, goal: Goal, shared_by: int, *, low: float) -> Interval | Unknown:
    if not len(values):
        return NO_ROW
    found = new_input_interval(values, clusters, confidence=1 - (1 - goal.confidence) / shared_by, low=low)
    return replace(found, confidence=goal.confidence)


def _gaps(progress: Progress, a: int, b: int, clusters: Clusters) -> tuple[NDArray[np.float64], Clusters]:
    both = answered(progress, a) & answered(progress, b)
    return progress.scores[a, both] - progress.scores[b, both], clusters[both]


def _new_inputs(ids: Sequence[str], progress: Progress, goal: Goal, leader: int, clusters: Clusters) -> NewInputs:
    """In question is whoever may be better than the leader by more than the tolerance on new clusters."""
    one_sided = 1 - 2 * (1 - confidence_of_one(progress, goal))
    found = {k: _gaps(progress, k, leader, clusters) for k in range(len(ids)) if k != leader}

    def in_question(gaps: NDArray[np.float64], of: Clusters) -> bool:
        return not len(gaps) or new_input_interval(gaps, of, confidence=one_sided, low=-1.0).high > goal.tolerance

    rivals = {k: pair for k, pair in found.items() if in_question(*pair)}
    if not rivals:
        return NewInputs()
    confidence = confidence_of_one(progress, goal)
    needed = [rows_to_settle(-gaps, goal.tolerance, confidence, peeking=True, clusters=of) for gaps, of in rivals.values()]
    unknown = next((one for one in needed if isinstance(one, Unknown)), None)
    alike = [leader, *rivals]
    return NewInputs(
        alike=tuple(ids[k] for k in alike),
        rows_more=unknown or max((one for one in needed if isinstance(one, Interval)), key=lambda one: one.value),
        rows_left=progress.scores.shape[1] - int(progress.done[alike].min()),
    )
