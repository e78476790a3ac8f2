"""The rows that two candidates have in common: by name, checked by what tells their questions, in the order in which a race ran them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.compare import PairedScores, Side
from llmpick.evidence.errors import InputError
from llmpick.evidence.scores import ScoreMatrix
from llmpick.sources.scores.names import OF_THE_RUN, QUESTION_HASH
from llmpick.workflow.stored_scores import Origin

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The places of the same rows in each of the two matrices, shape (n,) each."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One candidate of a matrix of scores."""

    matrix: ScoreMatrix
    k: int
    origin: Origin

    @property
    def task(self) -> str | None:
        """The name of the one task that all rows are of; None if they are of several, or nothing tells it."""
        tasks = set(self.matrix.columns["task"].tolist()) if "task" in self.matrix.columns else {self.origin.task}
        return tasks.pop() if len(tasks) == 1 else None

    @property
    def stopped_after(self) -> int | None:
        return self.origin.stopped_after(self.matrix.models[self.k])

    def rows(self, *, bare: bool) -> dict[str, int]:
        """Item → its place, for those with a score. `bare`: without the task before it, where all are of one task."""
        names = self.items(bare=bare)
        return {names[n]: int(n) for n in np.flatnonzero(self.matrix.seen[self.k])}

    def items(self, *, bare: bool) -> tuple[str, ...]:
        begin = f"{self.task}/" if bare and self.task else ""
        return tuple(name.removeprefix(begin) for name in self.matrix.items)

    def question(self, row: int) -> dict[str, str]:
        """Kind of hash → the hash that tells which question the row is: of its input, its whole row, or as another tool makes it."""
        known = self.matrix.columns.get(QUESTION_HASH)
        words = () if known is None else str(known[row]).split()
        return {kind: digits for kind, _, digits in (word.rpartition(":") for word in words)}

    def side(self, name: str, paired: np.ndarray, counted: np.ndarray) -> Side:
        """`paired` are the places of the rows that the other has too, `counted` those of them that are compared."""
        costs = self.matrix.costs
        mean = None if costs is None else float(costs[self.k, counted].mean())
        unpaired = int(self.matrix.seen[self.k].sum()) - len(paired)
        return Side(name, self.matrix.models[self.k], self.matrix.source, unpaired, mean, self.matrix.cost_unit)


def pair(one: Chosen, two: Chosen) -> tuple[Pairs, list[str]]:
    """The places of the rows that both have, in each matrix, and what is to be said about the pairing."""
    rows, others = one.rows(bare=False), two.rows(bare=False)
    if not rows.keys() & others.keys():
        rows, others = one.rows(bare=True), two.rows(bare=True)
    pairs = [(place, others[item]) for item, place in rows.items() if item in others]
    known = [_same_question(one, n, two, m) for n, m in pairs]
    same = [pair for pair, is_same in zip(pairs, known, strict=True) if is_same or (is_same is None and not _other_tasks(one, two))]
    if not same:
        raise _nothing_in_common(one, two, (next(iter(rows), "-"), next(iter(others), "-")), named_alike=len(pairs))
    notes = []
    if other := len(pairs) - len(same):
        what = "row has the same name in both runs but another question, and is" if other == 1 else ""
        notes.append(
            f"{other:,} {what or 'rows have the same name in both runs but another question, and are'} left out: {len(same):,} are paired"
        )
    elif not any(known) and all(one.matrix.items[n].isdecimal() for n, _ in pairs):
        notes.append("the rows are paired by their numbers alone: nothing tells whether row 1 is the same question in both")
    places = np.array(same)
    return (places[:, 0], places[:, 1]), notes


def _same_question(one: Chosen, n: int, two: Chosen, m: int) -> bool | None:
    """Whether both rows are the same question, by any kind of hash that both have; None where there is none."""
    if one.matrix.source == two.matrix.source:
        return n == m
    first, second = one.question(n), two.question(m)
    kinds = first.keys() & second.keys()
    return any(first[kind] == second[kind] for kind in kinds) if kinds else None


def _other_tasks(one: Chosen, two: Chosen) -> bool:
    """Whether the two are known to be of tasks of different names; other tools replace what is no letter or digit."""
    plain = {re.sub(r"\W", "_", task.lower()) for side in (one, two) if (task := side.task)}
    return len(plain) == 2


def _nothing_in_common(one: Chosen, two: Chosen, firsts: tuple[str, str], *, named_alike: int) -> InputError:
    where = f"{one.matrix.source}: {firsts[0]}, ...; {two.matrix.source}: {firsts[1]}, ..."
    remedy = "compare runs on the same rows; rows are paired by their names"
    if not named_alike:
        return InputError("the two runs have no row in common", where=where, remedy=remedy)
    what = "rows of the same name are other questions in the two runs"
    if _other_tasks(one, two):
        what = f"the two are of different tasks, {one.task!r} and {two.task!r}: rows of the same name are other questions"
    return InputError(what, where=where, remedy=f"{remedy}, and only if their inputs and references are equal")


def in_order_of_race(one: Chosen, two: Chosen, pairs: Pairs) -> tuple[Pairs, bool, list[str]]:
    """The pairs in the order in which a race ran them that stopped early, whether they then are its first rows, and what is to be said.

    The rows of a race are its first ones in a random order, and so are those that it has in common with scores of all rows, or with a
    race of the same order. What is said of such rows may hold whenever the race stopped (`stats/betting.py`).
    """
    stopped = [(side, places) for side, places in zip((one, two), pairs, strict=True) if side.stopped_after is not None]
    if not stopped:
        return pairs, False, []
    order = np.argsort(stopped[0][1])
    least = min(len(side.matrix.items) for side, _ in stopped)
    in_order = len({side.items(bare=True)[:least] for side, _ in stopped}) == 1
    told = list(
        dict.fromkeys(f"{side.matrix.source} ended after {side.stopped_after:,} of {side.origin.rows:,} rows" for side, _ in stopped)
    )
    begin = f"{' and '.join(told)}, which may have hung on the scores"
    if in_order:
        return (pairs[0][order], pairs[1][order]), True, [f"{begin}; intervals and p hold whenever that was, and are more cautious for it"]
    return pairs, False, [f"{begin}; intervals and p are for a number of rows that was fixed beforehand, so that they are too sure"]


def without(one: Chosen, two: Chosen, pairs: Pairs, words: Sequence[str]) -> tuple[Pairs, list[str]]:
    """The pairs that are left without the rows that the words name, and a note for each word on how many it took."""
    scores, counts, notes = paired_scores(one, two, pairs), np.ones(len(pairs[0]), dtype=bool), list[str]()
    others = np.array([two.matrix.items[m] for m in pairs[1]], dtype=object)
    for word in words:
        column, sign, value = word.partition("=")
        named = (np.array(scores.items, dtype=object) == word) | (others == word)
        if not named.any() and sign and column in scores.columns:
            named = scores.columns[column] == value
        if not named.any():
            there = ", ".join(scores.columns) or "none"
            remedy = f"name a row by its item, or rows as COLUMN=VALUE; their columns are: {there}"
            raise InputError(f"no row that both have is {word!r}", where="--leave-out-rows", remedy=remedy)
        counts &= ~named
        count = int(named.sum())
        notes.append(f"{count:,} {'row is' if count == 1 else 'rows are'} left out, as asked: {word}")
    if not counts.any():
        raise InputError("no row is left to compare", where="--leave-out-rows", remedy="leave fewer rows out")
    return (pairs[0][counts], pairs[1][counts]), notes


def paired_scores(one: Chosen, two: Chosen, pairs: Pairs) -> PairedScores:
    known = {name: column[pairs[1]] for name, column in two.matrix.columns.items()}
    known |= {name: column[pairs[0]] for name, column in one.matrix.columns.items()}
    known = {name: column for name, column in known.items() if name not in OF_THE_RUN}
    items = tuple(one.matrix.items[n] for n in pairs[0])
    return PairedScores(items, one.matrix.scores[one.k, pairs[0]], two.matrix.scores[two.k, pairs[1]], known)
