"""Facts as numbers."""

from datetime import date

import numpy as np
import pytest

from llmpick.estimate.ability.features import as_models, effective_size, line_of, usual
from llmpick.estimate.ability.marginal import START_SHAPES
from llmpick.evidence.ability import AbilityFacts


def facts(parameters=7e9, tokens=3e12, active=None, released=date(2024, 1, 1), languages=("en",), family="new"):
    return AbilityFacts("m", family, parameters, active, tokens, released, False, languages)


def sizes(*models):
    return effective_size(as_models(models, usual(models)), START_SHAPES)


def test_more_of_anything_is_more():
    assert np.all(np.diff(sizes(*(facts(p) for p in (1e9, 3e9, 7e9, 70e9, 700e9)))) > 0)
    assert np.all(np.diff(sizes(*(facts(tokens=t) for t in (0.1e12, 1e12, 3e12, 30e12)))) > 0)
    assert np.all(np.diff(sizes(*(facts(released=date(y, 1, 1)) for y in (2022, 2023, 2024, 2025)))) > 0)
    few, half, all_active = sizes(facts(active=1e9), facts(active=3e9), facts())
    assert few < half < all_active


def test_the_reference_is_zero_and_tokens_limit_large_models():
    reference, large, starved = sizes(facts(), facts(70e9), facts(70e9, 0.2e12))
    assert reference == pytest.approx(0, abs=1e-9)
    assert starved < reference < large


def test_what_is_not_known_is_what_the_others_lead_one_to_expect():
    known = [facts(tokens=1e12 * 4**year, released=date(2024 + year, 1, 1)) for year in range(4)]
    expected = usual([*known, facts(tokens=None), facts(languages=("en", "zh"))])
    silent = as_models([facts(tokens=None, released=date(2026, 1, 1))], expected).tokens[0]
    assert silent == pytest.approx(as_models([known[2]], expected).tokens[0], abs=0.5)
    assert as_models([facts(languages=None)], expected).chinese[0] == pytest.approx(1 / 6)
    undated = as_models([facts(tokens=16e12, released=None)], expected).year[0]
    assert undated == pytest.approx(2.0, abs=0.5)


def test_nothing_known_of_anyone():
    alone = as_models([facts(tokens=None, released=None, languages=None)], usual([]))
    assert (alone.tokens[0], alone.year[0], alone.chinese[0]) == (0.0, 0.0, 0.5)


@pytest.mark.parametrize(
    ("family", "line"),
    [("qwen2.5", "qwen"), ("qwen2.5-coder", "qwen-coder"), ("llama-3.1", "llama"), ("yi", "yi"), ("gemma-3", "gemma"), ("glm-4.5", "glm")],
)
def test_the_line_is_the_family_without_its_version(family, line):
    assert line_of(family) == line
