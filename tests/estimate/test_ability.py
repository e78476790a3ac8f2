"""The prior that does not exist yet."""

from llmpick.estimate.ability import expected_scores
from llmpick.evidence.model import Candidate
from llmpick.evidence.task import Metric, Prompt, Task, TaskKind


def test_there_is_no_prior_yet():
    task = Task("t", TaskKind.CHOICE, ("en",), (), Prompt("{{ text }}"), Metric("accuracy"), "0" * 64)
    assert expected_scores([Candidate("m", None)], task) is None
