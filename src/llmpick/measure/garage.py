"""The engines that are loaded now, within the memory that there is."""

import threading
from collections.abc import Sequence

from llmpick.measure.backend import Backend
from llmpick.measure.lane import Lane, Ledger


class Garage:
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
