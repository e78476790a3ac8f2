"""Makes the calls of one batch, each exactly once: what the ledger already holds is not asked again."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby

from llmpick.evidence.call import CallRecord, Outcome
from llmpick.evidence.errors import LlmpickError
from llmpick.measure.garage import Garage
from llmpick.measure.lane import Batch, Lane, Ledger


def run_batch(batch: Batch, garage: Garage, ledger: Ledger, on_call: Callable[[Lane, CallRecord], None]) -> None:
    """Runs a batch: local lanes one after the other (they share the processor), every remote lane beside them.

    After Ctrl-C the calls under way come back and are recorded before `KeyboardInterrupt` goes on.
    """
    stop = threading.Event()
    work = sorted(batch.values(), key=lambda item: (item[0].remote, garage.peek(item[0]) is None))
    local = [item for item in work if not item[0].remote]
    groups = [local] * bool(local) + [[item] for item in work if item[0].remote]

    def run_group(group: Sequence[tuple[Lane, int]]) -> None:
        for lane, count in group:
            _run_lane(lane, count, garage, ledger, on_call, stop)

    with ThreadPoolExecutor(max_workers=max(len(groups), 1)) as pool:
        running: list[Future[None]] = [pool.submit(run_group, group) for group in groups]
        try:
            for future in running:
                future.result()
        finally:
            stop.set()


def _run_lane(
    lane: Lane, count: int, garage: Garage, ledger: Ledger, on_call: Callable[[Lane, CallRecord], None], stop: threading.Event
) -> None:
    """The lane's next `count` rows, in order: those in the ledger for nothing, the others by the engine."""
    start = len(lane.records)
    wanted = range(start, start + count)
    held = ledger.find([lane.keys[i] for i in wanted])
    for known, indices in groupby(wanted, key=lambda i: lane.keys[i] in held):
        if known:
            for i in indices:
                try:
                    record = lane.reuse(held[lane.keys[i]], i)
                except LlmpickError as error:  # a judge that is gone for good
                    lane.gone = error
                    break
                _keep(lane, record, ledger, on_call, paid=record.key in ledger.paid_before)
        else:
            _ask_rows(lane, list(indices), garage, ledger, on_call, stop)
        if lane.gone or stop.is_set():
            return
    backend = garage.peek(lane)
    resident = backend.resident_bytes() if backend else None
    if resident is not None:
        lane.resident_bytes.append(resident)
        ledger.resident(lane.candidate, resident)
    lane.broken = lane.breaks(lane)


def _ask_rows(
    lane: Lane,
    indices: Sequence[int],
    garage: Garage,
    ledger: Ledger,
    on_call: Callable[[Lane, CallRecord], None],
    stop: threading.Event,
) -> None:
    """Asks the engine for the rows. When it fails for good the lane stops there; answers to later rows go to the ledger only."""
    try:
        backend = garage.get(lane)
    except LlmpickError as error:
        lane.gone = error
        return

    def ask(i: int) -> CallRecord | None:
        assert lane.ask is not None, "a lane without records needs a way to ask"
        return None if stop.is_set() or lane.gone else lane.ask(backend, i)

    with ThreadPoolExecutor(max_workers=max(backend.concurrency, 1)) as pool:
        for call in [pool.submit(ask, i) for i in indices]:
            try:
                record = call.result()
            except LlmpickError as error:
                lane.gone = lane.gone or error
                continue
            if record is None:
                continue
            if lane.gone:
                ledger.record(record, paid=True)
                _charge(lane, record)
            else:
                _keep(lane, record, ledger, on_call, paid=True)


def _keep(lane: Lane, record: CallRecord, ledger: Ledger, on_call: Callable[[Lane, CallRecord], None], *, paid: bool) -> None:
    ledger.record(record, paid=paid)
    lane.records.append(record)
    if paid:
        _charge(lane, record)
    on_call(lane, record)


def _charge(lane: Lane, record: CallRecord) -> None:
    """Counts what was spent: every call that came back, and one that failed when the server may have charged for it."""
    if record.outcome is not Outcome.FAILED or record.prompt_tokens or record.output_tokens:
        lane.paid.append(record)
