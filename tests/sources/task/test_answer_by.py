"""The keys `by` and `normalise` of [answer]: what they may be, and that tasks without them are the tasks they were."""

import json
from pathlib import Path

import pytest

from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Task
from llmpick.sources.task import load_task

TASK = """
name = "t"
kind = "{kind}"
[examples]
file = "rows.jsonl"
reference = "label"
[prompt]
template = "{{{{ text }}}}"
[answer]
{answer}
"""


def load(folder: Path, answer: str = "", kind: str = "choice") -> Task:
    (folder / "rows.jsonl").write_text("\n".join(json.dumps({"text": f"{i}", "label": "ab"[i % 2]}) for i in range(4)))
    (folder / "task.toml").write_text(TASK.format(kind=kind, answer=answer))
    return load_task(folder / "task.toml")


def test_a_choice_is_written_unless_asked_otherwise(tmp_path: Path) -> None:
    assert (load(tmp_path).answer_by, load(tmp_path).normalise) == ("generation", "bytes")
    asked = load(tmp_path, 'by = "likelihood"\nnormalise = "calibrated"')
    assert (asked.answer_by, asked.normalise) == ("likelihood", "calibrated")


def test_another_way_to_answer_is_another_task_and_the_default_is_the_same(tmp_path: Path) -> None:
    plain = load(tmp_path).content_hash
    assert load(tmp_path, 'by = "generation"').content_hash == plain
    hashes = {load(tmp_path, f'by = "likelihood"\nnormalise = "{how}"').content_hash for how in ("none", "tokens", "bytes", "calibrated")}
    assert len(hashes | {plain}) == 5


@pytest.mark.parametrize(
    ("answer", "kind", "what", "key"),
    [
        ('by = "likelihood"', "short-answer", "not answered by likelihood", "answer.by"),
        ('normalise = "bytes"', "choice", "only a likelihood is normalised", "answer.normalise"),
        ('by = "magic"', "choice", "cannot be 'magic'", "answer.by"),
        ('by = "likelihood"\nnormalise = "letters"', "choice", "cannot be 'letters'", "answer.normalise"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, answer: str, kind: str, what: str, key: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        load(tmp_path, answer, kind)
    assert key in caught.value.where
