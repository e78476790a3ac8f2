"""Makes the calls of one batch, each exactly once: what the ledger already holds is not asked again."""

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol, TypeVar

from llmpick.evidence.call import CallRecord, Outcome
from llmpick.evidence.errors import LlmpickError
from llmpick.measure.garage import Garage
from llmpick.measure.lane import Batch, Lane, Ledger

HEARS_EVERY_S = 0.1
"""A library that handles signals itself (polars does) lets a wait go on through Ctrl-C, so no wait is longer than this."""
T = TypeVar("T")
R = TypeVar("R")


class PaidBefore(Protocol):
    """The part of a ledger that knows earlier sittings."""

    def paid_before(self, candidate: str) -> Sequence[CallRecord]: ...


class StopNow(KeyboardInterrupt):
    """Ctrl-C was pressed again: nobody waits any more, and threads may still be at work on the lanes."""


@dataclass(frozen=True, slots=True)
class _Halt:
    """What Ctrl-C asks for: `soon` starts no further call, `now` keeps nothing of those under way either."""

    soon: threading.Event = field(default_factory=threading.Event)
    now: threading.Event = field(default_factory=threading.Event)


def run_batch(
    batch: Batch,
    garage: Garage,
    ledger: Ledger,
    on_call: Callable[[Lane, CallRecord], None],
    on_interrupt: Callable[[], None] = lambda: None,
) -> None:
    """Runs a batch: local lanes one after the other (they share the processor), every remote lane beside them.

    After Ctrl-C `on_interrupt` is called at once, and the calls under way come back and are recorded before `KeyboardInterrupt` goes on.
    After another one `StopNow` goes on at once; what those calls make is dropped.
    """
    halt = _Halt()
    work = sorted(batch.values(), key=lambda item: (item[0].remote, garage.peek(item[0]) is None))
    local = [item for item in work if not item[0].remote]
    groups = [local] * bool(local) + [[item] for item in work if item[0].remote]

    def run_group(group: Sequence[tuple[Lane, int]]) -> None:
        for lane, count in group:
            _run_lane(lane, count, garage, ledger, on_call, halt)

    running: list[Future[None]] = [Future() for _ in groups]
    try:
        _start(run_group, groups, running, workers=len(groups))
        _wait_or_fail(running)
    except BaseException as error:
        halt.soon.set()
        try:
            if isinstance(error, KeyboardInterrupt):
                on_interrupt()
            _wait(running)
        except KeyboardInterrupt:
            halt.now.set()
            raise StopNow from error
        raise


def _wait(running: Collection[Future[None]]) -> None:
    """Until all are done, whatever became of them; Ctrl-C is heard meanwhile."""
    while wait(running, HEARS_EVERY_S).not_done:
        pass


def _wait_or_fail(running: Collection[Future[None]]) -> None:
    """The same, but the first error is raised at once."""
    while running:
        done, running = wait(running, HEARS_EVERY_S, FIRST_EXCEPTION)
        for future in done:
            future.result()


def _start(work: Callable[[T], R], items: Sequence[T], futures: Sequence[Future[R]], *, workers: int) -> None:
    """Does the work on all items in threads, the first items first. Python does not wait for these threads when it ends, as it would for
    those of its executors.
    """
    left, lock = iter(list(zip(items, futures, strict=True))), threading.Lock()

    def run() -> None:
        while True:
            with lock:
                following = next(left, None)
            if following is None:
                return
            item, future = following
            try:
                future.set_result(work(item))
            except BaseException as error:
                future.set_exception(error)

    for _ in range(min(workers, len(items))):
        threading.Thread(target=run, daemon=True).start()


def _run_lane(lane: Lane, count: int, garage: Garage, ledger: Ledger, on_call: Callable[[Lane, CallRecord], None], halt: _Halt) -> None:
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
                _keep(lane, record, ledger, on_call, paid=ledger.is_paid(record))
        else:
            _ask_rows(lane, list(indices), garage, ledger, on_call, halt)
        if lane.gone or halt.soon.is_set():
            return
    backend = garage.peek(lane)
    resident = backend.resident_bytes() if backend else None
    if resident is not None:
        lane.resident_bytes.append(resident)
        ledger.resident(lane.candidate, resident)
    lane.broken = lane.breaks(lane)


def take_held(lanes: Iterable[Lane], ledger: Ledger, on_call: Callable[[Lane, CallRecord], None]) -> None:
    """What the ledger holds of each lane's next rows, up to the first that it does not hold: for a race that ends before it asked for them.

    Left out are lanes that cannot be the answer, and those of which looking at what is held takes calls (a judge's) or is no evidence.
    """
    for lane in lanes:
        start = len(lane.records)
        if lane.gone or lane.broken or not lane.held_is_free or start >= len(lane.keys):
            continue
        held = ledger.find(lane.keys[start:])
        for i, key in enumerate(lane.keys[start:], start):
            if key not in held:
                break
            record = lane.reuse(held[key], i)
            _keep(lane, record, ledger, on_call, paid=ledger.is_paid(record))


def _ask_rows(
    lane: Lane,
    indices: Sequence[int],
    garage: Garage,
    ledger: Ledger,
    on_call: Callable[[Lane, CallRecord], None],
    halt: _Halt,
) -> None:
    """Asks the engine for the rows. When it fails for good the lane stops there; answers to later rows go to the ledger only."""
    try:
        backend = garage.get(lane)
    except LlmpickError as error:
        lane.gone = error
        return

    def ask(i: int) -> CallRecord | None:
        assert lane.ask is not None, "a lane without records needs a way to ask"
        return None if halt.soon.is_set() or lane.gone else lane.ask(backend, i)

    calls: list[Future[CallRecord | None]] = [Future() for _ in indices]
    _start(ask, indices, calls, workers=max(backend.concurrency, 1))
    for call in calls:
        try:
            record = call.result()
        except LlmpickError as error:
            lane.gone = lane.gone or error
            continue
        if halt.now.is_set():
            return
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
    if was_charged(record):
        lane.paid.append(record)


def was_charged(record: CallRecord) -> bool:
    """What counts as spent: every call that came back, and one that failed when the server may have charged for it."""
    return record.outcome is not Outcome.FAILED or record.prompt_tokens + record.output_tokens > 0


def lost_before(candidate: str, ledger: PaidBefore) -> list[CallRecord]:
    """What was paid in vain in earlier sittings: it counts from the start, what came back then when its row comes."""
    return [call for call in ledger.paid_before(candidate) if call.outcome is Outcome.FAILED and was_charged(call)]


def unused_of(candidate: str, paid: Sequence[CallRecord], ledger: PaidBefore) -> list[CallRecord]:
    """What was paid in earlier sittings and is not among `paid`, as this one did not need it: it counts at the end."""
    counted = {(call.row, call.key) for call in paid if call.outcome is not Outcome.FAILED}
    earlier = (call for call in ledger.paid_before(candidate) if call.outcome is not Outcome.FAILED)
    return [call for call in earlier if (call.row, call.key) not in counted]
