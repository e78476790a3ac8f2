"""What the race has already: calls kept by the store, seen by one run."""

from collections.abc import Mapping, Sequence

from llmpick.evidence.call import CallRecord, EngineInfo
from llmpick.measure.backend import Backend
from llmpick.store.records import LoadRecord
from llmpick.store.store import Store


class RunLedger:
    """The store as one run sees it. `paid_before` are the keys that this run paid for in an earlier sitting.

    `identities` names each candidate's model and engine by content.
    """

    def __init__(self, store: Store, run_id: str, identities: Mapping[str, str]) -> None:
        self._store = store
        self._run_id = run_id
        self._identities = identities
        self.paid_before = frozenset(call.key for call, paid in store.run_calls(run_id) if paid)
        self._opened: dict[str, Backend] = {}

    def last_load(self, candidate: str) -> LoadRecord | None:
        """The newest start of the same model with the same engine, in this run or an earlier one."""
        return self._store.latest_load(self._identities.get(candidate, ""))

    def engine(self, candidate: str) -> EngineInfo | None:
        """Who answers for the candidate: by what its engine says of itself now, else by its last start; None for a baseline."""
        if candidate in self._opened:
            return self._opened[candidate].engine
        kept = self.last_load(candidate)
        return kept.engine if kept else None

    def find(self, keys: Sequence[str]) -> Mapping[str, CallRecord]:
        return self._store.calls(keys)

    def record(self, call: CallRecord, *, paid: bool) -> None:
        self._store.record(self._run_id, call, paid=paid)

    def loaded(self, candidate: str, backend: Backend) -> None:
        self._opened[candidate] = backend
        self._store.record_load(
            self._run_id,
            candidate,
            identity=self._identities[candidate],
            load_seconds=backend.load_seconds,
            resident_bytes=backend.resident_bytes(),
            engine=backend.engine,
        )

    def resident(self, candidate: str, resident_bytes: int) -> None:
        self._store.raise_resident(self._run_id, candidate, resident_bytes)
