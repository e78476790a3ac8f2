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
        (("--family", "summarize", "--target", "0.02"), 0, "2.0%"),
        (("--family", "summarize", "--target", "0.95"), 3, "no size clears 95.0%"),
        (("--family", "contest-code", "--target", "0.99"), 3, "Beyond reach"),
        (("--task", "examples/support-intents/task.toml", "--target", "0.9"), 3, "llmpick race examples/support-intents/task.toml -m "),
        (("--family", "knowledge", "--target", "0.7", "--probability", "0.99"), 0, "clear 70.0% with 99.0% probability. "),
    ],
)
def test_the_ends_of_need(words, code, said, capsys):
    assert run(["need", *words]) == code
    assert said in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("expect",), "neither a task nor a family"),
        (("expect", "--family", "cooking"), "cooking"),
        (("expect", "no-such-model-9b", "--family", "code"), "no-such-model-9b"),
        (("expect", "gpt-4o", "--family", "code"), "'gpt-4o' is not in the catalog"),
        (("expect", MODEL, "--family", "code", "--as-of", "2023-05-15"), "was not out on 2023-05-15"),
        (("expect", MODEL, "--family", "code", "--language", "chinese"), "Chinese is zh"),
        (("need", "--family", "code", "--target", "0.9", "--language", "cn"), "Chinese is zh"),
        (("scale", "verdict", "--money", "50k", "--language", "Chinese"), "Chinese is zh"),
        (("screen", "--languages", "en,chinese"), "Chinese is zh"),
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


@pytest.mark.parametrize("code", ["ZH", "zh-CN", "zh_Hans"])
def test_a_language_has_one_code(code, capsys):
    found = []
    for language in ("zh", code):
        assert run(["expect", MODEL, "--family", "knowledge", "--language", language, "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]


def test_what_the_score_is_of_is_told(capsys):
    assert run(["expect", "huggyllama/llama-13b", f"{MODEL}:Q4_K_M", "--family", "knowledge"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "knowledge: the mean over MMLU, MMLU-Pro, MMLU-redux." in said
    assert "the expected score is of MMLU-Pro, MMLU-redux as well, which its own do not show" in said
    assert f"{MODEL} in 4.8 bits" in said


def test_a_guess_without_a_clear_family_says_so(tmp_path, capsys):
    (tmp_path / "rows.jsonl").write_text('{"q": "zzz", "answer": "a long answer of no kind"}')
    (tmp_path / "task.toml").write_text(
        'name = "t"\nkind = "generate"\nlanguages = ["en"]\n[examples]\nfile = "rows.jsonl"\nreference = "answer"\n'
        '[prompt]\ntemplate = "{{ q }}"\n'
    )
    assert run(["expect", MODEL, "--task", str(tmp_path / "task.toml")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "no family is clear: " in said
    assert "% on 12 others" in said
    assert 'family = "..." in the task file settles it' in said
