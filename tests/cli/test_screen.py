"""`llmpick screen`: the terminal, the options, exit codes and what it refuses. The article's rule is in tests/article."""

import json

import pytest
from click.testing import CliRunner

from llmpick.catalog.loader import load_models
from llmpick.cli.main import run
from llmpick.cli.screen import screen

RULE = ("--min-training-tokens", "1T")


def printed(*words: str) -> str:
    return CliRunner().invoke(screen, list(words), env={"COLUMNS": "160"}, catch_exceptions=False, standalone_mode=False).stdout


def document(*words: str) -> dict:
    return json.loads(printed(*words, "--json"))


def test_every_model_is_shown_with_its_reason():
    text = printed(*RULE)
    assert [model.name for model in load_models() if f" {model.name} " not in text] == []
    assert "it saw 300B tokens (180B different ones), fewer than 1T" in text
    assert text.index("Kept: ") < text.index("Not known: ") < text.index("Dropped: ")


def test_what_is_said_of_languages_and_later_models():
    text = printed(*RULE, "--languages", "zh", "--as-of", "2023-05-15")
    assert "of those kept name zh; " in text
    assert "A model whose makers leave a language out is kept" in text
    assert "models of the catalog came after 2023-05-15" in text
    assert "leave a language out" not in printed(*RULE, "--languages", "zh", "--strict")


def test_those_whose_makers_name_the_languages_come_first():
    """Then those of whom no languages are known, then those whose makers leave one out."""
    kept = document(*RULE, "--languages", "en,zh")["kept"]
    places = [2 if one["unnamed_languages"] else 1 if one["languages"] is None else 0 for one in kept]
    assert places == sorted(places)
    assert set(places) == {0, 1, 2}
    assert all({"en", "zh"} <= set(one["languages"]) for one, place in zip(kept, places, strict=True) if place == 0)
    text = " ".join(printed(*RULE, "--languages", "en,zh").split())
    counts = [places.count(place) for place in (0, 2, 1)]
    assert f"The makers of {counts[0]} of those kept name en, zh; {counts[1]} leave it out, and of {counts[2]} it is not known." in text


@pytest.mark.parametrize(("limit", "kept"), [("17GiB", True), ("16GiB", False)])
def test_memory_is_that_of_the_weights_alone(limit, kept):
    """LLaMA-33B in int4 takes 16.3 GiB, as in its tensors (tests/article, A18)."""
    names = {one["name"] for one in document("--max-memory", limit, "--tuning", "base")["kept"]}
    assert ("LLaMA-33B" in names) is kept
    assert "LLaMA-13B" in names


def test_large_and_small_sizes_read_as_people_write_them():
    text = printed(*RULE)
    assert "e+0" not in text
    assert " 2.78T " in text
    assert " 125M " in text


def test_a_wider_quantisation_keeps_less():
    four, sixteen = (len(document("--max-memory", "24GB", "-q", name)["kept"]) for name in ("int4", "BF16"))
    assert four > sixteen > 0


def test_licence_tuning_and_context():
    found = document("--licence", "commercial", "--tuning", "instruct", "--context", "32k")
    names = {one["name"] for one in found["kept"]}
    assert "Qwen3-8B" in names
    assert names.isdisjoint({"LLaMA-7B", "Vicuna-13B-v1.1", "Falcon-7B-Instruct"})
    reasons = {one["name"]: one["reasons"] for one in found["dropped"]}
    assert "licence llama-1 does not allow commercial use" in reasons["LLaMA-7B"]
    assert len(reasons["LLaMA-7B"]) == 3


def test_each_kept_model_has_what_speaks_for_it():
    found = document("--context", "128k", "--max-memory", "6GiB", "--licence", "commercial", "--tuning", "instruct")
    assert found["kept"]
    for one in found["kept"]:
        reasons = " ".join(one["reasons"])
        assert all(
            part in reasons
            for part in ("its context is ", f"its weights take {one['weights_bytes'] / 2**30:.1f} GiB in int4", "its licence is ")
        )


def test_exit_codes(capsys):
    assert run(["screen", *RULE, "--json"]) == 0
    capsys.readouterr()
    assert run(["screen", "--min-training-tokens", "1e18", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["kept"] == []
    assert run(["screen", "--min-training-tokens", "1e18"]) == 3
    assert "Nothing is kept" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing is demanded"),
        (("--strict",), "nothing is demanded"),
        (("--licence", "nonesuch"), "the licence 'nonesuch' is not known"),
        (("--licence", "commercial,mit"), "write it alone"),
        (("--max-memory", "24XB"), "is no size in bytes"),
        (("--max-memory", "24"), "write '24 GB'"),
        (("--min-training-tokens", "0.5"), "less than 1"),
        (("--languages", "zh,klingon"), "'klingon' is no code of a language"),
        (("--languages", "zh,vo"), "no maker of a model names 'vo'"),
        (("--max-memory", "24GB", "-q", "int3.7"), "is not known"),
        (("--languages", ","), "names nothing"),
        (("--as-of", "May"), "does not match"),
    ],
)
def test_what_is_refused(words, said, capsys):
    assert run(["screen", *words]) == 2
    assert said in capsys.readouterr().err
