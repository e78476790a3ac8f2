"""What is told while it runs where there is no terminal."""

import io
from collections.abc import Iterator

from rich.console import Console

from llmpick.cli.progress import Lines
from llmpick.evidence.call import CallRecord, Outcome
from llmpick.measure.lane import Lane

CALL = CallRecord("k", "a", "1", "", Outcome.ANSWERED, "", 1.0, 1, 1, 0.1, 0)


def lane(name: str) -> Lane:
    return Lane(name, cost=lambda _: None, breaks=lambda _: ())


def test_a_line_a_minute_and_no_more() -> None:
    clock: Iterator[float] = iter([0.0, 59.0, 61.0, 62.0, 121.5])
    out = io.StringIO()
    watch = Lines(Console(file=out, width=40), lambda: next(clock)).watch
    one, other = lane("/models/deep/[bold]one.gguf"), lane("http://127.0.0.1:8000/v1#other")
    watch.start([one, other], 1200)
    for _ in range(4):
        one.records.append(CALL)
        watch.call(one, CALL)
    assert out.getvalue().splitlines() == [
        "after 61 s, of 1,200 rows: [bold]one 2, other 0",
        "after 2 min 2 s, of 1,200 rows: [bold]one 4, other 0",
    ]
