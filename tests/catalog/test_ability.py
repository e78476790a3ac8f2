"""The published scores: sourced, complete, and as their sources printed them."""

import csv
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from tests.shared_data import shared_data

from llmpick.catalog.ability import ability_evidence, ability_facts, read_ability
from llmpick.catalog.loader import find_model, load_models
from llmpick.estimate.ability.posterior import learn
from llmpick.evidence.ability import TaskFamily

FILE = read_ability()
LADDERS = {"qwen", "qwen1.5", "qwen2", "qwen2.5", "llama3.2", "mathbench"}
"""The sources of `ladder/size_ladder.csv`."""
OUT_OF_TEN = ("MT-Bench", "MTbench", "AlignBench", "AlignBench v1.1")


def test_every_name_leads_somewhere():
    evidence = ability_evidence()
    ids = [f.id for f in evidence.facts]
    assert len(set(ids)) == len(ids)
    assert {s.model for s in evidence.scores} == set(ids)
    assert set(evidence.families) == set(TaskFamily)
    skills = {b.skill for b in evidence.benchmarks.values()}
    for standing in evidence.families.values():
        assert standing.skill in skills
        assert set(standing.benchmarks) <= set(evidence.benchmarks)
    assert {s.benchmark for s in evidence.scores} == set(evidence.benchmarks), "no benchmark without a score"


def test_every_figure_has_an_address():
    used = {source for model in FILE.models for source in model.scores} | {row.source for row in FILE.quantized}
    assert used | {"epoch"} == set(FILE.sources)
    assert all(source.url is not None and source.checked is not None for source in FILE.sources.values())


def test_facts_are_the_catalogs_where_it_has_the_model():
    for entry in FILE.models:
        known = find_model(entry.id)
        assert (known is not None and known.id == entry.id) == (entry.facts is None), entry.id


def test_what_is_assumed_is_a_fact_that_is_given():
    assumed = {entry.id: entry.facts for entry in FILE.models if entry.facts is not None and entry.facts.assumed}
    assert "internlm/internlm-20b" in assumed
    assert all(getattr(facts, name) is not None for facts in assumed.values() for name in facts.assumed)


def test_multiple_choice_is_guessed_right_by_chance():
    evidence = ability_evidence()
    assert {name for names in FILE.options.values() for name in names} <= set(evidence.benchmarks)
    chance = {name: benchmark.chance for name, benchmark in evidence.benchmarks.items()}
    assert (chance["MMLU"], chance["MMLU-Pro"], chance["Winogrande"], chance["GSM8K"]) == (0.25, 0.1, 0.5, 0.0)
    least = {name: min(s.score for s in evidence.scores if s.benchmark == name) for name in chance if chance[name]}
    assert {name for name in least if least[name] < 0.8 * chance[name]} == {"MMLU-redux"}, "whose 0.5B models do not keep to the options"


def test_the_modes_are_those_of_the_scores():
    """Where the search for the posterior starts; after a change of scores, benchmarks/ability.py --write makes them anew."""
    evidence = ability_evidence()
    assert set(evidence.modes) == set(evidence.scores)
    fresh = learn(replace(evidence, modes={})).mode.latent[: len(evidence.scores)]
    assert np.array([evidence.modes[score] for score in evidence.scores]) == pytest.approx(fresh, abs=0.05)


def test_languages_that_are_not_named():
    """Those of what a model was derived from, then of the last of its line; a line that never named Chinese leaves it open."""
    names = ("Qwen/Qwen3.5-9B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", "google/gemma-3-4b-it")
    models = {name: model for name in names if (model := find_model(name)) is not None}
    assert all(model.languages is None for model in models.values())
    qwen, distilled, gemma = (ability_facts(model).languages for model in models.values())
    assert qwen is not None
    assert "zh" in qwen
    assert distilled is not None
    assert "zh" in distilled
    assert gemma is None


@pytest.mark.parametrize("model", load_models(), ids=lambda model: model.id)
def test_every_catalog_model_has_facts_for_the_prior(model):
    facts = ability_facts(model)
    assert facts.id == model.id
    assert facts.parameters >= (facts.active or facts.parameters)


def test_a_derived_model_saw_the_tokens_of_its_base():
    vicuna, llama = find_model("lmsys/vicuna-13b-v1.1"), find_model("huggyllama/llama-13b")
    assert vicuna is not None
    assert llama is not None
    assert ability_facts(vicuna).tokens == ability_facts(llama).tokens == 1e12
    assert ability_facts(vicuna, 4.5).bits_per_weight == 4.5


def test_ladders_are_as_printed():
    """Each figure of the makers' tables, as collected from them, is there; sources copy each other's figures, so values are compared."""
    printed = Counter[float]()
    with shared_data("ladder/size_ladder.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            printed[round(float(row["score"]) / (10 if row["benchmark"] in OUT_OF_TEN else 100), 4)] += 1
    kept = Counter(round(s.score, 4) for s in ability_evidence().scores if s.source in LADDERS)
    assert set(kept) == set(printed)
    assert all(kept[value] <= printed[value] for value in kept)


def test_obsscaling_is_as_published():
    with shared_data("scaling/obs-scaling/base_llm_benchmark_eval.csv").open(encoding="utf-8") as file:
        printed = {row["Model"]: row for row in csv.DictReader(file)}
    columns = {"Winogrande": "Winograd"}
    for score in ability_evidence().scores:
        row = printed.get(score.model)
        if score.source == "obsscaling" and row is not None:
            assert score.score == pytest.approx(float(row[columns.get(score.benchmark, score.benchmark)]), abs=6e-5), score
