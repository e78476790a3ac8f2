"""What a decision will probably cost, before the first call: races are run on score matrices drawn from a prior, and their calls counted.

The prior says how far the candidates of one task usually lie apart and how much they agree; it is fitted on published scores by
`benchmarks/plan.py`, which also holds the forecasts against races on models and data sets that the fit has not seen. The range of a
forecast is that of the simulated races: it holds what differs between tasks, between candidates and between orders of the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval, Source
from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.power import cautious_moments, shown_beyond, smallest_difference
from llmpick.stats.race import Progress
from llmpick.stats.rules import rule_for
from llmpick.stats.synthetic import Prior, draw_task

PUBLIC_PRIOR = Prior(
    level=(-0.27, 1.16),
    log_spread=(-0.66, 0.55),
    agreement=(0.49, 0.13),
    graded_variance=(0.06, 0.15, 0.17, 0.22, 0.72, 0.76, 0.78, 0.81),
    source=Source(
        "fitted by benchmarks/plan.py on 7 models of MMLU-Pro, 35 and 25 of AlpacaEval 2 and 1, and GPT-4's grades of Vicuna-bench"
    ),
)
SURE = 0.90
MOST_CELLS = 6_000_000
"""Scores that all simulated races of one forecast may have together: many candidates on many rows get fewer races."""
FEWEST_RACES = 30


@dataclass(frozen=True, slots=True)
class Setting:
    """A race to come: its number of `candidates` and `rows`, the goal, and whether scores have grades between 0 and 1."""

    candidates: int
    rows: int
    goal: Goal
    graded: bool = False

    def with_rows(self, rows: int) -> "Setting":
        return replace(self, rows=rows)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What R simulated races of one setting came to, under one rule.

    `calls` counts all candidates' calls until the decision (median and 90% range), `share` the same of all candidates x rows. `early` is
    the share of races that were decided before a candidate had run all rows, `by_half` with at most half of all calls. `calls_each`, shape
    (R, candidates), is what each candidate ran in each race, and `decided`, shape (R,), whether that decided.
    """

    setting: Setting
    guarantee: Guarantee
    calls: Interval
    share: Interval
    early: float
    by_half: float
    calls_each: NDArray[np.float64]
    decided: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which true difference of two candidates' scores these rows tell with a probability of 80%, median and 90% range over tasks.

    `new_inputs`: for new inputs, all rows run. `half_of_rows`: on the rows themselves, when half of them are run; when all are, any
    difference on them is known. `decides`: the probability that all rows together show the best of the candidates to be within the
    tolerance of every other one for new inputs. A difference of 1 (100 points) stands for "or none at all".
    """

    new_inputs: Interval
    half_of_rows: Interval
    decides: float


def forecast(setting: Setting, guarantee: Guarantee, *, races: int, seed: int, prior: Prior = PUBLIC_PRIOR) -> Forecast:
    """Runs about `races` races of tasks drawn from the prior (fewer where the matrices would be huge) and counts their calls."""
    rng = np.random.default_rng([seed, setting.candidates, setting.rows])
    ends = [run_one(_task(setting, prior, rng), setting.goal, guarantee) for _ in range(_affordable(setting, races))]
    done = np.array([end.done for end in ends], dtype=float)
    calls, everything = done.sum(axis=1), setting.candidates * setting.rows
    decided = np.array([end.decided for end in ends])
    return Forecast(
        setting=setting,
        guarantee=guarantee,
        calls=spread(np.round(calls)),
        share=spread(calls / everything),
        early=float((decided & (done.max(axis=1) < setting.rows)).mean()),
        by_half=float((decided & (calls <= everything / 2)).mean()),
        calls_each=done,
        decided=decided,
    )


def still_to_pay(forecast: Forecast, kept: Sequence[NDArray[np.bool_]]) -> Forecast:
    """The same races, where `calls` and `calls_each` count only rows that are not `kept`: of each candidate, shape (rows,), in the order of
    the race.
    """
    new = np.stack([np.concatenate([[0], np.cumsum(~rows)]) for rows in kept])
    each = np.take_along_axis(new, forecast.calls_each.T.astype(np.int64), axis=1).T.astype(float)
    return replace(forecast, calls=spread(each.sum(axis=1)), calls_each=each)


def resolution(setting: Setting, *, tasks: int, seed: int, prior: Prior = PUBLIC_PRIOR) -> Resolution:
    """What the rows can tell at all, from the paired differences of tasks drawn from the prior."""
    rng = np.random.default_rng([seed, setting.candidates, setting.rows])
    deviations, decided = list[float](), list[bool]()
    beyond = shown_beyond(1 - (1 - setting.goal.confidence) / max(setting.candidates - 1, 1))
    for _ in range(_affordable(setting, tasks)):
        scores = _task(replace(setting, candidates=max(setting.candidates, 2)), prior, rng)
        best = int(scores.mean(axis=1).argmax())
        gaps = np.delete(scores[best] - scores, best, axis=0)
        means, variances = cautious_moments(gaps)
        decided.append(bool((means + setting.goal.tolerance >= beyond * np.sqrt(variances / setting.rows)).all()))
        deviations.append(float(np.sqrt(np.median(variances))))
    told = np.array([smallest_difference(deviation, setting.rows, setting.goal.confidence) for deviation in deviations])
    half = max(setting.rows // 2, 1)
    on_rows = np.array([smallest_difference(each, half, setting.goal.confidence, population=setting.rows) for each in deviations])
    return Resolution(spread(np.minimum(told, 1.0)), spread(np.minimum(on_rows, 1.0)), float(np.mean(decided)))


def amount(forecast: Forecast, per_call: Sequence[Interval], *, seed: int) -> Interval:
    """What the calls come to in tokens, seconds or money: `per_call` has one range (90%) for each candidate, in that unit."""
    return spread(_amounts(forecast, per_call, seed))


def chance_within(forecast: Forecast, per_call: Sequence[Interval], bound: float, *, seed: int) -> float:
    """The probability of a decision before that amount reaches `bound`."""
    return float((forecast.decided & (_amounts(forecast, per_call, seed) <= bound)).mean())


def assumed(prior: Prior, *, graded: bool) -> tuple[str, ...]:
    """In words: what the forecast took the candidates to be like."""
    typical, wide = np.exp(prior.log_spread[0]), np.exp(prior.log_spread[0] + 1.645 * prior.log_spread[1])
    narrow = np.exp(prior.log_spread[0] - 1.645 * prior.log_spread[1])
    points = [100 * 0.3989 * float(width) for width in (typical, narrow, wide)]
    return (
        f"scores of the candidates of one task vary by {points[0]:.0f} points around their mean [{points[1]:.0f}, {points[2]:.0f}] "
        "(one standard deviation, where the mean is 50%)",
        f"what is hard for one is hard for another: correlation {prior.agreement[0]:.2f} ({prior.agreement[1]:.2f} between pairs)",
        *(("a graded score varies like one of those of the source",) if graded else ()),
    )


def spread(values: NDArray[np.float64]) -> Interval:
    """Median and 90% range of simulated values, shape (R,)."""
    low, middle, high = np.quantile(values, ((1 - SURE) / 2, 0.5, (1 + SURE) / 2))
    return Interval(float(middle), float(low), float(high), SURE)


def _task(setting: Setting, prior: Prior, rng: np.random.Generator) -> NDArray[np.float64]:
    return draw_task(prior, setting.candidates, setting.rows, rng, graded=setting.graded)


def _amounts(forecast: Forecast, per_call: Sequence[Interval], seed: int) -> NDArray[np.float64]:
    """For each race, shape (R,). The errors of the ranges are taken to be shared by all candidates, as they are when the words per token or
    the speed of the machine are misjudged: they do not cancel out.
    """
    luck = np.random.default_rng(seed).normal(size=(len(forecast.calls_each), 1)) / 1.645
    middle, low, high = (np.array([getattr(each, end) for each in per_call]) for end in ("value", "low", "high"))
    costs = middle + np.where(luck < 0, luck * (middle - low), luck * (high - middle))
    return (forecast.calls_each * np.maximum(costs, 0.0)).sum(axis=1)


def _affordable(setting: Setting, races: int) -> int:
    return max(min(races, MOST_CELLS // max(setting.candidates * setting.rows, 1)), min(races, FEWEST_RACES))


@dataclass(frozen=True, slots=True)
class End:
    """How one race ended: the rows that each candidate had run, shape (K,), and whether that decided."""

    done: NDArray[np.int64]
    decided: bool


def run_one(scores: NDArray[np.float64], goal: Goal, guarantee: Guarantee) -> End:
    """One race to its end on scores, shape (K, N), whose columns stand in the order of the race; all calls at the same cost."""
    rule = rule_for(guarantee, goal)
    count, rows = scores.shape
    lost, equal = np.zeros(scores.shape, dtype=bool), np.zeros(count, dtype=np.int64)
    done = np.zeros(count, dtype=np.int64)
    while True:
        progress = Progress(scores, lost, done, equal)
        standing = rule.judge(progress)
        if standing.chosen is not None and done.min() > 0:
            return End(done, True)
        following = rule.next_rows(progress, standing, np.ones(count))
        if (following <= done).all():
            return End(done, standing.chosen is not None)
        done = np.minimum(following, rows)
