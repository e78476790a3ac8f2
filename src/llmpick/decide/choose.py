"""From the race's last look to the answer: a verdict, and for every entrant a status, its reasons and its intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.answer import Status, Verdict
from llmpick.decide.race_intervals import from_half, itself
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.betting import mean_interval
from llmpick.stats.clustered import new_input_interval
from llmpick.stats.race import Progress, Standing


@dataclass(frozen=True, slots=True)
class Judged:
    """One entrant after the race. `score` is for new inputs like the rows, `score_on_rows` for the user's rows themselves,
    `difference` for this entrant minus the chosen (or leading) one on the user's rows.
    """

    status: Status
    reasons: tuple[str, ...]
    score: Interval | Unknown
    score_on_rows: Interval | Unknown
    n: int
    difference: Interval | None


@dataclass(frozen=True, slots=True)
class Choice:
    """`chosen` is an index into the entrants, None when undecided; `leader` the one with the highest score so far."""

    verdict: Verdict
    chosen: int | None
    leader: int
    reasons: tuple[str, ...]
    entrants: tuple[Judged, ...]


def choose(
    ids: Sequence[str],
    is_baseline: Sequence[bool],
    progress: Progress,
    standing: Standing,
    *,
    tolerance: float,
    confidence: float,
    undecided_because: str | None,
    clusters: NDArray[np.int64] | None = None,
    opponent: int | None = None,
) -> Choice:
    """Turns what is shown into an answer. `ids`, `is_baseline` and the first axis of `progress` name the same K >= 1 entrants.

    `clusters`, shape (N,), says which rows belong together: new inputs are then rows of new clusters. `opponent` is the entrant with which
    a judge compares all: it ties with itself, on every row that there is.
    """
    leader = int(np.argmax(progress.means))
    reference = leader if standing.chosen is None else standing.chosen
    statuses = [_status(k, progress, standing) for k in range(len(ids))]

    def score(k: int, population: int | None) -> Interval | Unknown:
        if k == opponent:
            return itself(confidence)
        return _score(progress, k, confidence, population=population, clusters=None if population else clusters)

    def difference(k: int) -> Interval | None:
        if opponent not in (k, reference):
            return _difference(progress, k, reference, confidence)
        against = from_half(score(reference if k == opponent else k, progress.scores.shape[1]), opposite=k == opponent)
        return None if isinstance(against, Unknown) else against

    entrants = tuple(
        Judged(
            status=statuses[k],
            reasons=_reasons(k, ids, progress, standing, statuses[k], tolerance, reference),
            score=score(k, None),
            score_on_rows=score(k, progress.scores.shape[1]),
            n=int(_answered(progress, k).sum()),
            difference=None if k == reference else difference(k),
        )
        for k in range(len(ids))
    )
    verdict = _verdict(standing.chosen, is_baseline, statuses)
    return Choice(
        verdict, standing.chosen, leader, _story(verdict, ids, is_baseline, standing, leader, entrants, undecided_because), entrants
    )


def _verdict(chosen: int | None, is_baseline: Sequence[bool], statuses: Sequence[Status]) -> Verdict:
    if chosen is None:
        return Verdict.UNDECIDED
    if is_baseline[chosen]:
        return Verdict.BASELINE
    return Verdict.TIE if Status.TIED in statuses else Verdict.CHOSEN


def _status(k: int, progress: Progress, standing: Standing) -> Status:
    if k == standing.chosen:
        return Status.CHOSEN
    if standing.beaten[k]:
        return Status.ELIMINATED
    if standing.chosen is None and not standing.idle[k]:
        return Status.UNMEASURED if progress.done[k] == 0 else Status.OPEN
    return Status.TIED if standing.within[k] else Status.DOMINATED


def _reasons(
    k: int, ids: Sequence[str], progress: Progress, standing: Standing, status: Status, tolerance: float, reference: int
) -> tuple[str, ...]:
    points = f"{100 * tolerance:g} points"
    cheaper = "cheaper" if progress.cost_rank[reference] < progress.cost_rank[k] else "no dearer"
    match status:
        case Status.CHOSEN:
            return (f"the cheapest of those shown to be within {points} of the best",)
        case Status.ELIMINATED:
            return (f"shown to be more than {points} worse than {ids[standing.beaten_by[k]]}",)
        case Status.OPEN:
            return ("still in the race when it stopped",)
        case Status.TIED:
            return (f"shown to be within {points} of the best, but {ids[reference]} is {cheaper}",)
        case Status.DOMINATED:
            return (f"not better than {ids[reference]} by more than {points}, which is {cheaper}",)
        case _:
            return ("not run before the race stopped",)


def _story(
    verdict: Verdict,
    ids: Sequence[str],
    is_baseline: Sequence[bool],
    standing: Standing,
    leader: int,
    entrants: Sequence[Judged],
    undecided_because: str | None,
) -> tuple[str, ...]:
    if verdict is Verdict.UNDECIDED:
        rivals = [ids[k] for k, entrant in enumerate(entrants) if entrant.status is Status.OPEN and k != leader]
        named = " and ".join(filter(None, (", ".join(rivals[:-1]), *rivals[-1:])))
        against = f" against {named}" if rivals else ""
        return (f"{ids[leader]} leads{against}, but {undecided_because or 'the evidence does not decide'}",)
    if verdict is not Verdict.BASELINE:
        return ()
    models = [k for k in range(len(ids)) if not is_baseline[k] and not isinstance(entrants[k].score, Unknown)]
    if not models:
        return ("no language model took part",)
    best = max(models, key=lambda k: entrants[k].score.value)  # pyright: ignore[reportAttributeAccessIssue]
    return (f"no language model beats {ids[standing.chosen or 0]} by more than the tolerance; the best of them is {ids[best]}",)


def _answered(progress: Progress, k: int) -> np.ndarray:
    return (np.arange(progress.scores.shape[1]) < progress.done[k]) & ~progress.lost[k]


def _score(
    progress: Progress, k: int, confidence: float, *, population: int | None, clusters: NDArray[np.int64] | None = None
) -> Interval | Unknown:
    """The entrant's mean score; rows lost by the machinery are left out of it."""
    answered = _answered(progress, k)
    if not answered.any():
        return Unknown("no row was answered")
    if clusters is not None:
        return new_input_interval(progress.scores[k, answered], clusters[answered], confidence=confidence)
    lost = int((progress.lost[k] & (np.arange(len(answered)) < progress.done[k])).sum())
    return mean_interval(progress.scores[k, answered], confidence=confidence, population=population - lost if population else None)


def _difference(progress: Progress, k: int, reference: int, confidence: float) -> Interval | None:
    both = _answered(progress, k) & _answered(progress, reference)
    if not both.any():
        return None
    values = progress.scores[k, both] - progress.scores[reference, both]
    return mean_interval(values, confidence=confidence, population=progress.scores.shape[1], low=-1.0, high=1.0)
