"""Codes of languages: one spelling for each, and the code for what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.catalog.ability import ability_evidence
from llmpick.catalog.loader import load_models
from llmpick.evidence.languages import NAMES, language_code


@pytest.mark.parametrize("text", ["zh", "ZH", " zh ", "zh-CN", "zh_Hans", "zh-Hant-TW"])
def test_one_language_has_one_code(text: str) -> None:
    assert language_code(text) == "zh"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("chinese", "Chinese is zh"),
        ("Chines", "Chinese is zh"),
        ("mandarin", "Chinese is zh"),
        ("中文", "Chinese is zh"),
        ("zho", "Chinese is zh"),
        ("chi", "Chinese is zh"),
        ("cn", "Chinese is zh"),
        ("jp", "Japanese is ja"),
        ("german", "German is de"),
        ("deutsch", "German is de"),
        ("xx", "such as en for English"),
        ("", "such as en for English"),
        ("multi", "such as en for English"),
    ],
)
def test_what_is_no_code_is_told_the_nearest(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="no code of a language") as refused:
        language_code(text)
    assert told in str(refused.value)


@given(st.text(max_size=12))
def test_a_code_is_its_own_and_any_other_text_is_refused(text: str) -> None:
    word = text.strip().lower().replace("_", "-").partition("-")[0]
    if word in NAMES:
        assert language_code(text) == word == language_code(word)
    else:
        with pytest.raises(ValueError, match="no code of a language"):
            language_code(text)


def test_every_language_of_the_catalog_has_a_name() -> None:
    spoken = {language for model in load_models() if model.languages for language in model.languages.value}
    asked = {benchmark.language for benchmark in ability_evidence().benchmarks.values()} - {"multi"}
    assert spoken | asked <= set(NAMES)
