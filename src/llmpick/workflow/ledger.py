"""What the race has already: calls kept by the store, seen by one run."""

from collections.abc import Mapping, Sequence

from llmpick.evidence.call import CallRecord, EngineInfo, Outcome
from llmpick.measure.backend import Backend
from llmpick.store.records import LoadRecord
from llmpick.store.store import Store


class RunLedger:
    """The store as one run sees it. `identities` names each candidate's model and engine by content.

    Several candidates and rows can share a call, of whom one paid for it: so what was paid before is known by all three.
    """

    def __init__(self, store: Store, run_id: str, identities: Mapping[str, str]) -> None:
        self._store = store
        self._run_id = run_id
        self._identities = dict(identities)
        self._before = [call for call, paid in store.run_calls(run_id) if paid]
        self._paid = frozenset(_place(call) for call in self._before if call.outcome is not Outcome.FAILED)
        self._opened: dict[str, Backend] = {}

    def also_named(self, identities: Mapping[str, str]) -> None:
        """Further names under which engines are started in this run, as for the stages of a cascade."""
        self._identities |= identities

    def last_load(self, candidate: str) -> LoadRecord | None:
        """The newest start of the same model with the same engine, in this run or an earlier one."""
        return self._store.latest_load(self._identities.get(candidate, ""))

    def peak_resident(self, candidate: str) -> int | None:
        """The most memory that an engine with the same model was seen to hold in runs of the same task, this one included."""
        return self._store.peak_resident(self._run_id, self._identities.get(candidate, ""))

    def engine(self, candidate: str) -> EngineInfo | None:
        """Who answers for the candidate: by what its engine says of itself now, else by its last start; None for a baseline."""
        if candidate in self._opened:
            return self._opened[candidate].engine
        kept = self.last_load(candidate)
        return kept.engine if kept else None

    def paid_before(self, candidate: str) -> Sequence[CallRecord]:
        """What this run paid for the candidate in earlier sittings, answered or failed."""
        return [call for call in self._before if call.candidate == candidate]

    def is_paid(self, call: CallRecord) -> bool:
        """Whether this run paid for the call in an earlier sitting, for this candidate and row."""
        return _place(call) in self._paid

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


def _place(call: CallRecord) -> tuple[str, str, str]:
    return call.candidate, call.row, call.key
