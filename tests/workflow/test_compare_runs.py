"""`llmpick compare` on runs that `race` and `pick` made: clusters, columns and questions, how they ended, the logs they become."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.workflow.served import serve
from tests.workflow.test_judged_verbs import answer, home

from llmpick.cli.main import run
from llmpick.evidence.errors import InputError
from llmpick.workflow.compare import CompareOptions, compare_runs

__all__ = ["home"]

TASK = """
name = "NAME"
kind = "choice"
tolerance = TOLERANCE
slices = ["half"]
[examples]
file = "NAME.jsonl"
reference = "label"
language = "language"
CLUSTER
[prompt]
template = "TEMPLATE"
[answer]
labels = ["even", "odd"]
"""
DOCUMENTS, EACH = 8, 6
ROWS = DOCUMENTS * EACH
CLUSTER = 'cluster = "doc"'
Rows = list[dict[str, Any]]


def rows() -> Rows:
    return [
        {
            "text": f"document {d} question {i}",
            "label": ("even", "odd")[i % 2],
            "doc": d,
            "half": "first" if i < 3 else "last",
            "language": "de" if d % 2 else "fr",
        }
        for d in range(DOCUMENTS)
        for i in range(EACH)
    ]


def task(folder: Path, *, kept: Rows | None = None, **words: str) -> Path:
    """A task of this name; without a tolerance a race of two equal models runs all rows."""
    text = TASK
    for key, word in {"name": "documents", "cluster": CLUSTER, "template": "{{ text }}", "tolerance": "0.0", **words}.items():
        text = text.replace(key.upper(), word)
    name = words.get("name", "documents")
    (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, kept or rows())))
    (folder / f"{name}.toml").write_text(text)
    return folder / f"{name}.toml"


def truth(text: str) -> str:
    return ("even", "odd")[int(text.split()[-1]) % 2]


def wrong(text: str) -> str:
    return {"even": "odd", "odd": "even"}[truth(text)]


def by_document(text: str) -> str:
    """Right on five documents of eight, wrong on all rows of the others."""
    return truth(text) if int(text.split()[1]) < 5 else wrong(text)


def by_question(text: str) -> str:
    """Right on every other pair of rows."""
    return truth(text) if int(text.split()[-1]) % 4 < 2 else wrong(text)


MODELS: dict[str, Callable[[str], str]] = {"right": truth, "unsteady": by_document, "half": by_question, "wrong": wrong}


@pytest.fixture
def race(home: Path, capsys: pytest.CaptureFixture[str]):
    """Races models of the server on a task, a single one with its twin; the id of the run."""
    with serve(MODELS | {f"2-{name}": model for name, model in MODELS.items()}) as url:

        def raced(file: Path, *models: str) -> str:
            names = models if len(models) > 1 else [name for model in models for name in (model, f"2-{model}")]
            named = [word for model in names for word in ("-m", f"{url}#{model}")]
            return answer(["race", file, *named], capsys)["run"]

        yield raced


@pytest.fixture
def whole(race):
    """The name of one model's scores on all rows of a task."""

    def ran(file: Path, model: str) -> str:
        return f"{race(file, model)}:#{model}"

    return ran


@pytest.fixture
def compare(home: Path, capsys: pytest.CaptureFixture[str]):
    def compared(*words: str) -> dict[str, Any]:
        assert run(["compare", *words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return compared


def width(document: dict[str, Any]) -> float:
    return document["difference"]["high"] - document["difference"]["low"]


def notes(document: dict[str, Any]) -> str:
    return "\n".join(document["notes"])


def test_the_cluster_of_the_task_is_the_default(home: Path, whole, compare) -> None:
    first, second = (whole(task(home), model) for model in ("right", "unsteady"))
    found = compare(first, second)
    assert (found["cluster"], found["clusters"], found["paired_rows"], found["test"]) == ("doc", 8, ROWS, "paired t over clusters")
    assert "rows belong together by 'doc', as the task says" in notes(found)
    assert {part["column"] for part in found["slices"]} == {"half", "language"}
    plain = compare(*(whole(task(home, name="alone", cluster=""), model) for model in ("right", "unsteady")))
    assert (plain["cluster"], plain["test"]) == (None, "McNemar, score")
    assert width(found) > 2 * width(plain), "eight documents say less of new ones than 96 rows would"
    other = compare(first, second, "--cluster", "half", "--by", "language")
    assert (other["clusters"], {part["value"] for part in other["slices"]}) == (2, {"de", "fr"})


def test_rows_of_one_document_say_nothing_of_others(home: Path, whole, compare) -> None:
    file = task(home, kept=rows()[:EACH])
    found = compare(whole(file, "right"), whole(file, "half"))
    assert found["cluster"] is None
    assert "all rows are of one 'doc'" in notes(found)


def test_other_tasks_are_refused_and_other_names_are_not(home: Path, whole, compare) -> None:
    first = whole(task(home), "right")
    other = [row | {"text": f"quite another {row['text'].split()[-1]} question {row['text'].split()[-1]}"} for row in rows()]
    with pytest.raises(InputError, match="different tasks, 'documents' and 'others'"):
        compare_runs(first, whole(task(home, name="others", kept=other), "right"), CompareOptions())
    renamed = compare(first, whole(task(home, name="renamed"), "unsteady"))
    assert (renamed["paired_rows"], renamed["clusters"]) == (ROWS, 8), "the name of a task says nothing of its rows"


def test_only_rows_that_were_not_edited_are_paired(home: Path, whole, compare) -> None:
    first = whole(task(home), "right")
    edited = [row | {"remark": "a column that no prompt shows"} for row in rows()]
    edited[3]["text"] = "document 0 question 33"
    edited[4]["label"] = "odd"
    found = compare(first, whole(task(home, kept=edited), "unsteady"))
    assert found["paired_rows"] == ROWS - 2
    assert "2 rows have the same name in both runs but another question, and are left out: 46 are paired" in found["notes"]
    reworded = compare(first, whole(task(home, template="document {{ doc }} ({{ language }}): {{ text }}"), "unsteady"))
    assert reworded["paired_rows"] == ROWS, "prompts may be compared, even if they show more columns: the rows are the same"


def test_a_race_that_stopped_early_is_told_and_allowed_for(home: Path, race, whole, compare) -> None:
    stopped = race(task(home, cluster="", tolerance="0.1"), "right", "wrong")
    found = compare(f"{stopped}:#right", f"{stopped}:#wrong")
    n = found["paired_rows"]
    assert n < ROWS
    assert (found["any_stop"], found["test"]) == (True, "bets")
    assert f"run {stopped} ended after {n} of {ROWS} rows" in notes(found)
    assert "hold whenever that was" in notes(found)
    assert found["a"]["score"]["low"] < 0.05 ** (1 / n), "the scores of both are for any stop too"
    assert run(["export", stopped, "--format", "lm-eval", "--out", str(home / "logs")]) == 0
    logged = compare(f"{home / 'logs'}:#right", f"{home / 'logs'}:#wrong")
    assert all(logged[key] == found[key] for key in ("any_stop", "test", "p", "difference", "rows_to_decide")), "logs of it are no surer"
    assert compare(f"{stopped}:#right", f"{home / 'logs'}:#wrong")["p"] == found["p"]
    other = whole(task(home, cluster=""), "half")
    assert (compare(f"{stopped}:#right", other)["any_stop"], compare(other, f"{stopped}:#right")["any_stop"]) == (True, True)
    other_order = race(seeded(task(home, cluster="", tolerance="0.1")), "half", "wrong")
    crossed = compare(f"{stopped}:#right", f"{other_order}:#wrong")
    assert (crossed["any_stop"], "too sure" in notes(crossed)) == (False, True)
    all_rows = compare(whole(task(home, cluster=""), "right"), other)
    assert (all_rows["any_stop"], all_rows["test"], "ended after" in notes(all_rows)) == (False, "McNemar, score", False)


def seeded(file: Path) -> Path:
    file.write_text("seed = 5\n" + file.read_text())
    return file


@pytest.mark.parametrize("form", ["inspect", "lm-eval"])
def test_exported_logs_are_read_back_against_any_run(form: str, home: Path, whole, compare, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = whole(task(home), "right"), whole(seeded(task(home, name="seeded")), "unsteady")
    edited = rows()
    edited[3]["text"] = "document 0 question 33"
    third = whole(task(home, kept=edited), "unsteady")
    logs = {}
    for name in (first, second, third):
        run_id, _, model = name.partition(":")
        assert run(["export", run_id, "--format", form, "--out", str(home / form / run_id)]) == 0
        logs[name] = f"{home / form / run_id}:{model}"
    capsys.readouterr()
    options = ("--cluster", "doc", "--by", "half", "--by", "language")
    own = compare(first, second, *options)
    for pair in ((logs[first], second), (first, logs[second]), (logs[first], logs[second])):
        crossed = compare(*pair, *options)
        assert all(crossed[key] == own[key] for key in ("paired_rows", "mcnemar", "wins", "losses", "verdict"))
        assert crossed["difference"] == pytest.approx(own["difference"])
        assert [part["rows"] for part in crossed["slices"]] == [ROWS // 2] * 4
    assert compare(logs[first], logs[second])["cluster"] == "doc", "the task's, as for the run itself"
    assert {part["column"] for part in compare(logs[first], logs[second])["slices"]} == {"half", "language"}
    assert compare(first, logs[third])["paired_rows"] == ROWS - 1, "an edited row is another question in a log too"
    if form == "lm-eval":
        file = next(
            file for file in (home / form / second.partition(":")[0]).rglob("samples_*.jsonl") if "2-unsteady" not in file.parent.name
        )
        documents = [json.loads(line) for line in file.read_text().splitlines()]
        assert [(document["doc_id"], document["doc"]["id"]) for document in documents] == [(n, str(n + 1)) for n in range(ROWS)]


def test_two_runs_of_one_model_are_told_apart_by_their_runs(home: Path, whole, compare) -> None:
    first, second = whole(task(home), "half"), whole(task(home, template="Say: {{ text }}"), "half")
    sentence = compare(first, second)["sentence"]
    assert all(f"#half, run {name.partition(':')[0]})" in sentence for name in (first, second))
    assert f" score the same on all {ROWS} rows that both have: A minus B is 0.0 [" in sentence
    assert "more rows" not in sentence


def test_what_a_run_keeps_of_its_rows_is_not_listed(home: Path, race, capsys: pytest.CaptureFixture[str]) -> None:
    name = race(task(home), "right")
    assert run(["show", name]) == 0
    shown = capsys.readouterr().out
    assert "models: " in shown
    assert "shown:" not in shown


@pytest.mark.parametrize(
    ("models", "options", "words"),
    [
        (("right", "unsteady"), {"tolerance": "0.1"}, ()),
        (("half", "unsteady"), {"tolerance": "0.1"}, ()),
        (("half", "unsteady"), {"tolerance": "0.1", "cluster": ""}, ()),
        (("half", "2-half", "unsteady"), {"tolerance": "0.05", "cluster": ""}, ()),
        (("half", "unsteady"), {"tolerance": "0.1", "cluster": ""}, ("--guarantee", "bayes", "--confidence", "0.9")),
        (("half", "2-half", "wrong"), {"tolerance": "0.1", "cluster": ""}, ("--guarantee", "bayes")),
    ],
)
def test_of_one_race_it_says_what_the_race_said(models, options, words, home: Path, compare, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(MODELS | {f"2-{name}": model for name, model in MODELS.items()}) as url:
        named = [word for model in models for word in ("-m", f"{url}#{model}")]
        said = answer(["race", task(home, **options), *named, *words], capsys)
    new, leader = said["new_inputs"], said["leader"]
    rivals = [one["id"] for one in said["candidates"][1:]]
    asked = {rival: compare(f"{said['run']}:{rival}", f"{said['run']}:{leader}") for rival in rivals}
    for rival, found in asked.items():
        choice = found["choice"]
        assert (found["tolerance"], found["confidence"]) == (said["tolerance"], said["confidence"]), "those of the run, which nobody named"
        assert (choice["candidate"], choice["by"]) == ("b", "race")
        assert choice["settled"] == (rival not in new["alike"] and said["chosen"] is not None)
        assert (choice["rows_more"] is None) == choice["settled"]
    if new["alike"]:
        assert max(asked[rival]["choice"]["rows_more"]["value"] for rival in new["alike"][1:]) == new["rows_more"]["value"]


def test_what_was_not_asked_of_the_race_the_rows_answer(home: Path, race, whole, compare) -> None:
    file = task(home, cluster="", tolerance="0.1")
    run_id = race(file, "half", "unsteady")
    half, unsteady = f"{run_id}:#half", f"{run_id}:#unsteady"
    for words in (("--tolerance", "0.2"), ("--confidence", "0.9"), ("--leave-out-rows", "1")):
        assert compare(half, unsteady, *words)["choice"]["by"] == "rows"
    assert compare(half, whole(file, "wrong"))["choice"]["by"] == "rows", "of two runs each has a word on its own candidates only"
    easy, hard = (compare(half, unsteady, "--tolerance", tolerance)["choice"] for tolerance in ("0.6", "0.001"))
    assert (easy["settled"], hard["settled"]) == (True, False)
    assert hard["rows_more"]["value"] > 0
    other = whole(task(home, cluster="", tolerance="0.2"), "half")
    apart = compare(half, other)
    assert (apart["tolerance"], apart["choice"]) == (None, None)
    assert "tolerances of 10 and 20 points" in notes(apart)
