"""The JSON Schema of the task file, generated from its model: `python -m llmpick.sources.task.schema` writes `task.schema.json` anew.

Editors use it to complete and check a task file.
"""

import json
from pathlib import Path

from llmpick.sources.task.model import TaskFile

SCHEMA_FILE = Path(__file__).with_name("task.schema.json")


def schema_text() -> str:
    """What the shipped file must hold."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **TaskFile.model_json_schema(by_alias=True)}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
