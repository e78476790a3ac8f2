"""Which models resemble each other on which benchmarks: the covariance of the latent abilities.

    K((m, b), (m', b')) = sum over levels of [same key of the level] K_level(m, m'),    K_level = sum of amplitude^2 term(m, m')

Levels say how far a term is shared: over `all` benchmarks, those of one `language`, of one `skill`, of one `benchmark`, or the scores that
one source reports of a skill or a benchmark (different prompts and harnesses: the same model is reported up to 12 points apart).
Terms compare two models; each is partial pooling, since its amplitude says how much models that share it have in common.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product

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
        *("family_tuned", "ladder_smooth", "ladder_rough", "tokens", "date", "history"),
    ),
    "source_skill": ("constant",),
    "source_benchmark": ("family_tuned",),
}
SHARED = ("all", "language", "skill", "benchmark")
"""The levels that belong to the ability, not to a report of it."""
ROUGHNESS = 3.0
"""The rough term's length is the smooth one's divided by this: about one step of a ladder."""


@dataclass(frozen=True)
class _Pair:
    one: Models
    other: Models
    size_one: Array
    size_other: Array
    shapes: Mapping[str, float]

    def same(self, name: str) -> Array:
        # As numbers: words would be compared letter by letter.
        words = np.concatenate([getattr(self.one, name), getattr(self.other, name)])
        _, codes = np.unique(words, return_inverse=True)
        count = len(self.size_one)
        return np.asarray(codes[:count, None] == codes[None, count:], dtype=float)

    @cached_property
    def family(self) -> Array:
        return self.same("family")

    @cached_property
    def kind(self) -> Array:
        return self.same("kind")

    @cached_property
    def ladder(self) -> Array:
        return self.family * self.kind

    def product(self, name: str) -> Array:
        return np.outer(getattr(self.one, name), getattr(self.other, name))

    def near(self, name: str, length: float) -> Array:
        return _near(getattr(self.one, name), getattr(self.other, name), length)

    @cached_property
    def sizes(self) -> Array:
        return np.outer(self.size_one, self.size_other)

    @cached_property
    def smooth(self) -> Array:
        return _near(self.size_one, self.size_other, self.shapes["size_length"])

    @cached_property
    def rough(self) -> Array:
        return _near(self.size_one, self.size_other, self.shapes["size_length"] / ROUGHNESS)


TERMS: Mapping[str, Callable[[_Pair], Array]] = {
    "constant": lambda p: np.ones((len(p.size_one), len(p.size_other))),
    "size": lambda p: p.sizes,
    "size_smooth": lambda p: p.smooth,
    "size_rough": lambda p: p.rough,
    "tuned": lambda p: p.kind,
    "tuned_size": lambda p: p.kind * p.sizes,
    "family": lambda p: p.family,
    "family_size": lambda p: p.family * p.sizes,
    "family_size_smooth": lambda p: p.family * p.smooth,
    "family_size_rough": lambda p: p.family * p.rough,
    "family_tuned": lambda p: p.ladder,
    "ladder_smooth": lambda p: p.ladder * p.smooth,
    "ladder_rough": lambda p: p.ladder * p.rough,
    "line": lambda p: p.same("line"),
    "model": lambda p: p.same("ids"),
    "tokens": lambda p: p.product("tokens"),
    "date": lambda p: p.product("year"),
    "chinese": lambda p: p.product("chinese"),
    "code": lambda p: p.product("code"),
    "history": lambda p: p.smooth * p.near("tokens", p.shapes["token_length"]) * p.near("year", p.shapes["year_length"]),
}
"""Two sets of models -> (models, others). `tokens` and `date` are slopes beyond effective size, `history` what no line says,
`ladder` the base or the tuned models of a family."""


def model_terms(one: Models, other: Models, shapes: Mapping[str, float]) -> dict[str, Array]:
    """Every term between two sets of models, by name: (models, others)."""
    pair = _Pair(one, other, effective_size(one, shapes), effective_size(other, shapes), shapes)
    return {name: term(pair) for name, term in TERMS.items()}


def model_kernels(terms: Mapping[str, Array], amplitudes: Mapping[str, Mapping[str, float]]) -> dict[str, Array]:
    """K_level(models, others) by level: the terms weighed by their squared amplitudes."""
    return {level: sum((amplitudes[level][t] ** 2 * terms[t] for t in used), np.zeros(1)) for level, used in LEVELS.items()}


@dataclass(frozen=True, slots=True)
class Rows:
    """N published scores: `model` indexes the models (N,), `keys` has the key of each level as a number (N,), which `codes` explains.

    `score` (N,), and the `chance` (N,) of its benchmark.
    """

    model: Codes
    keys: Mapping[str, Codes]
    codes: Mapping[str, Mapping[str, int]]
    score: Array
    chance: Array


def as_rows(
    model: Sequence[int], benchmark: Sequence[str], source: Sequence[str], score: Sequence[float], benchmarks: Mapping[str, Benchmark]
) -> Rows:
    """One row per published score; all sequences have its length."""
    words = [level_keys(b, benchmarks[b], s) for b, s in zip(benchmark, source, strict=True)]
    keys, codes = dict[str, Codes](), dict[str, Mapping[str, int]]()
    for level in LEVELS:
        codes[level] = {word: i for i, word in enumerate(sorted({w[level] for w in words}))}
        keys[level] = np.array([codes[level][w[level]] for w in words], dtype=np.int64)
    chance = np.array([benchmarks[b].chance for b in benchmark], dtype=float)
    return Rows(np.asarray(model, dtype=np.int64), keys, codes, np.asarray(score, dtype=float), chance)


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
    """The prior covariance of the rows' latent values (N, N).

    Rows are put in an order in which those that share a level's key make few runs, so that whole blocks are added at once.
    """
    order = np.lexsort([rows.keys[level] for level in ("source_benchmark", "benchmark", "language", "skill")])
    model = rows.model[order]
    total = kernels["all"][model][:, model]
    for level in LEVELS:
        for one, other in _blocks(rows.keys[level][order]) if level != "all" else ():
            total[one, other] += kernels[level][model[one]][:, model[other]]
    back = np.argsort(order)
    return total[back][:, back]


def _blocks(key: Codes) -> Iterator[tuple[slice, slice]]:
    """The pairs of runs of `key` (N,) that have the same key."""
    edges = [0, *(np.flatnonzero(np.diff(key)) + 1).tolist(), len(key)]
    runs = dict[int, list[slice]]()
    for begin, end in pairwise(edges):
        if end > begin:
            runs.setdefault(int(key[begin]), []).append(slice(begin, end))
    for same in runs.values():
        yield from product(same, same)


def _near(one: Array, other: Array, length: float) -> Array:
    return np.exp(-0.5 * ((one[:, None] - other[None, :]) / length) ** 2)
