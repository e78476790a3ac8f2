"""Inspect's logs (`EvalLog`, file format version 2; inspect-ai 0.3): `.eval` archives, `.json` files, and folders of them.

An archive has `header.json` (what was run) and `summaries.json` (every sample's scores), older ones `start.json` and one member per
sample. A score is a number, a truth value, one of the letters C (1), P (0.5), I and N (0), or a word that stands for one of these
(`inspect_ai.scorer.value_to_float`); NaN means that the sample was not scored. Epochs of a sample are averaged.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmpick.evidence.errors import InputError
from llmpick.evidence.scores import ScoreMatrix
from llmpick.sources.scores.bounded import read_bounded
from llmpick.sources.scores.calls import ScoredAnswer, matrix_of
from llmpick.sources.scores.names import QUESTION_HASH, known_of
from llmpick.sources.scores.parsed import a_list, an_object, parse_json, score_in_range
from llmpick.sources.scores.zipped import Archive

_WORDS = {"c": 1.0, "p": 0.5, "i": 0.0, "n": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_HEADERS = ("header.json", "_journal/start.json", "start.json")
_SUMMARIES = ("summaries.json", "summary.json")
_QUESTION_CHARACTERS = 200
"""Summaries shorten long inputs; so much of the beginning is the same in every form of the log."""

_OF_THE_CALL = ("prompt_hash", "outcome")
"""What `llmpick export` says in a sample's metadata beside the columns of its row."""


@dataclass(frozen=True, slots=True)
class _Log:
    """One log: `rank` orders logs of the same model and task, the one that counts last."""

    place: str
    model: str
    task: str
    rank: tuple[bool, str]
    samples: list[Any]


def is_inspect_log(path: Path) -> bool:
    """Whether the file is one of Inspect's logs, by its ending or, for JSON, by its first words."""
    if path.suffix == ".eval":
        return True
    if path.suffix != ".json":
        return False
    with path.open("rb") as file:
        begin = file.read(4096)
    return begin.lstrip().startswith(b"{") and b'"version"' in begin and b'"status"' in begin


def read_inspect(paths: Iterable[Path], *, metric: str | None = None) -> ScoreMatrix:
    """All samples of the logs; of several logs of one model and task the newest that ended well.

    `metric` names the scorer, `SCORER.KEY` where its scores have several values; needed only where there are several. An item is named
    `TASK/ID`. Raises `InputError` naming log and sample.
    """
    logs: dict[tuple[str, str], _Log] = {}
    for log in (_read(path) for path in paths):
        known = logs.get((log.model, log.task))
        if known is None or known.rank <= log.rank:
            logs[log.model, log.task] = log
    answers = [answer for log in logs.values() for answer in _answers(log, metric)]
    places = ", ".join(log.place for log in logs.values())
    if not answers:
        raise InputError("no sample has a score", where=places, remedy="score it: inspect score FILE")
    return matrix_of(answers, source=places, cost_unit="tokens")


def _read(path: Path) -> _Log:
    if path.suffix != ".eval":
        whole = an_object(parse_json(read_bounded(path), str(path)), "the log", str(path))
        return _log(whole, a_list(whole.get("samples") or [], "'samples'", str(path)), str(path))
    with Archive(path) as archive:
        header = next((name for name in _HEADERS if name in archive.names), None)
        if header is None:
            raise InputError("the archive has no header.json", where=str(path), remedy="name a log that Inspect has written")
        summary = next((name for name in _SUMMARIES if name in archive.names), None)
        members = [name for name in archive.names if name.startswith("samples/") and name.endswith(".json")]
        samples = (
            a_list(parse_json(archive.read(summary), archive.place(summary)), "the member", archive.place(summary))
            if summary
            else [parse_json(archive.read(name), archive.place(name)) for name in members]
        )
        return _log(
            an_object(parse_json(archive.read(header), archive.place(header)), "the header", archive.place(header)), samples, str(path)
        )


def _log(header: Mapping[str, Any], samples: list[Any], place: str) -> _Log:
    spec = an_object(header.get("eval"), "'eval'", place)
    model, task = str(spec.get("model") or "unnamed"), str(spec.get("task") or "task")
    return _Log(place, model, task, (header.get("status") == "success", str(spec.get("created", ""))), samples)


def _answers(log: _Log, metric: str | None) -> Iterator[ScoredAnswer]:
    samples = [an_object(sample, "a sample", log.place) for sample in log.samples]
    newest = {(str(sample.get("id")), sample.get("epoch", 1)): sample for sample in samples}
    for (name, _), sample in newest.items():
        where = f"{log.place}, sample {name}"
        scores = an_object(sample.get("scores") or {}, "'scores'", where)
        score = _number(_chosen(scores, metric, where), where) if scores else None
        if score is not None:
            known = {"task": log.task, QUESTION_HASH: _question(sample.get("input")), **_told(sample.get("metadata"))}
            yield ScoredAnswer(log.model, f"{log.task}/{name}", score, _tokens(sample.get("model_usage")), known)


def _chosen(scores: Mapping[str, Any], metric: str | None, where: str) -> Any:
    """The value of the scorer that is asked for, or of the only one."""
    values: dict[str, Any] = {}
    for scorer, score in scores.items():
        value = an_object(score, f"the score {scorer!r}", where).get("value")
        values |= {f"{scorer}.{key}": part for key, part in value.items()} if isinstance(value, dict) else {scorer: value}
    if metric is None and len(values) == 1:
        return next(iter(values.values()))
    if metric is None or metric not in values:
        what = "the sample has several scores" if metric is None else f"the sample has no score {metric!r}"
        raise InputError(what, where=where, remedy=f"choose one as the metric: {', '.join(values)}")
    return values[metric]


def _number(value: object, where: str) -> float | None:
    """The score as a number; None if the sample was not scored."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, int | float):
        return score_in_range(float(value), "the score", where)
    word = str(value).strip().lower()
    if isinstance(value, str) and word in _WORDS:
        return _WORDS[word]
    try:
        return _number(float(word), where)
    except ValueError as error:
        what = f"the score {str(value)[:40]!r} is no number and none of the letters C, P, I, N"
        raise InputError(what, where=where, remedy="choose another scorer as the metric") from error


def _told(metadata: object) -> dict[str, str]:
    """What the sample's metadata tell of it: all columns of the row where `llmpick export` wrote them, else those of known names."""
    if isinstance(metadata, dict) and isinstance(metadata.get(QUESTION_HASH), str):
        return {name: value for name, value in metadata.items() if isinstance(value, str) and name not in _OF_THE_CALL}
    return known_of(metadata)


def _tokens(usage: object) -> float | None:
    """Tokens read and written for the sample, over all models that it used."""
    if not isinstance(usage, dict) or not usage:
        return None
    counts = [model.get("total_tokens") for model in usage.values() if isinstance(model, dict)]
    numbers = [count for count in counts if isinstance(count, int)]
    return float(sum(numbers)) if len(numbers) == len(usage) else None


def _question(value: object) -> str:
    """A short hash of the beginning of the question, the same in summaries and in whole samples; empty where the log does not tell it."""
    if isinstance(value, list):
        value = " ".join(str(message.get("content", "")) for message in value if isinstance(message, dict))
    words = " ".join(str(value or "").split())[:_QUESTION_CHARACTERS]
    return hashlib.sha256(words.encode(errors="replace")).hexdigest()[:16] if words else ""
