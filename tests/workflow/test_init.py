"""A first task file from a table: what is guessed, and that the result can be loaded and put to a model as it stands."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from inline_snapshot import snapshot

from llmpick.evidence.errors import InputError
from llmpick.evidence.task import TaskKind
from llmpick.measure.prompt import build_requests
from llmpick.sources.task import load_task
from llmpick.sources.task.guess import Guess
from llmpick.workflow.init import write_first_task

TEXTS = [f"I bought item number {i} last week and it does not work as it should, what now?" for i in range(12)]


def first_task(folder: Path, columns: dict[str, list[Any]]) -> Guess:
    """Writes the table as CSV, its task file, and checks that the task file is whole."""
    pl.DataFrame(columns).write_csv(folder / "my data.csv")
    guess = write_first_task(folder / "my data.csv", folder / "task.toml")
    task = load_task(folder / "task.toml")
    assert task.kind is guess.kind
    assert len(build_requests(task)) == len(task.examples)
    return guess


@pytest.mark.parametrize(
    ("columns", "kind", "reference", "inputs"),
    [
        ({"text": TEXTS, "topic": ["a", "b", "c"] * 4}, TaskKind.CHOICE, ("topic",), ("text",)),
        ({"channel": ["x", "y"] * 6, "intent": ["a", "b", "c"] * 4, "text": TEXTS}, TaskKind.CHOICE, ("intent",), ("text",)),
        ({"消息": TEXTS, "标签": ["退款", "退货"] * 6}, TaskKind.CHOICE, ("标签",), ("消息",)),
        ({"text": TEXTS, "price": [i * 1.5 for i in range(12)]}, TaskKind.NUMBER, ("price",), ("text",)),
        ({"text": TEXTS, "name": [f"name {i}" for i in range(12)]}, TaskKind.SHORT_ANSWER, ("name",), ("text",)),
        (
            {"text": TEXTS, "item": [f"item number {i}" for i in range(12)], "no.": [str(i) for i in range(12)]},
            TaskKind.EXTRACT,
            ("item", "no."),
            ("text",),
        ),
        (
            {"text": TEXTS, "first": [f"x{i}" for i in range(12)], "last": [f"y{i}" for i in range(12)]},
            TaskKind.EXTRACT,
            ("first", "last"),
            ("text",),
        ),
        ({"article": [text * 5 for text in TEXTS], "summary": TEXTS}, TaskKind.GENERATE, ("summary",), ("article",)),
        (
            {"question": [f"which item is it, {i}?" for i in range(12)], "context": TEXTS, "answer": [f"number {i}" for i in range(12)]},
            TaskKind.SHORT_ANSWER,
            ("answer",),
            ("question", "context"),
        ),
        ({"Customer text": TEXTS, "label": ["a", "b"] * 6}, TaskKind.CHOICE, ("label",), ("Customer text",)),
    ],
)
def test_guess(tmp_path: Path, columns: dict[str, list[Any]], kind: TaskKind, reference: tuple[str, ...], inputs: tuple[str, ...]) -> None:
    guess = first_task(tmp_path, columns)
    assert (guess.kind, guess.reference, guess.inputs) == (kind, reference, inputs)


def test_the_file_explains_each_guess(tmp_path: Path) -> None:
    columns = {
        "id": list(range(12)),
        "lang": ["en", "zh"] * 6,
        "channel": ["app", "web", "app"] * 4,
        "text": TEXTS,
        "topic": ["a", "b", "c", "c"] * 3,
    }
    guess = first_task(tmp_path, columns)
    assert (guess.id, guess.language, guess.languages, guess.slices) == ("id", "lang", ("en", "zh"), ("channel",))
    assert (tmp_path / "task.toml").read_text(encoding="utf-8") == snapshot('''\
# A first task file, written by llmpick init from my data.csv. Check each guess, then: llmpick pick task.toml
name = "my-data"
kind = "choice"  # choice, short-answer, number, extract or generate
languages = ["en", "zh"]
slices = ["channel"]  # the score is shown for each of their values as well

[examples]
file = "my data.csv"
id = "id"  # no two rows have the same
language = "lang"
# The right answers: it holds few short values that repeat; of several such columns it is the last. Others that could be meant: "channel".
reference = "topic"

[prompt]
system = "Answer with one of the labels and nothing else."
# Every {{ name }} is a column of the table. The model's answer follows the last line.
template = """Labels: {{ labels }}
Text: {{ text }}
Label:"""
# fewshot = "fewshot.jsonl"  # some solved rows of the same columns, which are not among the examples

# [limits]
# memory = "8 GiB"
# licence = "commercial"
# [budget]
# minutes = 10
''')


def test_conversations(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "hello"}]
    rows = [{"messages": chat, "response": f"good day to you, {i}" * 10} for i in range(4)]
    (tmp_path / "chats.jsonl").write_text("\n".join(map(json.dumps, rows)))
    guess = write_first_task(tmp_path / "chats.jsonl", tmp_path / "task.toml")
    assert (guess.kind, guess.messages, guess.inputs, guess.reference) == (TaskKind.GENERATE, "messages", (), ("response",))
    assert load_task(tmp_path / "task.toml").examples[0].messages is not None


def test_the_task_may_stand_in_another_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pl.DataFrame({"text": TEXTS, "label": ["a", "b"] * 6}).write_parquet(tmp_path / "data" / "rows.parquet")
    write_first_task(tmp_path / "data" / "rows.parquet", tmp_path / "tasks" / "mine.toml")
    assert len(load_task(tmp_path / "tasks" / "mine.toml").examples) == 12


def test_nothing_is_overwritten_silently(tmp_path: Path) -> None:
    first_task(tmp_path, {"text": TEXTS, "label": ["a", "b"] * 6})
    (tmp_path / "task.toml").write_text("mine")
    with pytest.raises(InputError, match="exists already") as caught:
        write_first_task(tmp_path / "my data.csv", tmp_path / "task.toml")
    assert "--force" in caught.value.remedy
    assert (tmp_path / "task.toml").read_text() == "mine"
    write_first_task(tmp_path / "my data.csv", tmp_path / "task.toml", replace=True)
    assert load_task(tmp_path / "task.toml").kind is TaskKind.CHOICE


@pytest.mark.parametrize(("name", "values"), [("doc", ["A", "B", "C"] * 4), ("of", ["d1", "d2", "d3"] * 4), ("user_id", [7, 8, 9] * 4)])
def test_ids_that_repeat_are_no_answers_but_what_rows_belong_to(tmp_path: Path, name: str, values: list[Any]) -> None:
    guess = first_task(tmp_path, {"text": TEXTS, "verdict": ["good", "bad"] * 6, name: values})
    assert (guess.reference, guess.cluster, guess.others) == (("verdict",), name, ())
    assert f'# cluster = "{name}"' in (tmp_path / "task.toml").read_text("utf-8")


def test_a_column_of_answers_is_no_cluster_whatever_it_holds(tmp_path: Path) -> None:
    guess = first_task(tmp_path, {"text": TEXTS, "label": ["c1", "c2"] * 6})
    assert (guess.reference, guess.cluster) == (("label",), None)


def test_a_table_that_is_not_there_is_the_first_thing_said(tmp_path: Path) -> None:
    (tmp_path / "task.toml").write_text("mine")
    with pytest.raises(InputError, match="no such file") as caught:
        write_first_task(tmp_path / "nosuch.csv", tmp_path / "task.toml")
    assert caught.value.where.endswith("nosuch.csv")


@pytest.mark.parametrize("columns", [{"text": TEXTS}, {"text": TEXTS, "label": ["a", None] * 6}, {"id": list(range(12)), "text": TEXTS}])
def test_a_table_without_answers_is_refused(tmp_path: Path, columns: dict[str, list[Any]]) -> None:
    pl.DataFrame(columns).write_csv(tmp_path / "t.csv")
    with pytest.raises(InputError, match="no column can hold the right answers") as caught:
        write_first_task(tmp_path / "t.csv", tmp_path / "task.toml")
    assert "text" in caught.value.where
    assert not (tmp_path / "task.toml").exists()


@pytest.mark.parametrize(("name", "kind"), [("order-facts", TaskKind.EXTRACT), ("support-intents", TaskKind.CHOICE)])
def test_the_bundled_tables_are_guessed_right(tmp_path: Path, name: str, kind: TaskKind) -> None:
    table = Path(__file__).parents[2] / "examples" / name / "examples.jsonl"
    guess = write_first_task(table, tmp_path / "task.toml")
    bundled = load_task(table.with_name("task.toml"))
    assert (guess.kind, guess.inputs, guess.id, guess.languages) == (kind, ("message",), "id", bundled.languages)
    assert [row.reference for row in load_task(tmp_path / "task.toml").examples] == [row.reference for row in bundled.examples]
