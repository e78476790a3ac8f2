"""How good models should be at a family of tasks, given what was published of them and of models like them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from llmpick.estimate.ability import link
from llmpick.estimate.ability.features import REFERENCE_PARAMETERS, Array, as_models
from llmpick.estimate.ability.kernel import SHARED, level_keys
from llmpick.estimate.ability.posterior import learn
from llmpick.estimate.ability.records import AbilityEvidence, Benchmark, Quantized, Standing
from llmpick.evidence.ability import AbilityFacts, TaskFamily
from llmpick.evidence.errors import InputError

MANY = "multi"
"""The language of benchmarks in many; it stands for every language that has no benchmark of its own."""
NORMAL_QUANTILE = 1.6448536269514722
"""Of the 90% interval."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What to expect of M models at one family of tasks.

    `mean`, `low` and `high` (M,) are scores in [0, 1], the interval holding 90%. The score is a growing function of a latent ability, which
    is normal with `latent_mean` (M,) and `latent_covariance` (M, M); `task_covariance` (M, M) is how much one task of the family differs
    from the mean of its family, model by model. `link` and `floor` are the shape of the curve
    from ability to score and where it begins.
    """

    models: tuple[str, ...]
    family: TaskFamily
    language: str
    mean: Array
    low: Array
    high: Array
    latent_mean: Array
    latent_covariance: Array
    task_covariance: Array
    link: float
    floor: float = 0.0

    def samples(self, count: int, seed: int) -> Array:
        """Draws from the joint distribution of the models' scores (count, M)."""
        draws = np.random.default_rng(seed).multivariate_normal(
            self.latent_mean, self.latent_covariance, size=count, method="eigh", check_valid="ignore"
        )
        return link.score(draws, self.link, self.floor)


def expected_abilities(models: Sequence[AbilityFacts], family: TaskFamily, evidence: AbilityEvidence, *, language: str = "en") -> Abilities:
    """The prior of `models` at `family` in `language` (a code such as "en" or "zh").

    The score is that of a typical benchmark of the family: the latent ability is the mean over those that stand for it, in the language
    asked where there are such, else as if they had been asked in it. Raises `InputError` for a family of which nothing is known.
    """
    learnt, standing = learn(evidence), _standing(evidence, family)
    # What rounding costs comes after, so that a model is asked once, however many times it is quantised.
    published = [replace(model, bits_per_weight=None) for model in models]
    place = {model: i for i, model in enumerate(dict.fromkeys(published))}
    at = np.array([place[model] for model in published], dtype=np.int64)
    mean, covariance, task = learnt.ask(as_models(list(place), learnt.expected), _keys(evidence, family, standing, language))
    mean, covariance, task = mean[at], covariance[np.ix_(at, at)], task[np.ix_(at, at)]
    mean, covariance = _rounded(models, mean, covariance, evidence.quantized)
    sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    k, floor = evidence.hyper.link, evidence.hyper.floor * _chance(evidence, standing, language)
    return Abilities(
        models=tuple(m.id for m in models),
        family=family,
        language=language,
        mean=link.mean_score(mean, sd, k, floor),
        low=link.score(mean - NORMAL_QUANTILE * sd, k, floor),
        high=link.score(mean + NORMAL_QUANTILE * sd, k, floor),
        latent_mean=mean,
        latent_covariance=covariance,
        task_covariance=task,
        link=k,
        floor=floor,
    )


def prior_for_bayes(abilities: Abilities) -> tuple[Array, Array]:
    """Mean (M,) and covariance (M, M) of the models' scores on the user's own task.

    His task is one more benchmark of the family: it differs from their mean as benchmarks of one family differ among each other, which
    marginal likelihood found in the published scores (`task_covariance`). Moments of g(z) to first order about the mean score.
    """
    covariance = abilities.latent_covariance + abilities.task_covariance
    sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    mean = link.mean_score(abilities.latent_mean, sd, abilities.link, abilities.floor)
    spread = np.sqrt(np.maximum(_second_moment(abilities, sd) - mean**2, 0.0))
    scale = np.divide(spread, sd, out=np.zeros_like(sd), where=sd > 0)
    return mean, covariance * np.outer(scale, scale)


def _second_moment(abilities: Abilities, sd: Array) -> Array:
    cases = abilities.latent_mean[:, None] + sd[:, None] * link.NODES
    return link.score(cases, abilities.link, abilities.floor) ** 2 @ link.WEIGHTS


def _standing(evidence: AbilityEvidence, family: TaskFamily) -> Standing:
    if family not in evidence.families:
        raise InputError(f"no benchmark stands for {family.value}", where="catalog/ability.yaml", remedy="add it under families")
    return evidence.families[family]


def _keys(evidence: AbilityEvidence, family: TaskFamily, standing: Standing, language: str) -> dict[str, dict[str, float]]:
    """The weights of each level's keys, for `Learnt.ask`: benchmarks in the language that was asked, where there are such."""
    spoken, fitting = _spoken(evidence, language), benchmarks_in(evidence, standing.benchmarks, language)
    keys: dict[str, dict[str, float]] = {level: {} for level in SHARED}
    for name in fitting or [f"a task of {family.value}"]:
        skill = evidence.benchmarks[name].skill if fitting else standing.skill
        asked_in = MANY if fitting and evidence.benchmarks[name].language == MANY else spoken
        for level, key in level_keys(name, Benchmark(skill, asked_in), "").items():
            if level in SHARED:
                keys[level][key] = keys[level].get(key, 0.0) + 1.0 / max(len(fitting), 1)
    return keys


def _spoken(evidence: AbilityEvidence, language: str) -> str:
    return language if any(b.language == language for b in evidence.benchmarks.values()) else MANY


def benchmarks_in(evidence: AbilityEvidence, standing: Sequence[str], language: str) -> list[str]:
    """Of the benchmarks that stand for a family those in that language, else those in many at once where the language has none of any
    family, else all; none where nobody published such scores.
    """
    spoken = _spoken(evidence, language)
    return [name for name in standing if evidence.benchmarks[name].language == spoken] or list(standing)


def _chance(evidence: AbilityEvidence, standing: Standing, language: str) -> float:
    """The mean over the benchmarks that stand for the family, else over those of its skill."""
    of_skill = [name for name, benchmark in evidence.benchmarks.items() if benchmark.skill == standing.skill]
    return float(np.mean([evidence.benchmarks[name].chance for name in benchmarks_in(evidence, standing.benchmarks, language) or of_skill]))


def _rounded(models: Sequence[AbilityFacts], mean: Array, covariance: Array, cost: Quantized | None) -> tuple[Array, Array]:
    """Lowers the ability of quantised models by what rounding their weights costs, and widens it by how uncertain that is."""
    if cost is None:
        return mean, covariance
    lost = np.array([_lost(m, cost) for m in models])
    return mean - lost, covariance + np.diag(np.where(lost > 0, cost.spread**2, 0.0))


def _lost(model: AbilityFacts, cost: Quantized) -> float:
    if model.bits_per_weight is None or model.bits_per_weight >= 16:
        return 0.0
    return cost.loss * 2.0 ** (-cost.rate * model.bits_per_weight) * (model.parameters / REFERENCE_PARAMETERS) ** -cost.size
