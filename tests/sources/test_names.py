"""How a typed model name is understood."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmpick.evidence.errors import InputError
from llmpick.sources.names import File, Hub, Ollama, Url, parse_model_name


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one model file, one folder and one folder that looks like a hub name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "models" / "gemma").mkdir(parents=True)
    (tmp_path / "models" / "gemma-3-270m.gguf").touch()
    (tmp_path / "ollama:odd").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Qwen/Qwen2.5-0.5B-Instruct", Hub("Qwen/Qwen2.5-0.5B-Instruct")),
        ("Qwen/Qwen2.5-0.5B@v1.0", Hub("Qwen/Qwen2.5-0.5B", "v1.0")),
        ("org/name@refs/pr/4", Hub("org/name", "refs/pr/4")),
        ("org/name:Q4_K_M", Hub("org/name", None, "Q4_K_M")),
        ("org/name:sub/a-00001-of-00002.gguf@main", Hub("org/name", "main", "sub/a-00001-of-00002.gguf")),
        ("models/gemma-3-270m.gguf", File(Path("models/gemma-3-270m.gguf"))),
        ("./models", File(Path("models"))),
        ("models/gemma", File(Path("models/gemma"))),  # a path that exists wins over a hub name
        ("ollama:odd", File(Path("ollama:odd"))),
        ("ollama:llama3.2:1b", Ollama("llama3.2:1b")),
        ("ollama:llama3.2", Ollama("llama3.2:latest")),
        ("ollama:hf.co/org/name:Q4_0", Ollama("hf.co/org/name:Q4_0")),
        ("http://127.0.0.1:8000/v1#served-name", Url("http://127.0.0.1:8000/v1", "served-name")),
        ("https://api.example.com/v1/#org/name:free", Url("https://api.example.com/v1", "org/name:free")),
        ("  org/name ", Hub("org/name")),
    ],
)
def test_a_name_means(text: str, meaning: object):
    assert parse_model_name(text) == meaning


def test_home_is_expanded(here: Path):
    assert parse_model_name("~/models/gemma-3-270m.gguf") == File(here / "models/gemma-3-270m.gguf")


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("", "no model name", "org/name@revision"),
        ("gpt2", "no model name", "org/name@revision"),
        ("a/b/c", "no model name", "org/name@revision"),
        ("http://127.0.0.1:8000/v1", "names no model", "http://127.0.0.1:8000/v1#NAME"),
        ("http://127.0.0.1:8000/v1#", "names no model", "#NAME"),
        ("ftp://host/v1#m", "no http address", "http://"),
        ("http:///v1#m", "no http address", "http://"),
        ("http://[v1#m", "no http address", "http://"),
        ("https://user:s3cret@host/v1#m", "hold no key", "OPENAI_API_KEY"),
        ("ollama:", "names no Ollama model", "ollama:model:tag"),
        ("ollama:llama3.2:", "names no Ollama model", "ollama:model:tag"),
        ("org/name@", "no revision", "org/name@main"),
        ("org/name@../../etc", "no revision", "branch"),
        ("org/name@a b", "no revision", "branch"),
        ("org/name:", "after the colon", "org/name:Q4_K_M"),
        ("models/gemma-3-27m.gguf", "no file or folder models/gemma-3-27m.gguf", "did you mean models/gemma-3-270m.gguf"),
        ("./modles/gemma", "no folder modles", "did you mean models"),
        ("nowhere.gguf", "no file or folder nowhere.gguf", "check the path"),
        (r"C:\models\a.gguf", "no file or folder", "check the path"),
    ],
)
def test_a_wrong_name_says_what_to_type(text: str, what: str, remedy: str):
    with pytest.raises(InputError) as raised:
        parse_model_name(text)
    assert what in raised.value.what
    assert remedy in raised.value.remedy
    assert "s3cret" not in f"{raised.value.what} {raised.value.where} {raised.value.remedy}"


@settings(max_examples=150)
@given(st.sampled_from(["", "~", "/", "./", "org/name@", "org/name:", "ollama:", "http://", "https://["]), st.text(max_size=40))
@example("./", "x" * 300)
@example("", "x" * 300 + "/y.gguf")
@example("http://", "host:port/v1#m")
def test_any_text_is_understood_or_refused_in_our_own_words(start: str, text: str):
    with contextlib.suppress(InputError):
        assert isinstance(parse_model_name(start + text), Hub | File | Ollama | Url)
