"""Everything that is kept of one run, or of one row of it."""

from dataclasses import replace
from difflib import get_close_matches

from llmpick.evidence.call import CallRecord
from llmpick.evidence.errors import InputError
from llmpick.store.records import WholeRun
from llmpick.store.store import Store

_NEAR = 5


def show_run(name: str, *, row: str | None = None) -> WholeRun:
    """The run that `name` (an id or the beginning of one) names; with `row`, only the calls of that row.

    Raises `InputError` for an unknown run or row, naming near ones.
    """
    with Store.open() as store:
        whole = store.whole_run(name)
    return whole if row is None else replace(whole, calls=_calls_of_row(whole, row))


def _calls_of_row(whole: WholeRun, row: str) -> tuple[tuple[CallRecord, bool], ...]:
    found = tuple(entry for entry in whole.calls if entry[0].row == row)
    if not found:
        rows = list(dict.fromkeys(call.row for call, _ in whole.calls))
        near = (get_close_matches(row, rows, n=_NEAR) or rows)[:_NEAR]
        remedy = f"name a row that was called, for example {', '.join(near)}" if near else "the run has made no call"
        raise InputError(f"the run has no call of the row {row!r}", where=whole.run.id, remedy=remedy)
    return found
