"""How many calls may be under way at one server: as many as it takes, found out by how it answers.

Additive increase, multiplicative decrease, as in TCP (Jacobson, "Congestion avoidance and control", SIGCOMM 1988): a server that says
it is too busy, or does not answer in time, gets half of the calls at once; each answer raises that by one over itself, which is one
more call for every round of them. Whoever comes while all places are taken waits, so that nothing piles up anywhere else.
"""

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pass:
    """A place in the gate, and how often the gate had been narrowed when it was taken."""

    narrowed: int


class Gate:
    """At most `most` calls at once, fewer while the server is busy. Safe to use from several threads."""

    def __init__(self, most: int) -> None:
        self.limit = float(most)
        """How many calls may be under way now."""
        self._most = most
        self._inside = 0
        self._narrowed = 0
        self._free = threading.Condition()

    def enter(self) -> Pass:
        """Waits for a place."""
        with self._free:
            self._free.wait_for(lambda: self._inside < int(self.limit))
            self._inside += 1
            return Pass(self._narrowed)

    def leave(self, taken: Pass, *, answered: bool, busy: bool = False) -> None:
        """Gives the place back. Calls that were under way together and found the server busy narrow the gate once, not once each."""
        with self._free:
            self._inside -= 1
            if busy and taken.narrowed == self._narrowed:
                self.limit = max(1.0, self.limit / 2)
                self._narrowed += 1
            elif answered:
                self.limit = min(float(self._most), self.limit + 1 / self.limit)
            self._free.notify_all()
