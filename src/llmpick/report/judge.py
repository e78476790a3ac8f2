"""What a report says of a judge: what it cost, how far it can be believed, and whether it was worth asking."""

from llmpick.decide.answer import Judging, Spending
from llmpick.report import numbers
from llmpick.stats.pairwise import JudgeRecord


def judging_notes(judging: Judging | None) -> tuple[str, ...]:
    """What stands among the notes of an answer; nothing where a metric scored."""
    if judging is None:
        return ()
    scored = f"a score is the share of rows won against {judging.opponent}, a tie half, as {judging.judge} judges"
    lost = dict.fromkeys(judging.lost)
    return (
        scored,
        *(judge_lines(judging.record, judging.verdicts) if judging.record else ("no pair needed the judge: answers were equal or empty",)),
        *([f"{numbers.counted(len(judging.lost), 'answer')} could not be judged: {'; '.join(lost)}"] if lost else []),
    )


def judge_lines(record: JudgeRecord, cost: Spending) -> tuple[str, ...]:
    """Plain sentences: cost, consistency, liking for a side, what could not be read, and the verdict on the judge."""
    asked = numbers.counted(record.pairs, "pair")
    spent = f"{numbers.counted(cost.calls, 'call')}, {numbers.counted(cost.tokens, 'token')}, {numbers.seconds(cost.seconds)}"
    unreadable = record.unreadable
    return (
        f"the judge compared {asked} in both orders: {spent}",
        f"it said the same in both orders in {numbers.score(record.consistent, record.pairs)} of them, and favoured the answer shown first"
        f" in {numbers.score(record.first_side, record.pairs)} (half is no favour)",
        *([f"{unreadable:,} of its {2 * record.pairs:,} verdicts could not be read, and count as ties"] if unreadable else []),
        _worth(record),
    )


def _worth(record: JudgeRecord) -> str:
    if record.worth_its_calls:
        return "it is shown to judge answers: the same one wins in both orders more often than the order decides"
    if record.signal.high <= 0 or record.signal.value <= 0:
        return (
            f"it is not worth its calls: in {numbers.counted(record.flipped, 'pair')} the order decided, no fewer than a judge that does"
            " not read the answers would show; name another judge, or have people label some rows"
        )
    return "so few of its verdicts agree in both orders that it is not shown to read the answers; more pairs would tell"
