"""Replayed races: the same as live ones on the same rows, counted by hand where the end is known, the same for a seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtr

from llmpick.evidence.scores import ScoreMatrix
from llmpick.report.race.replay import replay_document
from llmpick.stats import replay as replay_module
from llmpick.stats.anytime import AnytimeRule
from llmpick.stats.bayes import SURE_ROWS, BayesRule
from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.race import Progress, Standing
from llmpick.stats.replay import draws, race_many, replay

Array = NDArray[np.float64]
GUARANTEES: tuple[Guarantee, ...] = ("anytime", "bayes")


def matrix_of(scores: Array, costs: Array | None = None, seen: NDArray[np.bool_] | None = None) -> ScoreMatrix:
    names = tuple(f"m{k}" for k in range(scores.shape[0]))
    items = tuple(f"i{n}" for n in range(scores.shape[1]))
    return ScoreMatrix(names, items, scores, np.ones(scores.shape, dtype=bool) if seen is None else seen, costs)


def answers(means: Array, rows: int, rng: np.random.Generator) -> Array:
    """0/1 scores of these rates on rows of a common difficulty."""
    hidden = np.sqrt(0.4) * rng.normal(size=rows) + np.sqrt(0.6) * rng.normal(size=(len(means), rows))
    return (ndtr(hidden) < means[:, None]).astype(float)


def races(how_many: int, seed: int, *, count: int = 4, rows: int = 90) -> Array:
    """Shape (R, K, N)."""
    rng = np.random.default_rng(seed)
    return np.stack([answers(rng.uniform(0.35, 0.75, count), rows, rng) for _ in range(how_many)])


def progress_of(scores: Array, done: NDArray[np.int64]) -> Progress:
    seen = np.arange(scores.shape[1]) < done[:, None]
    return Progress(np.where(seen, scores, 0.0), np.zeros_like(seen), done, np.zeros(len(done), dtype=np.int64))


def live(scores: Array, rule: BayesRule, costs: Array | None) -> tuple[NDArray[np.int64], Standing]:
    """Rows run and the last standing of a race whose calls cost what is recorded."""
    done = np.zeros(len(scores), dtype=np.int64)
    while True:
        progress = progress_of(scores, done)
        standing = rule.judge(progress)
        if standing.chosen is not None:
            return done, standing
        made = np.arange(scores.shape[1]) < done[:, None]
        cost = np.ones(len(done)) if costs is None else (costs * made).sum(axis=1) / np.maximum(done, 1)
        done = rule.next_rows(progress, standing, cost)


@pytest.mark.parametrize("weigh", [False, True])
@pytest.mark.parametrize("goal", [Goal(0.02, 0.95), Goal(0.05, 0.8), Goal(0.02, 0.95, max_expected_loss=0.004)])
def test_bayes_races_go_as_the_live_ones_call_by_call(goal: Goal, weigh: bool) -> None:
    drawn = races(12, 1)
    costs = np.random.default_rng(2).uniform(0.1, 9, drawn.shape) * np.array([1, 5, 20, 1])[:, None]
    ends = race_many(drawn, costs, goal=goal, guarantee="bayes", weigh=weigh)
    for r, scores in enumerate(drawn):
        done, standing = live(scores, BayesRule(goal), costs[r] if weigh else None)
        made = np.arange(scores.shape[1]) < done[:, None]
        assert ends.calls[r] == pytest.approx(made.mean())
        assert ends.spent[r] == pytest.approx((costs[r] * made).sum() / costs[r].sum())
        assert ends.returned[r] == standing.chosen


def row_by_row(scores: Array, goal: Goal) -> tuple[NDArray[np.int64], int]:
    """Rows run and winner of an `anytime` race in which everybody who is left makes one call at a time."""
    rule, done = AnytimeRule(goal), np.zeros(len(scores), dtype=np.int64)
    while True:
        standing = rule.judge(progress_of(scores, done))
        if standing.chosen is not None:
            return done, standing.chosen
        done = done + (~standing.beaten & (done < scores.shape[1]))


@st.composite
def some_races(draw: st.DrawFn) -> Array:
    """Two races (R, K, N) of up to five candidates on up to 60 rows, scored 0 or 1 or graded, of rows that are all alike or not at all."""
    count, rows, graded = draw(st.integers(1, 5)), draw(st.integers(1, 60)), draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    scores = (rng.random((2, count, rows)) < rng.uniform(0, 1, (2, count, 1))).astype(float)
    return np.round(scores * rng.random(scores.shape), 1) if graded else scores


some_goals = st.builds(Goal, st.sampled_from([0.0, 0.02, 0.1]), st.sampled_from([0.5, 0.7, 0.95]))


@given(some_races(), some_goals)
@settings(max_examples=60, deadline=None)
def test_anytime_races_go_as_the_live_ones_row_by_row(drawn: Array, goal: Goal) -> None:
    ends = race_many(drawn, None, goal=goal, guarantee="anytime")
    for r, scores in enumerate(drawn):
        done, chosen = row_by_row(scores, goal)
        assert ends.calls[r] == pytest.approx(done.sum() / scores.size)
        assert ends.returned[r] == chosen


@given(some_races(), some_goals)
@settings(max_examples=60, deadline=None)
def test_a_live_race_in_batches_claims_nothing_before_its_replay_and_then_the_same(drawn: Array, goal: Goal) -> None:
    """A batch runs beyond the row that decides, and those who were dropped on the way to it have run more than in the replay."""
    ends = race_many(drawn, None, goal=goal, guarantee="anytime")
    for r, scores in enumerate(drawn):
        decided_at, rule, done = int(row_by_row(scores, goal)[0].max()), AnytimeRule(goal), np.zeros(len(scores), dtype=np.int64)
        while True:
            progress = progress_of(scores, done)
            standing = rule.judge(progress)
            shared = int(done[~standing.beaten].min())
            assert (standing.chosen is not None) == (shared >= decided_at)
            if standing.chosen is not None:
                break
            assert not standing.within.any()
            done = rule.next_rows(progress, standing, np.ones(len(done)))
        assert standing.within[ends.returned[r]]
        assert done.sum() >= round(ends.calls[r] * scores.size)
        if shared == scores.shape[1] and not standing.beaten.any():
            assert standing.chosen == ends.returned[r]


def test_rows_that_were_not_run_are_not_read() -> None:
    """At a confidence of one half the best is often dropped; what it would have answered afterwards must not bring it back."""
    goal = Goal(0.0, 0.5)
    for scores in races(40, 9, rows=18):
        done, chosen = row_by_row(scores, goal)
        made = np.arange(scores.shape[1]) < done[:, None]
        for unseen in (0.0, 1.0):
            ends = race_many(np.where(made, scores, unseen)[None], None, goal=goal, guarantee="anytime")
            assert ends.returned[0] == chosen
            assert ends.calls[0] == pytest.approx(made.mean())


def test_calls_and_costs_and_regret_of_a_race_counted_by_hand() -> None:
    """Rows all alike: one always right, one never, one half. `bayes` looks first after its first rows, and may return after `SURE_ROWS`."""
    rows = 200
    scores = np.stack([np.zeros(rows), np.ones(rows), np.full(rows, 0.5)])[None]
    costs = np.array([1.0, 2.0, 5.0])[:, None] * np.ones((1, 3, rows))
    ends = race_many(scores, costs, goal=Goal(0.02, 0.95), guarantee="bayes")
    assert ends.returned[0] == 1
    assert ends.regret[0] == 0
    assert ends.decided[0]
    first = ends.calls[0] * 3 * rows
    assert SURE_ROWS <= first <= 3 * (SURE_ROWS + 4)
    done, _ = live(scores[0], BayesRule(Goal(0.02, 0.95)), None)
    assert ends.spent[0] == pytest.approx((done @ [1.0, 2.0, 5.0]) / (rows * 8.0))


def test_a_wrong_answer_is_counted_with_the_distance_that_it_has_on_all_rows() -> None:
    """The first 100 rows of 200 mislead: m0 is right there and nowhere else, m1 the other way round and once more."""
    scores = np.zeros((2, 200))
    scores[0, :100] = 1.0
    scores[1, 80:] = 1.0
    for guarantee in GUARANTEES:
        ends = race_many(scores[None], None, goal=Goal(0.02, 0.95), guarantee=guarantee)
        assert ends.returned[0] == 0
        assert ends.regret[0] == pytest.approx(0.1)
        names = race_many(scores[None], None, goal=Goal(0.02, 0.95), guarantee=guarantee, names=np.array([[7, 3]]))
        assert names.returned[0] == 7


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_the_summary_counts_the_ends(guarantee: Guarantee) -> None:
    scores = races(1, 5, count=6, rows=300)[0]
    result = replay(matrix_of(scores), goal=Goal(0.02, 0.8), guarantee=guarantee, repeats=40, seed=2, models=3, rows=100)
    ends = result.ends
    assert (result.repeats, result.models, result.rows) == (40, 3, 100)
    assert len(ends.calls) == 40
    assert result.cost_fraction == {"mean": ends.calls.mean(), "median": np.median(ends.calls)}
    assert result.token_cost_fraction is None
    assert result.regret == {"mean": ends.regret.mean(), "p95": np.quantile(ends.regret, 0.95)}
    assert result.error_rate == pytest.approx((ends.regret > 0.02 + 1e-9).mean())
    assert result.decided_at_half == pytest.approx((ends.decided & (ends.calls <= 0.5)).mean())
    assert sum(result.winners.values()) == pytest.approx(1)
    assert list(result.winners.values()) == sorted(result.winners.values(), reverse=True)
    assert {name: round(40 * share) for name, share in result.winners.items()} == {
        f"m{k}": int((ends.returned == k).sum()) for k in range(6) if (ends.returned == k).any()
    }


@pytest.mark.parametrize(("missed", "error"), [(1, 0.0), (2, 0.0), (3, 1.0)])
def test_a_regret_of_exactly_the_tolerance_is_no_error(missed: int, error: float) -> None:
    """m0 is right in the first 100 - `missed` rows of 300, m1 in the last 100: m0 is returned, whatever comes after."""
    scores = np.zeros((2, 300))
    scores[0, : 100 - missed] = 1.0
    scores[1, -100:] = 1.0
    tolerance, result = 2 / 300, race_many(scores[None], None, goal=Goal(2 / 300, 0.95), guarantee="bayes")
    assert result.returned[0] == 0
    assert result.regret[0] == pytest.approx(missed / 300)
    assert replay_module._summary(result, matrix_of(scores), 2, 300, tolerance).error_rate == error


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_the_same_seed_races_the_same_whatever_advances_together(monkeypatch: pytest.MonkeyPatch, guarantee: Guarantee) -> None:
    rng = np.random.default_rng(7)
    scores, costs = races(1, 7, count=7, rows=200)[0], rng.uniform(1, 9, (7, 200))
    matrix = matrix_of(scores, costs)

    def run(seed: int = 3, repeats: int = 15, spend_by="cost"):
        return replay(
            matrix, goal=Goal(0.05, 0.9), guarantee=guarantee, repeats=repeats, seed=seed, models=4, rows=60, spend_by=spend_by
        ).ends

    at_once = run()
    for together in (1, 4 * 4 * 60, 5 * 4 * 4 * 60):
        monkeypatch.setattr(replay_module, "TOGETHER", together)
        chunked = run()
        for name in at_once.__slots__:
            np.testing.assert_allclose(getattr(chunked, name), getattr(at_once, name), atol=1e-12)
    assert not np.array_equal(run(seed=4).calls, at_once.calls)
    np.testing.assert_array_equal(run(repeats=6).calls, at_once.calls[:6])  # more races begin with the same ones


def test_draws_are_models_and_complete_rows_without_repetition() -> None:
    scores = np.arange(6 * 40).reshape(6, 40) / 240
    seen = np.ones(scores.shape, dtype=bool)
    seen[2, [5, 9]] = seen[0, 30] = False
    costs = scores * 10
    incomplete = {5, 9, 30}
    used = set()
    for drawn in draws(matrix_of(scores, costs, seen), models=3, rows=20, repeats=12, seed=1):
        assert drawn.costs is not None
        for r in range(len(drawn.scores)):
            assert len(set(drawn.models[r].tolist())) == 3
            columns = np.round(drawn.scores[r, 0] * 240).astype(int) - drawn.models[r, 0] * 40
            assert len(set(columns.tolist())) == 20
            assert not set(columns.tolist()) & incomplete
            np.testing.assert_array_equal(drawn.scores[r], scores[drawn.models[r]][:, columns])
            np.testing.assert_array_equal(drawn.costs[r], costs[drawn.models[r]][:, columns])
            used.update(columns.tolist())
    assert len(used) == 37


@pytest.mark.parametrize(("models", "rows"), [(4, 5), (2, 11), (0, 5), (2, 0)])
def test_more_than_is_there_cannot_be_drawn(models: int, rows: int) -> None:
    with pytest.raises(ValueError, match="cannot draw"):
        list(draws(matrix_of(np.zeros((3, 10))), models=models, rows=rows, repeats=1, seed=0))


def test_weighing_by_cost_spends_less_than_weighing_by_calls() -> None:
    """On average over tasks: in a single one it may be the dear candidate whose calls would have told soonest."""
    scores = races(100, 11, count=6, rows=300)
    costs = np.array([1.0, 1.0, 1.0, 30.0, 30.0, 30.0])
    shuffled = np.random.default_rng(1).permuted(np.tile(costs, (100, 1)), axis=1)[:, :, None] * np.ones((1, 1, 300))
    spent = [race_many(scores, shuffled, goal=Goal(0.02, 0.95), guarantee="bayes", weigh=weigh).spent.mean() for weigh in (False, True)]
    assert spent[1] < 0.95 * spent[0]


def test_without_costs_what_is_spent_is_the_calls() -> None:
    ends = race_many(races(10, 13), None, goal=Goal(0.02, 0.95), guarantee="anytime")
    np.testing.assert_allclose(ends.spent, ends.calls)


def test_the_document_has_the_fields_that_were_promised() -> None:
    scores = races(1, 5, count=4, rows=60)[0]
    result = replay(matrix_of(scores, np.ones_like(scores)), goal=Goal(0.02, 0.8), guarantee="bayes", repeats=4, seed=2)
    asked = {
        "task": "x",
        "guarantee": "bayes",
        "confidence": 0.8,
        "tolerance": 0.02,
        "max_expected_loss": None,
        "spend_by": "cost",
        "seed": 2,
    }
    document = replay_document(result, asked)
    promised = "repeats models rows cost_fraction token_cost_fraction regret error_rate decided_at_half"
    assert set(promised.split()) <= set(document)
    assert (document["repeats"], document["models"], document["rows"]) == (4, 4, 60)
    assert set(document["cost_fraction"]) == set(document["token_cost_fraction"]) == {"mean", "median"}
    assert set(document["regret"]) == {"mean", "p95"}
    assert document["cost_fraction"] == pytest.approx(document["token_cost_fraction"])


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_one_model_or_one_row_races_too(guarantee: Guarantee) -> None:
    one = race_many(np.ones((3, 1, 40)), None, goal=Goal(0.02, 0.95), guarantee=guarantee)
    assert one.returned.tolist() == [0, 0, 0]
    assert one.regret.tolist() == [0, 0, 0]
    row = race_many(np.array([[[0.0], [1.0]]]), None, goal=Goal(0.02, 0.95), guarantee=guarantee)
    assert row.returned.tolist() == [1]
    assert row.calls.tolist() == [1.0]
