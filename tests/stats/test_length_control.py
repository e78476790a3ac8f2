"""Win rates at equal lengths: right in a world where the judge likes length, symmetric, and close to AlpacaEval 2's published ones."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.shared_data import shared_data

from llmpick.stats.length_control import length_controlled

Floats = NDArray[np.float64]


def sigmoid(odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-odds))


def everything(scores: Floats) -> NDArray[np.bool_]:
    return np.ones(scores.shape, dtype=bool)


def world(seed: int, liking: float, rows: int = 200) -> tuple[Floats, Floats, Floats]:
    """Scores, length differences and the true rates at equal lengths of four candidates, one of them of longwinded mediocrity."""
    draw = np.random.default_rng(seed)
    strength = np.array([-0.5, 0.0, 0.5, -0.5])
    difficulty = draw.normal(0, 1.5, rows)
    lengths = np.array([[0.0], [0.3], [-0.3], [1.5]]) + draw.normal(0, 1, (4, rows))
    odds = strength[:, None] + difficulty + liking * np.tanh(lengths / lengths.std())
    truth = sigmoid(strength[:, None] + np.random.default_rng(0).normal(0, 1.5, 50_000)).mean(axis=1)
    return (draw.random((4, rows)) < sigmoid(odds)).astype(float), lengths, truth


def test_intervals_cover_the_rates_at_equal_lengths() -> None:
    missed = 0
    for seed in range(40):
        scores, lengths, truth = world(seed, liking=1.5)
        control = length_controlled(scores, lengths, everything(scores), confidence=0.95)
        missed += sum(not rate.low <= t <= rate.high for rate, t in zip(control.rates, truth, strict=True))
    assert missed <= 0.1 * 160


def test_the_longwinded_lose_what_length_gave_them() -> None:
    scores, lengths, truth = world(1, liking=2.0, rows=800)
    control = length_controlled(scores, lengths, everything(scores), confidence=0.95)
    assert scores[3].mean() > truth[3] + 0.1
    assert abs(control.rates[3].value - truth[3]) < 0.06
    assert control.liking.low > 0


def test_a_judge_that_does_not_mind_length_changes_nothing() -> None:
    scores, lengths, _ = world(2, liking=0.0, rows=800)
    control = length_controlled(scores, lengths, everything(scores), confidence=0.95)
    assert control.liking.low < 0 < control.liking.high
    assert [rate.value for rate in control.rates] == pytest.approx(list(scores.mean(axis=1)), abs=0.03)


def test_exchanging_the_sides_turns_the_rates_round() -> None:
    scores, lengths, _ = world(3, liking=1.0)
    there = length_controlled(scores, lengths, everything(scores), confidence=0.95)
    back = length_controlled(1 - scores, -lengths, everything(scores), confidence=0.95)
    assert [rate.value for rate in back.rates] == pytest.approx([1 - rate.value for rate in there.rates], abs=1e-4)


def test_a_model_against_itself_is_one_half() -> None:
    control = length_controlled(np.full((1, 40), 0.5), np.zeros((1, 40)), np.ones((1, 40), dtype=bool), confidence=0.95)
    assert control.rates[0].value == pytest.approx(0.5, abs=1e-6)


def test_cells_that_were_not_seen_are_not_read() -> None:
    scores, lengths, _ = world(4, liking=1.0)
    seen = everything(scores)
    seen[1, 100:] = False
    spoiled, stretched = np.where(seen, scores, 1.0), np.where(seen, lengths, 1e6)
    ours = length_controlled(spoiled, stretched, seen, confidence=0.95)
    theirs = length_controlled(scores, lengths, seen, confidence=0.95)
    assert ours == theirs


def test_all_wins_are_no_certainty_and_too_few_rows_are_refused() -> None:
    scores, lengths = np.ones((1, 40)), np.random.default_rng(5).normal(0, 100, (1, 40))
    rate = length_controlled(scores, lengths, everything(scores), confidence=0.95).rates[0]
    assert 0.9 < rate.value < 1
    assert rate.low < 0.98
    with pytest.raises(ValueError, match="20 rows"):
        length_controlled(scores[:, :19], lengths[:, :19], everything(scores[:, :19]), confidence=0.95)


def read(file: Path) -> tuple[list[str], Floats]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        head, *rows = csv.reader(lines)
    return head[1:], np.array([[float(cell) if cell else np.nan for cell in row[1:]] for row in rows]).T


def test_five_models_of_alpaca_eval_come_near_the_published_rates() -> None:
    """Every seventh model that has a published rate, a handful at a time, as a user would compare them.

    The published rates know how hard each instruction is from other models; ours learn it from the handful. NullModel is a fraud.
    """
    folder = "evaluation/alpaca_eval/"
    models, scores = read(shared_data(folder + "winprob_v2_weighted_gpt4turbo_vs_gpt4_1106.csv.gz"))
    _, lengths = read(shared_data(folder + "outchars_v2_weighted_gpt4turbo_vs_gpt4_1106.csv.gz"))
    board = shared_data(folder + "src_weighted_alpaca_eval_gpt4_turbo_leaderboard.csv").read_text(encoding="utf-8").splitlines()
    published = {
        row[""]: float(row["length_controlled_winrate"]) / 100 for row in csv.DictReader(board) if row["length_controlled_winrate"]
    }
    difference = lengths - lengths[models.index("gpt4_1106_preview")]
    kept = [k for k, name in enumerate(models) if name in published and name not in ("NullModel", "gpt4_1106_preview")]
    complete = ~np.isnan(scores[kept]).any(axis=0) & ~np.isnan(difference[kept]).any(axis=0)
    distances, plain = [], []
    for start in range(7):
        handful = kept[start::7][:5]
        chosen = scores[handful][:, complete]
        control = length_controlled(chosen, difference[handful][:, complete], everything(chosen), confidence=0.95)
        truth = np.array([published[models[k]] for k in handful])
        distances += list(np.abs([rate.value for rate in control.rates] - truth))
        plain += list(np.abs(chosen.mean(axis=1) - truth))
    assert np.mean(distances) < 0.025
    assert np.mean(distances) < 0.5 * np.mean(plain)
