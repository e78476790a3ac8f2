"""Writes everything in the repository that is made from something else, or with --check says what is out of date.

    python docs/generate.py            # all of it; runs the first command of `make pick` for the README (needs the demo models)
    python docs/generate.py --check    # what needs no model: docs/task.md and the JSON Schemas; for the README see tests/docs

The README shows a real run. Its figures differ from machine to machine, so `tests/docs/test_readme.py` runs it again and compares the
text with all numbers masked.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, get_args

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TASK = ROOT / "docs/task.md"
PICK = ("pick", "examples/order-facts/task.toml", "--model", "examples/models/gemma-3-270m-q4_k_m.gguf")
PICK = (*PICK, "--model", "examples/models/SmolLM2-135M-Instruct.Q4_1.gguf")
RACE = ("race", *PICK[1:])
FIT = ("fit", "LLaMA-33B", "--device", "RTX 3090", "--context", "2048", "--quantization", "int4", "--engine", "transformers")
END = "<!-- end -->"
BEGIN = "<!-- begin: python docs/generate.py -->"
BEGIN_RACE = "<!-- begin: race, python docs/generate.py -->"
BEGIN_FIT = "<!-- begin: fit, python docs/generate.py -->"


def main() -> int:
    check = "--check" in sys.argv[1:]
    made = dict(_made())
    if not check:
        picked, raced = readme_blocks()
        made[README] = with_block(with_block(made[README], BEGIN, picked), BEGIN_RACE, raced)
    stale = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)} is out of date: run make generated" if check else f"wrote {path.relative_to(ROOT)}")
        if not check:
            path.write_text(made[path], encoding="utf-8")
    return 1 if check and stale else 0


def _made() -> Iterator[tuple[Path, str]]:
    from llmpick.catalog.schema import models_schema_text
    from llmpick.sources.task.schema import SCHEMA_FILE, schema_text

    yield SCHEMA_FILE, schema_text()
    yield ROOT / "src/llmpick/catalog/models.schema.json", models_schema_text()
    yield TASK, with_block(TASK.read_text(encoding="utf-8"), BEGIN, task_keys())
    yield README, with_block(README.read_text(encoding="utf-8"), BEGIN_FIT, fit_block())


def with_block(text: str, begin: str, block: str) -> str:
    """The text with what stands between the marks replaced."""
    head, rest = text.split(begin)
    return f"{head}{begin}\n{block}\n{rest[rest.index(END) :]}"


def readme_blocks() -> tuple[str, str]:
    """The first command of `make pick`, up to the scores by slice, and a race of the same models after it. Nothing kept before is used."""
    with tempfile.TemporaryDirectory() as folder:
        store = f"{folder}/readme.db"
        picked, raced = shown(run_pick(store=store)), shown(run_race(store=store))
    pick = f"```console\n$ llmpick pick examples/order-facts/task.toml\n{picked}\n```"
    return pick, f"```console\n$ llmpick race examples/order-facts/task.toml\n{raced}\n```"


def fit_block() -> str:
    """A command that says the same on every machine: a model of the catalog on a device of the catalog."""
    words = " ".join(f'"{word}"' if " " in word else word for word in FIT)
    return f"```console\n$ llmpick {words}\n{_said(FIT, store='unused.db').strip()}\n```"


def _said(command: Sequence[str], *, store: str) -> str:
    environment = {**os.environ, "COLUMNS": "88", "LLMPICK_DB": store}
    done = subprocess.run(
        [sys.executable, "-m", "llmpick", *command], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()) + "\n"


def run_pick(*, store: str) -> str:
    """What `llmpick pick` prints on an 88-column page without a terminal."""
    return _said(PICK, store=store)


def run_race(*, store: str) -> str:
    """What `llmpick race` prints of the same models; what `pick` left in the store costs nothing."""
    return _said(RACE, store=store)


def shown(output: str) -> str:
    """The part that the README shows: the answer, the table, and why the others lost."""
    head = output.partition("\nScore by ")[0].partition("\nRun 2")[0]
    return "\n".join(line.rstrip() for line in head.strip().splitlines())


def masked(text: str) -> str:
    """Text without its figures, their units and its line breaks, for comparing runs on different machines."""
    units = r"(?:\s?(?:%|GiB|ms|s|min|points?|tokens))?"
    figures = re.sub(rf"[-+~<]?\s?\d[\d.,]*{units}", "#", text)
    return re.sub(r"(?:#\s*)+", "# ", re.sub(r"\s+", " ", re.sub(r"[\[\]─]", " ", figures))).strip()


def task_keys() -> str:
    """One table per table of the task file, from the descriptions of its model."""
    from llmpick.sources.task.model import TaskFile

    parts = ["| key | value | default | meaning |\n|---|---|---|---|"]
    tables: list[str] = []
    for name, field in TaskFile.model_fields.items():
        inner, repeated = field.annotation, get_args(field.annotation)[:1]
        if repeated and hasattr(repeated[0], "model_fields"):
            parts.append(f"| `{name}` | list of tables |  | {field.description} |")
            inner, name = repeated[0], f"[{name}]"
        if not hasattr(inner, "model_fields"):
            parts.append(_row(name, field))
            continue
        rows = "\n".join(_row(key.alias or word, key) for word, key in inner.model_fields.items())  # pyright: ignore
        tables.append(f"### [{name}]\n\n| key | value | default | meaning |\n|---|---|---|---|\n{rows}")
    return "\n".join(parts) + "\n\n" + "\n\n".join(tables)


def _row(name: str, field: Any) -> str:
    default = "required" if field.is_required() else "" if field.default in (None, [], {}) else f"`{field.default}`"
    return f"| `{name}` | {_kind(field.annotation)} | {default} | {field.description} |"


def _kind(annotation: Any) -> str:
    """The type in the words of TOML."""
    if hasattr(annotation, "__metadata__"):
        return _kind(annotation.__origin__)
    words = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    if annotation in words:
        return words[annotation]
    arguments = get_args(annotation)
    if isinstance(annotation, UnionType) or getattr(annotation, "__name__", "") in ("Union", "Optional"):
        return " or ".join(_kind(one) for one in arguments if one is not type(None))
    if getattr(annotation, "__origin__", None) is list:
        return f"list of {_kind(arguments[0])}"
    if getattr(annotation, "__origin__", None) is dict:
        return "table"
    return ", ".join(f"`{one}`" for one in arguments if one is not None) or "table"


if __name__ == "__main__":
    sys.exit(main())
