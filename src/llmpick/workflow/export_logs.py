"""A run as logs of other tools, one per candidate: Inspect's (`EvalLog`, file format version 2), lm-eval's (0.4: results, samples).

The store keeps what came back and its score, not the words of the prompt or the reference: inputs and targets are empty there, and the
prompt's hash stands in their place, beside the columns that the run keeps of the row and the hash by which its question is known again. A
row that was tried again is there once, by its last try. One that failed has an error in Inspect's log, and is left out of lm-eval's, which
knows no missing score.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Literal

from llmpick.evidence.call import CallRecord, Outcome
from llmpick.evidence.judging import BENCH
from llmpick.sources.scores.names import CLUSTER_BY, PLACE_IN_RACE, QUESTION_HASH
from llmpick.store.columns import to_json
from llmpick.store.records import RunDetail, WholeRun
from llmpick.store.store import Store
from llmpick.workflow.row_facts import RowFacts

LogForm = Literal["inspect", "lm-eval"]
_NAMES = {"accuracy": "acc"}
"""A metric of a task → what lm-eval calls it, where it has another name."""


def export_logs(name: str, form: LogForm) -> dict[str, bytes]:
    """File name (with `/` where a folder is meant) → content. Raises `InputError` for an unknown run, naming near ones."""
    with Store.open() as store:
        whole = store.whole_run(name)
    files: dict[str, bytes] = {}
    rows = _Rows.of(whole)
    for candidate, calls in _by_candidate(whole).items():
        files |= _WRITERS[form](whole.run, candidate, calls, rows)
    return files


@dataclass(frozen=True, slots=True)
class _Rows:
    """Row → its number, and what the run keeps of it."""

    numbers: Mapping[str, int]
    about: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, whole: WholeRun) -> "_Rows":
        """Numbered from 0 by their places in the examples file; where the run does not tell them, in the order in which they were run."""
        facts = RowFacts.of(whole.run.inputs)
        about = facts.about if facts else {}
        called = list(dict.fromkeys(call.row for call, _ in whole.calls if not call.candidate.startswith(BENCH)))
        numbers = {row: number for number, row in enumerate(dict.fromkeys([*about, *called]))}
        if facts is None:
            return cls(numbers, {})
        own = {CLUSTER_BY: facts.cluster} if facts.cluster else {}
        told = {row: {**about[row], **own, PLACE_IN_RACE: f"{place}/{len(about)}"} for place, row in enumerate(called, 1) if row in about}
        return cls(numbers, told)

    def sorted(self, rows: Iterable[str]) -> list[str]:
        return sorted(rows, key=self.numbers.__getitem__)

    def known(self, row: str) -> dict[str, str]:
        """The row's columns, and always the hash by which its question is known again, empty where the run does not tell it."""
        return {QUESTION_HASH: "", **self.about.get(row, {})}


def _by_candidate(whole: WholeRun) -> dict[str, dict[str, CallRecord]]:
    """Candidate → row → its last call. What served a judge's bench was no candidate."""
    found: dict[str, dict[str, CallRecord]] = {}
    for call, _ in whole.calls:
        if call.candidate.startswith(BENCH):
            continue
        found.setdefault(call.candidate, {})[call.row] = call
    return found


def _inspect(run: RunDetail, candidate: str, calls: Mapping[str, CallRecord], rows: _Rows) -> dict[str, bytes]:
    scores = [call.score for call in calls.values() if call.score is not None]
    started = run.started.astimezone(UTC).isoformat()
    metric = _metric(run)
    mean = {"mean": {"name": "mean", "value": _mean(scores)}} if scores else {}
    log: dict[str, Any] = {
        "version": 2,
        "status": "success" if run.status == "finished" else "cancelled",
        "eval": {
            "run_id": run.id,
            "created": started,
            "task": run.title,
            "task_id": f"{run.id}/{candidate}",
            "dataset": {"name": run.title, "samples": len(calls)},
            "model": candidate,
            "config": {"epochs": 1},
            "packages": {"llmpick": run.sittings[-1].llmpick} if run.sittings else {},
        },
        "results": {
            "total_samples": len(calls),
            "completed_samples": len(scores),
            "scores": [{"name": metric, "scorer": metric, "metrics": mean}],
        },
        "stats": {"started_at": started, "completed_at": run.finished.astimezone(UTC).isoformat() if run.finished else ""},
        "samples": [_sample(row, calls[row], metric, rows.known(row)) for row in rows.sorted(calls)],
    }
    return {f"{_plain(run.id)}_{_plain(candidate)}.json": f"{to_json(log, indent=2)}\n".encode()}


def _sample(row: str, call: CallRecord, metric: str, known: Mapping[str, str]) -> dict[str, Any]:
    usage = {
        "input_tokens": call.prompt_tokens,
        "output_tokens": call.output_tokens,
        "total_tokens": call.prompt_tokens + call.output_tokens,
    }
    stop = "max_tokens" if call.outcome is Outcome.CUT_OFF else "stop"
    sample: dict[str, Any] = {
        "id": row,
        "epoch": 1,
        "input": "",
        "target": "",
        "output": {
            "model": call.candidate,
            "choices": [{"message": {"role": "assistant", "content": call.output}, "stop_reason": stop}],
            "usage": usage,
            "time": call.seconds,
        },
        "metadata": {**known, "prompt_hash": call.prompt_hash, "outcome": call.outcome.value, "seed": call.seed},
        "model_usage": {call.candidate: usage},
        "total_time": call.seconds,
    }
    if call.score is None:
        return sample | {"error": {"message": call.error or "the call failed", "traceback": "", "traceback_ansi": ""}}
    return sample | {"scores": {metric: {"value": call.score, "answer": call.output}}}


def _lm_eval(run: RunDetail, candidate: str, calls: Mapping[str, CallRecord], rows: _Rows) -> dict[str, bytes]:
    task, metric = re.sub(r"\W", "_", run.title), _NAMES.get(_metric(run), _metric(run))
    date = run.started.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds").replace(":", "-")
    scored = {row: calls[row] for row in rows.sorted(calls) if calls[row].score is not None}
    scores = [call.score for call in scored.values() if call.score is not None]
    error = math.sqrt(sum((score - _mean(scores)) ** 2 for score in scores) / (len(scores) - 1) / len(scores)) if len(scores) > 1 else "N/A"
    results = {
        "results": {task: {"alias": task, f"{metric},none": _mean(scores) if scores else "N/A", f"{metric}_stderr,none": error}},
        "group_subtasks": {task: []},
        "configs": {task: {"task": task, "metadata": {"llmpick_run": run.id}}},
        "versions": {task: "N/A"},
        "n-shot": {},
        "higher_is_better": {task: {metric: True}},
        "n-samples": {task: {"original": len(calls), "effective": len(scores)}},
        "config": {"model": "llmpick", "model_args": {"model": candidate}, "random_seed": run.seed},
        "date": run.started.timestamp(),
        "model_source": "llmpick",
        "model_name": candidate,
        "model_name_sanitized": _plain(candidate),
    }
    documents = (_document(rows.numbers[row], {"id": row, **rows.known(row)}, call, metric) for row, call in scored.items())
    lines = "".join(f"{to_json(document)}\n" for document in documents)
    folder = _plain(candidate)
    return {
        f"{folder}/results_{date}.json": f"{to_json(results, indent=2)}\n".encode(),
        f"{folder}/samples_{task}_{date}.jsonl": lines.encode(),
    }


def _document(number: int, doc: Mapping[str, str], call: CallRecord, metric: str) -> dict[str, Any]:
    """`doc` names the row by its id, by which `sources/scores/lm_eval.py` reads it back."""
    return {
        "doc_id": number,
        "doc": doc,
        "target": "",
        "arguments": {},
        "resps": [[call.output]],
        "filtered_resps": [call.output],
        "filter": "none",
        "metrics": [metric],
        "doc_hash": _hash(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": call.prompt_hash,
        "target_hash": _hash(""),
        metric: call.score,
    }


def _metric(run: RunDetail) -> str:
    """The task's metric; "score" where the run's answer does not tell."""
    name = (run.answer or {}).get("metric")
    return name if isinstance(name, str) else "score"


def _mean(scores: list[float]) -> float:
    return sum(scores) / len(scores)


def _plain(name: str) -> str:
    """A name that every file system takes, and that leads out of no folder."""
    return re.sub(r"[^\w.-]+", "__", name).lstrip(".") or "unnamed"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


_Writer = Callable[[RunDetail, str, Mapping[str, CallRecord], _Rows], dict[str, bytes]]
_WRITERS: dict[LogForm, _Writer] = {"inspect": _inspect, "lm-eval": _lm_eval}
