"""When to stop asking a server: one refused or lost row is a row, but a server that refuses or loses all of them is none."""

import threading
from dataclasses import dataclass, field

from llmpick.evidence.errors import EngineError, InputError, LlmpickError, RowRefusedError

REFUSED_AT_FIRST = 5
"""So many rows refused before the first answer, and none answered: it is not the rows."""
LOST_IN_A_ROW = 8
"""So many rows lost one after the other, each after all its retries: twice what is under way at once by default."""


@dataclass(slots=True)
class Health:
    """The rows since the last answer. Safe to use from several threads."""

    answered: bool = False
    refused: int = 0
    lost: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def well(self) -> None:
        with self._lock:
            self.answered, self.lost = True, 0

    def after(self, error: LlmpickError) -> LlmpickError:
        """The error to raise for a row: its own, or one that ends the candidate."""
        with self._lock:
            if isinstance(error, RowRefusedError):
                self.refused += 1
                if not self.answered and self.refused >= REFUSED_AT_FIRST:
                    return InputError(f"every row is refused: {error.what}", where=error.where, remedy=error.remedy)
            elif isinstance(error, EngineError) and not error.fatal:
                self.lost += 1
                if self.lost >= LOST_IN_A_ROW:
                    what = f"{self.lost} rows in a row were lost: {error.what}"
                    return EngineError(what, where=error.where, remedy=error.remedy, fatal=True, unanswered=error.unanswered)
        return error
