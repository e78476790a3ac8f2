"""The task file: what it may say, what it becomes, and every way in which it can be wrong."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Budget, Limits, Message, Metric, TaskKind
from llmpick.sources.task import load_task

CHOICE = """
name = "intents"
kind = "choice"
[examples]
file = "rows.jsonl"
reference = "intent"
[prompt]
template = "{{ text }}"
"""
EXTRACT = CHOICE.replace('"choice"', '"extract"').replace('reference = "intent"', 'reference = ["order", "item"]')
INTENTS = [{"text": "give it back", "intent": "refund"}, {"text": "stop it", "intent": "cancel"}]
ORDERS = [{"text": "A1 lamp", "order": "A1", "item": "lamp"}, {"text": "B2 台灯", "order": "B2", "item": "台灯"}]


def write(folder: Path, task: str, rows: Any = INTENTS, **files: Any) -> Path:
    """A task file with its rows; a row given as text is written as it is."""
    for name, content in {"rows.jsonl": rows, **{name.replace("_", "."): content for name, content in files.items()}}.items():
        lines = content if isinstance(content, str) else "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
        (folder / name).write_bytes(lines.encode())
    (folder / "task.toml").write_text(task, encoding="utf-8")
    return folder / "task.toml"


def test_the_least_that_a_task_file_can_say(tmp_path: Path) -> None:
    task = load_task(write(tmp_path, CHOICE))
    assert (task.name, task.kind, task.labels) == ("intents", TaskKind.CHOICE, ("cancel", "refund"))
    assert task.metric == Metric("accuracy")
    assert (task.confidence, task.tolerance, task.cost_by, task.languages) == (0.95, 0.02, None, ())
    first = task.examples[0]
    assert (first.id, first.place, first.reference, first.language) == ("1", "rows.jsonl line 1", "refund", None)
    assert first.fields == {"text": "give it back"}, "a template must not see the reference"


def test_the_most_that_it_can_say(tmp_path: Path) -> None:
    text = """
name = "facts"
kind = "extract"
languages = ["en", "zh"]
confidence = 0.9
tolerance = 0.05
cost_by = "memory"
slices = ["channel"]
seed = 7
model_directories = ["models", "/srv/models"]
[examples]
file = "rows.jsonl"
id = "key"
language = "lang"
reference = "facts"
[prompt]
system = "Find the facts."
template = "{{ text }}"
fewshot = "shown.jsonl"
[answer]
max_tokens = 99
[answer.schema]
type = "object"
required = ["order"]
[answer.schema.properties]
order = { type = "string" }
count = { type = "integer" }
[metric]
name = "json-fields"
tolerance = 0.01
require = "all"
[limits]
device = "RTX 4090"
memory = "4 GiB"
decode_tokens_per_s = 20
ttft_s = 0.5
users = 8
price_per_million_tokens = 0.2
licence = ["apache-2.0", "mit"]
context_tokens = 8192
[budget]
calls = 1000
tokens = 100000
minutes = 5
money = 0.5
[baselines.rules]
order = '[A-Z]\\d'
"""
    row = {"key": "a", "lang": "zh", "channel": "app", "text": "A1", "facts": {"order": "A1", "count": 2}}
    shown = [{**row, "key": "s", "text": "C3", "facts": {"order": "C3"}}]
    task = load_task(write(tmp_path, text, [row, {**row, "key": "b", "text": "B2"}], shown_jsonl=shown))
    assert task.languages == ("en", "zh")
    assert task.limits == Limits("RTX 4090", 4 * 2**30, 20, 0.5, 8, 0.2, ("apache-2.0", "mit"), 8192)
    assert task.budget == Budget(1000, 100000, 5, 0.5)
    assert task.metric == Metric("json-fields", {"tolerance": 0.01, "require": "all"})
    assert (task.confidence, task.tolerance, task.cost_by, task.slices, task.seed) == (0.9, 0.05, "memory", ("channel",), 7)
    assert (task.max_output_tokens, task.rules, task.prompt.system) == (99, {"order": r"[A-Z]\d"}, "Find the facts.")
    assert task.model_directories == (str(tmp_path / "models"), "/srv/models")
    assert task.examples[0].reference == {"order": "A1", "count": 2}
    assert task.examples[0].language == "zh"
    assert [(shown.id, shown.place) for shown in task.prompt.fewshot] == [("s", "shown.jsonl line 1")]


def test_extract_has_a_string_per_column_by_default(tmp_path: Path) -> None:
    task = load_task(write(tmp_path, EXTRACT, ORDERS))
    assert task.schema == {
        "type": "object",
        "properties": {"order": {"type": "string"}, "item": {"type": "string"}},
        "required": ["order", "item"],
        "additionalProperties": False,
    }
    assert task.examples[1].reference == {"order": "B2", "item": "台灯"}


def test_a_schema_can_stand_in_its_own_file(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"order": {"type": "string"}, "item": {"type": "string"}}}
    task = load_task(write(tmp_path, EXTRACT + '[answer]\nschema_file = "s.json"', ORDERS, s_json=json.dumps(schema)))
    assert task.schema == schema


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_say_the_same_as_lines(tmp_path: Path, suffix: str) -> None:
    text = EXTRACT.replace("rows.jsonl", f"rows.{suffix}")
    text += '[answer.schema]\ntype = "object"\nproperties = { order = { type = "string" }, item = { type = "integer" } }\n'
    frame = pl.DataFrame({"text": ["x", "y,\nz"], "order": ["00123", "7"], "item": [1, 2]})
    frame.write_csv(tmp_path / "rows.csv") if suffix == "csv" else frame.write_parquet(tmp_path / "rows.parquet")
    task = load_task(write(tmp_path, text))
    assert [row.reference for row in task.examples] == [{"order": "00123", "item": 1}, {"order": "7", "item": 2}]
    assert [row.place for row in task.examples] == [f"rows.{suffix} row 1", f"rows.{suffix} row 2"]
    assert task.examples[1].fields["text"] == "y,\nz"


def test_numbers_may_be_written_as_text(tmp_path: Path) -> None:
    text = CHOICE.replace('"choice"', '"number"')
    task = load_task(write(tmp_path, text, [{"text": "a", "intent": "1,234.5"}, {"text": "b", "intent": 3}]))
    assert [row.reference for row in task.examples] == [1234.5, 3]
    assert task.max_output_tokens == 24


def test_whole_conversations(tmp_path: Path) -> None:
    text = CHOICE.replace('reference = "intent"', 'reference = "intent"\nmessages = "chat"').replace('template = "{{ text }}"', "")
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    task = load_task(write(tmp_path, text, [{**row, "chat": chat} for row in INTENTS]))
    assert task.examples[0].messages == (Message("system", "s"), Message("user", "u"))
    assert "chat" not in task.examples[0].fields


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    rows = "\ufeff" + "\n".join(json.dumps(row) for row in INTENTS)
    assert len(load_task(write(tmp_path, CHOICE, rows)).examples) == 2


def test_content_hash_is_of_content(tmp_path: Path) -> None:
    def content_hash(folder: str, task: str, rows: Any = INTENTS) -> str:
        (tmp_path / folder).mkdir()
        return load_task(write(tmp_path / folder, task, rows)).content_hash

    first = content_hash("a", CHOICE)
    assert first == content_hash("b", "# a comment\nconfidence = 0.95\n" + CHOICE)
    assert first == content_hash("c", CHOICE, [dict(reversed(row.items())) for row in INTENTS])
    assert first == content_hash("j", 'model_directories = ["x"]\n' + CHOICE)
    different = [
        content_hash("d", "confidence = 0.9\n" + CHOICE),
        content_hash("e", CHOICE.replace("{{ text }}", "{{ text }}!")),
        content_hash("f", CHOICE, INTENTS[::-1]),
        content_hash("g", CHOICE, [*INTENTS, {"text": "new", "intent": "cancel"}]),
    ]
    assert len({first, *different}) == 5
    assert content_hash("h", EXTRACT, ORDERS) != content_hash("i", EXTRACT.replace('"order", "item"', '"item", "order"'), ORDERS)


def with_line(line: str, section: str = "") -> str:
    return CHOICE.replace(section, f"{section}\n{line}") if section else line + CHOICE


LABELS = '[answer]\nlabels = ["refund", "cancel", "exchange"]'
LINES = [json.dumps(row) for row in INTENTS]

WRONG: list[tuple[str, str, Any, str, str, str]] = [
    # name, task file, rows, what, where, remedy
    ("not TOML", "name = ]", INTENTS, "not TOML: .*line 1, column 8", "task.toml", "mend that line"),
    ("wrong key", with_line("tolerence = 0.1"), INTENTS, "key 'tolerence' is unknown", "key tolerence", "did you mean 'tolerance'?"),
    ("wrong key in a table", with_line('refrence = "x"', "[examples]"), INTENTS, "'examples.refrence'", "examples.refrence", "'reference'"),
    ("wrong table", CHOICE + "[limit]\nusers = 1", INTENTS, "'limit' is unknown", "key limit", "did you mean 'limits'?"),
    ("missing key", CHOICE.replace('file = "rows.jsonl"', ""), INTENTS, "'examples.file' is missing", "key examples.file", "relative to"),
    ("missing table", 'name = "x"\nkind = "choice"', INTENTS, "'examples' is missing", "key examples", "A table: the file of rows"),
    ("wrong kind", CHOICE.replace('"choice"', '"chioce"'), INTENTS, "'kind' cannot be 'chioce'", "key kind", "'short-answer'"),
    ("wrong type", with_line('confidence = "0.9"'), INTENTS, "'confidence' cannot be '0.9'", "key confidence", "number"),
    ("out of range", with_line("confidence = 1.5"), INTENTS, "cannot be 1.5", "key confidence", "less than 1"),
    ("wrong union", with_line("id = 3", "[examples]"), INTENTS, "'examples.id' cannot be 3", "key examples.id", "string"),
    ("reference type", CHOICE.replace('"intent"', "7"), INTENTS, "'examples.reference' cannot be 7", "examples.reference", "string"),
    ("memory", CHOICE + '[limits]\nmemory = "4 GO"', INTENTS, "'limits.memory' cannot be '4 GO'", "key limits.memory", "'4 GiB'"),
    ("no memory", CHOICE + "[limits]\nmemory = 0", INTENTS, "cannot be 0", "key limits.memory", "'4 GiB'"),
    ("licence", CHOICE + '[limits]\nlicence = "free"', INTENTS, "cannot be 'free'", "limits.licence", "'commercial'"),
    ("no template", CHOICE.replace('template = "{{ text }}"', ""), INTENTS, "'prompt.template' is missing", "prompt.template", "add it"),
    ("template", CHOICE.replace("{{ text }}", "a\\n{{ text"), INTENTS, "template cannot be parsed", "line 2 of the template", "jinja"),
    ("metric of another kind", CHOICE + '[metric]\nname = "number"', INTENTS, "cannot score", "key metric.name", "use 'accuracy'"),
    ("list for a choice", CHOICE.replace('"intent"', '["intent"]'), INTENTS, "one reference column", "examples.reference", "kind"),
    (
        "column",
        CHOICE.replace('"intent"', '"intend"'),
        INTENTS,
        "no column 'intend' in rows.jsonl",
        "examples.reference",
        "'intent'? there are",
    ),
    ("id column", with_line('id = "key"', "[examples]"), INTENTS, "no column 'key'", "key examples.id", "there are: text, intent"),
    ("slice", with_line('slices = ["channel"]'), INTENTS, "no column 'channel'", "key slices", "there are: text, intent"),
    ("slice of answers", with_line('slices = ["intent"]'), INTENTS, "cannot be a slice", "key slices", "remove it"),
    ("file type", CHOICE.replace("rows.jsonl", "rows.xlsx"), INTENTS, "'.xlsx' file", "rows.xlsx", ".jsonl, .csv, .parquet"),
    ("no file", CHOICE.replace("rows.jsonl", "nowhere.jsonl"), INTENTS, "no such file", "nowhere.jsonl", "relative to the task file"),
    ("empty file", CHOICE, "", "has no rows", "rows.jsonl", "add at least one"),
    ("file of empty lines", CHOICE, "\n \n", "has no rows", "rows.jsonl", "add at least one"),
    ("empty line", CHOICE, f"{LINES[0]}\n\n{LINES[1]}\n", "line is empty", "rows.jsonl line 2", "remove the line"),
    ("empty last lines", CHOICE, f"{LINES[0]}\n{LINES[1]}\n\n", "line is empty", "rows.jsonl line 3", "remove the line"),
    ("not JSON", CHOICE, f"{LINES[0]}\n{{'text': 1}}\n", "line is not JSON", "rows.jsonl line 2", "one JSON object per line"),
    ("not a number", CHOICE, f'{LINES[0]}\n{{"text": NaN}}\n', "NaN is not", "rows.jsonl line 2", "one JSON object per line"),
    ("not an object", CHOICE, f"{LINES[0]}\n[1]\n", "holds a list", "rows.jsonl line 2", "{...}"),
    ("no id", with_line('id = "key"', "[examples]"), [{**INTENTS[0], "key": 1}, INTENTS[1]], "no 'key'", "rows.jsonl line 2", "unique id"),
    ("same id", with_line('id = "text"', "[examples]"), [INTENTS[0], INTENTS[0]], "used twice", "line 1 and rows.jsonl line 2", "unique"),
    ("no reference", CHOICE, [*INTENTS, {"text": "x", "intent": " "}, {"text": "y"}], "2 of 4 rows .* line 3", "'intent'", "need a judge"),
    ("unused label", CHOICE + LABELS, INTENTS, "no example has the label 'exchange'", "answer.labels", "there are: cancel, refund"),
    ("unknown label", CHOICE + LABELS, [*INTENTS, {"text": "z", "intent": "exchagne"}], "'exchagne' is not among", "line 3", "'exchange'"),
    ("label twice", CHOICE + '[answer]\nlabels = ["refund", "refund"]', INTENTS, "given twice", "answer.labels", "remove it"),
    ("one label", CHOICE, INTENTS[:1], "all rows have the label 'refund'", "task.toml", "other labels"),
    ("labels elsewhere", EXTRACT + LABELS, ORDERS, "has no labels", "answer.labels", "remove them"),
    ("schema elsewhere", CHOICE + '[answer]\nschema_file = "x"', INTENTS, "has no schema", "answer.schema_file", "remove it"),
    (
        "object without schema",
        EXTRACT.replace('["order", "item"]', '"order"'),
        ORDERS,
        "schema must be given",
        "answer.schema",
        '["order"]',
    ),
    (
        "schema of no object",
        EXTRACT + '[answer.schema]\ntype = "string"',
        ORDERS,
        "not describe an object",
        "answer.schema",
        '"properties"',
    ),
    (
        "bad schema",
        EXTRACT + '[answer.schema]\ntype = "object"\nproperties = { order = { type = "text" } }',
        ORDERS,
        "no JSON Schema: 'text'",
        "at \\$.properties.order",
        "mend it",
    ),
    (
        "schema from elsewhere",
        EXTRACT + '[answer.schema]\ntype = "object"\nproperties = { order = { "$ref" = "http://x/y" } }',
        ORDERS,
        "refers to 'http://x/y'",
        "answer.schema",
        "nothing is fetched",
    ),
    ("unfit reference", EXTRACT, [*ORDERS, {"text": "C3", "order": 3, "item": "x"}], "at \\$.order: 3 is not of", "line 3", "mend the row"),
    ("half a reference", EXTRACT, [*ORDERS, {"text": "C3", "order": "C3"}], "'item' is a required", "rows.jsonl line 3", "mend the row"),
    (
        "bad rule",
        EXTRACT + "[baselines.rules]\norder = '('",
        ORDERS,
        "not a regular expression",
        "baselines.rules.order",
        "mend the pattern",
    ),
    ("rule of no field", EXTRACT + "[baselines.rules]\norders = 'x'", ORDERS, "no field 'orders'", "rules.orders", "'order'"),
    ("rule of a choice", CHOICE + "[baselines.rules]\nanswer = 'x'", INTENTS, "has no rules", "baselines.rules.answer", "remove"),
    (
        "bad pattern",
        CHOICE.replace('"choice"', '"short-answer"') + "[metric]\nname = 'regex'\npattern = '('",
        INTENTS,
        "not a regular",
        "metric.pattern",
        "mend",
    ),
    (
        "bad reference pattern",
        CHOICE.replace('"choice"', '"short-answer"') + "[metric]\nname = 'regex'",
        [*INTENTS, {"text": "x", "intent": "(("}],
        "not a regular",
        "rows.jsonl line 3",
        "mend",
    ),
    ("not numeric", CHOICE.replace('"choice"', '"number"'), INTENTS, "'refund' is not a number", "rows.jsonl line 1", "digits"),
    ("reference is a list", CHOICE, [*INTENTS, {"text": "x", "intent": ["a"]}], "is a list", "rows.jsonl line 3", "write a text"),
    (
        "language",
        with_line('languages = ["en"]').replace("[examples]", '[examples]\nlanguage = "lang"'),
        [{**row, "lang": "de"} for row in INTENTS],
        "'de' is not among",
        "rows.jsonl line 1",
        "key languages",
    ),
]


@pytest.mark.parametrize(("task", "rows", "what", "where", "remedy"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_what_is_wrong_is_named_with_its_place_and_remedy(tmp_path: Path, task: str, rows: Any, what: str, where: str, remedy: str) -> None:
    path = write(tmp_path, task, rows)
    with pytest.raises(InputError, match=what) as caught:
        load_task(path)
    assert where.replace("\\", "") in caught.value.where
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("chat", "what"),
    [
        ("hello", "not JSON"),
        ([], "does not end with the user"),
        ([{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], "does not end with the user"),
        ([{"role": "human", "content": "x"}], "not a list of"),
        (
            [{"role": "user", "content": "x"}, {"role": "system", "content": "y"}, {"role": "user", "content": "z"}],
            "inside the conversation",
        ),
        (None, "has no messages"),
    ],
)
def test_conversations_that_cannot_be_answered(tmp_path: Path, chat: Any, what: str) -> None:
    text = CHOICE.replace('reference = "intent"', 'reference = "intent"\nmessages = "chat"').replace('template = "{{ text }}"', "")
    path = write(tmp_path, text, [{**row, "chat": chat} for row in INTENTS])
    with pytest.raises(InputError, match=what):
        load_task(path)


@pytest.mark.parametrize(
    ("shown", "what", "where"),
    [
        ([INTENTS[0]], "is also an example", "shown.jsonl line 1 and rows.jsonl line 1"),
        ([{"text": "new", "intent": "other"}], "not among the labels", "shown.jsonl line 1"),
        ([{"text": "new"}], "no column 'intent' in shown.jsonl", "examples.reference"),
    ],
)
def test_fewshot_rows_are_checked_as_well(tmp_path: Path, shown: Any, what: str, where: str) -> None:
    path = write(tmp_path, CHOICE + 'fewshot = "shown.jsonl"', shown_jsonl=shown)
    with pytest.raises(InputError, match=what) as caught:
        load_task(path)
    assert where in caught.value.where


def test_damaged_tables(tmp_path: Path) -> None:
    for name, content in {
        "ragged.csv": b"text,intent\na,b,c,d\n",
        "bad.parquet": b"PAR1",
        "gbk.csv": "text,intent\n退货,退\n".encode("gbk"),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="table cannot be read") as caught:
            load_task(write(tmp_path, CHOICE.replace("rows.jsonl", name)))
        assert name in caught.value.where
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(InputError, match="no rows"):
        load_task(write(tmp_path, CHOICE.replace("rows.jsonl", "empty.csv")))


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    path = write(tmp_path, CHOICE)
    (tmp_path / "rows.jsonl").write_bytes(b'{"text": "a", "intent": "b"}\n{"text": "\xff"}\n')
    with pytest.raises(InputError, match="not UTF-8") as caught:
        load_task(path)
    assert "rows.jsonl line 2, byte 11" in caught.value.where
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(InputError, match="not UTF-8"):
        load_task(path)


def test_missing_task_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such task file") as caught:
        load_task(tmp_path / "task.toml")
    assert "llmpick init" in caught.value.remedy
    with pytest.raises(InputError, match="no such task file"):
        load_task(tmp_path)
