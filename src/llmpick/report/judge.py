"""What a report says of a judge: what it cost, how far it can be believed, and whether it was worth asking."""

from typing import TYPE_CHECKING

from llmpick.decide.answer import Judging, LabelsTold, Spending
from llmpick.report import numbers
from llmpick.report.text import one_line
from llmpick.stats.pairwise import JudgeRecord

if TYPE_CHECKING:
    from rich.console import Console


def judging_notes(judging: Judging | None) -> tuple[str, ...]:
    """What stands among the notes of an answer; nothing where a metric scored."""
    if judging is None:
        return ()
    scored = f"a score is the share of rows won against {judging.opponent}, a tie half, as {judging.judge} judges"
    lost = dict.fromkeys(judging.lost)
    unasked = () if lost else ("no pair needed the judge: answers were equal or empty",)
    return (
        scored,
        *(judge_lines(judging.record, judging.verdicts) if judging.record else unasked),
        *([_labels(judging.labels)] if judging.labels else []),
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


def _labels(told: LabelsTold) -> str:
    """How people's labels compare with the verdicts that they correct."""
    if not told.given:
        return f"none of the answers that were drawn and run is labelled ({told.missing:,} missing), so the judge proves nothing"
    missing = f"; {told.missing:,} more were drawn and have none, which counts against every claim" if told.missing else ""
    off = f"{100 * told.off:.1f} points off on average"
    same = f"the judge says the same in {told.same:,} of them and is {off}, for which scores and claims are corrected"
    return f"people labelled {numbers.counted(told.given, 'answer')} of drawn rows: {same}{missing}"


def _worth(record: JudgeRecord) -> str:
    if record.worth_its_calls:
        return "it is shown to judge answers: the same one wins in both orders more often than the order decides"
    if record.signal.high <= 0 or record.signal.value <= 0:
        return (
            f"it is not worth its calls: in {numbers.counted(record.flipped, 'pair')} the order decided, no fewer than a judge that does"
            " not read the answers would show; name another judge, or have people label some rows"
        )
    return "so few of its verdicts agree in both orders that it is not shown to read the answers; more pairs would tell"


def print_sheet(file: str, rows: int, of_rows: int, answers: int, spent: Spending, console: "Console") -> None:
    """What was drawn to be labelled, and what to do with it."""
    from llmpick.report.console import print_item
    from llmpick.report.spent import spending

    took = f"it took {spending(spent)}" if spent.calls else "all were kept from earlier runs"
    print_item("", f"Wrote {one_line(file)}: {numbers.counted(answers, 'answer')} to {rows:,} of {of_rows:,} rows; {took}.", console)
    print_item("", "Fill in the column score: 1 if the answer is better than the opponent's, 0 if worse, 0.5 if neither.", console)
    print_item("", 'Then name the file in the task, [judge] labels = "...", and race the same models with the same seed.', console)
