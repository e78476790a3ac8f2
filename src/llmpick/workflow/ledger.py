"""What the race has already: calls kept by the store, seen by one run."""

from collections.abc import Mapping, Sequence

from llmpick.evidence.call import CallRecord, EngineInfo
from llmpick.measure.backend import Backend
from llmpick.store.store import Store


class RunLedger:
    """The store as one run sees it. `paid_before` are the keys that this run paid for in an earlier
    sitting, `engines` who answered for each candidate.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self.paid_before = frozenset(call.key for call, paid in store.run_calls(run_id) if paid)
        self._kept = {load.candidate: load.engine for load in store.loads(run_id)}
        self._opened: dict[str, Backend] = {}

    @property
    def engines(self) -> dict[str, EngineInfo]:
        """Who answered for each candidate: by what a running engine says of itself now, else by what an earlier sitting kept."""
        return {**self._kept, **{candidate: backend.engine for candidate, backend in self._opened.items()}}

    def find(self, keys: Sequence[str]) -> Mapping[str, CallRecord]:
        return self._store.calls(keys)

    def record(self, call: CallRecord, *, paid: bool) -> None:
        self._store.record(self._run_id, call, paid=paid)

    def loaded(self, candidate: str, backend: Backend) -> None:
        self._opened[candidate] = backend
        self._store.record_load(
            self._run_id,
            candidate,
            load_seconds=backend.load_seconds,
            resident_bytes=backend.resident_bytes(),
            engine=backend.engine,
        )
