"""Writes what is made from the reports of `scale budget`, `verdict` and `screen`: JSON Schemas, tables and output of docs/training.md.

Run it from the root of the repository after a wanted change, and read the difference: `python -m tests.report.training.regenerate`
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from tests.report.regenerate import _table

from llmpick.cli.scale_budget import budget
from llmpick.cli.scale_verdict import verdict
from llmpick.report import screen_json
from llmpick.report.scale import budget_json, verdict_json

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs/training.md"
SCHEMAS = {
    ROOT / "src/llmpick/report/scale_budget.schema.json": budget_json.json_schema,
    ROOT / "src/llmpick/report/scale_verdict.schema.json": verdict_json.json_schema,
    ROOT / "src/llmpick/report/screen.schema.json": screen_json.json_schema,
}
ORDER = {
    "Budget": budget_json.json_schema,
    "Verdict": verdict_json.json_schema,
    "Screen": screen_json.json_schema,
}
BUDGET = ("--params", "6.7e9", "--tokens", "1e12", "--device", "A100-80GB", "--gpus", "128", "--price", "2/h")
VERDICT = ("--money", "50000", "--language", "zh")


def schema_texts() -> dict[Path, str]:
    return {path: json.dumps(make(), indent=2) + "\n" for path, make in SCHEMAS.items()}


def docs_text() -> str:
    """The page with its tables and its output made anew."""
    text = DOCS.read_text("utf-8")
    for mark, command, words in (("budget", budget, BUDGET), ("verdict", verdict, VERDICT)):
        text = _with_block(text, mark, console_block(command, words))
    return _with_block(text, "tables", "\n\n".join(_all_tables()))


def console_block(command: Any, words: tuple[str, ...]) -> str:
    """The command says the same on every machine and day: it reads the catalog alone."""
    result = CliRunner().invoke(command, list(words), env={"COLUMNS": "100"}, catch_exceptions=False)
    said = "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())
    return f"```console\n$ llmpick scale {command.name} {' '.join(words)}\n{said}\n```"


def _all_tables() -> Iterator[str]:
    """One table for each document and for each object in it, in the order in which they are named; an object that two share once."""
    shown = set[str]()
    for name, make in ORDER.items():
        schema = make()
        yield _table(name, schema)
        for one in schema["$defs"]:
            if one not in shown:
                yield _table(one, schema["$defs"][one])
            shown.add(one)


def _with_block(text: str, mark: str, block: str) -> str:
    begin, end = f"<!-- begin: {mark}, python -m tests.report.training.regenerate -->", "<!-- end -->"
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{block}\n{end}", text, count=1, flags=re.DOTALL)


def main() -> None:
    for path, text in schema_texts().items():
        path.write_text(text, "utf-8")
    DOCS.write_text(docs_text(), "utf-8")


if __name__ == "__main__":
    main()
