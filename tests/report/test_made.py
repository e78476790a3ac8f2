"""Golden outputs are whole outputs; JSON Schemas and the tables of the docs are made from the documents' own descriptions."""

from pathlib import Path

import pytest
from tests.report.regenerate import AGAIN, HERE, ROOT, docs, goldens, schemas


@pytest.mark.parametrize("path", list(goldens()), ids=lambda path: path.relative_to(HERE).as_posix())
def test_the_whole_output_at_100_columns(path: Path) -> None:
    assert path.read_text("utf-8") == goldens()[path], f"run `{AGAIN}` and read the difference"


@pytest.mark.parametrize("made", [schemas, docs])
def test_the_schemas_and_the_docs_are_current(made) -> None:
    for path, text in made().items():
        assert path.read_text("utf-8") == text, f"{path.relative_to(ROOT)}: run `{AGAIN}`"
