"""`llmpick runs`, `show` and `export` on a store with two runs, one of them with everything that can go wrong in a call."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars
import pytest
from click.testing import CliRunner, Result

from llmpick import __version__
from llmpick.cli.export import export
from llmpick.cli.runs import runs
from llmpick.cli.show import show
from llmpick.evidence.call import CallRecord, EngineInfo, Outcome
from llmpick.evidence.errors import InputError
from llmpick.report.runs import short_names
from llmpick.report.show import tallies
from llmpick.store.store import Store

NOW = datetime(2026, 11, 24, 7, 45, 1, tzinfo=UTC)
ANSWER = {"verdict": "chosen", "chosen": "gemma", "reasons": ["it is right in 3 of 4 rows"]}
CALL = CallRecord("k1", "gemma", "订单-1", "p1", Outcome.ANSWERED, "退款", 1.0, 120, 8, 0.25, 7, 0.2, 0.05, {"退款": 0.75, "other": 0.25})
LOG = (
    (CALL, True),
    (replace(CALL, key="k2", row="2", outcome=Outcome.FAILED, output="", score=None, error="timeout after 30 s"), True),
    (replace(CALL, key="k2", row="2", outcome=Outcome.CUT_OFF, output="\x1b[31mred\x1b[0m\n'=1+1\ud800", score=0.0), True),
    (replace(CALL, key="k3", row="3", candidate="[bold]smol", label_probabilities=None, prefill_seconds=None), False),
)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The id of the finished run; a later one is unfinished."""
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "llmpick.db"))
    monkeypatch.setenv("COLUMNS", "200")
    with Store.open() as store:
        run = store.begin(fingerprint="f1", verb="pick", title="order-facts", seed=7, inputs={"task": "task.toml"}, now=NOW)
        for call, paid in LOG:
            store.record(run.id, call, paid=paid)
        engine = EngineInfo("llama.cpp", "b11549", "cpu")
        store.record_load(run.id, "gemma", identity="gemma on 1", load_seconds=1.5, resident_bytes=2**29, engine=engine)
        store.finish(run.id, status="finished", answer=ANSWER, now=NOW + timedelta(minutes=1))
        store.begin(fingerprint="f2", verb="pick", title="intents", seed=0, inputs={}, now=NOW + timedelta(days=1))
    return run.id


def call_command(command, *arguments: str) -> Result:
    result = CliRunner().invoke(command, list(arguments), catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_without_any_run_the_list_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "llmpick.db"))
    assert "llmpick pick" in call_command(runs).stdout
    assert json.loads(call_command(runs, "--json").stdout) == {"schema_version": 1, "runs": []}


def test_runs_are_listed_newest_first(kept: str) -> None:
    lines = [line.split() for line in call_command(runs).stdout.splitlines() if "2026" in line]
    assert lines[0][1:] == ["pick", "interrupted", "0", "0", "-"]
    assert lines[1] == [kept, "pick", "finished", "4", "3", "chosen:", "gemma"]


def test_a_narrow_terminal_never_shortens_the_id(kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert kept in call_command(runs).stdout


def test_a_narrow_terminal_gives_the_result_a_line_of_its_own(kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = call_command(runs).stdout.splitlines()
    assert lines[lines.index(f"{kept}  pick, finished, 4 calls, 3 paid") + 1] == "  chosen: gemma"


@pytest.mark.parametrize(
    ("ids", "names"),
    [
        (["/models/deep/a.gguf", "http://h:1/v1#b", "org/c:Q4_K_M", "~/d"], ["a", "b", "org/c:Q4_K_M", "d"]),
        (["/x/a.gguf?thinking=on", "/x/a.gguf?thinking=off"], ["a?thinking=on", "a?thinking=off"]),
        (["/x/a.gguf", "/y/a.gguf"], ["/x/a.gguf", "/y/a.gguf"]),
        (["judge:/x/a.gguf", "/x/a.gguf"], ["judge:a", "a"]),
    ],
)
def test_tables_call_candidates_by_their_short_names(ids: list[str], names: list[str]) -> None:
    assert list(short_names(ids).values()) == names


def test_a_path_is_never_broken_and_a_table_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "llmpick.db"))
    monkeypatch.setenv("COLUMNS", "80")
    path = f"/models/{'long/' * 20}a.gguf"
    with Store.open() as store:
        run = store.begin(fingerprint="f", verb="race", title="t", seed=0, inputs={"models": [path]}, now=NOW)
        store.record(run.id, replace(CALL, candidate=path), paid=True)
        store.finish(run.id, status="finished", answer={"verdict": "won", "chosen": path, "reasons": [f"{path} leads"]}, now=NOW)
    lines = call_command(show, run.id).stdout.splitlines()
    assert f"  models: {path}" in lines
    assert "Result: won: a" in lines
    assert "- a leads" in lines
    assert [line for line in lines if line.split()[:2] == ["a", "1"]]


def test_runs_as_json(kept: str) -> None:
    document = json.loads(call_command(runs, "--json", "--limit", "1").stdout)
    (run,) = document["runs"]
    assert (run["title"], run["started"], run["finished"], run["status"]) == ("intents", "2026-11-25T07:45:01+00:00", None, "interrupted")
    assert call_command(runs, "--limit", "0").exit_code == 2


def test_show_tells_what_was_run_on_what_with_which_versions_and_the_result(kept: str) -> None:
    text = call_command(show, "20261124").stdout
    for part in (
        f"{kept}  pick, finished",
        "order-facts",
        "seed 7",
        "task: task.toml",
        f"llmpick {__version__}, Python 3.",
        "sqlalchemy 2.",
        "llama.cpp b11549",
        "0.50 GiB",
        "1 of 2",
        "1 answered, 1 cut off",
        "Result: chosen: gemma",
        "- it is right in 3 of 4 rows",
    ):
        assert part in text
    assert "timeout" not in text


def test_show_calls_prints_what_a_model_said_without_obeying_it(kept: str) -> None:
    text = call_command(show, kept, "--calls").stdout
    assert "timeout after 30 s" in text
    assert "�[31mred" in text
    assert "\x1b[31m" not in text
    assert "[bold]smol" in text, "rich's own markup is text like any other"


def test_show_row_prints_each_of_its_calls_in_full(kept: str) -> None:
    text = call_command(show, kept, "--row", "订单-1").stdout
    for part in ("订单-1  gemma", "key: k1", "outcome: answered", "output: 退款", "label_probabilities: {'退款': 0.75", "paid: True"):
        assert part in text
    assert "timeout" not in text


def test_show_as_json(kept: str) -> None:
    document = json.loads(call_command(show, kept, "--json").stdout)
    assert set(document) == {"schema_version", "run", "loads", "candidates"}
    assert document["run"]["answer"] == ANSWER
    assert document["run"]["sittings"][0]["started"] == "2026-11-24T07:45:01+00:00"
    assert document["loads"][0]["engine"]["version"] == "b11549"
    with_calls = json.loads(call_command(show, kept, "--json", "--calls").stdout)["calls"]
    assert [call["key"] for call in with_calls] == ["k1", "k2", "k2", "k3"]
    assert with_calls[2]["output"] == LOG[2][0].output
    (only,) = json.loads(call_command(show, kept, "--json", "--row", "3").stdout)["calls"]
    assert (only["key"], only["paid"], only["label_probabilities"]) == ("k3", False, None)


def test_an_unknown_run_or_row_names_near_ones(kept: str) -> None:
    for command in (show, export):
        with pytest.raises(InputError, match="no such run") as caught:
            call_command(command, "20261124-order")
        assert kept in caught.value.remedy
    with pytest.raises(InputError, match="no call of the row '订单-2'") as caught:
        call_command(show, kept, "--row", "订单-2")
    assert "订单-1" in caught.value.remedy


def test_a_row_that_was_tried_again_counts_once_by_its_last_try() -> None:
    gemma, smol = tallies(LOG)
    assert (gemma.rows, gemma.calls, gemma.paid_calls, gemma.scored, gemma.score) == (2, 3, 3, 2, 0.5)
    assert gemma.outcomes == {"answered": 1, "cut off": 1}
    assert (gemma.tokens, gemma.seconds) == (3 * 128, 0.75)
    assert (smol.candidate, smol.rows, smol.paid_calls) == ("[bold]smol", 1, 0)
    (failed,) = tallies(LOG[1:2])
    assert (failed.rows, failed.scored, failed.score) == (1, 0, None)
    assert tallies(()) == ()


def as_records(content: str) -> list[CallRecord]:
    records = []
    for line in content.splitlines():
        values = json.loads(line)
        del values["run"], values["paid"]
        records.append(CallRecord(**{**values, "outcome": Outcome(values["outcome"])}))
    return records


def test_export_jsonl_loses_nothing(kept: str) -> None:
    result = call_command(export, kept)
    assert as_records(result.stdout) == [call for call, _ in LOG]
    assert [json.loads(line)["paid"] for line in result.stdout.splitlines()] == [True, True, True, False]
    assert '"退款"' in result.stdout
    assert result.stderr == ""


def test_export_csv(kept: str) -> None:
    rows = list(csv.DictReader(io.StringIO(call_command(export, kept, "--format", "csv").stdout)))
    assert [row["outcome"] for row in rows] == ["answered", "failed", "cut off", "answered"]
    assert [row["score"] for row in rows] == ["1.0", "", "0.0", "1.0"]
    assert json.loads(rows[0]["label_probabilities"]) == {"退款": 0.75, "other": 0.25}
    assert rows[2]["output"] == "\x1b[31mred\x1b[0m\n'=1+1\\ud800"


def test_export_parquet(kept: str, tmp_path: Path) -> None:
    out = tmp_path / "calls.parquet"
    result = call_command(export, kept, "--format", "parquet", "--out", str(out))
    assert (result.stdout, "wrote" in result.stderr) == ("", True)
    table = polars.read_parquet(out)
    assert table["score"].to_list() == [1.0, None, 0.0, 1.0]
    assert table["paid"].to_list() == [True, True, True, False]
    assert table["output"][0] == "退款"
    assert set(table["run"]) == {kept}


def test_an_empty_run_exports_the_columns_alone(kept: str, tmp_path: Path) -> None:
    out = tmp_path / "calls.parquet"
    call_command(export, "20261125", "--format", "parquet", "--out", str(out))
    assert polars.read_parquet(out).shape == (0, 17)
    assert len(call_command(export, "20261125", "--format", "csv").stdout.splitlines()) == 1
    assert call_command(export, "20261125").stdout == ""


def test_export_parquet_needs_a_file(kept: str) -> None:
    result = call_command(export, kept, "--format", "parquet")
    assert result.exit_code == 2
    assert "name a file with --out" in result.stderr


@pytest.mark.parametrize("command", [runs, show, export])
def test_help_names_every_option(command) -> None:
    text = call_command(command, "--help").stdout
    assert all(option.opts[0] in text for option in command.params if option.param_type_name == "option")
