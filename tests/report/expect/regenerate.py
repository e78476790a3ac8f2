"""Writes what is made from the reports of `expect` and `need`: the JSON Schemas, and the tables of docs/expect.md.

Run it from the root of the repository after a wanted change, and read the difference: `python -m tests.report.expect.regenerate`
"""

import json
import re
from pathlib import Path

from tests.report.regenerate import _table

from llmpick.report import expect_json, need_json

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs/expect.md"
SCHEMAS = {
    ROOT / "src/llmpick/report/expect.schema.json": expect_json.json_schema,
    ROOT / "src/llmpick/report/need.schema.json": need_json.json_schema,
}
BEGIN, END = "<!-- begin: tables, python -m tests.report.expect.regenerate -->", "<!-- end -->"


def schema_texts() -> dict[Path, str]:
    return {path: json.dumps(make(), indent=2) + "\n" for path, make in SCHEMAS.items()}


def docs_text() -> str:
    """The page with its tables made anew."""
    expect, need = expect_json.json_schema(), need_json.json_schema()
    objects = {"Expect": expect, **expect["$defs"], "Need": need, **need["$defs"]}  # what both have stands once
    tables = "\n\n".join(_table(name, definition) for name, definition in objects.items())
    text = DOCS.read_text("utf-8")
    return re.sub(f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}\n{tables}\n{END}", text, count=1, flags=re.DOTALL)


def main() -> None:
    for path, text in schema_texts().items():
        path.write_text(text, "utf-8")
    DOCS.write_text(docs_text(), "utf-8")


if __name__ == "__main__":
    main()
