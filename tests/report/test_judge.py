"""The sentences on a judge: of sides, of answers, of neither for certain."""

import pytest

from llmpick.decide.answer import Spending
from llmpick.evidence.judging import Judgement, Verdict
from llmpick.report.judge import judge_lines
from llmpick.stats.pairwise import judge_record

FIRST, SECOND, NONE = Verdict.FIRST, Verdict.SECOND, Verdict.UNREADABLE


def lines(pairs: list[tuple[Verdict, Verdict]]) -> str:
    record = judge_record([Judgement(str(i), *pair) for i, pair in enumerate(pairs)], confidence=0.95)
    return "\n".join(judge_lines(record, Spending(2 * len(pairs), 15_522, 353.0)))


@pytest.mark.parametrize(
    ("pairs", "said", "unsaid"),
    [
        ([(FIRST, FIRST)] * 24, "not worth its calls: in 24 pairs the order decided", "shown to judge"),
        ([(FIRST, SECOND)] * 30 + [(FIRST, FIRST)] * 6, "shown to judge answers", "not worth"),
        ([(FIRST, SECOND)] * 4 + [(FIRST, FIRST)] * 2, "more pairs would tell", "not worth"),
        ([(NONE, FIRST)] * 30, "30 of its 60 verdicts could not be read", "shown to judge"),
    ],
)
def test_the_verdict_on_the_judge(pairs: list[tuple[Verdict, Verdict]], said: str, unsaid: str) -> None:
    text = lines(pairs)
    assert said in text
    assert unsaid not in text


def test_its_cost_and_its_consistency_with_intervals() -> None:
    text = lines([(FIRST, FIRST)] * 24)
    assert "compared 24 pairs in both orders: 48 calls, 15,522 tokens, 5 min 53 s" in text
    assert "the same in both orders in 0% [0, 22.8] of them, and favoured the answer shown first in 100% [77.2, 100]" in text
