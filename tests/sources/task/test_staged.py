"""The tables [[stage]]: what each may be, what is refused, and that a task with them is the task it was."""

import json
from pathlib import Path

import pytest

from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Metric, Stage, Task
from llmpick.sources.task import load_task

TASK = """
name = "t"
kind = "{kind}"
[examples]
file = "rows.jsonl"
{reference}
[prompt]
template = "{{{{ text }}}}"
"""
JUDGE = '[judge]\nmodel = "dear"\nopponent = "other"\n'


def load(folder: Path, more: str, kind: str = "choice", reference: str = 'reference = "label"') -> Task:
    (folder / "rows.jsonl").write_text("\n".join(json.dumps({"text": f"{i}", "label": "ab"[i % 2]}) for i in range(4)))
    (folder / "task.toml").write_text(TASK.format(kind=kind, reference=reference) + more)
    return load_task(folder / "task.toml")


@pytest.mark.parametrize(
    ("kind", "more", "stages"),
    [
        ("choice", '[[stage]]\nby = "likelihood"', (Stage("likelihood"),)),
        ("choice", '[[stage]]\nby = "likelihood"\nnormalise = "none"', (Stage("likelihood", normalise="none"),)),
        ("choice", '[answer]\nby = "likelihood"\n[[stage]]\nby = "generation"', (Stage("generation"),)),
        ("choice", '[[stage]]\nby = "generation"\nthinking = "off"', (Stage("generation", thinking="off"),)),
        ("short-answer", '[[stage]]\nby = "generation"\nmax_tokens = 4', (Stage("generation", max_tokens=4),)),
        (
            "generate",
            JUDGE + '[[stage]]\nby = "generation"\n[[stage]]\nby = "judge"\nmodel = "cheap"',
            (Stage("generation", metric=Metric("rouge-l")), Stage("judge", model="cheap")),
        ),
    ],
)
def test_stages_in_their_order(tmp_path: Path, kind: str, more: str, stages: tuple[Stage, ...]) -> None:
    assert load(tmp_path, more, kind).stages == stages


def test_a_judge_beside_the_task_file_is_named_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "cheap.gguf").touch()
    task = load(tmp_path, JUDGE + '[[stage]]\nby = "judge"\nmodel = "cheap.gguf"', "generate")
    assert task.stages[0].model == str(tmp_path / "cheap.gguf")


def test_cheaper_evidence_does_not_make_another_task(tmp_path: Path) -> None:
    assert load(tmp_path, '[[stage]]\nby = "likelihood"').content_hash == load(tmp_path, "").content_hash


@pytest.mark.parametrize(
    ("kind", "more", "where", "what"),
    [
        ("choice", '[[stage]]\nby = "guess"', "stage.0.by", "cannot be"),
        ("choice", '[[stage]]\nby = "likelihood"\nmdel = "x"', "stage.0.mdel", "unknown"),
        ("choice", '[[stage]]\nby = "likelihood"\n[[stage]]\nmetric = "x"', "stage.1.by", "missing"),
        ("choice", '[[stage]]\nby = "likelihood"\nmax_tokens = 3', "stage.0.max_tokens", "says nothing of a stage by likelihood"),
        ("choice", '[[stage]]\nby = "generation"', "stage.0", "is the task itself"),
        ("choice", '[[stage]]\nby = "generation"\nthinking = "on"', "stage.0.thinking", "cannot be"),
        ("choice", '[[stage]]\nby = "likelihood"\nthinking = "off"', "stage.0.thinking", "says nothing of a stage by likelihood"),
        ("choice", '[answer]\nby = "likelihood"\n[[stage]]\nby = "likelihood"', "stage.0", "is the task itself"),
        ("choice", '[[stage]]\nby = "generation"\nmetric = "rouge-l"', "stage.0.metric", "cannot score"),
        (
            "choice",
            '[answer]\nby = "likelihood"\n[[stage]]\nby = "generation"\nmax_tokens = 3',
            "stage.0.max_tokens",
            "ends with its label",
        ),
        ("short-answer", '[[stage]]\nby = "likelihood"\nnormalise = "none"', "stage.0.normalise", "only the likelihood of a choice"),
        ("generate", '[[stage]]\nby = "judge"\nmodel = "cheap"', "stage.0.by", "a cheaper judge needs a dear one"),
        ("generate", JUDGE + '[[stage]]\nby = "judge"', "stage.0.model", "needs a judge of its own"),
        ("generate", JUDGE + '[[stage]]\nby = "judge"\nmodel = "dear"', "stage.0.model", "needs a judge of its own"),
        ("choice", '[[stage]]\nby = "likelihood"\n' * 8, "key stage", "there are 8 stages"),
    ],
)
def test_what_is_no_stage(tmp_path: Path, kind: str, more: str, where: str, what: str) -> None:
    with pytest.raises(InputError, match=what) as error:
        load(tmp_path, more, kind)
    assert error.value.where.endswith(where)


@pytest.mark.parametrize("by", ["likelihood", "generation"])
def test_right_answers_are_needed_where_nothing_else_scores(tmp_path: Path, by: str) -> None:
    with pytest.raises(InputError, match="needs the column with the right answers"):
        load(tmp_path, f'{JUDGE}[[stage]]\nby = "{by}"', "generate", reference="")
