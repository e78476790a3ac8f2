"""Who is better by the prior: the closed form against draws."""

import numpy as np
import pytest

from llmpick.estimate.ability import Abilities
from llmpick.estimate.ability.comparison import probability_better
from llmpick.evidence.ability import TaskFamily

MEAN = np.array([0.0, 0.5, -1.0])
FACTOR = np.array([[1.0, 0.0, 0.0], [0.8, 0.5, 0.0], [-0.3, 0.2, 0.7]])
TASK = np.diag([0.1, 0.2, 0.3])


def abilities(task) -> Abilities:
    zeros = np.zeros(3)
    return Abilities(("a", "b", "c"), TaskFamily.CODE, "en", zeros, zeros, zeros, MEAN, FACTOR @ FACTOR.T, task, 0.5)


@pytest.mark.parametrize("task", [np.zeros((3, 3)), TASK], ids=["family", "own task"])
def test_against_draws(task):
    draws = np.random.default_rng(1).multivariate_normal(MEAN, FACTOR @ FACTOR.T + task, size=200_000)
    one, other = np.array([0, 1, 2, 1]), np.array([1, 2, 0, 0])
    found = probability_better(abilities(task), one, other)
    np.testing.assert_allclose(found, (draws[:, one] > draws[:, other]).mean(axis=0), atol=0.005)
    np.testing.assert_allclose(found + probability_better(abilities(task), other, one), 1.0)


def test_a_model_and_itself():
    assert probability_better(abilities(TASK), np.array([2]), np.array([2])) == pytest.approx(0.5)
