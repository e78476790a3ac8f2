"""The choice among models that nobody has run: equals, costs, ties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.decide.answer import Status
from llmpick.decide.unseen import choose_unseen, standing_for
from llmpick.estimate.ability import link
from llmpick.estimate.expected_draws import drawn_scores
from llmpick.estimate.expected_task import Weighed
from llmpick.evidence.ability import TaskFamily

A, B, C = 0, 1, 2
MODELS = np.array([A, A, B, B, C])
MEAN = np.array([0.70, 0.69, 0.69, 0.60, 0.50])
COST = np.array([16.0, 8.0, 7.0, 4.0, 1.0])


def choose(rows, chosen, mean, parts, tolerance, seed):
    return choose_unseen(rows, chosen, mean, *drawn_scores(parts, seed), tolerance)


def weighed(mean: list[float], sd: float, correlation: float = 0.0, probability: float = 1.0) -> Weighed:
    covariance = sd**2 * ((1 - correlation) * np.eye(len(mean)) + correlation)
    return Weighed(probability, TaskFamily.CHAT, np.array(mean), covariance, 0.5)


@pytest.mark.parametrize(
    ("tolerance", "chosen", "rows"),
    [
        (0.0, 0, [0, 2, 4]),  # the best, whatever it costs
        (0.02, 2, [1, 2, 4]),  # equals: A as 1, B as 2, and B is cheaper
        (0.1, 3, [1, 3, 4]),  # now B's smaller form is an equal too
        (0.2, 4, [1, 3, 4]),
    ],
)
def test_the_cheapest_of_equals(tolerance, chosen, rows):
    found, at = standing_for(MODELS, MEAN, COST, tolerance)
    assert found[at] == chosen
    assert sorted(found) == rows


def test_a_model_that_is_no_equal_stands_in_its_best_form():
    found, _ = standing_for(np.array([A, B, B]), np.array([0.9, 0.5, 0.4]), np.array([9.0, 5.0, 1.0]), 0.02)
    assert found.tolist() == [0, 1]


def test_of_equally_cheap_ones_the_best():
    found, at = standing_for(np.array([A, B]), np.array([0.69, 0.70]), np.array([8.0, 8.0]), 0.02)
    assert found[at] == 1


@given(st.permutations(range(5)))
def test_the_order_of_the_configurations_does_not_matter(order):
    found, at = standing_for(MODELS[order], MEAN[order], COST[order], 0.02)
    assert order[found[at]] == 2
    assert {order[row] for row in found} == {1, 2, 4}


def test_alone():
    found, at = standing_for(np.array([A]), np.array([0.1]), np.array([1.0]), 0.0)
    (status,) = choose(found, at, np.array([0.1]), [weighed([-2.0], 1.0)], 0.0, 0).status
    assert status is Status.CHOSEN


@pytest.mark.parametrize(("sd", "status"), [(0.05, Status.ELIMINATED), (1.0, Status.TIED)])
def test_a_tie_is_what_the_prior_cannot_tell(sd, status):
    latent = [0.5, 0.0]
    mean = link.score(np.array(latent), 0.5)
    found = choose(np.array([0, 1]), 0, mean, [weighed(latent, sd)], 0.02, 0)
    assert found.status == (Status.CHOSEN, status)
    assert found.equal == (True, False)
    assert found.difference[0].value == 0
    assert found.difference[1].low < found.difference[1].value < 0


def test_what_two_models_share_does_not_blur_their_difference():
    latent = [0.5, 0.0]
    mean = link.score(np.array(latent), 0.5)
    apart, alike = (choose(np.array([0, 1]), 0, mean, [weighed(latent, 1.0, r)], 0.02, 0) for r in (0.0, 0.99))
    assert apart.status[1] is Status.TIED
    assert alike.status[1] is Status.ELIMINATED


def test_the_probability_to_be_better_over_families():
    """Normal latents: P(better) = Phi(difference / its sd) in each family, mixed by their weights."""
    parts = [weighed([0.0, 1.0], 1.0, probability=0.25), weighed([0.0, -1.0], 1.0, probability=0.75)]
    better = choose(np.array([0, 1]), 0, np.array([0.5, 0.4]), parts, 0.02, 0).better
    phi = 0.7602
    assert better == (0.0, pytest.approx(0.25 * phi + 0.75 * (1 - phi), abs=0.02))


def test_the_same_seed_gives_the_same_answer():
    one, two, other = (choose(np.array([0, 1]), 0, MEAN[:2], [weighed([0.5, 0.0], 1.0)], 0.02, seed) for seed in (1, 1, 2))
    assert one.difference == two.difference != other.difference
