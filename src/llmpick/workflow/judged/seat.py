"""A model that serves the judge's bench, and what it took so far."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from llmpick.decide.answer import Spending
from llmpick.evidence.call import CallRecord, CallRequest, Completion
from llmpick.measure.backend import Backend
from llmpick.measure.calls import was_charged
from llmpick.workflow.accounts import seconds_of, tokens_of


@dataclass(slots=True)
class Seat:
    """A model that serves the bench: `id` names it in the log, `identity` by content. Its engine starts with the first call.

    One call at a time: rows of several lanes may come at once. `paid` are the calls that this run paid for, `used` all that it needed.
    """

    id: str
    identity: str
    open: Callable[[], Backend]
    price: Callable[[Sequence[CallRecord]], float | None] = lambda _: None
    backend: Backend | None = None
    load_seconds: float = 0.0
    paid: list[CallRecord] = field(default_factory=list[CallRecord])
    used: list[CallRecord] = field(default_factory=list[CallRecord])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def complete(self, request: CallRequest) -> Completion:
        with self.lock:
            if self.backend is None:
                self.backend = self.open()
                self.load_seconds += self.backend.load_seconds
            return self.backend.complete(request)

    def keep(self, call: CallRecord, *, paid: bool) -> None:
        with self.lock:
            self.used.append(call)
            if paid:
                self.paid.append(call)

    def charge(self, calls: Sequence[CallRecord]) -> None:
        """Counts calls that were of no use to this sitting, as far as they may have been charged."""
        with self.lock:
            self.paid.extend(call for call in calls if was_charged(call))

    @property
    def spent(self) -> Spending:
        return replace(self._taken_by(self.paid), seconds=seconds_of(self.paid) + self.load_seconds)

    def on_all_rows(self, scale: float) -> Spending:
        """What the calls would take if there were `scale` times as many."""
        seen = self._taken_by(self.used)
        calls, tokens = round(seen.calls * scale), round(seen.tokens * scale)
        return Spending(calls, tokens, seen.seconds * scale + self.load_seconds, None if seen.money is None else seen.money * scale)

    def _taken_by(self, calls: Sequence[CallRecord]) -> Spending:
        return Spending(len(calls), tokens_of(calls), seconds_of(calls), self.price(calls))

    def close(self) -> None:
        if self.backend is not None:
            self.backend.close()
            self.backend = None
