"""The list of runs that are kept."""

from llmpick.store.records import RunSummary
from llmpick.store.store import Store


def list_runs(limit: int | None = None) -> tuple[RunSummary, ...]:
    """The newest `limit` runs, or all of them; newest first."""
    with Store.open() as store:
        return store.runs(limit)
