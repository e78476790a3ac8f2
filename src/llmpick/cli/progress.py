"""What a user sees while it runs: one line per model on a terminal, plain lines of talk otherwise. All of it on stderr."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from llmpick.evidence.call import CallRecord
from llmpick.measure.lane import Lane
from llmpick.report import numbers
from llmpick.report.runs import short_names
from llmpick.workflow.running import Watch

WIDEST_NAME = 48
EVERY_S = 60.0
"""Without a terminal a line is written so often."""


@contextmanager
def shown_progress(*, lines: bool = True) -> Iterator[Watch]:
    """A watch that draws progress bars when stderr is a terminal. When it is not, it passes on notes, and with `lines` tells every minute
    how far it has come.
    """
    console = Console(stderr=True)
    if not sys.stderr.isatty():
        yield Lines(console).watch if lines else Watch(note=_noting(console))
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[score]}"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bars:
        yield _Bars(bars).watch


def _noting(console: Console) -> Callable[[str], None]:
    return lambda text: console.print(Text(text), style="dim")


class Lines:
    """Now and then one line: how many rows each model has run."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._lanes: Sequence[Lane] = ()
        self._rows = 0
        self._began = self._told = clock()
        self.watch = Watch(note=_noting(console), start=self._start, call=self._call)

    def _start(self, lanes: Sequence[Lane], rows: int) -> None:
        self._lanes, self._rows = tuple(lanes), rows

    def _call(self, lane: Lane, record: CallRecord) -> None:  # noqa: ARG002
        now = self._clock()
        if now - self._told < EVERY_S:
            return
        self._told = now
        names = short_names(lane.candidate for lane in self._lanes)
        told = ", ".join(f"{names[lane.candidate]} {numbers.count(len(lane.records))}" for lane in self._lanes)
        self._console.print(
            Text(f"after {numbers.seconds(now - self._began)}, of {numbers.counted(self._rows, 'row')}: {told}"), soft_wrap=True
        )


class _Bars:
    """One bar per model, with its running score."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._ids: dict[str, TaskID] = {}
        self.watch = Watch(note=_noting(bars.console), start=self._start, call=self._call)

    def _start(self, lanes: Sequence[Lane], rows: int) -> None:
        for id_, name in short_names(lane.candidate for lane in lanes).items():
            shown = name if len(name) <= WIDEST_NAME else f"{name[: WIDEST_NAME - 1]}…"
            self._ids[id_] = self._bars.add_task(shown, total=rows, score="")

    def _call(self, lane: Lane, record: CallRecord) -> None:  # noqa: ARG002
        if lane.candidate in self._ids:
            scores = [record.score for record in lane.records if record.score is not None]
            mean = f"{sum(scores) / len(scores):.0%} so far" if scores else ""
            self._bars.update(self._ids[lane.candidate], completed=len(lane.records), score=mean)
