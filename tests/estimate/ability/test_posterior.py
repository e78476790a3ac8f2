"""The posterior against the textbook's formulas, and the gradient of the marginal likelihood against differences."""

from dataclasses import replace

import numpy as np
import pytest

from ability_cells import Prior, Table
from llmpick.catalog.ability import ability_evidence, ability_facts
from llmpick.catalog.loader import find_model
from llmpick.estimate.ability import expected_abilities
from llmpick.estimate.ability.blank import BLANK
from llmpick.estimate.ability.features import as_models, usual
from llmpick.estimate.ability.kernel import LEVELS, SHARED, as_rows, level_keys, model_kernels, model_terms, row_covariance
from llmpick.estimate.ability.marginal import _mode, _objective, _pack, fit, start
from llmpick.estimate.ability.posterior import learn, rows_of, scored_models
from llmpick.evidence.ability import TaskFamily

EVIDENCE = ability_evidence()
SMALL = replace(EVIDENCE, scores=EVIDENCE.scores[::9])


def test_a_question_about_one_benchmark_is_the_conditional_of_the_joint_normal():
    """`Learnt.ask` sums levels; here the question is one more row of the full covariance, with no source in common."""
    name, learnt = "MATH", learn(SMALL)
    asked = [f.id for f in SMALL.facts].index("Qwen/Qwen2.5-7B-Instruct")
    models = as_models([SMALL.facts[asked]], learnt.expected)
    keys = level_keys(name, SMALL.benchmarks[name], "")
    mean, covariance, _ = learnt.ask(models, {level: {keys[level]: 1.0} for level in SHARED})
    place = {f.id: i for i, f in enumerate(scored_models(SMALL))}
    seen_rows = [(s.model, s.benchmark, s.source) for s in SMALL.scores] + [(BLANK.id, on, "") for on in SMALL.benchmarks]
    model, benchmark, source = zip(*seen_rows, (SMALL.facts[asked].id, name, "nobody"), strict=True)
    joint = as_rows([place[m] for m in model], benchmark, source, [0.0] * len(model), SMALL.benchmarks)
    kernels = model_kernels(model_terms(learnt.models, learnt.models, SMALL.hyper.shapes), SMALL.hyper.amplitudes)
    full = row_covariance(joint, kernels)
    own_source = sum(kernels[level][asked, asked] for level in LEVELS if level not in SHARED)
    seen = learnt.mode.factor @ learnt.mode.factor.T
    to_rows = full[-1, :-1]
    assert mean[0] == pytest.approx(to_rows @ np.linalg.solve(seen, learnt.mode.observed))
    assert covariance[0, 0] == pytest.approx(full[-1, -1] - own_source - to_rows @ np.linalg.solve(seen, to_rows))


def test_blocks_add_up_to_the_sum_over_levels():
    rows = rows_of(SMALL, lambda _: True)
    models = as_models(SMALL.facts, usual(SMALL.facts))
    kernels = model_kernels(model_terms(models, models, SMALL.hyper.shapes), SMALL.hyper.amplitudes)
    summed = sum(kernels[level][rows.model][:, rows.model] * (rows.keys[level][:, None] == rows.keys[level]) for level in LEVELS)
    assert row_covariance(rows, kernels) == pytest.approx(summed)


def test_where_the_search_starts_does_not_matter():
    rng = np.random.default_rng(3)
    elsewhere = replace(SMALL, modes={score: float(rng.normal()) for score in SMALL.scores[::2]})
    assert learn(elsewhere).mode.latent == pytest.approx(learn(replace(SMALL, modes={})).mode.latent, abs=0.02)


def test_the_covariance_is_one():
    rows = rows_of(SMALL, lambda _: True)
    models = as_models(SMALL.facts, usual(SMALL.facts))
    full = row_covariance(rows, model_kernels(model_terms(models, models, SMALL.hyper.shapes), SMALL.hyper.amplitudes))
    assert full == pytest.approx(full.T)
    assert np.linalg.eigvalsh(full).min() > -1e-8


def test_the_gradient():
    models, rows = as_models(SMALL.facts, usual(SMALL.facts)), rows_of(SMALL, lambda _: True)
    mode, packed = _mode(models, rows, SMALL.hyper, None), _pack(start())
    _, gradient = _objective(packed, models, rows, mode, start())
    step = 1e-5
    for place in range(0, len(packed), 3):
        moved = np.eye(len(packed))[place] * step
        up, down = (_objective(packed + sign * moved, models, rows, mode, start())[0] for sign in (1, -1))
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


def test_whom_nobody_scored_is_not_expected_to_do_well_for_want_of_evidence():
    """Summaries were scored of Llama 3.2 alone, which does the same at every size."""
    names = ("EleutherAI/pythia-70m", "facebook/opt-125m", "bigscience/bloom-560m", "meta-llama/Llama-3.1-8B-Instruct", "Qwen/Qwen3-8B")
    models = [ability_facts(model) for name in names if (model := find_model(name)) is not None]
    *small, llama, qwen = expected_abilities(models, TaskFamily.SUMMARIZE, ability_evidence()).mean
    assert max(small) < min(llama, qwen)
