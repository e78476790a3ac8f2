"""lm-eval's logs (EleutherAI's harness 0.4, written with `--log_samples`): `samples_TASK_DATE.jsonl`, `results_DATE.json`, folders of them.

A line of samples is one document under one filter: `doc_id`, `filter`, the names of its `metrics`, and each metric's value as a field
(`lm_eval/result_schema.py`, `SampleResult`). `results_DATE.json` beside it names the model; means alone, without samples, cannot be paired.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmpick.evidence.errors import InputError
from llmpick.evidence.scores import ScoreMatrix
from llmpick.sources.scores.bounded import read_bounded
from llmpick.sources.scores.calls import ScoredAnswer, matrix_of
from llmpick.sources.scores.names import QUESTION_HASH, known_of
from llmpick.sources.scores.parsed import an_object, parse_json, score_in_range

METRICS = ("acc", "exact_match", "acc_norm", "em", "f1", "pass@1", "pass_at_1", "prompt_level_strict_acc", "mcc", "bleu", "rouge1")
"""Of several metrics of a task the first of these is read; another by its name. Where none of them is there, the task's first."""
FILTERS = ("none", "strict-match", "flexible-extract")
_SAMPLES = re.compile(r"samples_(?P<task>.+?)(?:_(?P<date>\d{4}-\d\d-\d\dT[\d.-]+?))?\.jsonl(?:\.gz)?")
_RESULTS = re.compile(r"results(?:_(?P<date>.+))?\.json")


@dataclass(frozen=True, slots=True)
class _Samples:
    """One file of samples, or the samples that stand in a file of results. `date` orders runs of one model and task."""

    place: str
    model: str
    task: str
    date: str
    documents: list[Mapping[str, Any]]


def is_lm_eval(path: Path) -> bool:
    """Whether the file is one of lm-eval's, by its name."""
    return bool(_SAMPLES.fullmatch(path.name) or _RESULTS.fullmatch(path.name))


def read_lm_eval(paths: Iterable[Path], *, metric: str | None = None) -> ScoreMatrix:
    """All documents of the samples; of several runs of one model on one task the newest.

    `metric` is written `acc` or, with its filter, `acc,none`; by default the first of `METRICS` and `FILTERS` that each task has. A file of
    results stands for the samples of the same date beside it. An item is named `TASK/DOC_ID`, one that llmpick
    exported `TASK/ID` by its row's own id. Raises `InputError` naming file and line.
    """
    files = tuple(dict.fromkeys(path for given in paths for path in _with_samples(given)))
    runs: dict[tuple[str, str], _Samples] = {}
    for run in (run for path in files for run in _read(path)):
        known = runs.get((run.model, run.task))
        if known is None or known.date <= run.date:
            runs[run.model, run.task] = run
    answers = [answer for run in runs.values() for answer in _answers(run, metric)]
    if not answers:
        raise InputError(
            "there is no sample", where=", ".join(map(str, files)), remedy="run lm_eval with --log_samples --output_path FOLDER"
        )
    return matrix_of(answers, source=", ".join(run.place for run in runs.values()))


def _with_samples(path: Path) -> list[Path]:
    """The file itself; for a file of results the files of samples beside it that have the same date."""
    results = _RESULTS.fullmatch(path.name)
    if results is None:
        return [path]
    beside = sorted(path.parent.glob("samples_*.jsonl*")) if results["date"] else []
    same = [file for file in beside if (match := _SAMPLES.fullmatch(file.name)) and match["date"] == results["date"]]
    return same or [path]


def _read(path: Path) -> Iterator[_Samples]:
    content = read_bounded(path)
    name = _SAMPLES.fullmatch(path.name)
    if name is None:
        yield from _inside_results(path, an_object(parse_json(content, str(path)), "the file", str(path)))
        return
    lines = [line for line in content.split(b"\n") if line.strip()]
    documents = [_document(parse_json(line, f"{path} line {number}"), path, number) for number, line in enumerate(lines, 1)]
    yield _Samples(str(path), _model_of(path, name["date"]), name["task"], name["date"] or "", documents)


def _document(value: object, path: Path, number: int) -> Mapping[str, Any]:
    document = an_object(value, "the line", f"{path} line {number}")
    if "doc_id" not in document:
        raise InputError("the line has no 'doc_id'", where=f"{path} line {number}", remedy="name samples that lm_eval has logged")
    return document


def _inside_results(path: Path, results: Mapping[str, Any]) -> Iterator[_Samples]:
    """Results that were dumped whole have their samples inside. Raises `InputError` for means alone."""
    samples = results.get("samples")
    if not isinstance(samples, dict) or not samples:
        remedy = "run lm_eval with --log_samples, and keep samples_*.jsonl beside the results"
        raise InputError("the results hold means only, no score of a document", where=str(path), remedy=remedy)
    for task, documents in samples.items():
        checked = [_document(document, path, number) for number, document in enumerate(documents, 1)]
        yield _Samples(str(path), _named(results) or path.parent.name, str(task), str(results.get("date", "")), checked)


def _model_of(samples: Path, date: str | None) -> str:
    """What the results beside the samples call the model; else the folder, which lm-eval names after it."""
    for path in [samples.with_name(f"results_{date}.json"), *samples.parent.glob(f"*_{date}.json")] if date else []:
        if path.exists():
            name = _named(an_object(parse_json(read_bounded(path), str(path)), "the file", str(path)))
            if name:
                return name
    return samples.resolve().parent.name


def _named(results: Mapping[str, Any]) -> str | None:
    return str(results["model_name"]) if results.get("model_name") else None


def _answers(run: _Samples, metric: str | None) -> Iterator[ScoredAnswer]:
    if not run.documents:
        return
    name, chosen_filter = _chosen(run, metric)
    for document in run.documents:
        if document.get("filter", "none") != chosen_filter:
            continue
        where = f"{run.place}, doc_id {document['doc_id']}"
        value = document.get(name)
        if not isinstance(value, int | float):
            raise InputError(f"the document has no number as {name!r}", where=where, remedy="choose another metric")
        item, known = _told(document)
        known = {"task": run.task, **known}
        yield ScoredAnswer(run.model, f"{run.task}/{item}", score_in_range(float(value), f"the metric {name!r}", where), None, known)


def _told(document: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The document's name, and what is told of it. One that `llmpick export` wrote has the name and the columns that its run knows."""
    doc = document.get("doc")
    if isinstance(doc, dict) and QUESTION_HASH in doc and "id" in doc:
        return str(doc["id"]), {str(name): str(value) for name, value in doc.items() if name != "id"}
    question = {QUESTION_HASH: str(document["doc_hash"])[:16]} if document.get("doc_hash") else {}
    return str(document["doc_id"]), {**known_of(doc), **question}


def _chosen(run: _Samples, metric: str | None) -> tuple[str, str]:
    """The metric and the filter that are read of this task."""
    found: dict[tuple[str, str], None] = {}
    for document in run.documents:
        names = document.get("metrics") or [name for name in METRICS if name in document]
        found |= {
            (str(name), str(document.get("filter", "none"))): None for name in names if isinstance(document.get(str(name)), int | float)
        }
    wanted, _, wanted_filter = (metric or "").partition(",")
    fitting = [pair for pair in found if (not wanted or pair[0] == wanted) and (not wanted_filter or pair[1] == wanted_filter)]
    if not fitting:
        there = ", ".join(f"{name},{filter_}" for name, filter_ in found) or "none"
        raise InputError(f"the task {run.task!r} has no metric {metric or 'with a number'!r}", where=run.place, remedy=f"it has: {there}")
    return min(fitting, key=lambda pair: (_place(METRICS, pair[0]), _place(FILTERS, pair[1])))


def _place(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else len(names)
