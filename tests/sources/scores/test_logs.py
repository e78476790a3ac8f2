"""Logs that Inspect and lm-eval wrote themselves (tests/data/logs), and what else their formats allow."""

import contextlib
import importlib.util
import json
import sys
import zipfile
from pathlib import Path

import pytest

from llmpick.evidence.errors import InputError
from llmpick.sources.scores import read_scores, zipped

LOGS = Path(__file__).parents[2] / "data" / "logs"
UNPACKS_ZSTANDARD = sys.version_info >= (3, 14) or any(importlib.util.find_spec(name) for name in ("zstandard", "backports"))


def inspect_log(samples: list[dict], **header: object) -> dict:
    spec = {"model": "m", "task": "t", "created": "2026-01-01", **header}
    return {"version": 2, "status": header.pop("status", "success"), "eval": spec, "samples": samples}


def sample(name: object, value: object, epoch: int = 1, scorer: str = "match", **fields: object) -> dict:
    return {"id": name, "epoch": epoch, "input": f"question {name}", "scores": {scorer: {"value": value}}, **fields}


def written(folder: Path, log: object, name: str = "log.json") -> Path:
    (folder / name).write_text(json.dumps(log))
    return folder / name


@pytest.mark.parametrize(("file", "mean"), [("good.json", 0.875), ("bad.eval", 0.375)])
def test_logs_of_inspect_have_the_mean_that_inspect_computed(file: str, mean: float) -> None:
    matrix = read_scores(LOGS / "inspect" / file)
    assert matrix.models == (f"mockllm/{file.partition('.')[0]}",)
    assert matrix.items == ("sums/q0", "sums/q1", "sums/q2", "sums/q3")
    assert matrix.columns["category"].tolist() == ["even", "odd", "even", "odd"]
    assert float(matrix.scores.mean()) == mean


def test_a_log_packed_with_zstandard() -> None:
    if UNPACKS_ZSTANDARD:
        assert float(read_scores(LOGS / "inspect" / "good.eval").scores.mean()) == 0.875
    else:
        with pytest.raises(InputError, match="packed with Zstandard") as caught:
            read_scores(LOGS / "inspect" / "good.eval")
        assert "inspect log convert" in caught.value.remedy


def test_the_same_question_has_the_same_hash_in_every_form_of_log() -> None:
    whole, summary = (read_scores(LOGS / "inspect" / name) for name in ("good.json", "bad.eval"))
    assert whole.columns["question_hash"].tolist() == summary.columns["question_hash"].tolist()
    assert len(set(whole.columns["question_hash"].tolist())) == 4


@pytest.mark.parametrize(
    ("value", "score"),
    [("C", 1), ("I", 0), ("P", 0.5), ("N", 0), (True, 1), (False, 0), (0.25, 0.25), ("0.75", 0.75), ("yes", 1), ("no", 0), (1, 1)],
)
def test_every_kind_of_score(tmp_path: Path, value: object, score: float) -> None:
    assert read_scores(written(tmp_path, inspect_log([sample("a", value)]))).scores.tolist() == [[score]]


def test_epochs_are_averaged_and_what_was_not_scored_is_not_seen(tmp_path: Path) -> None:
    samples = [
        sample(1, "C"),
        sample(1, "I", epoch=2),
        sample(2, float("nan")),
        {"id": 3, "epoch": 1, "input": "q", "error": {"message": "timeout"}},
        sample(4, "I", model_usage={"m": {"total_tokens": 12}}),
        sample(4, "C", model_usage={"m": {"total_tokens": 12}}),
    ]
    matrix = read_scores(written(tmp_path, inspect_log(samples)))
    assert (matrix.items, matrix.scores.tolist()) == (("t/1", "t/4"), [[0.5, 1]])
    assert matrix.costs is None, "not every sample tells its tokens"


def test_several_scorers_need_a_choice(tmp_path: Path) -> None:
    both = sample("a", "C")
    both["scores"]["judge"] = {"value": {"style": 0.5, "facts": 0.25}}
    file = written(tmp_path, inspect_log([both]))
    with pytest.raises(InputError, match="several scores") as caught:
        read_scores(file)
    assert caught.value.remedy == "choose one as the metric: match, judge.style, judge.facts"
    assert read_scores(file, metric="judge.facts").scores.tolist() == [[0.25]]
    with pytest.raises(InputError, match="no score 'judge'"):
        read_scores(file, metric="judge")


def test_of_several_logs_of_one_model_the_newest_that_ended_well_counts(tmp_path: Path) -> None:
    written(tmp_path, inspect_log([sample(1, "I")], created="2026-01-01"), "1.json")
    written(tmp_path, inspect_log([sample(1, "C")], created="2026-01-02"), "2.json")
    written(tmp_path, inspect_log([sample(1, "I")], created="2026-01-03", status="error"), "3.json")
    written(tmp_path, inspect_log([sample(1, "I")], model="n"), "4.json")
    matrix = read_scores(tmp_path)
    assert (matrix.models, matrix.scores.tolist()) == (("m", "n"), [[1], [0]])


@pytest.mark.parametrize(
    ("samples", "what"),
    [
        ([sample("a", 7)], "the score is 7, not from 0 to 1"),
        ([sample("a", "maybe")], "'maybe' is no number"),
        ([sample("a", ["C"])], "is no number"),
        ([5], "a sample is a int, not an object"),
        ([{"id": "a", "scores": [1]}], "'scores' is a list"),
        ([], "no sample has a score"),
    ],
)
def test_logs_that_cannot_be_used(tmp_path: Path, samples: list, what: str) -> None:
    with pytest.raises(InputError) as caught:
        read_scores(written(tmp_path, inspect_log(samples)))
    assert what in caught.value.what
    assert "log.json" in caught.value.where


def test_archives_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (LOGS / "inspect" / "bad.eval").read_bytes()
    file = tmp_path / "log.eval"
    for damaged, what in ((content[:-200], "no whole ZIP"), (b"hello", "no whole ZIP"), (b"", "no whole ZIP")):
        file.write_bytes(damaged)
        with pytest.raises(InputError, match=what):
            read_scores(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../outside.json", "{}")
    with pytest.raises(InputError, match="has no header"):
        read_scores(file)
    file.write_bytes(content)
    monkeypatch.setattr(zipped, "MAX_MEMBER_BYTES", 2**10)
    with pytest.raises(InputError, match="more than"):
        read_scores(file)


def test_every_byte_may_be_wrong_without_a_crash(tmp_path: Path) -> None:
    content = (LOGS / "inspect" / "bad.eval").read_bytes()
    file = tmp_path / "log.eval"
    for place in range(0, len(content), 211):
        file.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        with contextlib.suppress(InputError):
            assert read_scores(file).models


def test_logs_of_lm_eval_in_a_folder() -> None:
    matrix = read_scores(LOGS / "lm_eval")
    assert (matrix.models, len(matrix.items)) == (("dummy-a", "dummy-b"), 12)
    assert set(matrix.columns["task"].tolist()) == {"larger", "say"}
    assert matrix.columns["category"].tolist()[:2] == ["even", "odd"]
    for model, row in zip(matrix.models, matrix.scores, strict=True):
        results = json.loads(next((LOGS / "lm_eval" / model).glob("results_*.json")).read_text())["results"]
        for task, metric in (("larger", "acc,none"), ("say", "exact_match,none")):
            assert float(row[matrix.columns["task"] == task].mean()) == pytest.approx(results[task][metric])


@pytest.mark.parametrize(("pattern", "rows"), [("results_*.json", 12), ("samples_larger_*.jsonl", 6)])
def test_one_file_of_lm_eval(pattern: str, rows: int) -> None:
    matrix = read_scores(next((LOGS / "lm_eval" / "dummy-a").glob(pattern)))
    assert (matrix.models, len(matrix.items)) == (("dummy-a",), rows)


def document(n: int, **fields: object) -> str:
    return json.dumps({"doc_id": n, "filter": "none", "metrics": ["acc", "acc_norm"], "acc": 1.0, "acc_norm": 0.0, **fields})


def test_metric_and_filter(tmp_path: Path) -> None:
    file = tmp_path / "samples_gsm8k_2026-08-01T12-00-00.000000.jsonl"
    file.write_text("\n".join([document(0), document(0, filter="strict-match", acc=0.0), document(1)]))
    assert read_scores(file).scores.tolist() == [[1, 1]]
    assert read_scores(file, metric="acc_norm").scores.tolist() == [[0, 0]]
    assert read_scores(file, metric="acc,strict-match").scores.tolist() == [[0]]
    with pytest.raises(InputError, match="no metric 'f1'") as caught:
        read_scores(file, metric="f1")
    assert "acc,none" in caught.value.remedy
    file.with_name("samples_gsm8k_2026-08-02T12-00-00.000000.jsonl").write_text(document(0, acc=0.0))
    assert read_scores(tmp_path).scores.tolist() == [[0]], "the newer run counts"


@pytest.mark.parametrize(
    ("name", "text", "what", "where"),
    [
        ("samples_t.jsonl", document(0, acc=33.0), "'acc' is 33, not from 0 to 1", "doc_id 0"),
        ("samples_t.jsonl", document(0) + "\n" + document(1, acc=None), "no number as 'acc'", "doc_id 1"),
        ("samples_t.jsonl", document(0) + "\n{", "not JSON", "line 2"),
        ("samples_t.jsonl", "[]", "not an object", "line 1"),
        ("samples_t.jsonl", '{"acc": 1}', "no 'doc_id'", "line 1"),
        ("samples_t.jsonl", "", "no sample", "samples_t.jsonl"),
        ("samples_t.jsonl", document(0, acc=[1], acc_norm="x"), "no metric 'with a number'", "samples_t.jsonl"),
        ("results_2026-08-01T12-00-00.json", '{"results": {"t": {"acc,none": 0.5}}}', "means only", "results_"),
    ],
)
def test_logs_of_lm_eval_that_cannot_be_used(tmp_path: Path, name: str, text: str, what: str, where: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        read_scores(tmp_path / name)
    assert what in caught.value.what
    assert where in caught.value.where


def test_a_folder_of_both_tools_is_refused(tmp_path: Path) -> None:
    written(tmp_path, inspect_log([sample(1, "C")]))
    (tmp_path / "samples_t.jsonl").write_text(document(0))
    with pytest.raises(InputError, match="logs of Inspect and of lm-eval"):
        read_scores(tmp_path)
