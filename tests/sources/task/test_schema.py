"""The JSON Schema that is shipped for editors is the one of the model, and agrees with it on the bundled tasks."""

import tomllib
from pathlib import Path

import jsonschema
import pytest

from llmpick.sources.task.model import parse_bytes
from llmpick.sources.task.schema import SCHEMA_FILE, schema_text

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_shipped_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run: python -m llmpick.sources.task.schema"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/task.toml")), ids=lambda path: path.parent.name)
def test_bundled_tasks_satisfy_it(path: Path) -> None:
    import json

    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    task = tomllib.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(task, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**task, "tolerence": 1}, schema)


@pytest.mark.parametrize(
    ("size", "size_bytes"),
    [
        ("4 GiB", 4 * 2**30),
        ("8GB", 8 * 10**9),
        ("1.5 MiB", 1572864),
        ("8000000000", 8 * 10**9),
        (2**30, 2**30),
        ("2 TB", 2 * 10**12),
        ("10 B", 10),
    ],
)
def test_parse_bytes(size: int | str, size_bytes: int) -> None:
    assert parse_bytes(size) == size_bytes


@pytest.mark.parametrize("size", ["", "GiB", "4 GO", "-1", "4 gib", "1e9", "0", 0, -5, "0.1 B", "iB"])
def test_sizes_that_are_none(size: int | str) -> None:
    with pytest.raises(ValueError, match="no size in bytes"):
        parse_bytes(size)


@pytest.mark.parametrize("size", ["24", 24, "512", 999_999])
def test_a_number_too_small_for_a_model_needs_its_unit(size: int | str) -> None:
    with pytest.raises(ValueError, match=f"write '{size} GB'"):
        parse_bytes(size)
