"""The answer in the terminal: the decision first, then what it rests on, at last what it cost. Laid out for 80 columns and more.

All text is passed to rich as `Text`, never as markup, after `one_line` has taken out what a terminal would obey: rows, outputs of
models and names of files are untrusted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from llmpick.decide.answer import Answer, CandidateAnswer, Disagreement, Status
from llmpick.report import numbers
from llmpick.report.console import WIDE, plain_table, print_item, print_title
from llmpick.report.pick import wording
from llmpick.report.pick.headline import headline
from llmpick.report.pick.view import LISTED_FETCHES, LISTED_GROUPS, LISTED_UNSEEN, SliceTable, View, view
from llmpick.report.text import one_line

STACKED_SCORE = 15
ON_ONE_LINE = 28
NOTHING = ("", "-")
WIDEST_NAME = 40

_STYLES = {
    Status.CHOSEN: "bold green",
    Status.TIED: "green",
    Status.DOMINATED: "yellow",
    Status.ELIMINATED: "red",
    Status.FAILED: "bold red",
}


def print_view(answer: Answer, console: Console) -> None:
    """Prints all sections that have something to say."""
    shown = view(answer)
    _print_decision(shown, console)
    _print_measured(shown, console)
    _print_unseen(shown, console)
    _print_losers(shown, console)
    for table in shown.slices:
        _print_slices(shown, table, console)
    _print_details(shown, console)
    _print_disagreements(shown, console)
    _print_fetchable(shown, console)
    _print_excluded(shown, console)
    _print_next_steps(shown, console)
    _print_cost(shown, console)


def _print_decision(shown: View, console: Console) -> None:
    answer = shown.answer
    console.print(Text.assemble((one_line(answer.task), "bold"), f"  {answer.kind.value}, {numbers.counted(answer.rows, 'row')}"))
    first, *rest = headline(shown)
    print_item("", first, console, style="bold")
    for sentence in rest:
        print_item("", sentence, console)
    for reason in wording.reasons(shown):
        print_item("- ", reason, console)
    if answer.chosen_run:
        console.print(Text("Run it:"))
        _print_command(answer.chosen_run.command, console)


def _print_measured(shown: View, console: Console) -> None:
    if not shown.measured:
        return
    wide = console.width >= WIDE
    columns = [column for column in _columns(shown, wide) if any(str(column.cell(one)) not in NOTHING for one in shown.measured)]
    table = plain_table()
    for column in columns:
        table.add_column(column.title, justify=column.align, overflow="fold", no_wrap=column.title != "candidate", max_width=WIDEST_NAME)
    for one in shown.measured:
        table.add_row(*(column.cell(one) for column in columns))
    console.print()
    console.print(table)
    print_item("", f"({wording.legend(shown)})", console, style="dim")


def _print_unseen(shown: View, console: Console) -> None:
    """What the prior expects of those that nobody ran, with the quantisation that each would run in."""
    if not shown.unseen:
        return
    wide = console.width >= WIDE
    table = plain_table()
    table.add_column("candidate", overflow="fold", max_width=WIDEST_NAME)
    for title in ("stored as", "expected"):
        table.add_column(title, no_wrap=True)
    table.add_column("memory", justify="right", no_wrap=True)
    for one in shown.unseen[:LISTED_UNSEEN]:
        told = (one.quantization or "-", wording.expected_of(one), numbers.memory_cell(one.memory_bytes))
        table.add_row(_name_and_status(shown, one, wide), *told)
    console.print()
    console.print(table)
    left = len(shown.unseen) - LISTED_UNSEEN
    more = f"; {numbers.counted(left, 'more model')} that fit {'is' if left == 1 else 'are'} in --json" if left > 0 else ""
    print_item("", f"({wording.unseen_legend(shown)}{more})", console, style="dim")


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    align: Literal["left", "right"]
    cell: Callable[[CandidateAnswer], Text | str]


def _columns(shown: View, wide: bool) -> list[_Column]:
    return [
        _Column("candidate", "left", lambda one: _name_and_status(shown, one, wide)),
        _Column("score", "left", lambda one: _parts(wording.interval_parts(one.score, one.score_n), wide)),
        _Column("difference", "left", lambda one: _parts(wording.difference_parts(one.difference), wide)),
        _Column("memory", "right", lambda one: numbers.memory_cell(one.memory_bytes)),
        _Column("tokens/s", "right", lambda one: numbers.rate_cell(one.decode_tokens_per_s)),
        _Column("per call", "right", lambda one: "-" if one.seconds_per_call is None else numbers.seconds(one.seconds_per_call)),
        _Column("calls", "right", lambda one: numbers.count(one.spent.calls)),
    ]


def _name_and_status(shown: View, one: CandidateAnswer, wide: bool) -> Text:
    status = (wording.status(one), _STYLES.get(one.status, ""))
    return Text.assemble(shown.name(one), "  " if wide else "\n", status)


def _parts(parts: tuple[str, str], wide: bool) -> Text:
    value, bounds = parts
    return Text.assemble(value, " " if wide and bounds else "\n" if bounds else "", (bounds, "dim"))


def _print_losers(shown: View, console: Console) -> None:
    if not shown.losers:
        return
    print_title(wording.losers_title(shown.answer), console)
    for one in shown.losers:
        print_item("- ", f"{shown.name(one)} ({one.status.value}): {wording.why(shown, one)}.", console)


def _print_slices(shown: View, table: SliceTable, console: Console) -> None:
    seen_by = [one for one in shown.measured if any(one.candidate.id == who for _, who in table.cells)]
    widest = ON_ONE_LINE if console.width >= WIDE else STACKED_SCORE
    room = max(1, (console.width - len(table.column) - 10) // (widest + 2))
    grid = plain_table()
    grid.add_column(one_line(table.column), overflow="fold")
    for one in seen_by[:room]:
        grid.add_column(Text(shown.name(one)), overflow="fold", min_width=widest)
    for value in table.values:
        grid.add_row(Text(one_line(value)), *(_slice_cell(table, value, one, console.width >= WIDE) for one in seen_by[:room]))
    print_title(f"Score by {one_line(table.column)}", console)
    console.print(grid)
    if len(seen_by) > room:
        console.print(Text(f"{numbers.counted(len(seen_by) - room, 'more candidate')} in the page and in --json", style="dim"))


def _slice_cell(table: SliceTable, value: str, one: CandidateAnswer, wide: bool) -> Text:
    part = table.cells.get((value, one.candidate.id))
    if part is None:
        return Text("-")
    short, bounds = wording.interval_parts(part.score, part.n)
    if not bounds:
        return Text(short)
    return Text.assemble(short, (f" {bounds} n={part.n}" if wide else f" n={part.n}\n{bounds}", "dim"))


def _print_details(shown: View, console: Console) -> None:
    told = (
        *(wording.macro_f1(shown), wording.faults(shown), *wording.thinking(shown), wording.learning_curve(shown)),
        *(wording.expected(shown), wording.resident(shown)),
    )
    lines = [line for line in told if line]
    if shown.confused and shown.confusions:
        confused = "; ".join(wording.confusion(pair) for pair in shown.confusions)
        lines.append(f"Most frequent confusions of {shown.name(shown.confused)}: {confused}")
    if lines:
        print_title("More on the candidates", console)
    for line in lines:
        print_item("- ", line, console)


def _print_disagreements(shown: View, console: Console) -> None:
    if not shown.disagreements:
        return
    print_title("Rows on which they disagree", console)
    for row in shown.disagreements:
        _print_disagreement(shown, row, console)


def _print_disagreement(shown: View, row: Disagreement, console: Console) -> None:
    console.print(_cut(f'{one_line(row.place)}: "{one_line(row.text)}"', console, indent=2))
    told = [("right answer", "", row.reference)]
    told += [(shown.names.get(who, one_line(who)), wording.graded(score), output) for who, (output, score) in row.answers.items()]
    # Answers are cut to the room that is left: rich would take it from all columns, down to nothing from the one that says right or wrong.
    name = min(max(cell_len(who) for who, _, _ in told), console.width // 3)
    grade = max(len(word) for _, word, _ in told)
    room = max(console.width - 4 - name - 2 - grade - 2, 1)
    answers = Table.grid(padding=(0, 2, 0, 0))
    answers.add_column(overflow="ellipsis", no_wrap=True, width=name)
    answers.add_column(no_wrap=True, width=grade)
    answers.add_column(overflow="ellipsis", no_wrap=True, max_width=room)
    for who, word, output in told:
        answers.add_row(Text(who), word, Text(one_line(output)), style="" if word else "dim")
    console.print(Padding(answers, (0, 0, 0, 4)))


def _print_fetchable(shown: View, console: Console) -> None:
    if not shown.fetchable:
        return
    print_title("Worth fetching, not measured", console)
    for one in shown.fetchable[:LISTED_FETCHES]:
        fetch = one.fetch
        print_item("- ", f"{shown.name(one)} {fetch.quantization if fetch else ''}: {wording.size(one, shown.answer)}", console)
        if fetch and fetch.commands:
            _print_command(fetch.commands[0], console)
    rest = len(shown.fetchable) - LISTED_FETCHES
    if rest > 0:
        console.print(Text(f"{numbers.count(rest)} more, and other places to fetch from, in the page and in --json", style="dim"))


def _print_excluded(shown: View, console: Console) -> None:
    if not shown.excluded_groups:
        return
    print_title(f"Excluded: {numbers.counted(len(shown.excluded), 'model')}", console)
    for alike in shown.excluded_groups[:LISTED_GROUPS]:
        print_item(f"{alike.count:>4,}  ", alike.text, console)
    rest = sum(alike.count for alike in shown.excluded_groups[LISTED_GROUPS:])
    if rest:
        print_item(f"{rest:>4,}  ", "for other reasons, each told in the page and in --json", console)


def _print_next_steps(shown: View, console: Console) -> None:
    if not shown.answer.next_steps:
        return
    print_title("What would tell more", console)
    for step in shown.answer.next_steps:
        print_item("- ", f"{wording.learns(shown, step)}: {wording.takes(step)}", console)
        _print_command(step.command, console)


def _print_cost(shown: View, console: Console) -> None:
    print_title("What it cost", console)
    for sentence in (wording.spent(shown.answer), wording.saved(shown.answer), wording.conditions(shown.answer)):
        if sentence:
            print_item("", sentence, console)
    if shown.notes:
        print_title("Notes", console)
    for note in wording.notes(shown):
        print_item("- ", note, console)


def _print_command(command: str, console: Console) -> None:
    """On a line of its own and never wrapped, so that it can be copied."""
    console.print(Text(f"  {one_line(command)}", style="cyan"), soft_wrap=True)


def _cut(text: str, console: Console, indent: int) -> Text:
    line = Text(" " * indent + text)
    line.truncate(console.width, overflow="ellipsis")
    return line
