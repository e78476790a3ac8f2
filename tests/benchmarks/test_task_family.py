"""`benchmarks/task_family.py`: the shipped cues are what the even prompts teach, and they tell the odd prompts' families."""

import pytest
from tests.shared_data import FOLDER, shared_data

from llmpick.estimate.task_cues import CUES, TEMPERATURE
from task_family import fit, halves, labelled, report


def test_the_shipped_rates_are_the_fitted_ones_and_hold_on_other_prompts() -> None:
    for name in ("belle_eval_zh_1000", "mt_bench_question_80", "vicuna_bench_question_80"):
        shared_data(f"instruct/tasks/{name}.jsonl")
    train, test = halves(labelled(FOLDER))
    fitted, temperature = fit(train)
    assert temperature == TEMPERATURE
    for mine, cue in zip(CUES, fitted, strict=True):
        assert (mine.present, mine.elsewhere) == pytest.approx((cue.present, cue.elsewhere), abs=1e-3), mine.name
    found = report([one for rows in test.values() for one in rows])
    assert found["accuracy"] > 2 * found["majority"]
    assert found["kept"] > 0.9
    assert found["confidence"] < found["accuracy"] + 0.05  # it may doubt too much, but is not surer than it is right
