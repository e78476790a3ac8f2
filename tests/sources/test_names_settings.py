"""What stands behind a model's name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.evidence.errors import InputError
from llmpick.sources.names_settings import AskedThinking, split_settings

ON, OFF = AskedThinking(True), AskedThinking(False)


@pytest.mark.parametrize(
    ("text", "name", "asked"),
    [
        ("a.gguf", "a.gguf", None),
        ("a.gguf?thinking=on", "a.gguf", ON),
        (" a.gguf?thinking=off ", "a.gguf", OFF),
        ("org/name:Q4_K_M@main?thinking=2048", "org/name:Q4_K_M@main", AskedThinking(True, 2048)),
        ("ollama:qwen3:0.6b?thinking=on", "ollama:qwen3:0.6b", ON),
        ("http://host:8000/v1#qwen3?thinking=off", "http://host:8000/v1#qwen3", OFF),
        ("https://host/v1?api-version=2#m?thinking=on", "https://host/v1?api-version=2#m", ON),
        ("http://host/v1#what?", "http://host/v1#what?", None),
    ],
)
def test_a_name_and_its_setting(text: str, name: str, asked: AskedThinking | None) -> None:
    assert split_settings(text) == (name, asked)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a.gguf?thinking=maybe", "'maybe' is no way to think"),
        ("a.gguf?thinking=", "'' is no way to think"),
        ("a.gguf?thinking=0", "'0' is no way to think"),
        ("a.gguf?thinking=-5", "'-5' is no way to think"),
        ("a.gguf?thinking=99999999999999", "no way to think"),
        ("a.gguf?thinking=٣", "no way to think"),
        ("a.gguf?temperature=1", "no setting 'temperature'"),
        ("?thinking=on", "no model stands before"),
    ],
)
def test_what_is_no_setting(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        split_settings(text)
    assert "?thinking=on" in caught.value.remedy


def test_a_path_that_exists_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "odd?thinking=on"
    path.touch()
    assert split_settings(str(path)) == (str(path), None)


@given(st.text())
def test_any_text_is_a_name_or_an_error(text: str) -> None:
    try:
        name, asked = split_settings(text)
    except InputError:
        return
    assert name in text
    assert asked is None or text.strip().endswith(("on", "off", str(asked.max_tokens)))
