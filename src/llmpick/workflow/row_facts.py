"""What a run keeps of its task's rows beside their calls: their order in the file, their columns, and by what a row is known again.

A row is the same question in two runs if the prompts show the same of it, or if all of its columns are the same; and if its reference is.
Two hashes say so: prompts may be worded otherwise, and columns may be added that no prompt shows.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmpick.evidence.task import Example, Task
from llmpick.measure.prompt import row_text
from llmpick.sources.scores.names import QUESTION_HASH

_HASH_DIGITS = 16


@dataclass(frozen=True, slots=True)
class RowFacts:
    """`about` has each row's columns by its id, in the order of the examples file; `cluster` names the column that the task declares."""

    about: Mapping[str, Mapping[str, str]]
    cluster: str | None

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> "RowFacts | None":
        """From what `rows_to_keep` put into a run's inputs; None for a run that was begun before rows were kept."""
        kept = inputs.get("rows")
        if not isinstance(kept, Mapping):
            return None
        columns: dict[str, list[str]] = kept["columns"]
        about = {row: {name: column[n] for name, column in columns.items()} for n, row in enumerate(kept["ids"])}
        return cls(about, kept["cluster"])


def rows_to_keep(task: Task) -> dict[str, Any]:
    """As JSON values, column by column."""
    rows = task.examples
    columns: dict[str, list[str]] = {name: [_word(row.fields.get(name)) for row in rows] for name in task.slices}
    if any(row.language is not None for row in rows):
        columns["language"] = [_word(row.language) for row in rows]
    if task.cluster is not None:
        columns[task.cluster] = [_word(row.cluster) for row in rows]
    columns[QUESTION_HASH] = [_question(task, row) for row in rows]
    return {"ids": [row.id for row in rows], "cluster": task.cluster, "columns": columns}


def _question(task: Task, row: Example) -> str:
    said = [[turn.role, turn.content] for turn in row.messages or ()]
    shown = said or row_text(task, row)
    return f"row:{_hash([row.fields, said, row.reference])} shown:{_hash([shown, row.reference])}"


def _word(value: Any) -> str:
    return "" if value is None else str(value)


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
