"""Places when labels correct the judge: who leads, whom the rows cannot tell apart, and of what the intervals speak."""

import numpy as np

from llmpick.decide.placing import Placing, placing
from llmpick.decide.placing_labelled import by_labels
from llmpick.decide.race_answer import Place, RaceVerdict
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.goal import Goal
from llmpick.stats.judged_race import CorrectedRule, HumanLabels
from llmpick.stats.race import Progress

IDS = ("a", "b")
GOAL = Goal(0.05, 0.95)


def race(rows: int, share: float = 0.5) -> tuple[Progress, HumanLabels]:
    """The judge has b win every row, people have a win every row."""
    drawn = np.arange(rows) % 2 == 0
    judged, human = np.repeat([[0.0], [1.0]], rows, axis=1), np.repeat([[1.0], [0.0]], rows, axis=1)
    progress = Progress(judged, np.zeros(judged.shape, dtype=bool), np.full(2, rows), np.array([0, 1]))
    return progress, HumanLabels(human, np.broadcast_to(drawn, judged.shape), drawn, share)


def placed(rows: int) -> Placing:
    progress, labels = race(rows)
    standing = CorrectedRule(GOAL, lambda: labels).judge(progress)
    return by_labels(placing(IDS, progress, standing, GOAL, "labelled"), IDS, progress, standing, labels, GOAL.confidence)


def test_while_undecided_people_say_who_leads() -> None:
    found = placed(16)
    assert found.verdict is RaceVerdict.UNDECIDED
    assert found.leader == 0
    assert [one.place for one in found.places] == [Place.LEADER, Place.OPEN]
    assert "the best so far" in found.places[0].reasons[0]
    assert found.new_inputs.alike == ("a", "b")
    assert isinstance(found.new_inputs.rows_more, Unknown)


def test_what_is_decided_is_decided_for_new_inputs() -> None:
    found = placed(200)
    assert found.chosen == found.leader == 0
    assert found.new_inputs.alike == ()
    for one in found.places:
        assert isinstance(one.score_on_rows, Unknown)
        assert isinstance(one.score, Interval)
        assert one.score.confidence == GOAL.confidence
    gap = found.places[1].difference_on_new_inputs
    assert isinstance(gap, Interval)
    assert gap.high < 0
