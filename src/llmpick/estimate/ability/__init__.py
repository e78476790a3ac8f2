"""The ability prior: how good a model should be at a kind of task, before it has run, with honest uncertainty.

One Gaussian process over (model, benchmark): `features` turns facts into numbers, `kernel` says which models resemble each other on which
benchmarks, `link` leads from the latent ability to the score, `posterior` learns from published scores, `expected` predicts a family of
tasks, `marginal` fits the hyperparameters. `records` holds what all of them read.
"""

from llmpick.estimate.ability.expected import Abilities, expected_abilities, prior_for_bayes
from llmpick.estimate.ability.records import AbilityEvidence

__all__ = ["Abilities", "AbilityEvidence", "expected_abilities", "prior_for_bayes"]
