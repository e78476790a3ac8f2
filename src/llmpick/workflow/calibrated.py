"""The constants that `llmpick calibrate` found on this machine, for whoever estimates speed here."""

import sqlite3

from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.evidence.calibration import machine_name
from llmpick.evidence.device import Device


def calibrated_constants(device: Device, engine: str, store_url: str | None = None) -> SpeedConstants | None:
    """The newest constants of this engine on this very machine; None where it was not calibrated. `device` is what was detected here.

    The database is not made where there is none. Raises `StoreError` for one that cannot be read.
    """
    from llmpick.store.location import default_url, sqlite_file

    url = store_url or default_url()
    if (file := sqlite_file(url)) is not None:
        from llmpick.store.glance import latest_constants

        try:
            return latest_constants(file, machine_name(device), engine) if file.is_file() else None
        except sqlite3.DatabaseError:
            pass  # the store says better what is wrong with it
    from llmpick.store.store import Store

    with Store.open(url) as store:
        kept = store.latest_calibration(machine_name(device), engine)
    return kept.constants if kept else None
