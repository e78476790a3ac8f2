"""Writes all that is made from the reports and kept in the repository: golden outputs, the JSON Schema, and the tables of docs/json.md.

Run it from the root of the repository after a wanted change, and read the difference: `python -m tests.report.regenerate`
"""

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from tests.report import answers

from llmpick.decide.answer import Answer
from llmpick.report.pick import print_answer
from llmpick.report.pick.schema import json_schema

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
SCHEMA = ROOT / "src/llmpick/report/pick.schema.json"
DOCS = ROOT / "docs/json.md"
BEGIN, END = "<!-- begin: python -m tests.report.regenerate -->", "<!-- end -->"
ORDER = (
    *("PickAnswer", "Candidate", "Score", "Difference", "Quantity", "Spent", "ChosenRun", "Outcomes", "Slice", "Confusion", "Engine"),
    *("Fetch", "LearningPoint", "Share", "Trace", "Disagreement", "DisagreementAnswer"),
    *("ThinkingBought", "Gain", "PickError", "ErrorText"),
)


def printed(answer: Answer, width: int, **console: Any) -> str:
    """What the terminal shows of `answer`, as text without colour unless `console` asks for it."""
    out = io.StringIO()
    print_answer(answer, Console(file=out, width=width, **{"no_color": True, **console}))
    return out.getvalue()


def schema_text() -> str:
    return json.dumps(json_schema(), indent=2) + "\n"


def tables() -> str:
    """One table for each object of the document."""
    definitions = json_schema()["$defs"]
    assert set(ORDER) == (definitions.keys() - {"JsonValue"}), "an object of the schema is not in the docs"
    return "\n\n".join(_table(name, definitions[name]) for name in ORDER)


def _table(name: str, definition: Mapping[str, Any]) -> str:
    keys = [f"| `{key}` | {_type(value)} | {value['description']} |" for key, value in definition["properties"].items()]
    return "\n".join([f"### {name}", "", "| key | type | meaning |", "|---|---|---|", *keys])


def _type(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        if name == "JsonValue":
            return "any JSON value"
        return f"[{name}](#{name.lower()})"
    if "anyOf" in value:
        return " or ".join(_type(one) for one in value["anyOf"])
    if "enum" in value:
        return ", ".join(f"`{one}`" for one in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if value.get("type") == "array":
        return f"list of {_type(value['items'])}"
    if value.get("type") == "object":
        return f"object of {_type(value['additionalProperties'])}"
    return value.get("format") or value.get("type", "any JSON value")


def docs_text() -> str:
    """The page with its tables made anew."""
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{tables()}\n{END}", DOCS.read_text("utf-8"), flags=re.DOTALL)


def main() -> None:
    for name, make in answers.ALL.items():
        (GOLDEN / f"{name}.txt").write_text(printed(make(), 100), "utf-8")
    SCHEMA.write_text(schema_text(), "utf-8")
    DOCS.write_text(docs_text(), "utf-8")


if __name__ == "__main__":
    main()
