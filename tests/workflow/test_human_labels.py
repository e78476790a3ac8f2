"""People's labels from the sheet to the verdict: drawn rows only, the very answers that race, and a judge that is put right."""

import csv
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.workflow.served import serve
from tests.workflow.test_judged_verbs import MODELS, answer, home, noted, one, the_longer, written

from llmpick.cli.main import run
from llmpick.evidence.errors import InputError
from llmpick.sources.task import load_task

__all__ = ["home"]

ROWS = [f"say something of number {i}" for i in range(300)]
SHARE = "label_share = 0.4\n"


def contrary(text: str) -> str:
    """A judge that likes what is short, whatever it was told."""
    return {"A": "B", "B": "A", "tie": "tie"}[the_longer(text)]


SERVED = {**MODELS, "judge": contrary}


def task_of(folder: Path, url: str, more: str = SHARE, rows: Sequence[str] = ROWS) -> Path:
    return written(folder, f"{url}#judge", f"{url}#plain", rows, more)


def people(row: dict[str, str]) -> str:
    """They like what is long."""
    mine, other = len(row["answer"]), len(row["opponent_answer"])
    return "1" if mine > other else "0" if mine < other else "0.5"


def filled(sheet: Path, to: Path, say: Callable[[dict[str, str]], str] = people) -> Path:
    with sheet.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with to.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows({**row, "score": say(row)} for row in rows)
    return to


def drawn(
    task: Path, url: str, sheet: Path, capsys: pytest.CaptureFixture[str], names: Sequence[str] = ("terse", "wordy")
) -> dict[str, Any]:
    return answer(["race", task, *_named(url, names), "--draw-labels", sheet], capsys)


def _named(url: str, names: Sequence[str]) -> list[str]:
    return [word for name in names for word in ("-m", f"{url}#{name}")]


def test_people_put_a_wrong_judge_right(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(SERVED) as url:
        sheet = drawn(task_of(home, url), url, home / "sheet.csv", capsys)
        assert 90 <= sheet["rows"] <= 150, "each of 300 rows with the probability 0.4"
        assert sheet["answers"] == 2 * sheet["rows"]
        assert sheet["spent"]["calls"] == 3 * sheet["rows"], "both candidates and the opponent"
        alone = answer(["race", task_of(home, url), *_named(url, ("terse", "wordy"))], capsys)
        assert alone["chosen"].endswith("#terse"), "the judge's favourite"
        filled(home / "sheet.csv", home / "labels.csv")
        right = answer(["race", task_of(home, url, SHARE + 'labels = "labels.csv"\n'), *_named(url, ("terse", "wordy"))], capsys)
        picked = answer(["pick", home / "task.toml", *_named(url, ("terse", "wordy"))], capsys)
    assert noted(picked, "pick believes the judge alone")
    assert right["verdict"] == "won"
    assert right["chosen"].endswith("#wordy")
    assert right["run"] != alone["run"]
    winner, loser = one(right, "#wordy"), one(right, "#terse")
    assert winner["score"]["value"] > 0.5 > loser["score"]["value"]
    assert loser["difference_on_new_inputs"]["high"] < 0.1, "the tolerance"
    assert winner["score_on_rows"] is None
    assert "new inputs" in winner["unknown"]["score_on_rows"]
    assert right["new_inputs"]["settled"]
    assert "the judge says the same in 0 of them" in noted(right, "people labelled")


def test_a_label_that_is_missing_counts_against_every_claim(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(SERVED) as url:
        drawn(task_of(home, url), url, home / "sheet.csv", capsys)
        first: list[str] = []

        def few(row: dict[str, str]) -> str:
            first.append(row["row"])
            return people(row) if len(first) <= 4 else ""

        filled(home / "sheet.csv", home / "labels.csv", few)
        raced = answer(["race", task_of(home, url, SHARE + 'labels = "labels.csv"\n'), *_named(url, ("terse", "wordy"))], capsys)
    assert raced["verdict"] == "undecided"
    assert "more were drawn and have none" in noted(raced, "people labelled 4 answers")


@pytest.mark.parametrize(
    ("spoil", "words", "what"),
    [
        (lambda row: {**row, "answers": "0123456789ab"}, (), "is of other answers"),
        (lambda row: {**row, "row": str(300 if row["row"] != "300" else 299)}, (), "labelled twice|was not drawn"),
        (lambda row: {**row, "model": row["model"].replace("wordy", "someone")}, (), "wordy is labelled"),
        (lambda row: {**row, "score": "2"}, (), "no number from 0 to 1"),
        (lambda row: row, ("--guarantee", "bayes"), "not on average"),
        (lambda row: row, ("--seed", "7"), "was not drawn with seed 7 .* with the seed"),
    ],
)
def test_labels_that_do_not_belong_to_the_race_are_refused(
    home: Path, spoil: Callable[[dict[str, str]], dict[str, str]], words: Sequence[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(SERVED) as url:
        drawn(task_of(home, url, rows=ROWS), url, home / "sheet.csv", capsys)
        filled(home / "sheet.csv", home / "labels.csv")
        with (home / "labels.csv").open(encoding="utf-8", newline="") as stream:
            rows = [spoil(row) for row in csv.DictReader(stream)]
        with (home / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
            table = csv.DictWriter(stream, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
        code = run(["race", str(task_of(home, url, SHARE + 'labels = "labels.csv"\n')), *_named(url, ("terse", "wordy")), *words])
    assert code == 2
    assert re.search(what, " ".join(capsys.readouterr().err.split()))


def test_a_sheet_is_never_written_over_and_runs_no_formula(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({**SERVED, "wordy": lambda _: '=HYPERLINK("http://evil")'}) as url:
        task = task_of(home, url, rows=ROWS[:10])
        drawn(task, url, home / "sheet.csv", capsys)
        with (home / "sheet.csv").open(encoding="utf-8", newline="") as stream:
            answers = {row["answer"] for row in csv.DictReader(stream)}
        assert answers == {"no", '\'=HYPERLINK("http://evil")'}
        assert run(["race", str(task), *_named(url, ("terse",)), "--draw-labels", str(home / "sheet.csv")]) == 2
    assert "exists already" in capsys.readouterr().err


def test_the_opponents_own_answers_are_ties_already(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(SERVED) as url:
        drawn(task_of(home, url, rows=ROWS[:20]), url, home / "sheet.csv", capsys, names=("plain", "wordy"))
    with (home / "sheet.csv").open(encoding="utf-8", newline="") as stream:
        scores = {(row["model"].rpartition("#")[2], row["score"]) for row in csv.DictReader(stream)}
    assert scores == {("plain", "0.5"), ("wordy", "")}


def test_rows_in_clusters_are_refused_before_anybody_labels(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(SERVED) as url:
        task = task_of(home, url, rows=ROWS[:10])
        task.write_text(task.read_text().replace("[examples]", '[examples]\ncluster = "question"'))
        assert run(["race", str(task), *_named(url, ("terse",)), "--draw-labels", str(home / "sheet.csv")]) == 2
    assert "only where rows stand alone" in capsys.readouterr().err
    assert not (home / "sheet.csv").exists()


@pytest.mark.parametrize(
    ("words", "task_budget", "where"), [(("--budget", "1calls"), "", "--budget"), ((), "[budget]\ncalls = 1\n", "[budget]")]
)
def test_a_budget_that_is_too_small_is_named_where_it_was_given(
    words: tuple[str, ...], task_budget: str, where: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(SERVED) as url:
        task = task_of(home, url, rows=ROWS[:30])
        task.write_text(f"{task.read_text()}\n{task_budget}")
        assert run(["race", str(task), *_named(url, ("terse",)), "--draw-labels", str(home / "sheet.csv"), *words]) == 2
    assert f"where: {where}\n" in capsys.readouterr().err


def test_only_a_judged_task_has_labels(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "rows.jsonl").write_text(json.dumps({"question": "a", "answer": "b"}))
    plain = (
        'name = "t"\nkind = "short-answer"\n[examples]\nfile = "rows.jsonl"\nreference = "answer"\n[prompt]\ntemplate = "{{ question }}"\n'
    )
    (home / "task.toml").write_text(plain)
    with serve(SERVED) as url:
        assert run(["race", str(home / "task.toml"), *_named(url, ("terse",)), "--draw-labels", str(home / "sheet.csv")]) == 2
    assert "the task has none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("row,model\n1,a\n", "no column 'score'"),
        ("row,model,score\n1,a,\n", "no row has a score"),
        ("row,model,score\n1,a,much\n", "no number from 0 to 1"),
        ("row,model,score\n1,a,nan\n", "no number from 0 to 1"),
        ("row,model,score\n99,a,1\n", "no row '99'"),
        ("row,model,score\n1,a,1\n1,a,0\n", "labelled twice"),
    ],
)
def test_a_table_of_labels_is_read_strictly(home: Path, table: str, what: str) -> None:
    (home / "labels.csv").write_text(table)
    with pytest.raises(InputError, match=what) as caught:
        load_task(written(home, "j", "o", more='labels = "labels.csv"\n'))
    assert "labels.csv" in caught.value.where
