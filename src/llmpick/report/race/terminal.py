"""The answer of a race in the terminal: the decision first, then what it rests on, at last what it cost. For 80 columns and more."""

from rich.console import Console
from rich.text import Text

from llmpick.decide.race_answer import Place, RaceAnswer, Racer
from llmpick.report import numbers
from llmpick.report.console import WIDE, plain_table, print_item, print_title
from llmpick.report.judge import judging_notes
from llmpick.report.pick.view import names as short_names
from llmpick.report.race import cells, wording
from llmpick.report.text import one_line

LISTED = 12
"""So many sentences tell where candidates stand; the rest of a large field is in --json."""
_STYLES = {
    Place.CHOSEN: "bold green",
    Place.LEADER: "bold yellow",
    Place.TIED: "green",
    Place.BEHIND: "yellow",
    Place.OPEN: "yellow",
    Place.BEATEN: "red",
    Place.FAILED: "bold red",
}


def print_race(answer: RaceAnswer, console: Console) -> None:
    """Prints all sections that have something to say."""
    names = short_names([one.candidate for one in answer.candidates])
    console.print(Text.assemble((one_line(answer.task), "bold"), f"  {wording.title(answer)}"))
    first, *rest = wording.decision(answer, names)
    print_item("", first, console, style="bold")
    for sentence in rest:
        print_item("", sentence, console)
    _print_table(answer, names, console)
    _print_reasons(answer, names, console)
    told = wording.thinking(answer, names)
    if told:
        print_title("What thinking bought", console)
    for sentence in told:
        print_item("- ", sentence, console)
    print_title("What it cost", console)
    for sentence in (*wording.cost(answer), wording.conditions(answer)):
        print_item("", sentence, console)
    notes = (*answer.notes, *judging_notes(answer.judging))
    if notes:
        print_title("Notes", console)
    for note in notes:
        print_item("- ", one_line(note), console)


def _print_table(answer: RaceAnswer, names: wording.Names, console: Console) -> None:
    ran = cells.ran(answer)
    if not ran:
        return
    wide = console.width >= WIDE
    table = plain_table()
    table.add_column("candidate", overflow="fold", max_width=40)
    table.add_column("on your rows", no_wrap=True)
    table.add_column("new inputs", no_wrap=True)
    several = len(ran) > 1
    if several:
        table.add_column("difference", no_wrap=True)
    costs = any(one.cost is not None for one in ran)
    if costs:
        table.add_column(cells.cost_column(answer), justify="right", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    for one in cells.in_front(answer):
        placed = one.placed
        n = placed.rows_run - placed.rows_lost
        row = [
            _name(one, names, wide),
            _parts(*cells.score_parts(placed.score_on_rows, n, answer), wide),
            _parts(*cells.score_parts(placed.score, n, answer), wide),
            *([_parts(*cells.gap_parts(cells.gap_of(one, answer)), wide)] if several else []),
        ]
        table.add_row(*row, *([cells.cost_of(one, answer)] if costs else []), numbers.count(placed.rows_run))
    console.print()
    console.print(table)
    if rest := cells.folded(answer, names):
        console.print(Text(f"{rest}: see --json or --html", style="dim"))
    print_item("", f"({cells.legend(answer, names)})", console, style="dim")


def _name(one: Racer, names: wording.Names, wide: bool) -> Text:
    status = (cells.status(one), _STYLES.get(one.placed.place, ""))
    return Text.assemble(names[one.candidate.id], "  " if wide else "\n", status)


def _parts(value: str, bounds: str, wide: bool) -> Text:
    return Text.assemble(value, " " if wide and bounds else "\n" if bounds else "", (bounds, "dim"))


def _print_reasons(answer: RaceAnswer, names: wording.Names, console: Console) -> None:
    told = wording.standings(answer, names)
    if told:
        print_title("Where each of the others stands", console)
    for sentence in told[:LISTED]:
        print_item("- ", sentence, console)
    if len(told) > LISTED:
        console.print(Text(f"{numbers.counted(len(told) - LISTED, 'more line')} in --json", style="dim"))
