"""A run as a matrix of scores, from the store or from the logs it was exported to, with what it knows of its rows and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from llmpick.decide.choice import RaceWord
from llmpick.evidence.errors import InputError
from llmpick.evidence.judging import BENCH
from llmpick.evidence.scores import ScoreMatrix
from llmpick.sources.scores.calls import ScoredAnswer, matrix_of
from llmpick.sources.scores.names import CLUSTER_BY, PLACE_IN_RACE
from llmpick.store.records import WholeRun
from llmpick.workflow.row_facts import RowFacts


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of scores beside them: the name of their task, the column by which it says that rows belong together, and `asked`.

    `asked` counts the rows that each candidate of a run was asked, `rows` all that there were (None: not known). A candidate that was asked
    fewer left the race, or the race ended, and either may have hung on the scores. `tolerance` and `confidence` are those of the run;
    `word` is what a race said of its candidates for new inputs.
    """

    task: str | None = None
    cluster: str | None = None
    asked: Mapping[str, int] = field(default_factory=dict[str, int])
    rows: int | None = None
    tolerance: float | None = None
    confidence: float | None = None
    word: RaceWord | None = None

    def stopped_after(self, candidate: str) -> int | None:
        """After how many rows the candidate stopped early; None if it did not."""
        asked = self.asked.get(candidate)
        return asked if asked is not None and self.rows is not None and asked < self.rows else None


def stored_scores(whole: WholeRun) -> tuple[ScoreMatrix, Origin]:
    """The scores, rows in the order in which they were run. A row that was tried again counts once, by its last try; a failed one was not
    seen. Raises `InputError` for a run without any.
    """
    last = {(call.candidate, call.row): call for call, _ in whole.calls if not call.candidate.startswith(BENCH)}
    facts = RowFacts.of(whole.run.inputs)
    about = facts.about if facts else {}
    answers = [
        ScoredAnswer(call.candidate, call.row, call.score, float(call.prompt_tokens + call.output_tokens), about.get(call.row, {}))
        for call in last.values()
        if call.score is not None
    ]
    if not answers:
        raise InputError("the run has no scored call", where=whole.run.id, remedy="finish it: run the same command again")
    asked: dict[str, int] = {}
    for candidate, _ in last:
        asked[candidate] = asked.get(candidate, 0) + 1
    told, cluster = whole.run.answer or {}, facts.cluster if facts else None
    rows = len(facts.about) if facts else told.get("rows")
    word = _word(told, clustered=cluster is not None)
    known = (told.get("tolerance"), told.get("confidence"))
    origin = Origin(whole.run.title, cluster, asked, rows if isinstance(rows, int) else None, *known, word)
    return matrix_of(answers, source=f"run {whole.run.id}", cost_unit="tokens"), origin


def _word(told: Mapping[str, Any], *, clustered: bool) -> RaceWord | None:
    """From the document of `race`. None for other verbs, where nothing was compared, and where labels correct a judge: then the word is
    about what people would say, and the document has no score on the rows.
    """
    new, ran = told.get("new_inputs"), [one for one in told.get("candidates", ()) if one["status"] not in ("excluded", "failed")]
    if new is None or len(ran) < 2 or told["leader"] is None or ran[0]["score_on_rows"] is None:
        return None
    confidence, on_average = told["confidence"], told["guarantee"] == "bayes"
    of_one = 1 - (1 - confidence) / (len(ran) - 1) if on_average or clustered else confidence
    return RaceWord(
        leader=told["leader"],
        decided=told["chosen"] is not None,
        alike=frozenset(new["alike"]),
        tolerance=told["tolerance"],
        confidence=confidence,
        of_one=of_one,
        peeking=clustered or not on_average,
        on_average=on_average,
    )


def logged_scores(matrix: ScoreMatrix) -> tuple[ScoreMatrix, Origin]:
    """The scores of logs, in the order in which they were run where `llmpick export` told it of every row; else as they are.

    Rows that the machinery lost at the very end are not in all logs: such a race seems to have ended before them.
    """
    told = [place.split("/") for place in matrix.columns.get(PLACE_IN_RACE, np.array([""])).tolist()]
    if not all(len(words) == 2 and all(word.isdecimal() for word in words) for words in told) or len({rows for _, rows in told}) > 1:
        return matrix, Origin()
    places = np.array([int(place) for place, _ in told])
    asked = {model: int(places[seen].max(initial=0)) for model, seen in zip(matrix.models, matrix.seen, strict=True)}
    clusters = set(matrix.columns.get(CLUSTER_BY, np.array([""])).tolist())
    order = np.argsort(places)
    in_order = replace(
        matrix,
        items=tuple(matrix.items[n] for n in order),
        scores=matrix.scores[:, order],
        seen=matrix.seen[:, order],
        costs=None if matrix.costs is None else matrix.costs[:, order],
        columns={name: column[order] for name, column in matrix.columns.items()},
    )
    return in_order, Origin(None, (clusters.pop() or None) if len(clusters) == 1 else None, asked, int(told[0][1]))
