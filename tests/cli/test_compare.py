"""`llmpick compare` and the logs that `llmpick export` writes: runs of the store, tables and other tools' logs in any pairing."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from llmpick.cli.compare import compare
from llmpick.cli.export import export
from llmpick.evidence.call import CallRecord, Outcome
from llmpick.evidence.errors import InputError
from llmpick.store.store import Store

LOGS = Path(__file__).parents[1] / "data" / "logs"
NOW = datetime(2026, 11, 24, 7, 45, 1, tzinfo=UTC)
CALL = CallRecord("k", "gemma", "0", "p1", Outcome.ANSWERED, "退款\ud800", 1.0, 120, 8, 0.25, 7)
RIGHT = {"gemma": "111110100", "org/smol": "100010001"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a run of two candidates on nine rows; gemma's row 5 failed at first, smol's last row for good."""
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "llmpick.db"))
    monkeypatch.setenv("COLUMNS", "200")
    with Store.open() as store:
        kept = store.begin(fingerprint="f", verb="pick", title="order facts", seed=7, inputs={}, now=NOW)
        failed = replace(CALL, outcome=Outcome.FAILED, score=None, output="", error="timeout after 30 s")
        store.record(kept.id, replace(failed, key="gemma5", row="5"), paid=True)
        for candidate, right in RIGHT.items():
            for row, score in enumerate(right):
                call = replace(CALL, key=f"{candidate}{row}", candidate=candidate, row=str(row), score=float(score))
                lost = (candidate, row) == ("org/smol", 8)
                store.record(kept.id, replace(failed, key="lost", candidate=candidate, row="8") if lost else call, paid=True)
        store.finish(kept.id, status="finished", answer={"metric": "accuracy"}, now=NOW)
    return kept.id


def call_command(command, *arguments: str) -> Result:
    result = CliRunner().invoke(command, list(arguments), catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def as_json(*arguments: str) -> dict:
    return json.loads(call_command(compare, *arguments, "--json").stdout)


def table(folder: Path, rows: list[str], name: str = "scores.csv") -> str:
    (folder / name).write_text("\n".join(rows) + "\n")
    return str(folder / name)


def test_two_candidates_of_one_run(run: str) -> None:
    found = as_json(f"{run}:gemma", f"{run[:8]}:smol")
    assert (found["paired_rows"], found["a"]["unpaired"], found["b"]["unpaired"]) == (8, 1, 0)
    assert found["mcnemar"] == {"both": 2, "only_a": 4, "only_b": 0, "neither": 2}
    assert found["p"] == pytest.approx(0.0455, abs=1e-4)
    assert (found["verdict"], found["test"]) == ("a", "McNemar, score")
    assert found["difference"]["low"] > 0
    assert found["a"]["cost_per_row"] == 128
    assert [row["item"] for row in found["rows"]] == ["1", "2", "3", "6"]
    surer = as_json(f"{run}:gemma", f"{run[:8]}:smol", "--confidence", "0.96")
    more = surer["rows_to_decide"]
    assert (surer["verdict"], surer["p"]) == ("undecided", found["p"]), "4 of 4 are worth 95.4%, and not 96%"
    assert surer["difference"]["low"] < 0
    assert 0 <= more["low"] <= more["value"] <= more["high"]


def test_the_report_ends_with_the_verdict(run: str) -> None:
    text = call_command(compare, f"{run}:gemma", f"{run}:smol").stdout
    for part in (
        "both right 2, only A 4, only B 0, neither 2",
        "p = 0.046 (McNemar, score)",
        f"from run {run}",
        "rows that differ (4 of 4)",
    ):
        assert part in text
    assert text.splitlines()[-1].startswith("A (gemma) is better than B (org/smol) by 50.0 points [+")
    surer = call_command(compare, f"{run}:gemma", f"{run}:smol", "--confidence", "0.99").stdout
    assert surer.splitlines()[-1].startswith("These rows cannot tell A (gemma) and B (org/smol) apart: about ")


@pytest.mark.parametrize("form", ["inspect", "lm-eval"])
def test_exported_logs_say_the_same_as_the_run(run: str, form: str, tmp_path: Path) -> None:
    out = tmp_path / "logs"
    assert call_command(export, run, "--format", form, "--out", str(out)).exit_code == 0
    own, logs = as_json(f"{run}:gemma", f"{run}:smol"), as_json(f"{out}:gemma", f"{out}:smol")
    assert all(own[key] == logs[key] for key in ("paired_rows", "mcnemar", "difference", "p", "verdict"))
    crossed = as_json(f"{run}:gemma", f"{out}:gemma")
    assert crossed["mcnemar"] == {"both": 6, "only_a": 0, "only_b": 0, "neither": 3}, "rows of one task are paired without its name"


def test_what_the_exported_logs_hold(run: str, tmp_path: Path) -> None:
    call_command(export, run, "--format", "inspect", "--out", str(tmp_path))
    call_command(export, run, "--format", "lm-eval", "--out", str(tmp_path))
    log = json.loads((tmp_path / f"{run}_org__smol.json").read_text())
    assert (log["version"], log["status"], log["eval"]["model"], log["eval"]["task"]) == (2, "success", "org/smol", "order facts")
    assert log["samples"][1]["scores"] == {"accuracy": {"value": 1.0, "answer": "退款\ud800"}}
    assert log["samples"][8]["error"]["message"] == "timeout after 30 s"
    assert "scores" not in log["samples"][8]
    results = json.loads((tmp_path / "org__smol" / "results_2026-11-24T07-45-01.000000.json").read_text())
    assert results["results"]["order_facts"]["acc,none"] == 2 / 8
    assert results["n-samples"]["order_facts"] == {"original": 9, "effective": 8}
    lines = (tmp_path / "org__smol" / "samples_order_facts_2026-11-24T07-45-01.000000.jsonl").read_text().splitlines()
    assert [(json.loads(line)["doc"]["id"], json.loads(line)["acc"]) for line in lines] == list(
        zip("50123467", (0, 1, 0, 0, 0, 1, 0, 0), strict=True)
    )


def test_logs_need_a_folder(run: str, tmp_path: Path) -> None:
    for arguments in ([], ["--out", table(tmp_path, ["a"])]):
        result = call_command(export, run, "--format", "inspect", *arguments)
        assert (result.exit_code, "name a folder with --out" in result.stderr) == (2, True)
    assert "name a file" in call_command(export, run, "--out", str(tmp_path)).stderr


def test_logs_of_inspect_and_of_lm_eval(run: str) -> None:
    good, bad = str(LOGS / "inspect" / "good.json"), str(LOGS / "inspect" / "bad.eval")
    found = as_json(good, bad)
    assert (found["paired_rows"], found["test"], found["difference"]["value"]) == (4, "paired t", 0.5)
    assert {part["value"]: part["rows"] for part in found["slices"]} == {"even": 2, "odd": 2}
    lm_eval = as_json(str(LOGS / "lm_eval" / "dummy-a"), str(LOGS / "lm_eval" / "dummy-b"))
    assert (lm_eval["paired_rows"], {part["column"] for part in lm_eval["slices"]}) == (12, {"task", "category"})


def test_a_difference_is_seen_and_its_slices_are_told(tmp_path: Path, run: str) -> None:
    draw = np.random.default_rng(1)
    rows = [f"{n},{'de' if n % 2 else 'fr'},{int(draw.random() < 0.7)},{int(draw.random() < 0.4)}" for n in range(300)]
    file = table(tmp_path, ["item,language,new:1,old", *rows])
    found = as_json(f"{file}:new:1", f"{file}:old")
    assert found["verdict"] == "a"
    assert found["difference"]["low"] > 0
    assert found["rows_to_decide"] is None
    assert [(part["value"], part["rows"]) for part in found["slices"]] == [("de", 150), ("fr", 150)]
    assert sum(part["wins"] for part in found["slices"]) == found["wins"]
    text = call_command(compare, f"{file}:old", f"{file}:new").stdout
    assert text.splitlines()[-1].startswith("B (new:1) is better than A (old) by ")


def test_the_same_within_a_tolerance_and_only_with_one(tmp_path: Path, run: str) -> None:
    file = table(tmp_path, ["item,a,b", *(f"{n},{n % 2},{n % 2 if n % 50 else 1}" for n in range(1000))])
    pair = (f"{file}:a", f"{file}:b")
    assert as_json(*pair)["verdict"] == "b"
    close = as_json(*pair, "--tolerance", "0.05")
    assert (close["verdict"], close["rows_to_same"]) == ("same", None)
    assert "are the same within 5.0 points" in close["sentence"]
    far = as_json(*pair, "--tolerance", "0.025")
    assert far["verdict"] == "b"
    assert far["rows_to_same"] > 0


def test_clusters_widen_the_interval(tmp_path: Path, run: str) -> None:
    draw = np.random.default_rng(2)
    lines = [f"{d}-{n},{d},{int(wins)},{int(not wins)}" for d in range(30) for wins in [draw.random() < 0.6] for n in range(10)]
    file = table(tmp_path, ["item,document,a,b", *lines])
    alone, together = as_json(f"{file}:a", f"{file}:b"), as_json(f"{file}:a", f"{file}:b", "--cluster", "document")
    assert together["clusters"] == 30
    assert together["standard_error"] > 2.5 * alone["standard_error"]
    assert together["difference"]["value"] == alone["difference"]["value"]
    few = table(tmp_path, ["item,document,a,b", *lines[:50]])
    assert "5 clusters only" in call_command(compare, f"{few}:a", f"{few}:b", "--cluster", "document").stdout


def test_other_questions_under_the_same_name_are_left_out(tmp_path: Path, run: str) -> None:
    names = ("item,question_hash,a", "0,x,1", "1,y,0", "2,,1")
    one, two = table(tmp_path, list(names)), table(tmp_path, ["item,question_hash,a", "0,x,0", "1,z,1", "2,w,1"], "other.csv")
    found = as_json(one, two)
    assert found["paired_rows"] == 2
    assert found["notes"][0] == "1 row has the same name in both runs but another question, and is left out: 2 are paired"


def test_rows_that_are_paired_by_bare_numbers_are_told(tmp_path: Path, run: str) -> None:
    numbered, named = (table(tmp_path, ["item,a,b", f"{x}1,1,0", f"{x}2,0,1"], f"n{x}.csv") for x in ("", "q"))
    other_numbered, other_named = (table(tmp_path, ["item,a,b", f"{x}1,1,0", f"{x}2,0,1"], f"other{x}.csv") for x in ("", "q"))
    assert any("paired by their numbers alone" in note for note in as_json(f"{numbered}:a", f"{other_numbered}:b")["notes"])
    for first, second in ((named, other_named), (numbered, numbered)):
        assert not any("numbers alone" in note for note in as_json(f"{first}:a", f"{second}:b")["notes"])


def test_runs_of_other_tasks_are_refused_also_where_nothing_is_kept_of_their_rows(run: str, tmp_path: Path) -> None:
    with Store.open() as store:
        kept = store.begin(fingerprint="g", verb="pick", title="other facts", seed=7, inputs={}, now=NOW)
        for row in range(9):
            store.record(kept.id, replace(CALL, key=f"other{row}", row=str(row)), paid=True)
        store.finish(kept.id, status="finished", answer={"metric": "accuracy"}, now=NOW)
    with pytest.raises(InputError, match="different tasks, 'order facts' and 'other facts'"):
        call_command(compare, f"{run}:gemma", kept.id)
    call_command(export, kept.id, "--format", "lm-eval", "--out", str(tmp_path / "logs"))
    with pytest.raises(InputError, match="different tasks, 'order facts' and 'other_facts'"):
        call_command(compare, f"{run}:gemma", str(tmp_path / "logs"))


@pytest.mark.parametrize("rows", [1, 100])
def test_the_same_on_every_row_is_said_so(rows: int, tmp_path: Path, run: str) -> None:
    file = table(tmp_path, ["item,a,b", *(f"q{n},{n % 2},{n % 2}" for n in range(rows))])
    found = as_json(f"{file}:a", f"{file}:b")
    assert (found["verdict"], found["p"], found["rows_to_decide"]) == ("undecided", 1.0, None)
    assert found["unknown"]["rows_to_decide"] == "they score the same on every row"
    assert f"score the same on {'all 100 rows' if rows > 1 else 'the one row'} that both have" in found["sentence"]
    close = as_json(f"{file}:a", f"{file}:b", "--tolerance", "0.05")
    assert (close["verdict"], "the same within 5.0 points" in close["sentence"]) == (("same", True) if rows > 1 else ("undecided", False))


def test_interval_p_and_verdict_agree_on_24_rows(tmp_path: Path, run: str) -> None:
    """Whatever the wins and losses: an interval without 0, p at most 5% and a verdict come together."""
    for wins, losses in ((9, 2), (8, 2), (7, 1), (6, 1), (5, 0), (4, 0), (3, 0), (10, 3), (6, 6)):
        cells = [*["1,0"] * wins, *["0,1"] * losses, *["1,1"] * (24 - wins - losses)]
        file = table(tmp_path, ["item,a,b", *(f"q{n},{cell}" for n, cell in enumerate(cells))])
        found = as_json(f"{file}:a", f"{file}:b")
        shown = (found["p"] <= 0.05, found["difference"]["low"] > 0, found["verdict"] == "a")
        assert shown in ((True,) * 3, (False,) * 3), (wins, losses, found["p"])


def test_a_column_that_is_no_score_is_left_out(tmp_path: Path, run: str) -> None:
    file = table(tmp_path, ["item,a,b,total", "x,1,0,57.1", "y,1,1,3", "z,0,0,88"])
    with pytest.raises(InputError, match="not a score"):
        call_command(compare, f"{file}:a", f"{file}:b")
    assert as_json(f"{file}:a", f"{file}:b", "--leave-out", "total")["paired_rows"] == 3
    other = table(tmp_path, ["item,c", "x,1", "y,0"], "other.csv")
    assert as_json(f"{file}:a", other, "--leave-out", "total")["paired_rows"] == 2, "only one of the tables has the column"
    assert as_json(other, file, "--leave-out", "total", "--leave-out", "a")["b"]["candidate"] == "b", "a candidate is a column too"


def test_rows_that_do_not_count_are_left_out(tmp_path: Path, run: str) -> None:
    rows = [f"q{n},{'law' if n % 3 else 'art'},{n % 2},{int(n % 5 == 0)}" for n in range(60)]
    file = table(tmp_path, ["item,subject,a,b", *rows])
    kept = table(tmp_path, ["item,subject,a,b", *(row for row in rows if ",art," in row and not row.startswith("q6,"))], "kept.csv")
    found = as_json(f"{file}:a", f"{file}:b", "--leave-out-rows", "subject=law", "--leave-out-rows", "q6")
    alone = as_json(f"{kept}:a", f"{kept}:b")
    assert found["paired_rows"] == 19
    assert all(found[key] == alone[key] for key in ("difference", "p", "verdict", "rows", "mcnemar"))
    assert [note for note in found["notes"] if "left out" in note] == [
        "40 rows are left out, as asked: subject=law",
        "1 row is left out, as asked: q6",
    ]
    assert found["a"]["unpaired"] == 0, "a row that was left out is no row without a pair"


@pytest.mark.parametrize(
    ("first", "second", "options", "what", "remedy"),
    [
        ("{file}", "{file}:b", [], "there are 2 candidates", "{file}:NAME: a, b"),
        ("{file}:c", "{file}:b", [], "no candidate 'c'", "a, b"),
        ("gone.csv", "{file}:b", [], "no such file or folder", "check the path"),
        ("{run}", "{file}:b", [], "there are 2 candidates", "gemma, org/smol"),
        ("20301124", "{file}:b", [], "no such run", ""),
        ("{run}:gemma", "{file}:b", [], "no row in common", "paired by their names"),
        ("{file}:a", "{file}:b", ["--by", "colour"], "no column 'colour'", "kind"),
        ("{file}:a", "{file}:b", ["--cluster", "kind"], "all rows are in one cluster", "several clusters"),
        ("{file}:a", "{file}:b", ["--cluster", "page"], "a row is in no cluster", "fill the column"),
        ("{file}:a", "{file}:b", ["--leave-out", "total"], "no column 'total' to leave out", "item, kind, page, a, b"),
        ("{run}:gemma", "{run}:smol", ["--leave-out", "total"], "no column 'total' to leave out", "only a table"),
        ("{file}:a", "{file}:b", ["--leave-out-rows", "q9"], "no row that both have is 'q9'", "kind, page"),
        ("{file}:a", "{file}:b", ["--leave-out-rows", "kind=z"], "no row that both have is 'kind=z'", "COLUMN=VALUE"),
        ("{file}:a", "{file}:b", ["--leave-out-rows", "kind=k"], "no row is left to compare", "fewer"),
    ],
)
def test_what_is_refused(tmp_path: Path, run: str, first: str, second: str, options: list[str], what: str, remedy: str) -> None:
    file = table(tmp_path, ["item,kind,page,a,b", "x,k,p,1,0", "y,k,,0,1"])
    with pytest.raises(InputError) as caught:
        call_command(compare, first.format(file=file, run=run), second.format(file=file, run=run), *options)
    assert what in caught.value.what
    assert remedy.format(file=file) in caught.value.remedy


def test_every_key_of_the_document_is_explained(run: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "compare.md").read_text()
    told = set(re.findall(r"`(\w+)`", text.partition("## The JSON document")[2]))
    found = as_json(f"{run}:gemma", f"{run}:smol")
    assert {*found, *found["a"], *found["mcnemar"], *found["rows"][0]} - told == set()
    choice = as_json(f"{run}:gemma", f"{run}:smol", "--tolerance", "0.1")["choice"]
    assert choice == {"candidate": "a", "settled": True, "by": "rows", "confidence": 0.95, "rows_more": None, "unknown": {}}
    assert choice.keys() - {"unknown"} - told == set()
