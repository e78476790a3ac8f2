"""The posterior against the textbook's formulas, and the gradient of the marginal likelihood against differences."""

from dataclasses import replace

import numpy as np
import pytest

from ability_cells import Prior, Table
from llmpick.catalog.ability import ability_evidence
from llmpick.estimate.ability.features import as_models, usual
from llmpick.estimate.ability.kernel import LEVELS, SHARED, as_rows, level_keys, model_kernels, model_terms, row_covariance
from llmpick.estimate.ability.marginal import _mode, _objective, _pack, fit, start
from llmpick.estimate.ability.posterior import learn, rows_of
from llmpick.evidence.ability import TaskFamily

EVIDENCE = ability_evidence()
SMALL = replace(EVIDENCE, scores=EVIDENCE.scores[::9])


def test_a_question_about_one_benchmark_is_the_conditional_of_the_joint_normal():
    """`Learnt.ask` sums levels; here the question is one more row of the full covariance, with no source in common."""
    name, learnt = "MATH", learn(SMALL)
    asked = [f.id for f in SMALL.facts].index("Qwen/Qwen2.5-7B-Instruct")
    models = as_models([SMALL.facts[asked]], learnt.expected)
    keys = level_keys(name, SMALL.benchmarks[name], "")
    mean, covariance = learnt.ask(models, {level: {keys[level]: 1.0} for level in SHARED})
    rows = rows_of(SMALL, lambda _: True)
    place = {f.id: i for i, f in enumerate(SMALL.facts)}
    scores = SMALL.scores
    joint = as_rows(
        [*(place[s.model] for s in scores), asked],
        [*(s.benchmark for s in scores), name],
        [*(s.source for s in scores), "nobody"],
        [*(s.score for s in scores), 0.0],
        SMALL.benchmarks,
    )
    kernels = model_kernels(model_terms(learnt.models, learnt.models, SMALL.hyper.shapes), SMALL.hyper.amplitudes)
    full = row_covariance(joint, kernels)
    own_source = sum(kernels[level][asked, asked] for level in LEVELS if level not in SHARED)
    seen = learnt.mode.factor @ learnt.mode.factor.T
    to_rows = full[-1, :-1]
    assert mean[0] == pytest.approx(to_rows @ np.linalg.solve(seen, learnt.mode.observed))
    assert covariance[0, 0] == pytest.approx(full[-1, -1] - own_source - to_rows @ np.linalg.solve(seen, to_rows))
    assert len(rows.score) == len(scores)


def test_the_covariance_is_one():
    rows = rows_of(SMALL, lambda _: True)
    models = as_models(SMALL.facts, usual(SMALL.facts))
    full = row_covariance(rows, model_kernels(model_terms(models, models, SMALL.hyper.shapes), SMALL.hyper.amplitudes))
    assert full == pytest.approx(full.T)
    assert np.linalg.eigvalsh(full).min() > -1e-8


def test_the_gradient():
    models, rows = as_models(SMALL.facts, usual(SMALL.facts)), rows_of(SMALL, lambda _: True)
    mode, packed = _mode(models, rows, SMALL.hyper, None), _pack(start())
    _, gradient = _objective(packed, models, rows, mode, 0.5)
    step = 1e-5
    for place in range(0, len(packed), 3):
        moved = np.eye(len(packed))[place] * step
        up, down = (_objective(packed + sign * moved, models, rows, mode, 0.5)[0] for sign in (1, -1))
        assert gradient[place] == pytest.approx((up - down) / (2 * step), rel=2e-3, abs=2e-2)


def test_the_fit_makes_the_scores_more_probable():
    fresh = replace(SMALL, hyper=start())
    _, before = fit(fresh, lambda _: True, rounds=1, iterations=1)
    fitted, after = fit(fresh, lambda _: True, rounds=1, iterations=12)
    assert after < before - 10
    assert fitted.amplitudes["all"]["size"] > fitted.amplitudes["all"]["family_size"], "size helps everybody alike"


def test_leaving_out_in_closed_form_is_leaving_out():
    """`each_hidden` shares one linearisation with the hidden rows; the prediction made afresh agrees to a point."""
    table = Table(SMALL)
    prior = Prior.of(table, SMALL.hyper)
    hidden = np.flatnonzero(table.family == "qwen2")
    (closed,), afresh = prior.each_hidden([hidden]), prior.predict(hidden)
    assert closed.median == pytest.approx(afresh.median, abs=0.02)
    assert closed.high - closed.low == pytest.approx(afresh.high - afresh.low, abs=0.03)


def test_the_posterior_is_kept():
    assert learn(SMALL) is learn(SMALL)
    assert learn(SMALL) is not learn(EVIDENCE)
    assert TaskFamily.CODE in SMALL.families
