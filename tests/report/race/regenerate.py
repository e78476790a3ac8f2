"""Writes what is made from the report of `race`: golden outputs, the JSON Schema, and the tables of docs/race.md.

Run it from the root of the repository after a wanted change, and read the difference: `python -m tests.report.race.regenerate`
"""

import io
import json
import re
from pathlib import Path
from typing import Any

from rich.console import Console
from tests.report.race import answers
from tests.report.regenerate import _table

from llmpick.decide.race_answer import RaceAnswer
from llmpick.report.race import print_answer
from llmpick.report.race.schema import json_schema

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).parent / "golden"
SCHEMA = ROOT / "src/llmpick/report/race.schema.json"
DOCS = ROOT / "docs/race.md"
BEGIN, END = "<!-- begin: python -m tests.report.race.regenerate -->", "<!-- end -->"
ORDER = (
    *("Race", "RaceCandidate", "Score", "Gap", "Passed", "NewInputs", "RowsMore", "Spent", "RecordedCost", "Outcomes", "Engine"),
    *("ThinkingBought", "Gain", "Replay", "Spread", "Regret", "RaceError", "ErrorText"),
)


def printed(answer: RaceAnswer, width: int, **console: Any) -> str:
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
    """One table for each object of the document."""
    definitions = json_schema()["$defs"]
    assert set(ORDER) == (definitions.keys() - {"JsonValue"}), "an object of the schema is not in the docs"
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
