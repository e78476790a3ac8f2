"""`Answer` → what a person should see of it, in the order of reading. Selection, order and names; no layout and no sentences."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llmpick.decide.answer import Answer, CandidateAnswer, Disagreement, SliceScore, Status
from llmpick.evidence.call import Outcome
from llmpick.evidence.model import Baseline, Candidate, Endpoint
from llmpick.evidence.values import Interval
from llmpick.report.grouping import Group, group
from llmpick.report.judge import judging_notes
from llmpick.report.text import one_line

LISTED_EXCLUSIONS = 6
"""Excluded candidates of this machine are told one by one up to this number; catalog models are always grouped."""
LISTED_GROUPS = 6
LISTED_FETCHES = 3
LISTED_UNSEEN = 8
LISTED_CONFUSIONS = 4
LISTED_DISAGREEMENTS = 3

BASELINE_NAMES = {
    "majority": "majority label",
    "tfidf": "learned baseline (TF-IDF)",
    "rules": "rules of the task file",
}
_OWN_FAULTS = (Outcome.CUT_OFF, Outcome.EMPTY, Outcome.UNPARSED)


@dataclass(frozen=True, slots=True)
class SliceTable:
    """One column of the task: its values in alphabetical order, and the score of each candidate (by id) on each value's rows."""

    column: str
    values: tuple[str, ...]
    cells: Mapping[tuple[str, str], SliceScore]
    """(value, candidate id) → score; a pair is absent where the candidate saw no such row."""


@dataclass(frozen=True, slots=True)
class Confused:
    """Rows whose right label is `reference`: `rows` of them were answered `answered` ("" is no label), `of` there are."""

    reference: str
    answered: str
    rows: int
    of: int


@dataclass(frozen=True, slots=True)
class View:
    """`names` maps each candidate's id to what a table calls it; tuples of candidates are ordered, the best first."""

    answer: Answer
    names: Mapping[str, str]
    measured: tuple[CandidateAnswer, ...]
    best: CandidateAnswer | None
    """The chosen candidate, else the best measured one."""
    best_model: CandidateAnswer | None
    """The best measured candidate that is a language model."""
    losers: tuple[CandidateAnswer, ...]
    fetchable: tuple[CandidateAnswer, ...]
    unseen: tuple[CandidateAnswer, ...]
    """Those that were chosen among without a call, in the order of the answer."""
    excluded: tuple[CandidateAnswer, ...]
    excluded_groups: tuple[Group, ...]
    slices: tuple[SliceTable, ...]
    confused: CandidateAnswer | None
    """Whose `confusions` are shown: the best, else the best measured one that chose among labels."""
    confusions: tuple[Confused, ...]
    disagreements: tuple[Disagreement, ...]
    notes: tuple[str, ...]

    @property
    def recorded(self) -> tuple[CandidateAnswer, ...]:
        """The candidates of this machine, measured or not: those of which more is known than a line can hold."""
        return (*self.measured, *(one for one in self.losers if one not in self.measured))

    @property
    def compared(self) -> bool:
        """Whether some candidate has a difference to the chosen or leading one."""
        return any(one.difference for one in self.measured)

    def name(self, one: CandidateAnswer) -> str:
        return self.names[one.candidate.id]

    def readable(self, text: str) -> str:
        """`text` on one line, with each candidate called as the tables call it instead of by its whole id."""
        for id_ in sorted((id_ for id_ in self.names if id_ in text), key=len, reverse=True):
            # Not in the middle of a longer path or name.
            text = re.sub(rf"(?<![\w./-]){re.escape(id_)}(?!\w)", lambda _, id_=id_: self.names[id_], text)
        return one_line(text)


def view(answer: Answer) -> View:
    """Everything is computed from `answer`; candidates keep its order where nothing else orders them."""
    measured = _measured(answer)
    best = next((one for one in answer.candidates if one.candidate.id == answer.chosen), measured[0] if measured else None)
    grouped = _grouped(answer)
    grouped_ids = {one.candidate.id for one in grouped}
    confused = best if best and best.confusion else next((one for one in measured if one.confusion), None)
    return View(
        answer=answer,
        names=names([one.candidate for one in answer.candidates]),
        measured=measured,
        best=best,
        best_model=next((one for one in measured if not is_baseline(one)), None),
        losers=tuple(one for one in answer.candidates if _is_loser(one, answer) and one.candidate.id not in grouped_ids),
        fetchable=tuple(one for one in answer.candidates if one.status is Status.UNMEASURED and one.fetch),
        unseen=tuple(one for one in answer.candidates if _is_unseen(one)),
        excluded=grouped,
        excluded_groups=group(deciding_reason(one) for one in grouped),
        slices=_slices(measured),
        confused=confused,
        confusions=_confusions(confused) if confused else (),
        disagreements=answer.disagreements[:LISTED_DISAGREEMENTS],
        notes=_notes(answer),
    )


def is_baseline(one: CandidateAnswer) -> bool:
    return isinstance(one.candidate.run, Baseline)


def deciding_reason(one: CandidateAnswer) -> str:
    """The first reason, without its full stop."""
    return one_line(one.reasons[0]).rstrip(".") if one.reasons else "no reason is recorded"


def own_faults(one: CandidateAnswer) -> tuple[tuple[Outcome, int], ...]:
    """The answers that scored 0 because the model did not end, did not start, or did not keep the form."""
    return tuple((outcome, one.outcomes[outcome]) for outcome in _OWN_FAULTS if one.outcomes.get(outcome))


def names(candidates: Sequence[Candidate]) -> dict[str, str]:
    """The shortest clear name of each candidate; where two would have the same, both keep their whole id."""
    short = {one.id: one_line(_short_name(one)) for one in candidates}
    seen = Counter(short.values())
    return {id_: name if seen[name] == 1 else one_line(id_) for id_, name in short.items()}


def _short_name(candidate: Candidate) -> str:
    id_, setting = _without_setting(candidate)
    match candidate.run:
        case Baseline(name=name):
            return BASELINE_NAMES.get(name, name)
        case Endpoint(model=model):
            return model + setting
        case _ if id_.endswith(".gguf") or id_.startswith(("/", ".", "~")):
            return id_.rstrip("/").rpartition("/")[2].removesuffix(".gguf") + setting
        case _:
            return candidate.id


def _without_setting(candidate: Candidate) -> tuple[str, str]:
    """The name, and the `?thinking=...` behind it that tells the same model with and without thinking apart; "" where there is none."""
    name, mark, setting = candidate.id.rpartition("?")
    return (name, mark + setting) if mark and candidate.thinking and setting.startswith("thinking=") else (candidate.id, "")


def _measured(answer: Answer) -> tuple[CandidateAnswer, ...]:
    scored = [(one.score.value, one) for one in answer.candidates if isinstance(one.score, Interval) and one.score_n > 0]
    ordered = sorted(scored, key=lambda pair: (pair[1].candidate.id != answer.chosen, -pair[0], pair[1].candidate.id))
    return tuple(one for _, one in ordered)


def _is_unseen(one: CandidateAnswer) -> bool:
    return one.candidate.run is None and one.status in (Status.CHOSEN, Status.TIED, Status.DOMINATED, Status.ELIMINATED)


def _is_loser(one: CandidateAnswer, answer: Answer) -> bool:
    return one.candidate.run is not None and one.candidate.id != answer.chosen


def _grouped(answer: Answer) -> tuple[CandidateAnswer, ...]:
    here = [one for one in answer.candidates if one.status is Status.EXCLUDED and one.candidate.run is not None]
    few = len(here) <= LISTED_EXCLUSIONS
    gone = [one for one in answer.candidates if one.candidate.run is None and not _is_unseen(one)]
    unreachable = [one for one in gone if not (one.status is Status.UNMEASURED and one.fetch)]
    return tuple(unreachable if few else [*here, *unreachable])


def _slices(measured: Iterable[CandidateAnswer]) -> tuple[SliceTable, ...]:
    by_column: dict[str, dict[tuple[str, str], SliceScore]] = {}
    for one in measured:
        for part in one.slices:
            by_column.setdefault(part.column, {})[part.value, one.candidate.id] = part
    return tuple(SliceTable(column, tuple(sorted({value for value, _ in cells})), cells) for column, cells in by_column.items())


def _confusions(who: CandidateAnswer) -> tuple[Confused, ...]:
    totals: Counter[str] = Counter()
    for (reference, _), rows in who.confusion.items():
        totals[reference] += rows
    wrong = [Confused(ref, ans, rows, totals[ref]) for (ref, ans), rows in who.confusion.items() if ref != ans and rows]
    return tuple(sorted(wrong, key=lambda c: (-c.rows, c.reference, c.answered))[:LISTED_CONFUSIONS])


def _notes(answer: Answer) -> tuple[str, ...]:
    of_engines = (one.engine.note for one in answer.candidates if one.engine and one.engine.note)
    return tuple(dict.fromkeys([*answer.notes, *judging_notes(answer.judging), *of_engines]))
