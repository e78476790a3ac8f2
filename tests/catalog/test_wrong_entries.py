"""Whoever writes a wrong entry is told the file, the model, the key and what to do; dates decide what is known when."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.catalog.facts import facts_on
from llmpick.catalog.loader import read_models
from llmpick.catalog.schema import last_day_of, whole_number
from llmpick.evidence.errors import InputError

HEAD = """
sources:
  card: {title: The card, checked: 2026-11-24}
  paper: {title: The paper, published: 2023-06, checked: 2026-11-24}
models:
  - id: org/model
    name: Model
    family: model
    tuning: base
"""
FACTS = "      - {source: card, released: 2023-02-03, parameters_total: 1.0e9, licence: mit}\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "some.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (HEAD + "    facts:\n" + FACTS + "    colour: red\n", ["org/model", "key colour"]),
        (HEAD + "    facts:\n" + FACTS.replace("1.0e9", "1.5"), ["org/model", "key facts.0.parameters_total", "not a whole number"]),
        (HEAD + "    facts:\n" + FACTS.replace("1.0e9", "many"), ["org/model", "key facts.0.parameters_total", "not a number"]),
        (HEAD + "    facts:\n" + FACTS.replace(", licence: mit", ""), ["org/model", "no block of facts gives licence"]),
        (HEAD + "    facts:\n" + FACTS.replace("mit", "made-up"), ["org/model", "key licence", "made-up"]),
        (HEAD + "    facts:\n" + FACTS.replace("source: card", "source: rumour"), ["org/model", "key source", "rumour"]),
        (HEAD + "    facts:\n" + FACTS + "      - {source: paper}\n", ["org/model", "without a fact"]),
        (HEAD + "    derived_from: org/base\n    facts:\n" + FACTS, ["org/model", "key derived_from", "org/base"]),
        (HEAD + "    facts:\n" + FACTS.replace("2023-02-03", "soon"), ["org/model", "key facts.0.released"]),
        (HEAD + "    tuning: base\n    facts:\n" + FACTS, ["line 10", "written twice"]),
        ("sources: [", ["line", "not readable as YAML"]),
        ("models: []", ["key sources"]),
        ("", ["some.yaml"]),
        (
            HEAD + "    facts:\n" + FACTS + "      - {source: paper, architecture: {name: x, hidden_size: 8, layers: 1, kv_heads: 1}}\n",
            ["org/model", "head_size"],
        ),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, text: str, parts: list[str]) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_models([path])
    message = str(caught.value)
    assert "some.yaml" in message
    assert [part for part in parts if part not in message] == []
    assert caught.value.remedy


def test_the_same_model_in_two_files_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + "    facts:\n" + FACTS)
    with pytest.raises(InputError, match=r"already in some\.yaml"):
        read_models([path, path])


def test_the_newest_visible_fact_wins_and_older_ones_stay(tmp_path: Path) -> None:
    newer = "      - {source: paper, parameters_total: 1.1e9, training_tokens: 2.0e12}\n"
    [entry] = read_models([written(tmp_path, HEAD + "    facts:\n" + FACTS + newer)])

    def known(day: date | None) -> tuple[int | None, int | None] | None:
        facts = facts_on(entry.model, entry.sources, day)
        if facts is None:
            return None
        tokens = facts.training_tokens
        assert facts.parameters_total is not None
        return facts.parameters_total.value, tokens and tokens.value

    assert known(date(2023, 2, 2)) is None
    assert known(date(2023, 2, 3)) == (1_000_000_000, None)
    assert known(date(2023, 6, 29)) == (1_000_000_000, None)
    assert known(date(2023, 6, 30)) == (1_100_000_000, 2_000_000_000_000)
    assert known(None) == (1_100_000_000, 2_000_000_000_000)


def test_a_mixture_without_a_figure_has_no_active_parameters(tmp_path: Path) -> None:
    [dense] = read_models([written(tmp_path, HEAD + "    facts:\n" + FACTS)])
    [mixture] = read_models([written(tmp_path, HEAD + "    mixture: true\n    facts:\n" + FACTS)])
    of_dense, of_mixture = (facts_on(entry.model, entry.sources, None) for entry in (dense, mixture))
    assert of_dense is not None
    assert of_mixture is not None
    assert of_dense.parameters_active == of_dense.parameters_total
    assert of_mixture.parameters_active is None


@pytest.mark.parametrize(
    ("written_as", "day"), [("2023-03", date(2023, 3, 31)), ("2024-02", date(2024, 2, 29)), ("2023-12", date(2023, 12, 31))]
)
def test_a_month_counts_as_its_last_day(written_as: str, day: date) -> None:
    assert last_day_of(written_as) == day


@given(st.integers(min_value=1, max_value=10**15))
def test_a_count_reads_the_same_in_all_its_spellings(number: int) -> None:
    assert whole_number(number) == whole_number(str(number)) == whole_number(f"{number}.0") == whole_number(f"{number}e0") == number
