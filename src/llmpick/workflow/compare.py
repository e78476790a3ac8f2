"""Two finished runs, from the store or from the logs of any tool, brought to the same rows and compared.

A run is named by its id in the store, by a file of scores or a folder of logs, and where it holds several candidates by `RUN:CANDIDATE`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from llmpick.decide.compare import ComparedRuns, PairedScores, Side, compare_scores
from llmpick.evidence.errors import InputError
from llmpick.evidence.scores import ScoreMatrix
from llmpick.sources.scores import read_scores
from llmpick.sources.scores.calls import ScoredAnswer, matrix_of
from llmpick.sources.scores.names import QUESTION_HASH
from llmpick.store.records import WholeRun

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """`confidence` and `tolerance` are shares, `metric` one of the scores of a log, `cluster` and `by` columns of the rows."""

    confidence: float = 0.95
    tolerance: float | None = None
    cluster: str | None = None
    by: tuple[str, ...] = ()
    metric: str | None = None


def compare_runs(first: str, second: str, options: CompareOptions) -> ComparedRuns:
    """Compares two runs on the rows that both have. Raises `InputError` where a run, candidate, column or common row is not there."""
    one, two = _Chosen.find(first, options.metric), _Chosen.find(second, options.metric)
    pairs, notes = _pair(one, two)
    scores = _paired_scores(one, two, pairs)
    _check_columns(scores, options, f"{first} and {second}")
    comparison = compare_scores(
        scores,
        confidence=options.confidence,
        tolerance=options.tolerance,
        cluster=options.cluster,
        by=options.by or None,
    )
    return ComparedRuns(one.side(first, pairs[0]), two.side(second, pairs[1]), comparison, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Chosen:
    """One candidate of a matrix of scores."""

    matrix: ScoreMatrix
    k: int

    @classmethod
    def find(cls, name: str, metric: str | None) -> "_Chosen":
        matrix, candidate = _find_scores(name, metric)
        return cls(matrix, matrix.models.index(_candidate(matrix.models, candidate, name)))

    def rows(self, *, bare: bool) -> dict[str, int]:
        """Item → its place, for those with a score. `bare`: without the task before it, where all are of one task."""
        names = self.matrix.items
        tasks = set(self.matrix.columns["task"].tolist()) if bare and "task" in self.matrix.columns else set()
        begin = f"{tasks.pop()}/" if len(tasks) == 1 else ""
        return {names[n].removeprefix(begin): int(n) for n in np.flatnonzero(self.matrix.seen[self.k])}

    def side(self, name: str, paired: np.ndarray) -> Side:
        costs = self.matrix.costs
        mean = None if costs is None else float(costs[self.k, paired].mean())
        unpaired = int(self.matrix.seen[self.k].sum()) - len(paired)
        return Side(name, self.matrix.models[self.k], self.matrix.source, unpaired, mean, self.matrix.cost_unit)


def _find_scores(name: str, metric: str | None) -> tuple[ScoreMatrix, str | None]:
    """The scores that the name stands for, and the candidate after its colon, if there is one."""
    colons = [place for place, letter in enumerate(name) if letter == ":"]
    for end in [len(name), *reversed(colons)]:
        if name[:end] and Path(name[:end]).exists():
            return read_scores(Path(name[:end]), metric=metric), name[end + 1 :] or None
    run, _, candidate = name.partition(":")
    if "/" in run or Path(run).suffix:
        raise InputError("there is no such file or folder", where=run, remedy="check the path; `llmpick runs` lists the runs that are kept")
    from llmpick.store.store import Store  # SQLAlchemy takes half a second to load

    with Store.open() as store:
        return _run_scores(store.whole_run(run)), candidate or None


def _run_scores(whole: WholeRun) -> ScoreMatrix:
    """A run of the store as a matrix. A row that was tried again counts once, by its last try; a failed one was not seen."""
    last = {(call.candidate, call.row): call for call, _ in whole.calls}
    answers = [
        ScoredAnswer(call.candidate, call.row, call.score, float(call.prompt_tokens + call.output_tokens))
        for call in last.values()
        if call.score is not None
    ]
    if not answers:
        raise InputError("the run has no scored call", where=whole.run.id, remedy="finish it: run the same command again")
    return matrix_of(answers, source=f"run {whole.run.id}", cost_unit="tokens")


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


def _pair(one: _Chosen, two: _Chosen) -> tuple[tuple[np.ndarray, np.ndarray], list[str]]:
    """The places of the rows that both have, in each matrix, and what is to be said about the pairing."""
    rows, others = one.rows(bare=False), two.rows(bare=False)
    if not rows.keys() & others.keys():
        rows, others = one.rows(bare=True), two.rows(bare=True)
    pairs = [(place, others[item]) for item, place in rows.items() if item in others]
    same = [(n, m) for n, m in pairs if _same_question(one.matrix, n, two.matrix, m)]
    notes = []
    if len(same) < len(pairs):
        notes.append(f"{len(pairs) - len(same):,} rows have the same name in both runs but another question, and are left out")
    if not same:
        what = "the two runs have no row in common" if not pairs else "rows of the same name are other questions in the two runs"
        where = f"{one.matrix.source}: {next(iter(rows), '-')}, ...; {two.matrix.source}: {next(iter(others), '-')}, ..."
        raise InputError(what, where=where, remedy="compare runs on the same rows; rows are paired by their names")
    places = np.array(same)
    return (places[:, 0], places[:, 1]), notes


def _same_question(one: ScoreMatrix, n: int, two: ScoreMatrix, m: int) -> bool:
    """Whether the two logs mean the same question, as far as both tell."""
    hashes = [str(matrix.columns[QUESTION_HASH][row]) for matrix, row in ((one, n), (two, m)) if QUESTION_HASH in matrix.columns]
    return len(hashes) < 2 or len(hashes[0]) == 0 or len(hashes[1]) == 0 or hashes[0] == hashes[1]


def _paired_scores(one: _Chosen, two: _Chosen, pairs: tuple[np.ndarray, np.ndarray]) -> PairedScores:
    known = {name: column[pairs[1]] for name, column in two.matrix.columns.items()}
    known |= {name: column[pairs[0]] for name, column in one.matrix.columns.items()}
    known.pop(QUESTION_HASH, None)
    items = tuple(one.matrix.items[n] for n in pairs[0])
    return PairedScores(items, one.matrix.scores[one.k, pairs[0]], two.matrix.scores[two.k, pairs[1]], known)


def _check_columns(scores: PairedScores, options: CompareOptions, where: str) -> None:
    """Raises `InputError` for a column that is not there, and for one that cannot serve as cluster."""
    for name in (*options.by, *([options.cluster] if options.cluster else [])):
        if name not in scores.columns:
            there = ", ".join(scores.columns) or "none; a table of scores may have some"
            raise InputError(f"the rows have no column {name!r}", where=where, remedy=f"their columns are: {there}")
    if options.cluster is None:
        return
    clusters = scores.columns[options.cluster]
    if (clusters == "").any():
        item = scores.items[int(np.argmax(clusters == ""))]
        raise InputError("a row is in no cluster", where=f"row {item}, column {options.cluster!r}", remedy="fill the column in every row")
    if len(np.unique(clusters)) < 2:
        raise InputError("all rows are in one cluster", where=f"column {options.cluster!r}", remedy="name a column with several clusters")
