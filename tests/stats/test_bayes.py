"""The rule `bayes`: its risks are those of the posterior, its calls go where they can change the choice, and it stops when it should."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtr

from llmpick.stats.bayes import FIRST_ROWS, SURE_ROWS, BayesRule, Outlook, believed, expected_saving, outlook, satisfied, targets
from llmpick.stats.goal import Goal
from llmpick.stats.population import Model, Posterior, forecast
from llmpick.stats.race import Progress, Standing

Array = NDArray[np.float64]
GOAL = Goal(0.02, 0.95)


def belief(mean: list[float], deviation: list[float], correlation: float = 0.0) -> Posterior:
    """A posterior made by hand."""
    count = len(mean)
    root = np.array(deviation)
    matrix = np.full((count, count), correlation)
    np.fill_diagonal(matrix, 1.0)
    covariance = (matrix * root[:, None] * root)[None]
    return Posterior(np.array([mean]), covariance, Model(covariance, covariance, np.arange(count)[None]), np.ones((1, 1)))


def progress_of(scores: Array, done: list[int] | int, ranks: list[int] | None = None, lost: NDArray[np.bool_] | None = None) -> Progress:
    """As a live race would have it: nothing stands to the right of what was run."""
    count, rows = scores.shape
    run = np.full(count, done) if isinstance(done, int) else np.array(done)
    seen = np.arange(rows) < run[:, None]
    gone = np.zeros_like(seen) if lost is None else lost & seen
    return Progress(np.where(seen & ~gone, scores, 0.0), gone, run, np.array(ranks or [0] * count))


def answers(means: list[float], rows: int, seed: int) -> Array:
    """0/1 scores of these rates on rows of a common difficulty."""
    rng = np.random.default_rng(seed)
    hidden = np.sqrt(0.4) * rng.normal(size=rows) + np.sqrt(0.6) * rng.normal(size=(len(means), rows))
    return (ndtr(hidden) < np.array(means)[:, None]).astype(float)


BELIEFS = [
    ([0.6, 0.62], [0.02, 0.02], 0.0),
    ([0.6, 0.62, 0.5], [0.02, 0.03, 0.05], 0.3),
    ([0.7, 0.7, 0.7, 0.69, 0.6], [0.01, 0.02, 0.03, 0.02, 0.05], 0.5),
    ([0.5] * 8, [0.02] * 8, 0.6),
    ([0.55] + [0.5] * 7, [0.02] * 8, 0.2),
    ([0.62, 0.6, 0.6, 0.59, 0.55], [0.008] * 5, 0.0),
    ([0.5], [0.1], 0.0),
]


@pytest.mark.parametrize(("mean", "deviation", "correlation"), BELIEFS)
def test_risk_loss_and_chance_are_those_of_the_normal_distribution(mean: list[float], deviation: list[float], correlation: float) -> None:
    """Counted over 512 points, which is good to three points at a risk of one half and to one and a half where it decides."""
    found = belief(mean, deviation, correlation)
    view = outlook(found, 0.02)
    cases = np.random.default_rng(0).multivariate_normal(mean, found.covariance[0], size=300_000)
    behind = cases.max(axis=1, keepdims=True) - cases
    risk = (behind > 0.02).mean(axis=0)
    assert (np.abs(view.risk[0] - risk) <= np.where(risk < 0.1, 0.015, 0.03)).all()
    np.testing.assert_allclose(view.loss[0], behind.mean(axis=0), atol=0.001)
    np.testing.assert_allclose(view.chance[0], (cases - cases[:, view.best] > 0.02).mean(axis=0), atol=0.03)
    assert view.risk[0, view.best[0]] == view.risk[0].min()


def test_the_risk_of_two_is_the_tail_of_their_difference() -> None:
    for gap in (-0.05, 0.0, 0.03, 0.06):
        view = outlook(belief([0.6, 0.6 + gap], [0.02, 0.02]), 0.02)
        wanted = ndtr((np.array([gap, -gap]) - 0.02) / (0.02 * np.sqrt(2)))
        np.testing.assert_allclose(view.risk[0], wanted, atol=0.01)


@pytest.mark.parametrize("deviations", [3.0, 3.5, 4.0, 5.0])
def test_small_risks_are_resolved(deviations: float) -> None:
    """Far below one in 512 cases: between the tail of the nearest rival and the sum of all tails."""
    spread = 0.02
    found = belief([0.6 + deviations * spread, 0.6, 0.6], [spread / 2**0.5] * 3)
    risk, tail = outlook(found, 0.0).risk[0, 0], ndtr(-deviations)
    assert tail <= risk <= 2.01 * tail


@pytest.mark.parametrize(("risk", "loss", "stops", "stops_by_loss"), [(0.04, 0.02, True, False), (0.06, 0.005, False, True)])
def test_it_stops_on_the_risk_or_on_the_expected_loss(risk: float, loss: float, stops: bool, stops_by_loss: bool) -> None:
    view = Outlook(np.array([1]), np.array([[0.9, risk]]), np.array([[0.3, loss]]), np.zeros((1, 2)))
    by_loss = replace(GOAL, max_expected_loss=0.01)
    for done in ([500, SURE_ROWS], [0, SURE_ROWS]):
        assert satisfied(view, np.array([done]), 1000, GOAL).tolist() == [stops]
        assert satisfied(view, np.array([done]), 1000, by_loss).tolist() == [stops_by_loss]
    for goal in (GOAL, by_loss):
        assert not satisfied(view, np.array([[500, SURE_ROWS - 1]]), 1000, goal)[0]
    few = np.array([[SURE_ROWS - 1] * 2])
    assert satisfied(view, few, SURE_ROWS - 1, GOAL).tolist() == [stops]


def test_a_race_is_over_just_when_its_stated_risk_is_allowed() -> None:
    scores = answers([0.5, 0.6, 0.62], 400, 1)
    for goal in (GOAL, Goal(0.05, 0.8), Goal(0.02, 0.95, max_expected_loss=0.01)):
        ends = set()
        for done in range(6, 401, 13):
            progress = progress_of(scores, done)
            found, view = BayesRule(goal).judge(progress), outlook(believed(progress), goal.tolerance)
            named = view.best[0] if found.chosen is None else found.chosen
            risk, loss = view.risk[0, named], view.loss[0, named]
            limit = risk < 1 - goal.confidence if goal.max_expected_loss is None else loss <= goal.max_expected_loss
            limit &= done >= SURE_ROWS
            assert (found.chosen is not None) == limit
            ends.add(limit)
        assert ends == {True, False}


def last_look(missed: list[int], ranks: list[int]) -> Standing:
    """After 100 rows of candidates that solve 60, less those `missed`."""
    scores = np.tile([1.0] * 60 + [0.0] * 40, (len(missed), 1))
    for k, count in enumerate(missed):
        scores[k, :count] = 0.0
    return BayesRule(GOAL).judge(progress_of(scores, 100, ranks))


def test_all_rows_leave_no_risk() -> None:
    found = last_look([3, 1, 0], [0, 1, 2])
    assert found.within.tolist() == [False, True, True]
    assert found.chosen == 1
    assert found.beaten_by.tolist() == [2, -1, -1]


def test_a_distance_of_exactly_the_tolerance_is_within_it() -> None:
    assert last_look([2, 0], [0, 1]).within.tolist() == [True, True]


def test_the_cheapest_of_those_within_the_tolerance_is_chosen_and_at_equal_cost_the_better() -> None:
    base = np.random.default_rng(3).permutation(np.repeat([1.0, 0.0], 500))
    near = base.copy()
    near[np.flatnonzero(base)[:5]] = 0.0
    bad = np.zeros(1000)
    scores = np.stack([bad, near, base])
    for ranks, wanted in (([0, 1, 2], 1), ([0, 2, 1], 2), ([0, 1, 1], 2)):
        found = BayesRule(GOAL).judge(progress_of(scores, 900, ranks))
        assert found.within.tolist() == [False, True, True]
        assert found.chosen == wanted
        assert found.beaten_by[0] == 2


def test_a_cheaper_one_whose_loss_is_not_allowed_is_not_chosen() -> None:
    """Within the tolerance of 20 points is everybody here; expected to lose little is only the best."""
    scores = answers([0.5, 0.62], 1000, 5)
    for limit, wanted in ((0.5, 0), (0.01, 1)):
        found = BayesRule(Goal(0.2, 0.95, max_expected_loss=limit)).judge(progress_of(scores, 900, [0, 1]))
        assert found.within.all()
        assert found.chosen == wanted


def test_nothing_seen_decides_nothing_and_asks_for_a_first_batch() -> None:
    progress, rule = progress_of(np.ones((3, 50)), 0), BayesRule(GOAL)
    found = rule.judge(progress)
    assert found.chosen is None
    assert not found.beaten.any()
    assert rule.next_rows(progress, found, np.ones(3)).tolist() == [FIRST_ROWS] * 3
    nobody = Progress(np.zeros((0, 9)), np.zeros((0, 9), dtype=bool), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    assert BayesRule(GOAL).judge(nobody).chosen is None


def test_a_single_candidate_is_chosen() -> None:
    assert BayesRule(GOAL).judge(progress_of(np.ones((1, 50)), SURE_ROWS)).chosen == 0


@st.composite
def outlooks(draw: st.DrawFn) -> tuple[Outlook, NDArray[np.int64], int, Array]:
    """A view, rows done, rows and costs of one race; not all rows are run."""
    count, rows = draw(st.integers(1, 8)), draw(st.integers(1, 300))
    done = draw(st.lists(st.integers(0, rows), min_size=count, max_size=count).filter(lambda run: min(run) < rows))
    best = draw(st.integers(0, count - 1))
    chance = draw(st.lists(st.sampled_from([0.0, 0.002, 0.1, 0.5]), min_size=count, max_size=count))
    chance[best] = 0.0
    cost = draw(st.lists(st.sampled_from([1e-3, 1.0, 7.0, 1e6]), min_size=count, max_size=count))
    risk = np.full((1, count), 0.3)
    return Outlook(np.array([best]), risk, risk, np.array([chance])), np.array([done]), rows, np.array([cost])


@given(outlooks())
@settings(max_examples=300, deadline=None)
def test_a_batch_goes_forward_and_not_beyond_the_last_row(case: tuple[Outlook, NDArray[np.int64], int, Array]) -> None:
    view, done, rows, cost = case
    then = targets(view, done, rows, cost)
    assert (then >= done).all()
    assert then.max() <= rows
    assert (then > done).any()
    assert (then >= np.minimum(FIRST_ROWS, rows)).all()
    few = min(FIRST_ROWS, rows)
    assert len(set(then[(then > done) & (then > few)])) <= 1  # one row that all who run go to; newcomers go to the first look only


def test_a_newcomer_that_does_not_contend_goes_to_the_first_look_only() -> None:
    view = Outlook(np.array([0]), np.full((1, 3), 0.3), np.full((1, 3), 0.1), np.array([[0.0, 0.3, 0.001]]))
    assert targets(view, np.array([[100, 100, 3]]), 500, np.ones((1, 3))).tolist() == [[102, 102, FIRST_ROWS]]


def test_those_who_lag_catch_up_first() -> None:
    view = Outlook(np.array([0]), np.full((1, 3), 0.3), np.full((1, 3), 0.1), np.array([[0.0, 0.3, 0.3]]))
    assert targets(view, np.array([[100, 50, 80]]), 500, np.ones((1, 3))).tolist() == [[100, 52, 80]]


def test_who_has_no_chance_does_not_run() -> None:
    view = Outlook(np.array([1]), np.full((1, 3), 0.3), np.full((1, 3), 0.1), np.array([[0.0, 0.0, 0.4]]))
    assert targets(view, np.array([[100, 100, 100]]), 500, np.ones((1, 3))).tolist() == [[100, 102, 102]]


def test_calls_go_to_the_cheap_of_two_contenders() -> None:
    view = Outlook(np.array([0]), np.full((1, 3), 0.3), np.full((1, 3), 0.1), np.array([[0.0, 0.2, 0.3]]))
    done = np.array([[100, 100, 100]])
    assert targets(view, done, 500, np.ones((1, 3))).tolist() == [[102, 102, 102]]
    assert targets(view, done, 500, np.array([[1.0, 1.0, 50.0]])).tolist() == [[102, 102, 100]]
    assert targets(view, done, 500, np.array([[1.0, 50.0, 1.0]])).tolist() == [[102, 100, 102]]
    assert targets(view, done, 500, np.full((1, 3), 50.0)).tolist() == [[102, 102, 102]]


def live(scores: Array, rule: BayesRule, cost: Array, lost: NDArray[np.bool_] | None = None) -> list[tuple[Progress, Standing]]:
    """All looks at a race that runs what the rule asks for."""
    done, looks = [0] * len(scores), []
    while True:
        progress = progress_of(scores, done, lost=lost)
        looks.append((progress, rule.judge(progress)))
        if looks[-1][1].chosen is not None:
            return looks
        then = rule.next_rows(progress, looks[-1][1], cost)
        assert (then > progress.done).any()
        assert (then >= progress.done).all()
        assert then.max() <= scores.shape[1]
        done = then.tolist()


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 150), st.sampled_from([0.0, 0.02, 0.1]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_every_race_ends_and_what_it_says_holds_together(seed: int, count: int, rows: int, tolerance: float, graded: bool) -> None:
    rng = np.random.default_rng(seed)
    scores = answers(rng.uniform(0.1, 0.9, count).tolist(), rows, seed)
    scores = scores * rng.random(scores.shape) if graded else scores
    for progress, found in live(scores, BayesRule(Goal(tolerance, 0.9)), rng.uniform(0.1, 5, count)):
        everyone = np.arange(count)
        assert (found.beaten_by != everyone).all()
        assert not (found.within & found.beaten).any()
        assert not found.beaten.all()
        assert found.chosen is None or not found.beaten[found.chosen]
        if progress.done.any():
            view = outlook(believed(progress), tolerance)
            assert ((view.risk >= 0) & (view.risk <= 1)).all()
            assert 0 <= view.loss[0, view.best[0]] <= 1
    full = BayesRule(Goal(tolerance, 0.9)).judge(progress_of(scores, rows))
    means = scores.mean(axis=1)
    assert full.chosen is not None
    assert means[full.chosen] >= means.max() - tolerance - 1e-9


def test_a_kept_posterior_judges_like_a_fresh_one() -> None:
    rule, costs = BayesRule(GOAL), np.array([1.0, 3.0, 0.5])
    for progress, found in live(answers([0.5, 0.6, 0.62], 300, 4), rule, costs):
        fresh = BayesRule(GOAL)
        other = fresh.judge(progress)
        assert found.chosen == other.chosen
        np.testing.assert_array_equal(found.within, other.within)
        np.testing.assert_array_equal(found.beaten_by, other.beaten_by)
        np.testing.assert_array_equal(fresh.next_rows(progress, other, costs), rule.next_rows(progress, found, costs))


def test_dear_calls_are_spared() -> None:
    """Three near ties, one of them fifty times as dear as the rest: it runs fewer rows than at equal costs, on average over seeds."""
    runs = {True: 0.0, False: 0.0}
    for seed in range(6):
        scores = answers([0.55, 0.6, 0.6], 200, seed)
        for dear in runs:
            cost = np.array([1.0, 1.0, 50.0 if dear else 1.0])
            runs[dear] += live(scores, BayesRule(GOAL), cost)[-1][0].done[2]
    assert runs[True] < 0.9 * runs[False]


def test_a_lost_row_says_nothing() -> None:
    """It counts as the candidate's own mean, so a candidate that loses one in five is not thought worse for it."""
    scores = answers([0.6, 0.6], 2000, 8)
    lost = np.zeros(scores.shape, dtype=bool)
    lost[1] = np.random.default_rng(1).random(2000) < 0.2
    with_lost, without = believed(progress_of(scores, 1000, lost=lost)), believed(progress_of(scores, 1000))
    np.testing.assert_allclose(with_lost.mean, without.mean, atol=0.015)


def test_what_a_batch_saves_is_the_expected_best_less_the_present_best() -> None:
    """By simulation of the move that the forecast describes."""
    progress = progress_of(answers([0.58, 0.6, 0.6], 500, 2), 60)
    found = believed(progress)
    view = outlook(found, 0.02)
    then = np.array([[200, 200, 200]])
    moved = np.random.default_rng(0).multivariate_normal(found.mean[0], forecast(found, then, 500)[0], size=200_000)
    wanted = moved.max(axis=1).mean() - found.mean[0, view.best[0]]
    assert expected_saving(found, view.best, then, 500)[0] == pytest.approx(wanted, abs=4e-4)
    assert view.best[0] == found.mean.argmax()
    assert expected_saving(found, view.best, progress.done[None], 500)[0] == pytest.approx(0, abs=1e-4)


def test_no_more_is_saved_than_is_expected_to_be_lost() -> None:
    found = believed(progress_of(answers([0.58, 0.6, 0.6], 500, 2), 60))
    view = outlook(found, 0.02)
    all_rows = expected_saving(found, view.best, np.full((1, 3), 500), 500)[0]
    assert all_rows <= view.loss[0, view.best[0]] + 5e-4
    assert all_rows >= 0.5 * view.loss[0, view.best[0]]
