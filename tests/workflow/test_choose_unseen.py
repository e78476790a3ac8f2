"""`llmpick pick --no-calls` from the command line to the answer."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator

from llmpick.catalog.loader import load_models
from llmpick.cli.main import run

ARTICLE = Path(__file__).parents[1] / "article"
SCHEMA = json.loads((Path(__file__).parents[2] / "src/llmpick/report/pick.schema.json").read_text(encoding="utf-8"))
THAT_DAY = ("--no-calls", "--as-of", "2023-05-15")


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "HF_HOME", "MODELSCOPE_CACHE", "OLLAMA_MODELS"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("LLMPICK_DB", f"sqlite:///{tmp_path / 'runs.db'}")


class Asked(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        return json.loads(self.out)


@pytest.fixture
def asked(capsys: pytest.CaptureFixture[str]) -> Callable[..., Asked]:
    def ask(task: Path, *words: str) -> Asked:
        code = run(["pick", str(task), *words])
        said = capsys.readouterr()
        return Asked(code, str(said.out), str(said.err))

    return ask


def changed(tmp_path: Path, limits: str) -> Path:
    """The task for fine-tuning with other limits."""
    text = (ARTICLE / "general-24gb.toml").read_text(encoding="utf-8")
    (tmp_path / "general.jsonl").write_bytes((ARTICLE / "general.jsonl").read_bytes())
    (tmp_path / "task.toml").write_text(text.partition("[limits]")[0] + f"[limits]\n{limits}\n", encoding="utf-8")
    return tmp_path / "task.toml"


def test_the_document_keeps_its_schema_and_says_what_it_rests_on(tmp_path: Path, asked: Callable[..., Asked]):
    result = asked(ARTICLE / "general-24gb.toml", *THAT_DAY, "--json")
    assert result.code == 0, result.err
    answer = result.answer
    Draft202012Validator(SCHEMA).validate(answer)
    assert answer["basis"] == "expected"
    assert answer["spent"]["calls"] == 0
    assert answer["run"] is None
    chosen = next(one for one in answer["candidates"] if one["id"] == answer["chosen"])
    assert chosen["status"] == "chosen"
    assert chosen["quantization"]
    assert chosen["expected"]["low"] < chosen["expected"]["value"] < chosen["expected"]["high"]
    assert chosen["score"] is None
    assert not (tmp_path / "runs.db").exists(), "nothing is kept"


def test_every_catalog_model_of_the_day_has_its_place(asked: Callable[..., Asked]):
    answer = asked(ARTICLE / "general-24gb.toml", *THAT_DAY, "--json").answer
    ids = [one["id"] for one in answer["candidates"]]
    assert sorted(ids) == sorted({model.id for model in load_models(date(2023, 5, 15))})
    assert all(one["reasons"] for one in answer["candidates"])


def test_in_the_terminal(asked: Callable[..., Asked]):
    result = asked(ARTICLE / "ready-24gb.toml", *THAT_DAY)
    assert result.code == 0
    assert "it is expected to be the best" in " ".join(result.out.split())
    assert "Nothing was measured" in result.out
    assert "stored as" in result.out


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ('device = "RTX 3090"\nmemory = "8 GB"', 8e9),
        ('device = "RTX 3090"\nmemory = "16 GB"', 16e9),
    ],
)
def test_memory_is_a_limit(tmp_path: Path, asked: Callable[..., Asked], limits: str, expected: float):
    answer = asked(changed(tmp_path, limits), *THAT_DAY, "--json").answer
    chosen = next(one for one in answer["candidates"] if one["id"] == answer["chosen"])
    assert chosen["memory_bytes"]["value"] < expected


def test_tuning_and_licence_are_limits(tmp_path: Path, asked: Callable[..., Asked]):
    answer = asked(changed(tmp_path, 'device = "RTX 3090"\ntuning = "instruct"\nlicence = "commercial"'), *THAT_DAY, "--json").answer
    out = {one["id"]: one["reasons"] for one in answer["candidates"] if one["status"] == "excluded"}
    assert out["huggyllama/llama-13b"] == [
        "licence llama-1 does not allow commercial use",
        "a base model, and the task wants one that follows instructions",
    ]
    assert answer["chosen"] not in out


def test_when_nothing_fits(tmp_path: Path, asked: Callable[..., Asked]):
    result = asked(changed(tmp_path, 'device = "RTX 3090"\nmemory = "50 MB"'), *THAT_DAY, "--json")
    answer = result.answer
    assert (result.code, answer["verdict"], answer["chosen"]) == (3, "none_fits", None)
    assert any("does not surely fit" in one["reasons"][0] for one in answer["candidates"])


def test_the_next_commands_say_what_they_take(tmp_path: Path, smollm2_path: Path, asked: Callable[..., Asked]):
    """A model of this machine can be run at once, others after a download; each command repeats what was asked."""
    task = changed(tmp_path, "")
    task.write_text(f'model_directories = ["{smollm2_path.parent}"]\n{task.read_text(encoding="utf-8")}', encoding="utf-8")
    answer = asked(task, "--no-calls", "--tolerance", "0.05", "--json").answer
    here, fetched = answer["next_steps"]
    assert here["command"] == f"llmpick pick {task} --tolerance 0.05"
    assert (here["calls"], here["download_bytes"]) == (answer["rows"], None)
    assert fetched["command"] == f"llmpick pick {task} --tolerance 0.05 --fetch 2"
    assert fetched["calls"] == 3 * answer["rows"], "the one that is here, and the two that are fetched"
    assert fetched["download_bytes"] > 2**30
    assert here["tokens"]["low"] < here["tokens"]["value"] < fetched["tokens"]["value"]
    for step in (here, fetched):
        assert (step["seconds"] is None) == ("seconds" in step["unknown"])
    text = " ".join(asked(task, "--no-calls", "--tolerance", "0.05").out.split())
    assert f"at most {here['calls']} calls" in text
    assert here["command"] in text


@pytest.mark.parametrize("words", [("--dry-run",), ("--fetch", "1"), ("--model", "a.gguf"), ("--directory", ".")])
def test_what_it_cannot_be_asked_with(asked: Callable[..., Asked], words: tuple[str, ...]):
    result = asked(ARTICLE / "ready-24gb.toml", "--no-calls", *words)
    assert result.code == 2
    assert "--no-calls chooses from the catalog" in result.err
