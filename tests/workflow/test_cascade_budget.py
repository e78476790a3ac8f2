"""What a row of each stage takes in calls, known before the first: what stages share is counted once, and verdicts at the most."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from llmpick.evidence.task import Judge, Stage, Task
from llmpick.sources.task import load_task
from llmpick.workflow.cascade.budget import calls_ahead, priced_out

TASK = Path(__file__).parents[2] / "examples/order-facts/task.toml"
JUDGE = Judge(model="dear", opponent="plain")


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task(TASK)


@pytest.mark.parametrize(
    ("stages", "judge", "alone", "beyond", "left_out"),
    [
        ((Stage("likelihood"),), None, 2, [2, 2], {0}),
        ((Stage("generation", max_tokens=8),), None, 2, [2, 2], {0}),
        ((Stage("likelihood"), Stage("generation", thinking="off")), None, 2, [2, 2, 2], {0, 1}),
        # Two models: their answers, the opponent's for each of them, both orders of each pair.
        ((Stage("judge", model="near"),), JUDGE, 8, [8, 4], {0}),
        ((Stage("generation", max_tokens=8),), JUDGE, 8, [2, 8], set()),
        ((Stage("generation"),), JUDGE, 8, [2, 6], set()),
        ((Stage("generation"), Stage("judge", model="near")), JUDGE, 8, [2, 6, 4], {1}),
    ],
)
def test_a_row_of_each_stage(
    task: Task, stages: tuple[Stage, ...], judge: Judge | None, alone: int, beyond: list[int], left_out: set[int]
) -> None:
    asked = replace(task, stages=stages, judge=judge)
    found = calls_ahead(asked, 2, range(len(stages) + 1))
    assert found.alone == alone
    assert [found.beyond(j, [True] * j) for j in range(len(stages) + 1)] == beyond
    assert set(priced_out(found, "calls")) == left_out
    assert found.of([10] * (len(stages) + 1)) == 10 * sum(beyond)
    assert np.issubdtype(found.parts.dtype, np.bool_)
