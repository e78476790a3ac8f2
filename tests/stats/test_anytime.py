"""The rule `anytime`: its proof checked by brute force on all orders of small sets of rows, and its way of keeping a race's state."""

import math
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from llmpick.stats.anytime import BOLDEST, FIRST_ROWS, MOST_ROWS, AnytimeRule, Bets
from llmpick.stats.goal import Goal
from llmpick.stats.race import Progress, Standing
from llmpick.stats.replay import race_many

Array = NDArray[np.float64]
TOLERANCES = (0.0, 0.1, 0.3)
CONFIDENCES = (0.5, 0.7, 0.9)


def truths(count: int, rows: int, levels: tuple[float, ...]) -> list[Array]:
    """Every matrix (count, rows) of `levels`, but for the order of the rows, which all orders make up for."""
    columns = list(product(levels, repeat=count))
    return [np.array(chosen).T for chosen in combinations_with_replacement(columns, rows)]


def graded(count: int, rows: int, how_many: int) -> list[Array]:
    """Random matrices of graded scores."""
    rng = np.random.default_rng([count, rows])
    return [rng.choice([0.0, 0.2, 0.5, 0.9, 1.0], size=(count, rows)) for _ in range(how_many)]


SETS = {
    "all of 2 x 5": truths(2, 5, (0.0, 1.0)),
    "all of 3 x 4": truths(3, 4, (0.0, 1.0)),
    "graded, all of 2 x 4": truths(2, 4, (0.0, 0.4, 1.0)),
    "graded, 30 of 3 x 5": graded(3, 5, 30),
    "graded, 20 of 4 x 5": graded(4, 5, 20),
}


def in_all_orders(matrices: list[Array]) -> Array:
    """Shape (truth x order, K, N)."""
    orders = np.array(list(permutations(range(matrices[0].shape[1]))))
    return np.concatenate([matrix[:, orders].transpose(1, 0, 2) for matrix in matrices])


def adversary(scores: Array, goal: Goal) -> Array:
    """The capital M* of the proof, shape (R, N + 1), for the best candidate of each race: the product of its bettor's gains, each with the
    tolerance when the opponent is one that lies more than the tolerance behind. The null hypothesis is true of it.
    """
    races, count, rows = scores.shape
    means = np.sort(scores, axis=2).mean(axis=2)  # the same in every order, to the last bit
    best, everyone = means.argmax(axis=1), np.arange(races)
    worse = means.max(axis=1, keepdims=True) - means > goal.tolerance + 1e-9
    bets, capital = Bets.start(races, count, rows, goal), np.ones((races, rows + 1))
    for row in range(rows):
        opponent = bets._opponents()[everyone, best]
        copy = np.where(worse[everyone, opponent], opponent, best)
        before = bets.capital[everyone, best, copy]
        bets.step(scores[:, :, row], scores[:, :, row])
        gain = bets.capital[everyone, best, copy] - before
        assert np.isfinite(gain).all(), "the rows contradict what is true"
        capital[:, row + 1] = capital[:, row] * np.exp(gain)
    return capital


@pytest.mark.parametrize("tolerance", TOLERANCES)
@pytest.mark.parametrize("confidence", [0.5, 0.95])
@pytest.mark.parametrize("name", SETS)
def test_the_capital_against_what_is_true_is_expected_to_fall(name: str, confidence: float, tolerance: float) -> None:
    """The very claim of the proof, given every possible past: over the orders that begin alike, the mean capital after the next row is at
    most the capital now.
    """
    matrices = SETS[name]
    rows = matrices[0].shape[1]
    capital = adversary(in_all_orders(matrices), Goal(tolerance, confidence)).reshape(len(matrices), -1, rows + 1)
    orders = np.array(list(permutations(range(rows))))
    for row in range(rows):
        _, begins = np.unique(orders[:, :row], axis=0, return_inverse=True)
        for past in range(begins.max() + 1):
            alike = begins.ravel() == past
            now, later = capital[:, alike, row], capital[:, alike, row + 1]
            np.testing.assert_allclose(now, now[:, :1].repeat(now.shape[1], 1), rtol=1e-9)  # the past alone says what was staked
            assert (later.mean(axis=1) <= now[:, 0] * (1 + 1e-9) + 1e-9).all()
    assert (capital >= 0).all()


@pytest.mark.parametrize("tolerance", TOLERANCES)
@pytest.mark.parametrize("confidence", CONFIDENCES)
@pytest.mark.parametrize("name", SETS)
def test_for_every_truth_the_share_of_orders_with_a_wrong_answer_is_allowed(name: str, confidence: float, tolerance: float) -> None:
    matrices = SETS[name]
    ends = race_many(in_all_orders(matrices), None, goal=Goal(tolerance, confidence), guarantee="anytime")
    wrong = (ends.regret > tolerance + 1e-9).reshape(len(matrices), -1).mean(axis=1)
    assert wrong.max() <= 1 - confidence + 1e-9


def test_the_bound_is_not_kept_by_never_erring() -> None:
    """At a confidence of one half some truth is answered wrongly in some orders, so the test above can fail."""
    ends = race_many(in_all_orders(SETS["all of 2 x 5"]), None, goal=Goal(0.0, 0.5), guarantee="anytime")
    assert (ends.regret > 1e-9).any()


@pytest.mark.parametrize("name", SETS)
def test_the_best_is_dropped_in_no_more_orders_than_allowed(name: str) -> None:
    """ "Not the best" is shown of the truly best at any row in at most 1 - confidence of the orders."""
    matrices, goal = SETS[name], Goal(0.1, 0.7)
    scores = in_all_orders(matrices)
    bets = Bets.start(*scores.shape, goal)
    for row in range(scores.shape[2]):
        bets.step(scores[:, :, row], scores[:, :, row])
    means = scores.mean(axis=2)
    dropped = np.einsum("rbb->rb", bets.reached) >= bets.threshold
    false = (dropped & (means >= means.max(axis=1, keepdims=True) - 1e-12)).any(axis=1)
    assert false.reshape(len(matrices), -1).mean(axis=1).max() <= 0.3 + 1e-9


def play(scores: Array, lost: NDArray[np.bool_], goal: Goal) -> list[Bets]:
    """The state after each row of one race, (K, N)."""
    bets, states = Bets.start(1, *scores.shape, goal), []
    for row in range(scores.shape[1]):
        bets.step(np.where(lost, 0.0, scores)[None, :, row], np.where(lost, 1.0, scores)[None, :, row])
        states.append(bets.only(np.array([True])))
    return states


@dataclass(frozen=True)
class Made:
    """A race: scores and lost cells of shape (K, N)."""

    scores: Array
    lost: NDArray[np.bool_]

    def progress(self, done: list[int] | int, ranks: list[int] | None = None) -> Progress:
        """As a live race would have it: nothing stands to the right of what was run."""
        count, rows = self.scores.shape
        run = np.full(count, done) if isinstance(done, int) else np.array(done)
        seen = np.arange(rows) < run[:, None]
        costs = np.array(ranks) if ranks else np.zeros(count, dtype=np.int64)
        return Progress(np.where(seen & ~self.lost, self.scores, 0.0), self.lost & seen, run, costs)


@st.composite
def made(draw: st.DrawFn, *, rows: int = 40, lost: bool = True) -> Made:
    """Up to five candidates of any strength, on up to `rows` rows, of which some are lost."""
    count, width = draw(st.integers(1, 5)), draw(st.integers(1, rows))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    scores = (rng.random((count, width)) < rng.random((count, 1))).astype(float)
    if draw(st.booleans()):
        scores = np.round(scores * rng.random((count, width)), 2)
    share = draw(st.sampled_from([0.0, 0.1, 0.5])) if lost else 0.0
    return Made(scores, rng.random((count, width)) < share)


goals = st.builds(Goal, st.sampled_from([0.0, 0.02, 0.2]), st.sampled_from([0.5, 0.8, 0.95]))


@given(made(), goals, st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_later_rows_change_nothing_of_what_was_shown(race: Made, goal: Goal, seed: int) -> None:
    rng, rows = np.random.default_rng(seed), race.scores.shape[1]
    now = int(rng.integers(0, rows))
    other = race.scores.copy()
    other[:, now:] = rng.random((len(other), rows - now))
    for before, after in list(zip(play(race.scores, race.lost, goal), play(other, race.lost, goal), strict=True))[:now]:
        np.testing.assert_array_equal(before.capital, after.capital)
        np.testing.assert_array_equal(before.alive, after.alive)


@given(made(), goals)
@settings(max_examples=60, deadline=None)
def test_what_is_shown_stays_shown(race: Made, goal: Goal) -> None:
    states = play(race.scores, race.lost, goal)
    for before, after in pairwise(states):
        assert (after.shown | ~before.shown).all()
        assert (before.alive | ~after.alive).all()


@given(st.integers(0, 10**6), st.sampled_from([0.02, 0.2, 0.5]), st.floats(0.0, 0.1))
@settings(max_examples=60, deadline=None)
def test_no_row_can_ruin_a_bettor(seed: int, tolerance: float, rate: float) -> None:
    """Where differences are rare the stakes are bold; one contrary row takes nine tenths of the capital at most."""
    rng = np.random.default_rng(seed)
    scores = (rng.random((3, 60)) < rate).astype(float)
    scores[:, rng.integers(30, 60)] = [0.0, 0.0, 1.0]
    before = np.zeros((1, 3, 3))
    for state in play(scores, np.zeros_like(scores, dtype=bool), Goal(tolerance, 1 - 1e-12)):
        assert (state.capital - np.where(np.isinf(before), 0.0, before) >= math.log(1 - BOLDEST) - 1e-9).all()
        before = state.capital


def standing(race: Made, done: list[int] | int, goal: Goal, ranks: list[int] | None = None) -> Standing:
    return AnytimeRule(goal).judge(race.progress(done, ranks))


def same(one: Standing, other: Standing) -> None:
    assert one.chosen == other.chosen
    np.testing.assert_array_equal(one.within, other.within)
    np.testing.assert_array_equal(one.beaten_by, other.beaten_by)


def live(race: Made, rule: AnytimeRule) -> list[tuple[Progress, Standing]]:
    """All looks at a race that runs what the rule asks for."""
    done, looks = np.zeros(len(race.scores), dtype=np.int64), []
    while True:
        progress = race.progress(done.tolist())
        looks.append((progress, rule.judge(progress)))
        then = rule.next_rows(progress, looks[-1][1], np.ones(len(done)))
        assert (then >= done).all()
        assert then.max() <= race.scores.shape[1]
        if looks[-1][1].chosen is not None or (then == done).all():
            return looks
        done = then


@given(made(), goals)
@settings(max_examples=60, deadline=None)
def test_a_kept_state_judges_like_a_fresh_one(race: Made, goal: Goal) -> None:
    for progress, found in live(race, AnytimeRule(goal)):
        same(found, AnytimeRule(goal).judge(progress))


@given(made(rows=25), goals)
@settings(max_examples=60, deadline=None)
def test_a_rule_that_has_seen_another_race_judges_like_a_fresh_one(one: Made, goal: Goal) -> None:
    rule, blank = AnytimeRule(goal), np.zeros_like(one.scores)
    for race in (one, Made(1 - one.scores, one.lost), Made(blank, one.lost), Made(blank, ~one.lost), one):
        done = race.scores.shape[1]
        same(rule.judge(race.progress(done)), standing(race, done, goal))


@pytest.mark.parametrize("unseen", [0.0, 1.0])
def test_what_was_not_run_is_not_read(unseen: float) -> None:
    """At a confidence of one half somebody is often dropped; whatever stands to the right of what it ran, the same is shown."""
    rng, goal = np.random.default_rng(9), Goal(0.0, 0.5)
    for _ in range(40):
        scores = (rng.random((4, 18)) < rng.uniform(0.35, 0.75, (4, 1))).astype(float)
        race, done = Made(scores, np.zeros(scores.shape, dtype=bool)), np.zeros(4, dtype=np.int64)
        while True:
            progress = race.progress(done.tolist())
            found = AnytimeRule(goal).judge(progress)
            run = np.arange(18) < done[:, None]
            same(AnytimeRule(goal).judge(replace(progress, scores=np.where(run, progress.scores, unseen))), found)
            if found.chosen is not None:
                break
            done = done + (~found.beaten & (done < 18))


@pytest.mark.parametrize("furthest", [0, 7, 100, 5_000, 99_990])
def test_a_batch_is_never_too_large_to_be_bet_on_at_once(furthest: int) -> None:
    progress = Progress(np.zeros((2, 100_000)), np.zeros((2, 100_000), dtype=bool), np.full(2, furthest), np.zeros(2, dtype=np.int64))
    nobody_dropped = Standing(np.zeros(2, dtype=bool), np.full(2, -1), np.zeros(2, dtype=bool), None)
    more = AnytimeRule(Goal(0.02, 0.95)).next_rows(progress, nobody_dropped, np.ones(2)) - furthest
    assert (more >= min(FIRST_ROWS, 100_000 - furthest)).all()
    assert (more <= MOST_ROWS).all()


def test_looking_twice_shows_the_same() -> None:
    rows = [[1, 0, 1, 1, 1, 1, 1, 1, 0, 1], [1, 0, 1, 1, 0, 1, 1, 0, 1, 0]]
    race, rule = Made(np.array(rows, dtype=float), np.zeros((2, 10), dtype=bool)), AnytimeRule(Goal(0.02, 0.5))
    progress = race.progress(10)
    same(rule.judge(progress), rule.judge(progress))


def test_a_rule_that_has_seen_more_of_the_race_judges_like_a_fresh_one() -> None:
    race, goal = Made(np.zeros((2, 8)), np.zeros((2, 8), dtype=bool)), Goal(0.02, 0.5)
    rule = AnytimeRule(goal)
    full = Progress(race.scores, race.lost, np.array([8, 8]), np.zeros(2, dtype=np.int64))
    same(rule.judge(full), standing(race, 8, goal))
    same(rule.judge(Progress(race.scores, race.lost, np.array([1, 1]), np.zeros(2, dtype=np.int64))), standing(race, 1, goal))


@given(made(lost=False), goals)
@settings(max_examples=60, deadline=None)
def test_a_race_without_lost_rows_ends_with_an_answer_and_all_rows_with_the_right_one(race: Made, goal: Goal) -> None:
    assert live(race, AnytimeRule(goal))[-1][1].chosen is not None
    means = race.scores.mean(axis=1)
    ends = race_many(race.scores[None], None, goal=Goal(goal.tolerance, 1 - 1e-12), guarantee="anytime")
    assert ends.regret[0] <= goal.tolerance + 1e-9
    assert ends.decided[0]
    final = play(race.scores, race.lost, Goal(goal.tolerance, 1 - 1e-12))[-1]
    wanted = means.max() - means <= goal.tolerance + 1e-9
    np.testing.assert_array_equal(final.within[0], wanted)


TIES = [
    ([[1, 1, 0, 0], [0, 0, 1, 1]], 0.0, [True, True]),
    ([[1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]], 0.0, [True, True, False]),
    ([[1, 1, 1, 0], [1, 1, 0, 0]], 0.25, [True, True]),
    ([[1, 1, 1, 0], [1, 1, 0, 0]], 0.2, [True, False]),
    ([[0.3, 0.3, 0.3, 0.3], [0.1, 0.2, 0.4, 0.5]], 0.0, [True, True]),
    ([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], 0.0, [True, True]),
    ([[0.7] * 10, [0.6] * 10], 0.1, [True, True]),
]


@pytest.mark.parametrize(("scores", "tolerance", "within"), TIES)
def test_after_all_rows_ties_and_distances_of_exactly_the_tolerance_are_told(
    scores: list[list[float]], tolerance: float, within: list[bool]
) -> None:
    race = Made(np.array(scores, dtype=float), np.zeros_like(scores, dtype=bool))
    final = play(race.scores, race.lost, Goal(tolerance, 1 - 1e-12))[-1]
    assert final.within[0].tolist() == within
    ranks = list(range(len(scores)))[::-1]
    chosen = standing(race, len(scores[0]), Goal(tolerance, 1 - 1e-12), ranks).chosen
    assert chosen == max(k for k in ranks if within[k])


@given(made(rows=30), goals, st.integers(0, 10**6))
@settings(max_examples=150, deadline=None)
def test_a_lost_row_shows_no_more_than_any_score_would_have_at_the_end(race: Made, goal: Goal, seed: int) -> None:
    """After the last row nothing is a matter of chance, so that whatever the lost rows would have been, what is shown holds."""
    rng, sure = np.random.default_rng(seed), Goal(goal.tolerance, 1 - 1e-12)
    shown = play(race.scores, race.lost, sure)[-1].within[0]
    for _ in range(5):
        would = np.where(race.lost, rng.integers(0, 2, race.scores.shape), race.scores)
        truth = would.mean(axis=1)
        assert (truth[shown] >= truth.max() - goal.tolerance - 1e-9).all()


def test_a_bet_on_a_lost_row_gains_no_more_than_on_any_score() -> None:
    """Given the same past, so on the row itself; `worst` is the opponent's score, `kindest` the candidate's own."""
    rng = np.random.default_rng(4)
    past = rng.random((3, 12)).round(1)
    last = rng.random((3, 200)).round(1)
    missing = rng.random((3, 200)) < 0.5
    for k in range(200):
        states = [Bets.start(1, 3, 30, Goal(0.05, 0.95)) for _ in range(2)]
        for bets, lost in zip(states, (np.zeros(3, dtype=bool), missing[:, k]), strict=True):
            for column in past.T:
                bets.step(column[None], column[None])
            bets.step(np.where(lost, 0.0, last[:, k])[None], np.where(lost, 1.0, last[:, k])[None])
        assert (states[1].capital <= states[0].capital + 1e-12).all()


@pytest.mark.parametrize("name", ["all of 2 x 5", "graded, 30 of 3 x 5"])
def test_lost_rows_leave_the_error_bound_whatever_they_would_have_been(name: str) -> None:
    """Whatever they hold: here those that would have told most are lost, the successes of the best and the failures of the rest."""
    matrices, goal = SETS[name], Goal(0.1, 0.6)
    for matrix in matrices:
        means = matrix.mean(axis=1)
        best = means == means.max()
        for lost_of in (best, ~best):
            cells = in_all_orders([matrix])
            lost = lost_of[:, None] & (cells == (1.0 if lost_of is best else 0.0))
            bets = Bets.start(*cells.shape, goal)
            for row in range(cells.shape[2]):
                bets.step(np.where(lost, 0.0, cells)[:, :, row], np.where(lost, 1.0, cells)[:, :, row])
            wrong = bets.within & (means < means.max() - goal.tolerance - 1e-9)
            assert wrong.any(axis=1).mean() <= 0.4 + 1e-9


@given(made(lost=False), goals)
@settings(max_examples=100, deadline=None)
def test_somebody_is_left_and_nobody_beats_himself(race: Made, goal: Goal) -> None:
    for progress, found in live(race, AnytimeRule(goal)):
        assert (found.beaten_by != np.arange(len(progress.done))).all()
        assert not found.beaten.all()
        assert found.chosen is None or (found.within[found.chosen] and not found.beaten[found.chosen])


def test_nobody_beats_himself_when_lost_rows_leave_it_open() -> None:
    scores = np.array([[1, 1, 1, 1, 1], [0, 0, 1, 1, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], dtype=float)
    lost = np.zeros((5, 5), dtype=bool)
    lost[0, 1] = lost[3, 3] = lost[4, 0] = True
    found = standing(Made(scores, lost), 5, Goal(0.0, 0.5))
    assert (found.beaten_by != np.arange(5)).all()


def test_what_a_replay_returns_is_shown_by_the_live_race_too() -> None:
    """The live race runs in batches and uses all of the last one, the replay stops at the row that decided."""
    rng = np.random.default_rng(12)
    for confidence in (0.5, 0.8, 0.95):
        goal = Goal(0.03, confidence)
        for _ in range(40):
            count, rows = int(rng.integers(1, 6)), int(rng.integers(1, 120))
            scores = (rng.random((count, rows)) < rng.uniform(0.3, 0.8, (count, 1))).astype(float)
            race = Made(scores, np.zeros_like(scores, dtype=bool))
            ends = race_many(scores[None], None, goal=goal, guarantee="anytime")
            rule = AnytimeRule(goal)
            progress, found = live(race, rule)[-1]
            assert rule._bets is not None
            assert found.within[ends.returned[0]]
            assert progress.done.sum() >= ends.calls[0] * scores.size - 1e-6
            assert (progress.done[~found.beaten] >= rule._bets.rows_seen).all()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_nothing_seen_decides_nothing(count: int) -> None:
    race = Made(np.ones((count, 20)), np.zeros((count, 20), dtype=bool))
    found = standing(race, 0, Goal(0.02, 0.95))
    assert found.chosen is None
    assert not found.beaten.any()
    assert not found.within.any()


def test_a_single_candidate_has_no_rival_and_no_candidate_no_answer() -> None:
    one = Made(np.ones((1, 20)), np.zeros((1, 20), dtype=bool))
    assert standing(one, 1, Goal(0.02, 0.95)).chosen == 0
    nobody = Progress(np.zeros((0, 20)), np.zeros((0, 20), dtype=bool), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    assert AnytimeRule(Goal(0.02, 0.95)).judge(nobody).chosen is None


def test_when_all_rows_are_there_the_cheapest_of_those_within_the_tolerance_is_chosen() -> None:
    """They may be: a batch runs to the end, a stopped run is resumed."""
    rng = np.random.default_rng(0)
    good = (rng.permutation(600) < 420).astype(float)
    nearly = good.copy()
    nearly[np.flatnonzero(good)[:6]] = 0.0
    bad = (rng.permutation(600) < 200).astype(float)
    race = Made(np.stack([bad, good, nearly]), np.zeros((3, 600), dtype=bool))
    found = standing(race, 600, Goal(0.1, 0.95), [0, 2, 1])
    assert found.within.tolist() == [False, True, True]
    assert found.chosen == 2


def test_a_clear_winner_is_proven_in_a_small_part_of_the_rows() -> None:
    rng = np.random.default_rng(2)
    scores = (rng.random((60, 5, 1000)) < np.array([0.3, 0.4, 0.35, 0.45, 0.75])[:, None]).astype(float)
    ends = race_many(scores, None, goal=Goal(0.02, 0.95), guarantee="anytime")
    assert (ends.returned == 4).all()
    assert ends.calls.mean() < 0.06
    assert math.isclose(ends.decided.mean(), 1.0)
