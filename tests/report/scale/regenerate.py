"""Writes what is made from the report of `scale`: golden outputs, the JSON Schema, and the tables of docs/scale.md.

Run it from the root of the repository after a wanted change, and read the difference: `python -m tests.report.scale.regenerate`
"""

import io
import json
import re
from pathlib import Path
from typing import Any

from rich.console import Console
from tests.report.regenerate import _table
from tests.report.scale import answers

from llmpick.report.scale import ScaleAnswer, print_answer
from llmpick.report.scale.schema import json_schema

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).parent / "golden"
SCHEMA = ROOT / "src/llmpick/report/scale.schema.json"
DOCS = ROOT / "docs/scale.md"
BEGIN, END = "<!-- begin: python -m tests.report.scale.regenerate -->", "<!-- end -->"
ORDER = (
    *("Predict", "LawLoss", "Growth", "Overtrained", "Optimal", "Served", "Allocation"),
    *("LawFit", "FitColumns", "ProfileBounds", "Minimum", "FitOutlier", "WithoutOutliers", "Bootstrapped", "Foretold", "FittedSplit"),
    *("Repeat", "RepeatPoint", "ScaleRange", "ScaleError", "ErrorText"),
)


def printed(answer: ScaleAnswer, width: int, **console: Any) -> str:
    """What the terminal shows of `answer`, as text without colour unless `console` asks for it."""
    out = io.StringIO()
    print_answer(answer, Console(file=out, width=width, **{"no_color": True, **console}))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def golden() -> dict[Path, str]:
    """Every golden file with its text."""
    return {GOLDEN / f"{name}.txt": printed(make(), 100) for name, make in answers.ALL.items()}


def schema_text() -> str:
    return json.dumps(json_schema(), indent=2) + "\n"


def tables() -> str:
    """One table for each object of the documents."""
    definitions = json_schema()["$defs"]
    assert set(ORDER) == definitions.keys(), "an object of the schema is not in the docs"
    return "\n\n".join(_table(name, definitions[name]) for name in ORDER)


def docs_text() -> str:
    """The page with its tables made anew."""
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{tables()}\n{END}", DOCS.read_text("utf-8"), flags=re.DOTALL)


def main() -> None:
    for path, text in golden().items():
        path.write_text(text, "utf-8")
    SCHEMA.write_text(schema_text(), "utf-8")
    DOCS.write_text(docs_text(), "utf-8")


if __name__ == "__main__":
    main()
