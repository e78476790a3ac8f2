"""Runs candidates side by side over the user's rows, in one random order fixed beforehand, until the choice is clear.

Between batches `stats.race.judge` says who may leave and whether the race is over; this file only makes the calls that are left to
make, each exactly once: what the ledger already holds is not asked again.
"""

import threading
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import numpy as np

from llmpick.decide.cost import cost_ranks
from llmpick.evidence.call import CallRecord, Outcome
from llmpick.evidence.errors import LlmpickError
from llmpick.evidence.task import Budget
from llmpick.measure.backend import Backend
from llmpick.stats.race import Progress, Standing, judge

FIRST_BATCH = 16
GROWTH = 1.4
"""Each look makes all candidates wait for the slowest, so later batches are longer: at most 40% beyond the row that would have decided."""
LOADING_SHARE = 0.1
"""Where not all models fit into memory together, batches grow until loading takes at most this share of the time."""


class Ledger(Protocol):
    """Where calls are looked up and kept. `paid_before` holds the keys of calls that this run paid for before it was broken off."""

    @property
    def paid_before(self) -> Set[str]: ...

    def find(self, keys: Sequence[str]) -> Mapping[str, CallRecord]: ...

    def record(self, call: CallRecord, *, paid: bool) -> None: ...

    def loaded(self, candidate: str, backend: Backend) -> None: ...

    def resident(self, candidate: str, resident_bytes: int) -> None: ...


@dataclass(slots=True)
class Lane:
    """One entrant's way through the rows. `keys[i]` names the call for row i of the race order; None for a baseline, whose calls are given.

    `ask(backend, i)` makes that call and scores it; it never raises for a lost row, but raises when the engine is gone for good.
    `reuse(record, i)` scores a call that is kept already.
    `cost` is the entrant's cost per row by the user's measure, `breaks` names the limits that it was seen to break,
    `price` is the money that calls take.
    """

    candidate: str
    cost: Callable[["Lane"], float | None]
    breaks: Callable[["Lane"], tuple[str, ...]]
    records: list[CallRecord] = field(default_factory=list)
    keys: tuple[str, ...] = ()
    open: Callable[[], Backend] | None = None
    ask: Callable[[Backend, int], CallRecord] | None = None
    price: Callable[[Sequence[CallRecord]], float] = lambda _: 0.0
    reuse: Callable[[CallRecord, int], CallRecord] = lambda record, _: record
    remote: bool = False
    memory_bytes: int = 0
    paid: list[CallRecord] = field(default_factory=list)
    load_seconds: float = 0.0
    loads: int = 0
    resident_bytes: list[int] = field(default_factory=list)
    gone: LlmpickError | None = None
    broken: tuple[str, ...] = ()

    @property
    def racing(self) -> bool:
        """False for a lane that never ran a row because its engine failed, or that broke a limit: it cannot be the answer."""
        return not self.broken and not (self.gone and not self.records)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the race showed: the lanes in it, their progress and standing."""

    lanes: tuple[Lane, ...]
    progress: Progress
    standing: Standing


@dataclass(frozen=True, slots=True)
class RaceEnd:
    """How the race ended: the last look, and why it stopped when it was not decided."""

    look: Look
    undecided_because: str | None


class InterruptedRaceError(Exception):
    """The user asked to stop; what was measured is in the ledger."""


def run_race(
    lanes: Sequence[Lane],
    *,
    rows: int,
    tolerance: float,
    confidence: float,
    budget: Budget,
    ledger: Ledger,
    capacity_bytes: int,
    on_look: Callable[[Look], None],
    on_call: Callable[[Lane, CallRecord], None],
) -> RaceEnd:
    """Races the lanes over `rows` rows. Models stay loaded together as far as `capacity_bytes` allow.

    Raises `InterruptedRaceError` after Ctrl-C, when calls under way have come back and are recorded.
    """
    garage = _Garage(capacity_bytes, ledger)
    try:
        target = 0
        while True:
            look = _look(lanes, rows, tolerance, confidence)
            on_look(look)
            runners = _runners(look, rows)
            if look.standing.chosen is not None and all(lane.records for lane in look.lanes):
                return RaceEnd(look, None)
            if not runners:
                return RaceEnd(look, _why_stuck(look))
            target = _next_target(target, runners, rows, garage)
            batch = _within_budget(runners, target, lanes, budget)
            if not batch:
                return RaceEnd(look, "the budget is spent")
            _run_batch(batch, garage, ledger, on_call)
    finally:
        garage.close()


def _look(lanes: Sequence[Lane], rows: int, tolerance: float, confidence: float) -> Look:
    racing = tuple(lane for lane in lanes if lane.racing)
    progress = progress_of(racing, rows)
    return Look(racing, progress, judge(progress, tolerance=tolerance, confidence=confidence))


def progress_of(lanes: Sequence[Lane], rows: int) -> Progress:
    """The matrix of what the lanes have run so far."""
    scores = np.zeros((len(lanes), rows))
    lost = np.zeros((len(lanes), rows), dtype=bool)
    for k, lane in enumerate(lanes):
        for i, record in enumerate(lane.records):
            lost[k, i] = record.score is None
            scores[k, i] = record.score or 0.0
    ranks = cost_ranks([lane.cost(lane) for lane in lanes])
    return Progress(scores, lost, np.array([len(lane.records) for lane in lanes]), np.array(ranks))


def _runners(look: Look, rows: int) -> list[Lane]:
    """The lanes whose next rows could still change the answer, and those of which nothing is known yet."""
    standing = look.standing
    return [
        lane
        for k, lane in enumerate(look.lanes)
        if not standing.beaten[k] and (not standing.idle[k] or not lane.records) and len(lane.records) < rows and not lane.gone
    ]


def _why_stuck(look: Look) -> str:
    if not look.lanes:
        return "no candidate could be run"
    gone = [lane.candidate for lane in look.lanes if lane.gone]
    lost = int(look.progress.lost.sum())
    if gone:
        return f"the engine of {', '.join(gone)} failed before the choice was clear"
    return f"{lost} rows were lost by failures of the machinery, and they could turn the choice"


def _next_target(target: int, runners: Sequence[Lane], rows: int, garage: "_Garage") -> int:
    """How many rows the runners should have run after the next batch."""
    following = max(target + FIRST_BATCH, int(target * GROWTH), 1 + min(len(lane.records) for lane in runners))
    for lane in runners:
        if lane.paid and not garage.all_fit(runners):
            seconds_per_call = sum(record.seconds for record in lane.paid) / len(lane.paid)
            worth_loading = lane.load_seconds / max(lane.loads, 1) / LOADING_SHARE / max(seconds_per_call, 1e-3)
            following = max(following, len(lane.records) + int(worth_loading))
    return min(following, rows)


def _within_budget(runners: Sequence[Lane], target: int, lanes: Sequence[Lane], budget: Budget) -> dict[str, tuple[Lane, int]]:
    """How many rows each runner may go in this batch: to the target, less if the budget does not reach. Empty when it is spent."""
    wanted = {lane.candidate: (lane, target - len(lane.records)) for lane in runners if len(lane.records) < target}
    affordable = _calls_left(lanes, budget)
    if affordable is None or sum(n for _, n in wanted.values()) <= affordable:
        return wanted
    share = max(affordable, 0) // max(len(wanted), 1)
    return {name: (lane, min(n, share)) for name, (lane, n) in wanted.items()} if share else {}


def _calls_left(lanes: Sequence[Lane], budget: Budget) -> int | None:
    """How many more calls every part of the budget allows, at the mean of the calls so far; None without a bound.

    Before the first call nothing is known of tokens, minutes and money, so the first batch is bounded by calls alone.
    """
    paid = [record for lane in lanes for record in lane.paid]
    left = [] if budget.calls is None else [budget.calls - len(paid)]
    spent = (
        (budget.tokens, sum(record.prompt_tokens + record.output_tokens for record in paid)),
        (budget.minutes, (sum(record.seconds for record in paid) + sum(lane.load_seconds for lane in lanes)) / 60),
        (budget.money, sum(lane.price(lane.paid) for lane in lanes)),
    )
    for bound, used in spent:
        if bound is not None and used >= bound:
            return 0
        if bound is not None and used:
            left.append(int((bound - used) / (used / len(paid))) if paid else 0)
    return min(left, default=None)


def _run_batch(
    batch: Mapping[str, tuple[Lane, int]], garage: "_Garage", ledger: Ledger, on_call: Callable[[Lane, CallRecord], None]
) -> None:
    """Runs a batch: local lanes one after the other (they share the processor), every remote lane beside them."""
    stop = threading.Event()
    work = sorted(batch.values(), key=lambda item: item[0].remote)
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
        except KeyboardInterrupt as interrupt:
            raise InterruptedRaceError from interrupt
        finally:
            stop.set()


def _run_lane(
    lane: Lane, count: int, garage: "_Garage", ledger: Ledger, on_call: Callable[[Lane, CallRecord], None], stop: threading.Event
) -> None:
    """The lane's next `count` rows, in order: those in the ledger for nothing, the others by the engine."""
    start = len(lane.records)
    wanted = range(start, start + count)
    held = ledger.find([lane.keys[i] for i in wanted])
    for known, indices in groupby(wanted, key=lambda i: lane.keys[i] in held):
        if known:
            for i in indices:
                record = lane.reuse(held[lane.keys[i]], i)
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
    garage: "_Garage",
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
            else:
                _keep(lane, record, ledger, on_call, paid=True)


def _keep(lane: Lane, record: CallRecord, ledger: Ledger, on_call: Callable[[Lane, CallRecord], None], *, paid: bool) -> None:
    ledger.record(record, paid=paid)
    lane.records.append(record)
    if paid and record.outcome is not Outcome.FAILED:
        lane.paid.append(record)
    on_call(lane, record)


class _Garage:
    """The engines that are loaded now. Opens on demand, and closes the one unused for longest when memory would not hold all."""

    def __init__(self, capacity_bytes: int, ledger: Ledger) -> None:
        self._capacity_bytes = capacity_bytes
        self._ledger = ledger
        self._open: dict[str, tuple[Lane, Backend]] = {}
        self._lock = threading.Lock()

    def all_fit(self, lanes: Sequence[Lane]) -> bool:
        return sum(lane.memory_bytes for lane in lanes) <= self._capacity_bytes

    def peek(self, lane: Lane) -> Backend | None:
        return self._open[lane.candidate][1] if lane.candidate in self._open else None

    def get(self, lane: Lane) -> Backend:
        with self._lock:
            if lane.candidate in self._open:
                self._open[lane.candidate] = self._open.pop(lane.candidate)
                return self._open[lane.candidate][1]
            self._make_room(lane)
            assert lane.open is not None, "a lane without records needs an engine"
            backend = lane.open()
            lane.load_seconds += backend.load_seconds
            lane.loads += 1
            self._open[lane.candidate] = (lane, backend)
            self._ledger.loaded(lane.candidate, backend)
            return backend

    def _make_room(self, lane: Lane) -> None:
        while self._open and not self.all_fit([lane, *(held for held, _ in self._open.values())]):
            oldest = next(iter(self._open))
            self._open.pop(oldest)[1].close()

    def close(self) -> None:
        for _, backend in self._open.values():
            backend.close()
        self._open.clear()
