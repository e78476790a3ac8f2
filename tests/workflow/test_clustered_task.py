"""A task whose rows belong together, from the task file to what `race` and `pick` say of new inputs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.workflow.served import serve
from tests.workflow.test_judged_verbs import answer, home, noted, one

from llmpick.evidence.errors import InputError
from llmpick.sources.task import load_task

__all__ = ["home"]

TASK = """
name = "documents"
kind = "choice"
tolerance = 0.1
slices = ["half"]
[examples]
file = "rows.jsonl"
reference = "label"
CLUSTER
[prompt]
template = "{{ text }}"
[answer]
labels = ["even", "odd"]
"""
DOCUMENTS, EACH = 8, 12


def written(folder: Path, cluster: str = 'cluster = "document"', **change: object) -> Path:
    rows = [
        {"text": f"document {d} question {i}", "label": ("even", "odd")[i % 2], "document": d, "half": "first" if i < 6 else "last"}
        for d in range(DOCUMENTS)
        for i in range(EACH)
    ]
    rows[3] |= change
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "task.toml").write_text(TASK.replace("CLUSTER", cluster))
    return folder / "task.toml"


def truth(text: str) -> str:
    return ("even", "odd")[int(text.split()[-1]) % 2]


def by_document(text: str) -> str:
    """Right on five documents of eight, wrong on all rows of the others."""
    wrong = {"even": "odd", "odd": "even"}
    return truth(text) if int(text.split()[1]) < 5 else wrong[truth(text)]


def width(interval: dict[str, float]) -> float:
    return interval["high"] - interval["low"]


def test_the_column_names_what_rows_belong_to(tmp_path: Path) -> None:
    task = load_task(written(tmp_path))
    assert task.cluster == "document"
    assert [example.cluster for example in task.examples[:13]] == ["0"] * 12 + ["1"]
    assert load_task(written(tmp_path, "")).content_hash != task.content_hash


@pytest.mark.parametrize(
    ("cluster", "change", "what"),
    [
        ('cluster = "documents"', {}, "no column 'documents'"),
        ('cluster = "document"', {"document": None}, "the row has no 'document'"),
    ],
)
def test_a_row_without_a_cluster_is_an_error(tmp_path: Path, cluster: str, change: dict[str, object], what: str) -> None:
    with pytest.raises(InputError, match=what):
        load_task(written(tmp_path, cluster, **change))


@pytest.mark.parametrize("verb", ["race", "pick"])
def test_few_documents_say_little_of_new_ones(verb: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {}
    with serve({"right": truth, "unsteady": by_document}) as url:
        for cluster in ("", 'cluster = "document"'):
            found[cluster] = answer([verb, written(home, cluster), "-m", f"{url}#right", "-m", f"{url}#unsteady"], capsys)
    alone, together = found.values()
    assert together["chosen"] == alone["chosen"]
    assert one(together, "#unsteady")["score_on_rows"] == one(alone, "#unsteady")["score_on_rows"], "the user's own rows are what they are"
    assert width(one(together, "#unsteady")["score"]) > 1.25 * width(one(alone, "#unsteady")["score"])
    assert "8 of document" in noted(together, "new inputs are taken to bring new ones")
    if verb == "race":
        assert width(one(together, "#unsteady")["difference_on_new_inputs"]) > width(one(alone, "#unsteady")["difference_on_new_inputs"])
        assert not together["new_inputs"]["settled"]
    else:
        slices = [{part["value"]: part for part in one(document, "#unsteady")["slices"]} for document in (alone, together)]
        assert width(slices[1]["first"]["score"]) > width(slices[0]["first"]["score"])


def test_labels_need_rows_that_stand_alone(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps({"q": "a", "document": "d"}))
    judged = 'name = "t"\nkind = "generate"\n[examples]\nfile = "rows.jsonl"\ncluster = "document"\n[prompt]\ntemplate = "{{ q }}"\n'
    (tmp_path / "task.toml").write_text(judged + '[judge]\nmodel = "j"\nopponent = "o"\nlabels = "labels.csv"\n')
    with pytest.raises(InputError, match="only where rows stand alone"):
        load_task(tmp_path / "task.toml")


def test_a_cluster_is_no_part_of_what_the_model_is_asked(tmp_path: Path) -> None:
    task = load_task(written(tmp_path))
    assert replace(task.examples[0], cluster=None) == load_task(written(tmp_path, "")).examples[0]
