"""`llmpick expect` and `llmpick need`: the terminal, exit codes and what they refuse. The figures are in tests/workflow/test_expect.py."""

import json

import pytest

from llmpick.cli.main import run

MODEL = "Qwen/Qwen2.5-7B-Instruct"


@pytest.fixture(autouse=True)
def nothing_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "none.db"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")


def test_a_model_with_its_evidence(capsys):
    assert run(["expect", MODEL, "--family", "code"]) == 0
    said = capsys.readouterr().out
    assert "HumanEval" in said
    assert "from its own scores" in said
    assert "not your task" in said


def test_the_best_of_the_catalog(capsys):
    assert run(["expect", "--family", "summarize", "--language", "zh", "--top", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["models"]) == 3
    assert found["question"]["languages"] == ["zh"]


def test_the_guess_is_told_and_can_be_settled(capsys):
    assert run(["expect", MODEL, "--task", "examples/order-facts/task.toml"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Task order-facts: extract" in said
    assert "its kind is extract" in said
    assert run(["expect", MODEL, "--task", "examples/order-facts/task.toml", "--family", "tools", "--json"]) == 0
    assert [one["family"] for one in json.loads(capsys.readouterr().out)["question"]["families"]] == ["tools"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--family", "code", "--target", "0.6"), 0, "parameters of"),
        (("--family", "rewrite", "--target", "0.9"), 0, "Size does not matter here"),
        (("--family", "contest-code", "--target", "0.99"), 3, "beyond reach"),
    ],
)
def test_the_three_ends_of_need(words, code, said, capsys):
    assert run(["need", *words]) == code
    assert said in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("expect",), "neither a task nor a family"),
        (("expect", "--family", "cooking"), "cooking"),
        (("expect", "no-such-model-9b", "--family", "code"), "no-such-model-9b"),
        (("need", "--family", "code"), "--target"),
        (("need", "--family", "code", "--target", "90"), "0.9"),
        (("need", "--family", "code", "--target", "0.9", "--family-of", "nonesuch"), "name one of"),
        (("need", "--target", "0.9"), "neither a task nor a family"),
        (("need", "--task", "nowhere.toml", "--target", "0.9"), "there is no such task file"),
    ],
)
def test_what_is_refused(words, said, capsys):
    assert run([*words]) == 2
    assert said in capsys.readouterr().err
