"""One look into a SQLite file without SQLAlchemy, which takes half a second to load: for `fit`, which needs one row of it or none."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.store.rows import constants_from_json

_QUERY = "SELECT constants FROM calibrations WHERE machine = ? AND engine = ? ORDER BY measured DESC, id DESC LIMIT 1"


def latest_constants(file: Path, machine: str, engine: str) -> SpeedConstants | None:
    """As `Store.latest_calibration`, its constants only; None also where the file is of a version that kept none.

    The file is opened to be read and never changed. Raises `sqlite3.DatabaseError` for a file that is no database.
    """
    with closing(sqlite3.connect(f"file:{quote(str(file.expanduser().absolute()))}?mode=ro", uri=True)) as connection:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'calibrations'").fetchone()
        row = connection.execute(_QUERY, (machine, engine)).fetchone() if known else None
    return constants_from_json(json.loads(row[0])) if row else None
