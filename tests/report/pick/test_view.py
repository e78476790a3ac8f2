"""What is selected and in which order: pure functions of the answer."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from tests.report import answers

from llmpick.decide.answer import Status
from llmpick.evidence.call import Thinking
from llmpick.evidence.model import Baseline, Candidate, Endpoint, Weights
from llmpick.report.pick.charts import charts, pareto_front
from llmpick.report.pick.view import LISTED_EXCLUSIONS, names, view


def test_names_are_short_until_two_would_be_the_same():
    folder = Weights(Path("/hub/x"), "safetensors", 1, "BF16", None, None, None)
    candidates = [
        Candidate("a/model.gguf", None),
        Candidate("b/model.gguf", None),
        Candidate("/models/other.gguf", None),
        Candidate("Qwen/Qwen3-0.6B@abc123", folder),
        Candidate("./local/Qwen3", folder),
        Candidate("ollama:gemma3:270m", Endpoint("http://127.0.0.1:11434/v1", "gemma3:270m", "ollama")),
        Candidate("baseline:tfidf", Baseline("tfidf")),
        Candidate("baseline:new", Baseline("new")),
    ]
    assert names(candidates) == snapshot(
        {
            "a/model.gguf": "a/model.gguf",
            "b/model.gguf": "b/model.gguf",
            "/models/other.gguf": "other",
            "Qwen/Qwen3-0.6B@abc123": "Qwen/Qwen3-0.6B@abc123",
            "./local/Qwen3": "Qwen3",
            "ollama:gemma3:270m": "gemma3:270m",
            "baseline:tfidf": "learned baseline (TF-IDF)",
            "baseline:new": "new",
        }
    )


@pytest.mark.parametrize(
    ("id_", "on", "name"),
    [
        ("models/a.gguf?thinking=on", True, "a?thinking=on"),
        ("/models/a.gguf?thinking=off", False, "a?thinking=off"),
        ("http://h/v1#m?thinking=512", True, "m?thinking=512"),
        ("http://h/v1#what?", None, "what?"),
        ("Qwen/Qwen3-0.6B:Q8_0?thinking=on", True, "Qwen/Qwen3-0.6B:Q8_0?thinking=on"),
        ("/odd/x?thinking=on.gguf", None, "x?thinking=on"),
    ],
)
def test_the_same_model_with_and_without_thinking_is_told_apart(id_, on, name):
    run = Endpoint("http://h/v1", "what?") if "#what" in id_ else Endpoint("http://h/v1", "m") if "#" in id_ else None
    assert names([Candidate(id_, run, None, None if on is None else Thinking(on))]) == {id_: name}


def test_the_chosen_one_is_first_even_where_another_scores_higher():
    shown = view(answers.tie())
    assert [shown.name(one) for one in shown.measured] == ["mini", "large"]
    shown = view(answers.chosen())
    assert [shown.name(one) for one in shown.measured] == [
        "gemma-3-270m-q4_k_m",
        "qwen2.5-0.5b-instruct",
        "rules of the task file",
        "SmolLM2-135M-Instruct.Q4_1",
    ]


@pytest.mark.parametrize("n", [LISTED_EXCLUSIONS, LISTED_EXCLUSIONS + 1])
def test_many_exclusions_on_this_machine_are_grouped_and_a_few_are_not(n):
    own = answers.none_fits().candidates[0]
    many = tuple(replace(own, candidate=replace(own.candidate, id=f"models/{i}.gguf")) for i in range(n))
    shown = view(replace(answers.none_fits(), candidates=many))
    assert len(shown.losers) == (n if n <= LISTED_EXCLUSIONS else 0)
    assert len(shown.excluded) + len(shown.losers) == n


def test_reasons_call_candidates_by_their_short_names():
    shown = view(answers.chosen())
    assert shown.readable(f"worse than {answers.GEMMA} and {answers.SERVED}") == "worse than gemma-3-270m-q4_k_m and qwen2.5-0.5b-instruct"


def test_confusions_are_those_of_the_best_the_most_frequent_first():
    shown = view(answers.baseline())
    assert shown.confused is not None
    assert shown.confused.candidate.id == "baseline:tfidf"
    assert [(c.reference, c.answered, c.rows, c.of) for c in shown.confusions][:2] == snapshot(
        [("cancel_order", "change_address", 7, 45), ("change_address", "damaged_item", 6, 45)]
    )


def test_what_is_not_measured_is_never_in_the_measured_table():
    shown = view(answers.undecided())
    assert [one.status for one in shown.losers] == [Status.OPEN, Status.OPEN, Status.FAILED]
    assert all(one.score_n > 0 for one in shown.measured)


def test_a_name_is_shortened_where_it_stands_alone_and_not_inside_a_path():
    shown = view(answers.chosen())
    text = shown.readable(f"{answers.GEMMA} beats {answers.SMOL}; /home/me/{answers.GEMMA} is another, and {answers.GEMMA}.")
    short = "gemma-3-270m-q4_k_m"
    assert text == f"{short} beats SmolLM2-135M-Instruct.Q4_1; /home/me/{answers.GEMMA} is another, and {short}."


def test_a_race_of_one_batch_has_no_chart_of_its_way():
    answer = answers.chosen()
    assert "race" not in charts(view(replace(answer, traces=answer.traces[:1])))


def test_only_charts_with_data_are_drawn():
    drawn = {verdict: sorted(charts(view(make()))) for verdict, make in answers.ALL.items()}
    assert drawn == snapshot(
        {
            "chosen": ["cost", "race", "scores", "slices-0"],
            "baseline": ["confusion", "cost", "learning", "race", "scores", "slices-0"],
            "tie": ["cost", "race", "scores"],
            "undecided": ["cost", "race", "scores"],
            "none_fits": [],
        }
    )


def test_the_front_holds_whom_no_other_beats_in_both():
    points = [("a", 1.0, 0.5), ("b", 2.0, 0.4), ("c", 3.0, 0.9), ("d", 3.0, 0.8), ("e", 1.0, 0.3), ("f", 9.0, 0.9)]
    rows = [{"name": name, "cost": cost, "value": value} for name, cost, value in points]
    assert [row["name"] for row in pareto_front(rows)] == ["a", "c"]
    assert pareto_front([]) == []


def test_asking_for_the_report_loads_nothing_heavy():
    heavy = "rich pydantic jinja2 numpy jsonschema"
    code = f"import sys, llmpick.report.pick; print(sorted(set('{heavy}'.split()) & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
