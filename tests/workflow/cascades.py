"""What the tests of `race --cascade` share: its document, and draws that are the same on every machine."""

import json
import zlib
from collections.abc import Sequence
from typing import Any

import pytest

from llmpick.cli.main import run


def chance(*what: object) -> float:
    """The same for the same things, and between 0 and 1."""
    return zlib.crc32(repr(what).encode()) / 2**32


def said(words: Sequence[str], capsys: pytest.CaptureFixture[str], *, code: int = 0) -> dict[str, Any]:
    assert run([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def one(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(candidate for candidate in document["candidates"] if candidate["id"].endswith(name))


def stage(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in document["stages"] if each["name"] == name)
