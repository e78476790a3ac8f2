"""Several processes on one database: nothing acknowledged is lost, a living run is left alone, a dead one is continued."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from llmpick.evidence.call import CallRecord, Outcome
from llmpick.store.store import Store

NOW = datetime(2026, 11, 24, 7, 45, 1, tzinfo=UTC)

PRELUDE = """
import sys
from datetime import UTC, datetime
from llmpick.evidence.call import CallRecord, Outcome
from llmpick.store.store import Store

NOW = datetime(2026, 11, 24, 7, 45, 1, tzinfo=UTC)
def say(word): print(word, flush=True)
def call(key, output="x"): return CallRecord(key, "c", key, "p", Outcome.ANSWERED, output, 1.0, 1, 1, 0.1, 0)
def begin(store, fingerprint="f"):
    return store.begin(fingerprint=fingerprint, verb="pick", title="orders", seed=0, inputs={}, now=NOW)
"""
RECORD_FOREVER = """
store = Store.open(sys.argv[1])
run = begin(store)
say(run.id)
number = 0
while True:
    store.record(run.id, call(f"k{number}", "x" * 2000), paid=True)
    say(f"k{number}")
    number += 1
"""
HOLD = """
store = Store.open(sys.argv[1])
say(begin(store).id)
sys.stdin.read()
"""
RECORD_TOGETHER = """
store = Store.open(sys.argv[1])
say("open")
sys.stdin.readline()
run = begin(store, fingerprint=sys.argv[2])
for number in range(40):
    store.record(run.id, call(f"shared{number}", sys.argv[2]), paid=True)
store.finish(run.id, status="finished", answer=None, now=NOW)
store.close()
say(run.id)
"""


@contextmanager
def child(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that runs `script`; killed at the end if it is still there."""
    command = [sys.executable, "-c", PRELUDE + script, *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def begin(store: Store):
    return store.begin(fingerprint="f", verb="pick", title="orders", seed=0, inputs={}, now=datetime.now(UTC))


def wait_until_dead(store: Store, run: str) -> None:
    """A database server needs a moment to see that a client is gone."""
    deadline = time.monotonic() + 5
    while store.run(run).status == "running" and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.mark.parametrize("acknowledged", [1, 57])
def test_kill_9_loses_nothing_that_was_recorded_and_the_run_goes_on(url: str, acknowledged: int) -> None:
    with child(RECORD_FOREVER, url) as process:
        run = said(process)
        keys = [said(process) for _ in range(acknowledged)]
        process.send_signal(signal.SIGKILL)
        assert process.stdout is not None
        keys += [line for line in process.stdout.read().splitlines() if line.startswith("k") and len(line) > 1]
    with Store.open(url) as store:
        wait_until_dead(store, run)
        assert store.run(run).status == "interrupted"
        assert set(store.calls(keys)) == set(keys)
        logged = [call.key for call, _ in store.run_calls(run)]
        assert logged[: len(keys)] == keys
        assert len(logged) <= len(keys) + 1, "at most the call under way was kept and not yet acknowledged"
        resumed = begin(store)
        assert (resumed.id, resumed.resumed) == (run, True)
        store.record(resumed.id, CallRecord("next", "c", "next", "p", Outcome.ANSWERED, "x", 1.0, 1, 1, 0.1, 0), paid=True)
        assert [call.key for call, _ in store.run_calls(run)] == [*logged, "next"]


def test_a_run_that_another_process_is_working_on_is_left_alone(url: str) -> None:
    with Store.open(url) as store, child(HOLD, url) as process:
        theirs = said(process)
        assert store.run(theirs).status == "running"
        ours = begin(store)
        assert (ours.resumed, ours.id != theirs) == (False, True)
        store.finish(ours.id, status="finished", answer=None, now=NOW)
        process.kill()
        process.wait()
        wait_until_dead(store, theirs)
        assert begin(store).id == theirs


def test_two_stores_of_one_process_do_not_share_a_run_either(url: str) -> None:
    with Store.open(url) as one, Store.open(url) as two:
        first, second = begin(one), begin(two)
        third = begin(one)
        assert len({first.id, second.id, third.id}) == 3
        assert {run.status for run in two.runs()} == {"running"}


def test_a_closed_store_gives_its_run_back(url: str) -> None:
    with Store.open(url) as store:
        run = begin(store)
    with Store.open(url) as store:
        assert store.run(run.id).status == "interrupted"
        assert begin(store).id == run.id


def test_processes_that_race_for_the_same_calls_all_succeed(url: str) -> None:
    """They also race to create the database."""
    with child(RECORD_TOGETHER, url, "a") as a, child(RECORD_TOGETHER, url, "b") as b, child(RECORD_TOGETHER, url, "c") as c:
        processes = [a, b, c]
        assert [said(process) for process in processes] == ["open"] * 3
        outputs = [process.communicate("go\n")[0].strip() for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0]
    with Store.open(url) as store:
        assert len(set(outputs)) == 3
        kept = store.calls(f"shared{number}" for number in range(40))
        assert len(kept) == 40
        for run in outputs:
            log = [call for call, _ in store.run_calls(run)]
            assert [call.key for call in log] == [f"shared{number}" for number in range(40)]
            assert {call.key: call.output for call in log} == {key: call.output for key, call in kept.items()}


def test_a_finished_run_leaves_no_lock_behind(url: str) -> None:
    with Store.open(url) as store:
        run = begin(store)
        store.finish(run.id, status="finished", answer=None, now=NOW)
        assert store._database.locks.is_held(run.id) is False
        assert store._database.locks.take(run.id) is True
