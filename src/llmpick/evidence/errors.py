"""The one shape of every error a user sees: what is wrong, where, and what to do about it."""


class LlmpickError(Exception):
    """Something the user can act on.

    `what` names the thing that is wrong, `where` the file, field, row or address, `remedy` the next step.
    `exit_code` is what the command line returns: 1 failed, 2 wrong usage or input.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str, remedy: str) -> None:
        super().__init__(f"{what} ({where})")
        self.what = what
        self.where = where
        self.remedy = remedy


class InputError(LlmpickError):
    """The user's own input (task file, rows, options, model name) cannot be used as it is."""

    exit_code = 2


class RowRefusedError(InputError):
    """An engine will not answer this one row (too long, a content filter), and would not if asked again: the row stays missing."""


class ModelFileError(LlmpickError):
    """A model file is missing, truncated, damaged, or not what it claims to be."""


class EngineError(LlmpickError):
    """The machinery failed (5xx, time-out after retries, crash): the row stays missing, it is not the model's fault.

    `fatal` says that the engine is gone for good, so that asking it for the next row is of no use. `unanswered` attempts were sent and
    broke off, so that they may have been charged.
    """

    def __init__(self, what: str, *, where: str, remedy: str, fatal: bool = False, unanswered: int = 0) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.fatal = fatal
        self.unanswered = unanswered


class TimedOutError(EngineError):
    """A call took longer than it may. What it would have said later is never read."""


class StoreError(LlmpickError):
    """The database of measurements cannot be read or written (disk full, locked, newer schema)."""
