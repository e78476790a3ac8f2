"""Two finished runs, from the store or from the logs of any tool, brought to the same rows and compared.

A run is named by its id in the store, by a file of scores or a folder of logs, and where it holds several candidates by `RUN:CANDIDATE`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from llmpick.decide.choice import Word
from llmpick.decide.compare import ComparedRuns, PairedScores, compare_scores
from llmpick.evidence.errors import InputError
from llmpick.evidence.scores import ScoreMatrix
from llmpick.sources.scores import read_scores, table_columns
from llmpick.workflow.pairing import Chosen, in_order_of_race, pair, paired_scores, without
from llmpick.workflow.stored_scores import Origin, logged_scores, stored_scores

DEFAULT_CONFIDENCE = 0.95
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """`confidence` and `tolerance` are shares; None for those of the runs, where both have the same, else 0.95 and none.
    `metric` is one of the scores of a log, `cluster` and `by` are columns of the rows.

    Without `cluster` it is the column that the task of a stored run declares, if there is one.
    `leave_out` names columns of tables that are not read, `leave_out_rows` rows that do not count: by name, or as COLUMN=VALUE.
    """

    confidence: float | None = None
    tolerance: float | None = None
    cluster: str | None = None
    by: tuple[str, ...] = ()
    metric: str | None = None
    leave_out: tuple[str, ...] = ()
    leave_out_rows: tuple[str, ...] = ()


def compare_runs(first: str, second: str, options: CompareOptions) -> ComparedRuns:
    """Compares two runs on the rows that both have. Raises `InputError` where a run, candidate, column or common row is not there."""
    _check_left_out(first, second, options.leave_out)
    one, two = _find(first, options), _find(second, options)
    every_pair, notes = pair(one, two)
    pairs, left_out = without(one, two, every_pair, options.leave_out_rows)
    pairs, any_stop, stops = in_order_of_race(one, two, pairs)
    scores = paired_scores(one, two, pairs)
    _check_columns(scores, options, f"{first} and {second}")
    cluster, clustered = (options.cluster, []) if options.cluster else _own_cluster(one, two, scores)
    confidence, tolerance, asked = _asked(one, two, options)
    comparison = compare_scores(
        scores,
        confidence=confidence,
        tolerance=tolerance,
        cluster=cluster,
        by=options.by or None,
        any_stop=any_stop,
        word=None if options.leave_out_rows else _word(one, two, (confidence, tolerance, cluster)),
    )
    sides = one.side(first, every_pair[0], pairs[0]), two.side(second, every_pair[1], pairs[1])
    return ComparedRuns(*sides, comparison, (*notes, *left_out, *clustered, *stops, *asked))


def _asked(one: Chosen, two: Chosen, options: CompareOptions) -> tuple[float, float | None, list[str]]:
    """Confidence and tolerance, as the user or else both runs have them, and what is to be said of a tolerance that nobody named here."""
    own = {side.origin.confidence for side in (one, two)}
    confidence = options.confidence or (own.pop() if len(own) == 1 else None) or DEFAULT_CONFIDENCE
    if options.tolerance is not None:
        return confidence, options.tolerance, []
    known = [side.origin.tolerance for side in (one, two)]
    if None in known:
        return confidence, None, []
    if known[0] != known[1]:
        points = " and ".join(f"{100 * (tolerance or 0):g}" for tolerance in known)
        return confidence, None, [f"the two runs have tolerances of {points} points, so that none is used; name one with --tolerance"]
    return confidence, known[0], [f"the tolerance is that of the run, {100 * known[0]:g} points"] if known[0] else []


def _word(one: Chosen, two: Chosen, asked: tuple[float, float | None, str | None]) -> Word | None:
    """What the race said in which both ran, where it was asked the same."""
    said, same_run = one.origin.word, one.matrix.source == two.matrix.source
    if said is None or not same_run or asked != (said.confidence, said.tolerance, one.origin.cluster):
        return None
    return said.about(one.matrix.models[one.k], two.matrix.models[two.k])


def _find(name: str, options: CompareOptions) -> Chosen:
    matrix, candidate, origin = _find_scores(name, options)
    return Chosen(matrix, matrix.models.index(_candidate(matrix.models, candidate, name)), origin)


def _find_scores(name: str, options: CompareOptions) -> tuple[ScoreMatrix, str | None, Origin]:
    """The scores that the name stands for, the candidate after its colon, if there is one, and what else is known of them."""
    if on_disk := _on_disk(name):
        path, candidate = on_disk
        there = set(options.leave_out) & set(table_columns(path)) if options.leave_out else ()
        matrix, origin = logged_scores(read_scores(path, metric=options.metric, leave_out=there))
        return matrix, candidate, origin
    run, _, candidate = name.partition(":")
    if "/" in run or Path(run).suffix:
        raise InputError("there is no such file or folder", where=run, remedy="check the path; `llmpick runs` lists the runs that are kept")
    from llmpick.store.store import Store  # SQLAlchemy takes half a second to load

    with Store.open() as store:
        matrix, origin = stored_scores(store.whole_run(run))
    return matrix, candidate or None, origin


def _on_disk(name: str) -> tuple[Path, str | None] | None:
    """The file or folder that the name begins with, and what follows its colon; None where there is none."""
    colons = [place for place, letter in enumerate(name) if letter == ":"]
    end = next((end for end in [len(name), *reversed(colons)] if name[:end] and Path(name[:end]).exists()), None)
    return None if end is None else (Path(name[:end]), name[end + 1 :] or None)


def _check_left_out(first: str, second: str, leave_out: Collection[str]) -> None:
    """Raises `InputError` for a column that no table of the two has: a slip would let stand what was to be left out."""
    if not leave_out:
        return
    columns = [name for run in (first, second) if (found := _on_disk(run)) for name in table_columns(found[0])]
    if unknown := [name for name in leave_out if name not in columns]:
        there = ", ".join(list(dict.fromkeys(columns))[:_SHOWN]) or "none: only a table has columns to leave out"
        raise InputError(f"there is no column {unknown[0]!r} to leave out", where="--leave-out", remedy=f"the tables' columns are: {there}")


def _candidate(models: Collection[str], wanted: str | None, run: str) -> str:
    """The candidate of that name, or the only one whose name contains it, or the only one."""
    fitting = [name for name in models if wanted is None or name == wanted] or [
        name for name in models if str(wanted).lower() in name.lower()
    ]
    if len(fitting) == 1:
        return fitting[0]
    near = fitting or get_close_matches(str(wanted), list(models), n=_SHOWN, cutoff=0.4) or list(models)
    what = f"there is no candidate {wanted!r}"
    if fitting:
        what = f"there are {len(fitting)} candidates{'' if wanted is None else f' like {wanted!r}'}"
    base = run if wanted is None else run.removesuffix(f":{wanted}")
    more = f", ... ({len(near)} in all)" if len(near) > _SHOWN else ""
    raise InputError(what, where=base, remedy=f"name one after a colon, {base}:NAME: {', '.join(near[:_SHOWN])}{more}")


def _own_cluster(one: Chosen, two: Chosen, scores: PairedScores) -> tuple[str | None, list[str]]:
    """The column by which the task of a stored run says that rows belong together, as far as it can serve, and what is to be said."""
    name = one.origin.cluster or two.origin.cluster
    if name is None or name not in scores.columns or (scores.columns[name] == "").any():
        return None, []
    if len(np.unique(scores.columns[name])) < 2:
        return None, [f"all rows are of one {name!r}, by which the task says that rows belong together: nothing is known of another one"]
    return name, [f"rows belong together by {name!r}, as the task says: new inputs are taken to bring new ones"]


def _check_columns(scores: PairedScores, options: CompareOptions, where: str) -> None:
    """Raises `InputError` for a column that is not there, and for one that cannot serve as cluster."""
    for name in (*options.by, *([options.cluster] if options.cluster else [])):
        if name not in scores.columns:
            there = ", ".join(scores.columns) or "none; a table of scores may have some, a run its task's cluster, language and slices"
            raise InputError(f"the rows have no column {name!r}", where=where, remedy=f"their columns are: {there}")
    if options.cluster is None:
        return
    clusters = scores.columns[options.cluster]
    if (clusters == "").any():
        item = scores.items[int(np.argmax(clusters == ""))]
        raise InputError("a row is in no cluster", where=f"row {item}, column {options.cluster!r}", remedy="fill the column in every row")
    if len(np.unique(clusters)) < 2:
        raise InputError("all rows are in one cluster", where=f"column {options.cluster!r}", remedy="name a column with several clusters")
