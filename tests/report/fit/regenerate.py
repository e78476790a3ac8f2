"""Writes what is made from the report of `fit`: golden outputs, the JSON Schema, and the tables of docs/fit.md.

Run it from the root of the repository after a wanted change, and read the difference: `python -m tests.report.fit.regenerate`
"""

import io
import json
import re
from pathlib import Path
from typing import Any

from rich.console import Console
from tests.report.fit import results
from tests.report.regenerate import _table

from llmpick.evidence.fit import FitAnswer
from llmpick.report.fit import print_answer
from llmpick.report.fit.schema import json_schema

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).parent / "golden"
SCHEMA = ROOT / "src/llmpick/report/fit.schema.json"
DOCS = ROOT / "docs/fit.md"
BEGIN, END = "<!-- begin: python -m tests.report.fit.regenerate -->", "<!-- end -->"
ORDER = (
    *("Fit", "Result", "Memory", "Range", "Parts", "FitLine", "Speed", "FitCost", "Offer", "FitSource"),
    *("Outlook", "Configurations", "CatalogModel", "FitError", "ErrorText"),
)


def printed(answer: FitAnswer, width: int, *, explain: bool = False, **console: Any) -> str:
    """What the terminal shows of `answer`, as text without colour unless `console` asks for it."""
    out = io.StringIO()
    print_answer(answer, Console(file=out, width=width, **{"no_color": True, **console}), explain=explain)
    return out.getvalue()


def golden() -> dict[Path, str]:
    """Every golden file with its text."""
    plain = {GOLDEN / f"{name}.txt": printed(make(), 100) for name, make in results.ALL.items()}
    return plain | {GOLDEN / "explained.txt": printed(results.fitting(), 100, explain=True)}


def schema_text() -> str:
    return json.dumps(json_schema(), indent=2) + "\n"


def tables() -> str:
    """One table for each object of the document."""
    definitions = json_schema()["$defs"]
    assert set(ORDER) == (definitions.keys() - {"JsonValue"}), "an object of the schema is not in the docs"
    return "\n\n".join(_table(name, definitions[name]) for name in ORDER)


def docs_text() -> str:
    """The page with its tables made anew."""
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{tables()}\n{END}", DOCS.read_text("utf-8"), flags=re.DOTALL)


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for path, text in golden().items():
        path.write_text(text, "utf-8")
    SCHEMA.write_text(schema_text(), "utf-8")
    DOCS.write_text(docs_text(), "utf-8")


if __name__ == "__main__":
    main()
