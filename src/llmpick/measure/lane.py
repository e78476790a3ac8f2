"""One entrant's way through the rows of a race, and where its calls are looked up and kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from llmpick.evidence.call import CallRecord
from llmpick.evidence.errors import LlmpickError
from llmpick.measure.backend import Backend


class Ledger(Protocol):
    """Where calls are looked up and kept.

    `paid_before` are the calls that this run paid for the candidate in earlier sittings, before it was broken off: answered or failed.
    `is_paid` says whether a call that is held was paid by this run, for this very candidate and row.
    """

    def paid_before(self, candidate: str) -> Sequence[CallRecord]: ...

    def is_paid(self, call: CallRecord) -> bool: ...

    def find(self, keys: Sequence[str]) -> Mapping[str, CallRecord]: ...

    def record(self, call: CallRecord, *, paid: bool) -> None: ...

    def loaded(self, candidate: str, backend: Backend) -> None: ...

    def resident(self, candidate: str, resident_bytes: int) -> None: ...


@dataclass(slots=True)
class Lane:
    """One entrant's way through the rows. `keys[i]` names the call for row i of the race order; None for a baseline, whose calls are given.

    `ask(backend, i)` makes that call and scores it; it never raises for a lost row, but raises when the engine is gone for good.
    `reuse(record, i)` scores a call that is kept already; `held_is_free` says that this takes no further call, and that what is held is
    evidence before the race asks for it.
    `cost` is the entrant's cost per row by the user's measure, `breaks` names the limits that it was seen to break,
    `price` is the money that calls take, `spends` what one more call is expected to cost, in the one unit in which the rule weighs the
    candidates' calls against each other; None before anything is known of it.
    """

    candidate: str
    cost: Callable[["Lane"], float | None]
    breaks: Callable[["Lane"], tuple[str, ...]]
    records: list[CallRecord] = field(default_factory=list)
    keys: tuple[str, ...] = ()
    open: Callable[[], Backend] | None = None
    ask: Callable[[Backend, int], CallRecord] | None = None
    price: Callable[[Sequence[CallRecord]], float] = lambda _: 0.0
    spends: Callable[["Lane"], float | None] = lambda _: None
    reuse: Callable[[CallRecord, int], CallRecord] = lambda record, _: record
    held_is_free: bool = True
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


Batch = Mapping[str, tuple[Lane, int]]
"""By candidate: its lane, and how many rows more it runs."""
