"""How probable it is that one model is better than another at a task of a family, by the prior."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from llmpick.estimate.ability.expected import Abilities
from llmpick.estimate.ability.features import Array


def probability_better(abilities: Abilities, one: NDArray[np.int64], other: NDArray[np.int64]) -> Array:
    """P(score of model `one` > score of model `other`) on the user's own task, pair by pair; positions (P,) in `abilities.models`.

    The score grows with the latent ability, which is jointly normal, so P = Phi(mean difference / its standard deviation). The user's task
    differs from the mean of its family as `task_covariance` says. Of a model and itself it is 1/2.
    """
    difference = abilities.latent_mean[one] - abilities.latent_mean[other]
    covariance = abilities.latent_covariance + abilities.task_covariance
    variance = covariance[one, one] + covariance[other, other] - 2.0 * covariance[one, other]
    sd = np.sqrt(np.maximum(variance, 0.0))
    return ndtr(np.divide(difference, sd, out=np.zeros_like(sd), where=sd > 0.0))
