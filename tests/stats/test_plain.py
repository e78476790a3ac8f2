"""How the rule of `pick` spends: everybody who can still change the answer runs to the same row."""

import numpy as np
import pytest

from llmpick.stats.goal import Goal
from llmpick.stats.plain import PlainRule
from llmpick.stats.race import Progress, Standing

RULE = PlainRule(Goal(0.02, 0.95))
ROWS = 100


@pytest.mark.parametrize(
    ("done", "beaten", "idle", "wanted"),
    [
        ([0, 0], [], [], [16, 16]),
        ([16, 16], [], [], [32, 32]),
        ([60, 60], [], [], [84, 84]),
        ([90, 90], [], [], [100, 100]),
        ([16, 48, 48], [0], [], [16, 67, 67]),
        ([16, 48, 48], [], [0], [16, 67, 67]),
        ([0, 48, 48], [], [0], [67, 67, 67]),
        ([100, 0, 0], [], [], [100, 16, 16]),
        ([100, 100], [], [], [100, 100]),
        ([5, 48], [], [], [67, 67]),
    ],
)
def test_next_rows(done: list[int], beaten: list[int], idle: list[int], wanted: list[int]) -> None:
    count = len(done)
    progress = Progress(np.zeros((count, ROWS)), np.zeros((count, ROWS), dtype=bool), np.array(done), np.zeros(count, dtype=np.int64))
    beaten_by = np.array([count - 1 if k in beaten else -1 for k in range(count)])
    standing = Standing(np.zeros(count, dtype=bool), beaten_by, np.isin(np.arange(count), idle), None)
    assert RULE.next_rows(progress, standing, np.ones(count)).tolist() == wanted
