"""Which models resemble each other on which benchmarks: the covariance of the latent abilities.

    K((m, b), (m', b')) = sum over levels of [same key of the level] K_level(m, m'),    K_level = sum of amplitude^2 term(m, m')

Levels say how far a term is shared: over `all` benchmarks, those of one `language`, of one `skill`, of one `benchmark`, or the scores that
one source reports of a skill or a benchmark (different prompts and harnesses: the same model is reported up to 12 points apart).
Terms compare two models; each is partial pooling, since its amplitude says how much models that share it have in common.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.estimate.ability.features import Array, Models, effective_size
from llmpick.estimate.ability.records import Benchmark

Codes = NDArray[np.int64]
LEVELS: Mapping[str, tuple[str, ...]] = {
    "all": ("size", "size_smooth", "tuned_size", "family", "family_size", "line", "model", "tokens", "date", "history"),
    "language": ("constant", "family", "line", "chinese"),
    "skill": (
        *("constant", "size", "size_smooth", "tuned", "family", "family_size", "family_size_rough", "line", "model"),
        *("tokens", "date", "code", "history"),
    ),
    "benchmark": (
        *("constant", "size", "size_smooth", "size_rough", "tuned", "tuned_size", "family", "family_size_smooth", "family_size_rough"),
        *("family_tuned", "tokens", "date", "history"),
    ),
    "source_skill": ("constant",),
    "source_benchmark": ("family_tuned",),
}
SHARED = ("all", "language", "skill", "benchmark")
"""The levels that belong to the ability, not to a report of it."""
ROUGHNESS = 3.0
"""The rough term's length is the smooth one's divided by this: about one step of a ladder."""


@dataclass(frozen=True, slots=True)
class _Pair:
    one: Models
    other: Models
    size_one: Array
    size_other: Array
    shapes: Mapping[str, float]

    def same(self, name: str) -> Array:
        one, other = getattr(self.one, name), getattr(self.other, name)
        return np.asarray(one[:, None] == other[None, :], dtype=float)

    def product(self, name: str) -> Array:
        return np.outer(getattr(self.one, name), getattr(self.other, name))

    def near(self, name: str, length: float) -> Array:
        return _near(getattr(self.one, name), getattr(self.other, name), length)

    def sizes(self) -> Array:
        return np.outer(self.size_one, self.size_other)

    def smooth(self) -> Array:
        return _near(self.size_one, self.size_other, self.shapes["size_length"])

    def rough(self) -> Array:
        return _near(self.size_one, self.size_other, self.shapes["size_length"] / ROUGHNESS)


TERMS: Mapping[str, Callable[[_Pair], Array]] = {
    "constant": lambda p: np.ones((len(p.size_one), len(p.size_other))),
    "size": lambda p: p.sizes(),
    "size_smooth": lambda p: p.smooth(),
    "size_rough": lambda p: p.rough(),
    "tuned": lambda p: p.same("kind"),
    "tuned_size": lambda p: p.same("kind") * p.sizes(),
    "family": lambda p: p.same("family"),
    "family_size": lambda p: p.same("family") * p.sizes(),
    "family_size_smooth": lambda p: p.same("family") * p.smooth(),
    "family_size_rough": lambda p: p.same("family") * p.rough(),
    "family_tuned": lambda p: p.same("family_kind"),
    "line": lambda p: p.same("line"),
    "model": lambda p: p.same("ids"),
    "tokens": lambda p: p.product("tokens"),
    "date": lambda p: p.product("year"),
    "chinese": lambda p: p.product("chinese"),
    "code": lambda p: p.product("code"),
    "history": lambda p: p.smooth() * p.near("tokens", p.shapes["token_length"]) * p.near("year", p.shapes["year_length"]),
}
"""Two sets of models -> (models, others). `tokens` and `date` are slopes beyond effective size, `history` what no line says."""


def model_terms(one: Models, other: Models, shapes: Mapping[str, float]) -> dict[str, Array]:
    """Every term between two sets of models, by name: (models, others)."""
    pair = _Pair(one, other, effective_size(one, shapes), effective_size(other, shapes), shapes)
    return {name: term(pair) for name, term in TERMS.items()}


def model_kernels(terms: Mapping[str, Array], amplitudes: Mapping[str, Mapping[str, float]]) -> dict[str, Array]:
    """K_level(models, others) by level: the terms weighed by their squared amplitudes."""
    return {level: sum((amplitudes[level][t] ** 2 * terms[t] for t in used), np.zeros(1)) for level, used in LEVELS.items()}


@dataclass(frozen=True, slots=True)
class Rows:
    """N published scores: `model` indexes the models (N,), `keys` has the key of each level as a number (N,), which `codes` explains."""

    model: Codes
    keys: Mapping[str, Codes]
    codes: Mapping[str, Mapping[str, int]]
    score: Array


def as_rows(
    model: Sequence[int], benchmark: Sequence[str], source: Sequence[str], score: Sequence[float], benchmarks: Mapping[str, Benchmark]
) -> Rows:
    """One row per published score; all sequences have its length."""
    words = [level_keys(b, benchmarks[b], s) for b, s in zip(benchmark, source, strict=True)]
    keys, codes = dict[str, Codes](), dict[str, Mapping[str, int]]()
    for level in LEVELS:
        codes[level] = {word: i for i, word in enumerate(sorted({w[level] for w in words}))}
        keys[level] = np.array([codes[level][w[level]] for w in words], dtype=np.int64)
    return Rows(np.asarray(model, dtype=np.int64), keys, codes, np.asarray(score, dtype=float))


def level_keys(name: str, benchmark: Benchmark, source: str) -> dict[str, str]:
    """What must agree for two scores to share the terms of a level."""
    return {
        "all": "",
        "language": benchmark.language,
        "skill": benchmark.skill,
        "benchmark": name,
        "source_skill": f"{source}|{benchmark.skill}",
        "source_benchmark": f"{source}|{name}",
    }


def row_covariance(rows: Rows, kernels: Mapping[str, Array]) -> Array:
    """The prior covariance of the rows' latent values (N, N)."""
    total = kernels["all"][rows.model][:, rows.model]
    for level in LEVELS:
        if level != "all":
            total += kernels[level][rows.model][:, rows.model] * (rows.keys[level][:, None] == rows.keys[level])
    return total


def _near(one: Array, other: Array, length: float) -> Array:
    return np.exp(-0.5 * ((one[:, None] - other[None, :]) / length) ** 2)
