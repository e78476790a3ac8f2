"""The store: every run, every call it made, and what was paid for, so that nothing is ever paid for twice.

A run is begun, its calls are recorded one by one, and it is finished with its answer. If its process dies in between, the next
process that begins the same work (the same fingerprint) goes on with it; see `alive.py` for how it knows that the run is dead.
All methods may be called from several threads, and several processes may have the same database open.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.engine import Connection

from llmpick.evidence.call import CallRecord, EngineInfo, Outcome
from llmpick.evidence.errors import InputError, StoreError
from llmpick.evidence.judging import BENCH
from llmpick.store.calibrations import Calibrations
from llmpick.store.database import Database
from llmpick.store.location import database_url, default_url
from llmpick.store.records import LoadRecord, Run, RunDetail, RunStatus, RunSummary, WholeRun
from llmpick.store.rows import (
    CALL_FIELDS,
    OF_THE_RUN,
    call_from_row,
    call_to_row,
    detail_from_row,
    engine_to_json,
    load_from_row,
    summary_from_row,
)
from llmpick.store.run_ids import run_id as new_run_id
from llmpick.store.schema import calls, file_hashes, loads, run_calls, runs
from llmpick.store.sittings import sitting_to_json, this_sitting
from llmpick.store.text_reads import TextReads

UNFINISHED = ("running", "interrupted")
_KEYS_PER_QUERY = 500
_NEAR = 5


class Store(Calibrations, TextReads):
    """The database of measurements. Every method raises `StoreError` when the database cannot be read or written."""

    @classmethod
    def open(cls, url: str | None = None) -> Self:
        """Opens, and first creates or migrates where needed, the database at `url`: a path, a URL, or None for the user's own.

        Raises `InputError` for what is no database's name, `StoreError` for one that cannot be used or is of a newer schema.
        """
        return cls(Database(database_url(default_url() if url is None else url)))

    def close(self) -> None:
        """Gives back what is open. A run that was begun and not finished may now be continued by another process."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def begin(self, *, fingerprint: str, verb: str, title: str, seed: int, inputs: Mapping[str, Any], now: datetime) -> Run:
        """Goes on with the newest unfinished run of the same fingerprint that no process is working on, else starts a new one.

        `inputs` (JSON) tells a reader what the run was asked. A run that failed is not continued; its calls still count as paid.
        """
        with self._database.writing() as connection:
            run = self._continue(connection, fingerprint, now)
            if run is not None:
                return run
            identity = self._take_new_id(connection, fingerprint=fingerprint, title=title, verb=verb, now=now)
            row = {"id": identity, "fingerprint": fingerprint, "verb": verb, "title": title, "seed": seed, "inputs": dict(inputs)}
            sittings = [sitting_to_json(this_sitting(now))]
            connection.execute(runs.insert(), {**row, "status": "running", "started": now, "sittings": sittings})
            return Run(id=identity, resumed=False, started=now, seed=seed)

    def finish(
        self,
        run_id: str,
        *,
        status: Literal["finished", "interrupted", "failed"],
        answer: Mapping[str, Any] | None,
        now: datetime,
    ) -> None:
        """Ends this process's work on a run. One that was interrupted may be continued, by this process or another."""
        values = {"status": status, "finished": now, "answer": None if answer is None else dict(answer)}
        with self._database.writing() as connection:
            if connection.execute(update(runs).where(runs.c.id == run_id).values(values)).rowcount == 0:
                raise StoreError("there is no such run to finish", where=run_id, remedy="begin the run first")
        self._database.locks.free(run_id)
        if status not in UNFINISHED:
            self._database.locks.forget(run_id)

    def call(self, key: str) -> CallRecord | None:
        """The answer that was paid for under `key`, if there is one. A failed call is no answer."""
        return self.calls([key]).get(key)

    def calls(self, keys: Iterable[str]) -> dict[str, CallRecord]:
        """The answers that were paid for, by key; keys without one are left out.

        Candidate, row and score are those of the first run that made the call: a score depends on the reference and the metric
        too, so another run scores the output itself.
        """
        wanted = list(dict.fromkeys(keys))
        found: dict[str, CallRecord] = {}
        with self._database.reading() as connection:
            for start in range(0, len(wanted), _KEYS_PER_QUERY):
                query = _answers().where(calls.c.key.in_(wanted[start : start + _KEYS_PER_QUERY]))
                found.update((row["key"], call_from_row(row)) for row in connection.execute(query).mappings())
        return found

    def record(self, run_id: str, call: CallRecord, *, paid: bool) -> None:
        """Keeps a call and enters it in the run's log; both are durable when this returns.

        Of two answers under one key the first stands, and both runs' logs point to it. A call that is in the log already stays as
        it was entered, so that a resumed run may record again what it finds. A failed call is logged and leaves its key free.
        """
        row = call_to_row(call)
        entry = {"run": run_id, "paid": paid, **{name: row[name] for name in OF_THE_RUN}}
        with self._database.writing() as connection:
            call_id = self._keep(connection, call, row)
            connection.execute(self._database.insert(run_calls).on_conflict_do_nothing(), {**entry, "call": call_id})

    def run_calls(self, run_id: str) -> tuple[tuple[CallRecord, bool], ...]:
        """The run's log in order: each call as this run saw it, and whether this run paid for it.

        A row that failed and was tried again is there twice, the later try after the earlier one.
        """
        shared = [calls.c[name] for name in CALL_FIELDS if name not in OF_THE_RUN]
        own = [run_calls.c[name] for name in (*OF_THE_RUN, "paid")]
        query = select(*shared, *own).join_from(run_calls, calls).where(run_calls.c.run == run_id).order_by(run_calls.c.position)
        with self._database.reading() as connection:
            return tuple((call_from_row(row), row["paid"]) for row in connection.execute(query).mappings())

    def record_load(
        self, run_id: str, candidate: str, *, identity: str, load_seconds: float, resident_bytes: int | None, engine: EngineInfo
    ) -> None:
        """Keeps one start of an engine with a model. `identity` names the model's content and the engine that runs it."""
        row = {"run": run_id, "candidate": candidate, "identity": identity, "load_seconds": load_seconds, "resident_bytes": resident_bytes}
        with self._database.writing() as connection:
            connection.execute(loads.insert(), {**row, "engine": engine_to_json(engine)})

    def raise_resident(self, run_id: str, candidate: str, resident_bytes: int) -> None:
        """Notes that the engine which the run started last for the candidate was seen to hold more memory than was known."""
        newest = select(func.max(loads.c.id)).where(loads.c.run == run_id, loads.c.candidate == candidate).scalar_subquery()
        grown = (loads.c.id == newest, func.coalesce(loads.c.resident_bytes, -1) < resident_bytes)
        with self._database.writing() as connection:
            connection.execute(update(loads).where(*grown).values(resident_bytes=resident_bytes))

    def latest_load(self, identity: str) -> LoadRecord | None:
        """The newest start of this model with this engine, by any run; None when there was none."""
        query = select(loads).where(loads.c.identity == identity).order_by(loads.c.id.desc()).limit(1)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
            return None if row is None else load_from_row(row)

    def peak_resident(self, run_id: str, identity: str) -> int | None:
        """The most bytes that this model with this engine was seen to hold in any run of the same task content as `run_id`'s.

        What a process holds depends on what it is asked (prompts, the form of answers), so that other tasks say nothing of it, nor does
        what it held as a judge.
        """
        content = runs.c.inputs["content"].as_string()
        asked = select(content).where(runs.c.id == run_id).scalar_subquery()
        query = select(func.max(loads.c.resident_bytes)).join_from(loads, runs, loads.c.run == runs.c.id)
        with self._database.reading() as connection:
            seated = or_(*(loads.c.candidate.startswith(role, autoescape=True) for role in BENCH))
            return connection.execute(query.where(loads.c.identity == identity, content == asked, ~seated)).scalar_one()

    def loads(self, run_id: str) -> tuple[LoadRecord, ...]:
        """The run's loads, in order."""
        with self._database.reading() as connection:
            rows = connection.execute(select(loads).where(loads.c.run == run_id).order_by(loads.c.id)).mappings()
            return tuple(load_from_row(row) for row in rows)

    def runs(self, limit: int | None = None) -> tuple[RunSummary, ...]:
        """The runs, newest first."""
        query = _runs_with_counts().order_by(*_newest_first).limit(limit)
        with self._database.reading() as connection:
            summaries = [summary_from_row(row) for row in connection.execute(query).mappings()]
            return tuple(replace(summary, status=self._true_status(summary)) for summary in summaries)

    def run(self, run_id_or_prefix: str) -> RunDetail:
        """One run in full, named by its id or a beginning of it that no other run has. Raises `InputError` naming near ones."""
        with self._database.reading() as connection:
            query = _runs_with_counts().where(runs.c.id == _find(connection, run_id_or_prefix))
            detail = detail_from_row(connection.execute(query).mappings().one())
            return replace(detail, status=self._true_status(detail))

    def whole_run(self, run_id_or_prefix: str) -> WholeRun:
        """One run with its loads and its log."""
        run = self.run(run_id_or_prefix)
        return WholeRun(run=run, loads=self.loads(run.id), calls=self.run_calls(run.id))

    def file_hash(self, path: Path | str, size: int, mtime_ns: int) -> str | None:
        """The SHA-256 that was computed for the file at `path` when it had this size and modification time."""
        same = (file_hashes.c.path == str(path), file_hashes.c.size == size, file_hashes.c.mtime_ns == mtime_ns)
        with self._database.reading() as connection:
            return connection.execute(select(file_hashes.c.sha256).where(*same)).scalar_one_or_none()

    def remember_file_hash(self, path: Path | str, size: int, mtime_ns: int, sha256: str) -> None:
        """Keeps a file's SHA-256, in place of the one of an earlier content."""
        new = {"size": size, "mtime_ns": mtime_ns, "sha256": sha256}
        insert = self._database.insert(file_hashes).values(path=str(path), **new)
        with self._database.writing() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=[file_hashes.c.path], set_=new))

    def _continue(self, connection: Connection, fingerprint: str, now: datetime) -> Run | None:
        """Takes over the newest run that can be. Its status is read after its lock is ours: until then its process may finish it."""
        unfinished = runs.c.status.in_(UNFINISHED)
        query = select(runs.c.id).where(runs.c.fingerprint == fingerprint, unfinished).order_by(*_newest_first)
        for identity in connection.execute(query).scalars().all():
            if not self._database.locks.take(identity):
                continue
            row = connection.execute(select(runs).where(runs.c.id == identity, unfinished)).mappings().one_or_none()
            if row is None:
                self._database.locks.free(identity)
                continue
            sittings = [*row["sittings"], sitting_to_json(this_sitting(now))]
            connection.execute(update(runs).where(runs.c.id == identity).values(status="running", finished=None, sittings=sittings))
            return Run(id=identity, resumed=True, started=row["started"], seed=row["seed"])
        return None

    def _take_new_id(self, connection: Connection, *, fingerprint: str, title: str, verb: str, now: datetime) -> str:
        for attempt in count():
            identity = new_run_id(fingerprint=fingerprint, title=title, verb=verb, now=now, attempt=attempt)
            is_used = connection.execute(select(runs.c.id).where(runs.c.id == identity)).first() is not None
            if not is_used and self._database.locks.take(identity):
                return identity
        raise AssertionError("count() does not end")

    def _keep(self, connection: Connection, call: CallRecord, row: Mapping[str, Any]) -> int:
        """The id under which the call stands in the database, where it may have been before."""
        insert = self._database.insert(calls).values(**row, created=datetime.now(UTC))
        if call.outcome is Outcome.FAILED:
            return connection.execute(insert.returning(calls.c.id)).scalar_one()
        connection.execute(insert.on_conflict_do_nothing())
        return connection.execute(select(calls.c.id).where(calls.c.key == call.key, _is_answer)).scalar_one()

    def _true_status(self, run: RunSummary) -> RunStatus:
        return "interrupted" if run.status == "running" and not self._database.locks.is_held(run.id) else run.status


_newest_first = (runs.c.started.desc(), runs.c.id.desc())
_is_answer = calls.c.outcome != Outcome.FAILED.value


def _answers() -> Select[Any]:
    return select(*(calls.c[name] for name in CALL_FIELDS)).where(_is_answer)


def _runs_with_counts() -> Select[Any]:
    """All columns of a run, the number of calls in its log and of those it paid, and the verdict and choice of its answer."""
    counts = (
        select(run_calls.c.run, func.count().label("calls"), func.count().filter(run_calls.c.paid).label("paid_calls"))
        .group_by(run_calls.c.run)
        .subquery()
    )
    return select(
        runs,
        func.coalesce(counts.c.calls, 0).label("calls"),
        func.coalesce(counts.c.paid_calls, 0).label("paid_calls"),
        runs.c.answer["verdict"].as_string().label("verdict"),
        runs.c.answer["chosen"].as_string().label("chosen"),
    ).outerjoin_from(runs, counts, counts.c.run == runs.c.id)


def _find(connection: Connection, name: str) -> str:
    """The one run that `name` or a beginning of it names."""
    known = list(connection.execute(select(runs.c.id).order_by(*_newest_first)).scalars())
    matching = [name] if name in known else [identity for identity in known if identity.startswith(name)]
    if len(matching) == 1:
        return matching[0]
    what = "several runs begin like this" if matching else "there is no such run"
    near = (matching or get_close_matches(name, known, n=_NEAR) or known)[:_NEAR]
    remedy = f"name one of: {', '.join(near)}" if near else "there are no runs yet: make one with `llmpick pick`"
    raise InputError(what, where=name, remedy=remedy)
