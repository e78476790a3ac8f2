"""The two rules keep one protocol: what holds for any rule, whatever it thinks of the scores."""

import numpy as np
import pytest
from numpy.typing import NDArray

from llmpick.stats.anytime import AnytimeRule
from llmpick.stats.bayes import BayesRule
from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.race import Progress, Standing
from llmpick.stats.rules import Rule, rule_for

GUARANTEES: tuple[Guarantee, ...] = ("anytime", "bayes")


def progress_of(scores: NDArray[np.float64], done: NDArray[np.int64], ranks: list[int] | None = None) -> Progress:
    seen = np.arange(scores.shape[1]) < done[:, None]
    return Progress(np.where(seen, scores, 0.0), np.zeros_like(seen), done, np.array(ranks or [0] * len(done)))


def race(scores: NDArray[np.float64], rule: Rule, ranks: list[int] | None = None) -> tuple[Progress, Standing]:
    """The last look at a race that runs what the rule asks for."""
    done = np.zeros(len(scores), dtype=np.int64)
    for _ in range(scores.size + 2):
        progress = progress_of(scores, done, ranks)
        standing = rule.judge(progress)
        if standing.chosen is not None:
            return progress, standing
        done = rule.next_rows(progress, standing, np.ones(len(done)))
    raise AssertionError("the race goes on for ever")


def test_the_guarantee_names_the_rule() -> None:
    goal = Goal(0.02, 0.95)
    assert isinstance(rule_for("anytime", goal), AnytimeRule)
    assert isinstance(rule_for("bayes", goal), BayesRule)
    assert rule_for("anytime", goal).goal is rule_for("bayes", goal).goal is goal


@pytest.mark.parametrize("guarantee", GUARANTEES)
@pytest.mark.parametrize("count", [1, 2, 3, 6])
@pytest.mark.parametrize("rows", [1, 2, 7, 60])
def test_every_race_ends_with_somebody_who_has_run(guarantee: Guarantee, count: int, rows: int) -> None:
    rng = np.random.default_rng([count, rows])
    for levels in ([0.0, 1.0], [0.0, 0.3, 0.7, 1.0], [0.5]):
        progress, standing = race(rng.choice(levels, size=(count, rows)), rule_for(guarantee, Goal(0.02, 0.95)))
        assert standing.chosen is not None
        assert progress.done[standing.chosen] > 0


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_clear_winner_wins_with_few_calls_wherever_it_stands(guarantee: Guarantee) -> None:
    scores = (np.random.default_rng(3).random((4, 800)) < np.array([0.8, 0.3, 0.4, 0.2])[:, None]).astype(float)
    for order in ([0, 1, 2, 3], [3, 0, 2, 1], [1, 2, 3, 0]):
        progress, standing = race(scores[order], rule_for(guarantee, Goal(0.02, 0.95)))
        assert standing.chosen == order.index(0)
        assert progress.done.mean() < 0.1 * 800


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_wider_tolerance_or_less_confidence_takes_no_more_calls(guarantee: Guarantee) -> None:
    """Summed over a few races of near ties."""
    goals = {"base": Goal(0.05, 0.95), "wide": Goal(0.1, 0.95), "bold": Goal(0.05, 0.8)}
    spent = dict.fromkeys(goals, 0)
    for seed in range(6):
        scores = (np.random.default_rng(seed).random((3, 300)) < np.array([0.6, 0.58, 0.4])[:, None]).astype(float)
        for name, goal in goals.items():
            spent[name] += int(race(scores, rule_for(guarantee, goal))[0].done.sum())
    assert spent["wide"] < spent["base"]
    assert spent["bold"] < spent["base"]


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_of_two_that_answer_alike_the_cheaper_is_chosen(guarantee: Guarantee) -> None:
    one = (np.random.default_rng(1).random(200) < 0.6).astype(float)
    for ranks in ([0, 1], [1, 0]):
        assert race(np.stack([one, one]), rule_for(guarantee, Goal(0.02, 0.95)), ranks)[1].chosen == ranks.index(0)
