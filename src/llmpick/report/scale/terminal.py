"""The answers of `scale` in the terminal: the answer first, then what other laws say, at last what was assumed."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from llmpick.estimate.scaling import answers
from llmpick.estimate.scaling.amounts import amount
from llmpick.estimate.scaling.answers import LawLoss
from llmpick.evidence.values import Interval
from llmpick.report.console import plain_table, print_item, print_title
from llmpick.report.scale import wording
from llmpick.report.text import one_line

LISTED = 12


def print_scale(
    answer: answers.PredictAnswer | answers.OptimalAnswer | answers.FitLawAnswer | answers.RepeatAnswer, console: Console
) -> None:
    """Prints all sections that have something to say."""
    match answer:
        case answers.PredictAnswer():
            _predict(answer, console)
        case answers.OptimalAnswer():
            _optimal(answer, console)
        case answers.RepeatAnswer():
            _repeat(answer, console)
        case answers.FitLawAnswer():
            _fit(answer, console)
    print_title("Notes", console)
    for note in answer.notes:
        print_item("- ", one_line(note), console)


def _predict(answer: answers.PredictAnswer, console: Console) -> None:
    _said(wording.predicted(answer), console)
    rows = [(one.law, _loss(one), one.corpus, _outside(one)) for one in (answer.law, *answer.others)]
    _table(("law", "loss", "of text", ">decades outside"), rows, console)
    for one in answer.others:
        if not isinstance(one.loss, Interval):
            print_item("- ", one.loss.reason, console, style="dim")
    print_title("When one thing grows", console)
    rows = [(f"{one.factor:,.0f} x {one.what}", f"{one.loss:.3f}", f"{one.straight:.3f}") for one in answer.growth]
    _table(("", ">loss", ">straight line"), rows, console)
    print_item("", wording.GROWTH, console, style="dim")


def _optimal(answer: answers.OptimalAnswer, console: Console) -> None:
    _said(wording.optimal(answer), console)
    rows = [wording.allocation(one) for one in (answer.split, *answer.others)]
    _table(("law", ">parameters", ">tokens", ">per parameter", ">training FLOPs", ">loss"), rows, console)
    if any(one.counted != "total" for one in (answer.split, *answer.others)):
        print_item("", "(* without embeddings)", console, style="dim")


def _repeat(answer: answers.RepeatAnswer, console: Console) -> None:
    _said(wording.repeated(answer), console)
    rows = [
        (f"{one.epochs:g}", amount(one.tokens), amount(one.effective_tokens), f"{one.loss:.3f}")
        for one in sorted({*answer.curve, answer.at}, key=lambda one: one.epochs)
    ]
    _table((">epochs", ">tokens seen", ">worth", ">loss"), rows, console)


def _fit(answer: answers.FitLawAnswer, console: Console) -> None:
    _said(wording.fitted(answer), console)
    rows = [
        (name, wording.constant(value), wording.profile_bounds(profile))
        for (name, value), profile in zip(answer.constants.items(), answer.profiles, strict=True)
    ]
    _table(("constant", "value and interval", "profile"), rows, console)
    print_item("", f"({wording.fit_legend(answer)})", console, style="dim")
    told = wording.foretold(answer)
    if told:
        print_title("Foretold", console)
    for line in told:
        print_item("- ", line, console)
    outliers = wording.outliers(answer)
    if outliers:
        print_title("Runs that the law does not describe", console)
    for line in (*outliers[:-1][:LISTED], *outliers[-1:]):
        print_item("- ", line, console)


def _loss(one: LawLoss) -> str:
    return wording.loss(one.loss) if isinstance(one.loss, Interval) else "-"


def _outside(one: LawLoss) -> str:
    return f"{one.decades_outside:.1f}" if isinstance(one.decades_outside, float) else "-"


def _said(sentences: Iterable[str], console: Console) -> None:
    for number, sentence in enumerate(sentences):
        print_item("", sentence, console, style="" if number else "bold")


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], console: Console) -> None:
    """A ">" before a name sets its column to the right."""
    table = plain_table()
    for name in columns:
        table.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    console.print()
    console.print(table)
