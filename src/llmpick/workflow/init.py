"""`llmpick init`: a table in, a first task file out, in which each guess stands with its reason for the user to correct."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomlkit

from llmpick.evidence.errors import InputError
from llmpick.evidence.task import TaskKind
from llmpick.sources.task.guess import Guess, guess_task
from llmpick.sources.task.rows import read_rows

_SYSTEM = {
    TaskKind.CHOICE: "Answer with one of the labels and nothing else.",
    TaskKind.SHORT_ANSWER: "Answer in a few words.",
    TaskKind.NUMBER: "Answer with a number and nothing else.",
    TaskKind.EXTRACT: "Copy the facts from the text.",
    TaskKind.GENERATE: "Write the answer.",
}
_CUE = {
    TaskKind.CHOICE: "Label:",
    TaskKind.SHORT_ANSWER: "Answer:",
    TaskKind.NUMBER: "Number:",
    TaskKind.EXTRACT: "Facts:",
    TaskKind.GENERATE: "Answer:",
}


def write_first_task(table: Path, out: Path, *, replace: bool = False) -> Guess:
    """Reads `table`, guesses the task, writes it to `out` and returns the guess.

    Raises `InputError` if there is no table, if `out` exists and may not be replaced, or if the table holds no task.
    """
    if not table.exists():
        raise InputError("there is no such file", where=str(table), remedy="name a table of examples (.jsonl, .csv or .parquet)")
    if out.exists() and not replace:
        raise InputError("the file exists already", where=str(out), remedy="give another name with --out, or replace it with --force")
    guess = guess_task(read_rows(table), table)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(task_text(guess, table, out.parent), encoding="utf-8")
    return guess


def task_text(guess: Guess, table: Path, folder: Path) -> str:
    """The task file, in TOML, to be put into `folder`."""
    sections = [
        _head(guess, table),
        _examples(guess, Path(os.path.relpath(table, folder)).as_posix()),
        _prompt(guess),
        _answer(guess),
        _closing(),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _head(guess: Guess, table: Path) -> list[str]:
    name = re.sub(r"[\W_]+", "-", table.stem).strip("-").lower() or "task"
    lines = [
        f"# A first task file, written by llmpick init from {table.name}. Check each guess, then: llmpick pick task.toml",
        f"name = {_toml(name)}",
        f"kind = {_toml(str(guess.kind))}  # choice, short-answer, number, extract or generate",
    ]
    if guess.languages:
        lines.append(f"languages = {_toml(guess.languages)}")
    else:
        lines.append('# languages = ["en", "zh"]  # no column names the language; say here which ones the rows are in')
    if guess.slices:
        lines.append(f"slices = {_toml(guess.slices)}  # the score is shown for each of their values as well")
    return lines


def _examples(guess: Guess, file: str) -> list[str]:
    reference = guess.reference if guess.kind is TaskKind.EXTRACT else guess.reference[0]
    lines = ["[examples]", f"file = {_toml(file)}"]
    if guess.id is not None:
        lines.append(f"id = {_toml(guess.id)}  # no two rows have the same")
    if guess.language is not None:
        lines.append(f"language = {_toml(guess.language)}")
    if guess.messages is not None:
        lines.append(f"messages = {_toml(guess.messages)}  # whole conversations")
    if guess.cluster is not None:
        lines.append(f"# cluster = {_toml(guess.cluster)}  # several rows have the same: say so if new inputs will bring new ones")
    others = f" Others that could be meant: {', '.join(map(_toml, guess.others))}." if guess.others else ""
    return [*lines, f"# The right answers: {guess.reason}.{others}", f"reference = {_toml(reference)}"]


def _prompt(guess: Guess) -> list[str]:
    lines = ["[prompt]", f"system = {_toml(_SYSTEM[guess.kind])}"]
    if guess.messages is None:
        asked = [f"{name.capitalize()}: {_placeholder(name)}" for name in guess.inputs]
        labels = ["Labels: {{ labels }}"] if guess.kind is TaskKind.CHOICE else []
        lines.append("# Every {{ name }} is a column of the table. The model's answer follows the last line.")
        lines.append(f"template = {_toml(chr(10).join([*labels, *asked, _CUE[guess.kind]]))}")
    return [*lines, '# fewshot = "fewshot.jsonl"  # some solved rows of the same columns, which are not among the examples']


def _answer(guess: Guess) -> list[str]:
    if guess.kind in (TaskKind.CHOICE, TaskKind.NUMBER):
        return []
    return ["[answer]", f"max_tokens = {_room(guess.longest_answer)}  # the longest right answer has {guess.longest_answer} characters"]


def _closing() -> list[str]:
    return [
        "# [limits]",
        '# memory = "8 GiB"',
        '# licence = "commercial"',
        "# [budget]",
        "# minutes = 10",
    ]


def _room(characters: int) -> int:
    """Tokens enough for so many characters: hardly any tokenizer needs more than one each. A power of two from 16 to 2048."""
    return min(2048, max(16, 1 << (characters - 1).bit_length()))


def _placeholder(column: str) -> str:
    """A column whose name is no identifier is reached through `row`."""
    return f"{{{{ {column} }}}}" if column.isidentifier() and column not in ("row", "labels") else f"{{{{ row[{_toml(column)}] }}}}"


def _toml(value: str | Sequence[Any]) -> str:
    if isinstance(value, str) and "\n" in value:
        return tomlkit.string(value, multiline=True).as_string()
    return tomlkit.item(value if isinstance(value, str) else list(value)).as_string()
