"""Writes what is made from the reports of `scale budget` and `screen`: the JSON Schemas, and the tables and the output of docs/training.md.

Run it from the root of the repository after a wanted change, and read the difference: `python -m tests.report.training.regenerate`
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from tests.report.regenerate import _table

from llmpick.cli.scale_budget import budget
from llmpick.report import screen_json
from llmpick.report.scale import budget_json

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs/training.md"
SCHEMAS = {
    ROOT / "src/llmpick/report/scale_budget.schema.json": budget_json.json_schema,
    ROOT / "src/llmpick/report/screen.schema.json": screen_json.json_schema,
}
ORDER = {
    "Budget": budget_json.json_schema,
    "Screen": screen_json.json_schema,
}
BUDGET = ("--params", "6.7e9", "--tokens", "1e12", "--device", "A100-80GB", "--gpus", "128", "--price", "2/h")


def schema_texts() -> dict[Path, str]:
    return {path: json.dumps(make(), indent=2) + "\n" for path, make in SCHEMAS.items()}


def docs_text() -> str:
    """The page with its tables and its output made anew."""
    text = _with_block(DOCS.read_text("utf-8"), "budget", budget_block())
    return _with_block(text, "tables", "\n\n".join(_tables(name, make()) for name, make in ORDER.items()))


def budget_block() -> str:
    """The command says the same on every machine: devices and trainings of the catalog, prices given."""
    result = CliRunner().invoke(budget, list(BUDGET), env={"COLUMNS": "100"}, catch_exceptions=False)
    said = "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())
    return f"```console\n$ llmpick scale budget {' '.join(BUDGET)}\n{said}\n```"


def _tables(name: str, schema: Mapping[str, Any]) -> str:
    """One table for the document and one for each object in it, in the order in which they are named."""
    own = _table(name, schema)
    return "\n\n".join((own, *(_table(one, schema["$defs"][one]) for one in schema["$defs"])))


def _with_block(text: str, mark: str, block: str) -> str:
    begin, end = f"<!-- begin: {mark}, python -m tests.report.training.regenerate -->", "<!-- end -->"
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{block}\n{end}", text, count=1, flags=re.DOTALL)


def main() -> None:
    for path, text in schema_texts().items():
        path.write_text(text, "utf-8")
    DOCS.write_text(docs_text(), "utf-8")


if __name__ == "__main__":
    main()
