"""What a user sees while it runs: one line per model on a terminal, plain lines of talk otherwise. All of it on stderr."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from llmpick.evidence.call import CallRecord
from llmpick.measure.lane import Lane
from llmpick.workflow.running import Watch


@contextmanager
def shown_progress() -> Iterator[Watch]:
    """A watch that draws progress bars when stderr is a terminal, and only passes on notes when it is not."""
    console = Console(stderr=True)
    if not sys.stderr.isatty():
        yield Watch(note=lambda text: console.print(text, style="dim", highlight=False))
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.fields[score]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bars:
        yield _Bars(bars).watch


class _Bars:
    """One bar per model, with its running score."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._ids: dict[str, TaskID] = {}
        self.watch = Watch(note=lambda text: bars.console.print(text, style="dim", highlight=False), start=self._start, call=self._call)

    def _start(self, lanes: Sequence[Lane], rows: int) -> None:
        for lane in lanes:
            self._ids[lane.candidate] = self._bars.add_task(lane.candidate[-48:], total=rows, score="")

    def _call(self, lane: Lane, record: CallRecord) -> None:  # noqa: ARG002
        if lane.candidate in self._ids:
            scores = [record.score for record in lane.records if record.score is not None]
            mean = f"{sum(scores) / len(scores):.0%} so far" if scores else ""
            self._bars.update(self._ids[lane.candidate], completed=len(lane.records), score=mean)
