"""The part of the store that keeps what was timed on a machine, and the constants that were fitted on it."""

from sqlalchemy import select

from llmpick.evidence.calibration import SpeedReading
from llmpick.store.database import Database
from llmpick.store.records import KeptCalibration
from llmpick.store.rows import CALIBRATION_FIELDS, calibration_from_row, constants_to_json
from llmpick.store.schema import calibrations, speed_readings


class Calibrations:
    """Readings belong to a run of `calibrate`, which may be broken off and continued; constants to a machine and an engine."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_reading(self, run_id: str, model: str, reading: SpeedReading) -> None:
        """Keeps what was timed, in place of an earlier state of the same reading."""
        named = {"run": run_id, "model": model, "kind": reading.kind, "tokens": reading.tokens}
        seconds = {"seconds": list(reading.seconds)}
        insert = self._database.insert(speed_readings).values(**named, **seconds)
        with self._database.writing() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=list(named), set_=seconds))

    def readings(self, run_id: str) -> tuple[tuple[str, SpeedReading], ...]:
        """What the run timed, in order: the model, and the reading."""
        query = select(speed_readings).where(speed_readings.c.run == run_id).order_by(speed_readings.c.id)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings()
            return tuple((row["model"], SpeedReading(row["kind"], row["tokens"], tuple(row["seconds"]))) for row in rows)

    def record_calibration(self, calibration: KeptCalibration) -> None:
        """Keeps constants; those of earlier calibrations stay."""
        row = {name: getattr(calibration, name) for name in CALIBRATION_FIELDS}
        with self._database.writing() as connection:
            connection.execute(calibrations.insert(), {**row, "constants": constants_to_json(calibration.constants)})

    def latest_calibration(self, machine: str, engine: str) -> KeptCalibration | None:
        """The newest constants of this engine on this machine; None when it was never calibrated."""
        same = (calibrations.c.machine == machine, calibrations.c.engine == engine)
        query = select(calibrations).where(*same).order_by(calibrations.c.measured.desc(), calibrations.c.id.desc()).limit(1)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
            return None if row is None else calibration_from_row(row)
