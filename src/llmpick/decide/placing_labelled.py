"""Places of a race in which people's labels correct the judge: the claims and intervals are about what people would say on new inputs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from llmpick.decide.placing import Placing
from llmpick.decide.race_answer import NewInputs, Place, Placed
from llmpick.decide.race_intervals import COMPARED, from_half, itself
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.judged_race import HumanLabels, corrected_difference, corrected_score
from llmpick.stats.race import Progress, Standing

_ONLY_NEW = Unknown("labels on a part of the rows speak of new inputs like these")
_NO_ROW = Unknown("no row was answered")


def by_labels(
    placed: Placing,
    ids: Sequence[str],
    progress: Progress,
    standing: Standing,
    labels: HumanLabels,
    confidence: float,
    *,
    opponent: int | None = None,
) -> Placing:
    """What was placed by the judge's scores, with intervals and leader as the labels correct them. All intervals hold together.

    People, too, find the opponent's answers as good as themselves.
    """
    leader = placed.leader if placed.chosen is not None else _leading(placed.leader, progress, standing, labels)
    places = list(placed.places)
    if leader != placed.leader:
        old, new = places[placed.leader], places[leader]
        places[leader] = replace(new, place=old.place, reasons=old.reasons)
        places[placed.leader] = replace(old, place=new.place, reasons=new.reasons)
    each, paired = 1 - (1 - confidence) / len(ids), 1 - (1 - confidence) / max(len(ids) - 1, 1)

    def difference(k: int) -> Interval | Unknown:
        if k == leader:
            return COMPARED
        if opponent in (k, leader):
            return from_half(score(leader if k == opponent else k), opposite=k == opponent)
        ran = min(progress.done[k], progress.done[leader]) > 0
        return replace(corrected_difference(progress, labels, k, leader, confidence=paired), confidence=confidence) if ran else _NO_ROW

    def score(k: int) -> Interval | Unknown:
        if k == opponent:
            return itself(confidence)
        ran = progress.done[k] > 0
        return replace(corrected_score(progress, labels, k, confidence=each), confidence=confidence) if ran else _NO_ROW

    corrected = tuple(
        replace(one, score_on_rows=_ONLY_NEW, difference=_ONLY_NEW, score=score(k), difference_on_new_inputs=difference(k))
        for k, one in enumerate(places)
    )
    return replace(placed, leader=leader, places=corrected, new_inputs=_new_inputs(ids, placed, leader, corrected, progress))


def _leading(leader: int, progress: Progress, standing: Standing, labels: HumanLabels) -> int:
    """Of those who are not beaten, the one whose worst corrected difference to another is the best."""
    left = [k for k in range(len(progress.done)) if not standing.beaten[k] and progress.done[k]]
    if not left:
        return leader

    def worst(k: int) -> float:
        return min((corrected_difference(progress, labels, k, other, confidence=0.5).value for other in left if other != k), default=0.0)

    return max(left, key=lambda k: (worst(k), k == leader))


def _new_inputs(ids: Sequence[str], placed: Placing, leader: int, places: Sequence[Placed], progress: Progress) -> NewInputs:
    """A choice made by labels holds for new inputs; without one, those who could still be the best are not told apart."""
    if placed.chosen is not None or len(ids) == 1:
        return NewInputs()
    alike = [leader, *(k for k, one in enumerate(places) if k != leader and one.place in (Place.OPEN, Place.TIED))]
    left = progress.scores.shape[1] - int(progress.done[np.array(alike)].min())
    return NewInputs(tuple(ids[k] for k in alike), Unknown("it would take more rows or more labels"), left)
