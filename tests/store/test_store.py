"""What the store promises to a single process, on both databases."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmpick import __version__
from llmpick.evidence.call import CallRecord, EngineInfo, Outcome
from llmpick.evidence.errors import InputError, StoreError
from llmpick.store.records import LoadRecord, Run
from llmpick.store.store import Store

NOW = datetime(2026, 11, 24, 7, 45, 1, tzinfo=UTC)
ENGINE = EngineInfo("llama.cpp", "b11549", "cpu", {"flash_attn": True, "slots": 1, "seed": None}, note="a GPU stands idle")
FULL_CALL = CallRecord(
    key="k1",
    candidate="gemma",
    row="订单-1",
    prompt_hash="p1",
    outcome=Outcome.ANSWERED,
    output='{"order": "A-17"}',
    score=0.1 + 0.2,
    prompt_tokens=120,
    output_tokens=8,
    seconds=0.25,
    seed=2**63 - 1,
    prefill_seconds=0.2,
    decode_seconds=0.05,
    label_probabilities={"退款": 0.1, "other": 0.9},
    error=None,
)
BARE_CALL = CallRecord("k2", "gemma", "2", "p2", Outcome.FAILED, "", None, 0, 0, 30.0, 0, error="timeout\0 after 30 s \ud800")


def begin(store: Store, fingerprint: str = "f1", title: str = "order-facts", now: datetime = NOW, **inputs: Any) -> Run:
    return store.begin(fingerprint=fingerprint, verb="pick", title=title, seed=7, inputs=inputs, now=now)


def test_a_call_comes_back_exactly(store: Store) -> None:
    run = begin(store)
    store.record(run.id, FULL_CALL, paid=True)
    store.record(run.id, BARE_CALL, paid=True)
    assert store.call("k1") == FULL_CALL
    assert store.run_calls(run.id) == ((FULL_CALL, True), (BARE_CALL, True))


calls_of_any_kind = st.builds(
    CallRecord,
    key=st.just("each gets its own"),
    candidate=st.text(),
    row=st.text(),
    prompt_hash=st.just("p"),
    outcome=st.sampled_from(Outcome),
    output=st.text(st.characters(exclude_categories=[])),
    score=st.none() | st.floats(0, 1),
    prompt_tokens=st.integers(0, 2**40),
    output_tokens=st.integers(0, 2**40),
    seconds=st.floats(0, 1e6),
    seed=st.integers(-(2**63), 2**63 - 1),
    prefill_seconds=st.none() | st.floats(0, 1e6),
    label_probabilities=st.none() | st.dictionaries(st.text(), st.floats(0, 1)),
    error=st.none() | st.text(st.characters(exclude_categories=[])),
)


@given(calls_of_any_kind)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_model_says_comes_back_exactly(store: Store, call: CallRecord) -> None:
    call = replace(call, key=uuid4().hex)
    run = begin(store, fingerprint=call.key)
    store.record(run.id, call, paid=True)
    assert store.run_calls(run.id) == ((call, True),)


def test_the_same_call_is_found_by_any_later_run_and_the_first_answer_stands(store: Store) -> None:
    first = begin(store, "f1")
    store.record(first.id, FULL_CALL, paid=True)
    second = begin(store, "f2", now=NOW + timedelta(seconds=1))
    store.record(second.id, replace(FULL_CALL, output="another", seconds=9.0), paid=True)
    assert store.call("k1") == FULL_CALL
    assert [call.output for call, _ in store.run_calls(second.id)] == [FULL_CALL.output]


def test_a_run_keeps_its_own_names_and_scores_for_a_call_it_reuses(store: Store) -> None:
    first = begin(store, "f1")
    store.record(first.id, FULL_CALL, paid=True)
    second = begin(store, "f2", now=NOW + timedelta(seconds=1))
    seen = replace(FULL_CALL, candidate="./gemma.gguf", row="7", score=0.0, outcome=Outcome.UNPARSED)
    store.record(second.id, seen, paid=False)
    assert store.run_calls(second.id) == ((seen, False),)
    assert store.run_calls(first.id) == ((FULL_CALL, True),)


def test_recording_again_changes_nothing(store: Store) -> None:
    run = begin(store)
    store.record(run.id, FULL_CALL, paid=True)
    store.record(run.id, FULL_CALL, paid=False)
    assert store.run_calls(run.id) == ((FULL_CALL, True),)


def test_two_rows_with_the_same_prompt_share_one_call(store: Store) -> None:
    run = begin(store)
    twin = replace(FULL_CALL, row="twin")
    store.record(run.id, FULL_CALL, paid=True)
    store.record(run.id, twin, paid=False)
    assert store.run_calls(run.id) == ((FULL_CALL, True), (twin, False))


def test_a_failed_call_is_logged_but_is_no_answer(store: Store) -> None:
    run = begin(store)
    store.record(run.id, BARE_CALL, paid=True)
    assert store.call("k2") is None
    retried = replace(BARE_CALL, outcome=Outcome.ANSWERED, output="yes", score=1.0, error=None)
    store.record(run.id, retried, paid=True)
    assert store.call("k2") == retried
    store.record(run.id, BARE_CALL, paid=True)
    assert store.call("k2") == retried
    assert [call.outcome for call, _ in store.run_calls(run.id)] == [Outcome.FAILED, Outcome.ANSWERED, Outcome.FAILED]


def test_many_keys_are_looked_up_at_once(store: Store) -> None:
    run = begin(store)
    for number in range(0, 40, 2):
        store.record(run.id, replace(FULL_CALL, key=f"many-{number}"), paid=True)
    found = store.calls(f"many-{number}" for number in [*range(40), *range(40), *range(1000, 3000)])
    assert set(found) == {f"many-{number}" for number in range(0, 40, 2)}
    assert store.calls([]) == {}


@pytest.mark.parametrize("field", ["score", "seconds", "prefill_seconds"])
def test_a_number_that_is_not_finite_is_refused(store: Store, field: str) -> None:
    run = begin(store)
    with pytest.raises(ValueError, match=f"'订单-1' to 'gemma': {field} is not a finite number"):
        store.record(run.id, replace(FULL_CALL, **{field: float("nan")}), paid=True)
    assert store.run_calls(run.id) == ()


def test_an_unknown_run_has_no_log_and_cannot_be_finished(store: Store) -> None:
    assert store.run_calls("nothing") == ()
    with pytest.raises(StoreError, match="no such run to finish"):
        store.finish("nothing", status="finished", answer=None, now=NOW)
    with pytest.raises(StoreError):
        store.record("nothing", FULL_CALL, paid=True)
    assert store.call("k1") is None, "what cannot be logged is not kept either"


def test_calls_come_from_several_threads(store: Store) -> None:
    run = begin(store)

    def work(worker: int) -> None:
        for number in range(15):
            store.record(run.id, replace(FULL_CALL, key=f"{worker}-{number}", row=f"{worker}-{number}"), paid=True)
            assert store.call(f"{worker}-{number}") is not None

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log = [call.key for call, _ in store.run_calls(run.id)]
    assert sorted(log) == sorted(f"{worker}-{number}" for worker in range(6) for number in range(15))
    for worker in range(6):
        assert [key for key in log if key.startswith(f"{worker}-")] == [f"{worker}-{number}" for number in range(15)]


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("order-facts", "order-facts"),
        ("Order facts (v2)", "order-facts-v2"),
        ("订单", "pick"),
        ("../../etc/passwd", "etc-passwd"),
        ("a" * 40, "a" * 24),
    ],
)
def test_a_run_is_named_by_time_and_title(store: Store, title: str, slug: str) -> None:
    run = begin(store, title=title)
    assert run.id.startswith(f"20261124-074501-{slug}-")
    assert len(run.id) == len(f"20261124-074501-{slug}-3f2a")
    assert store.run(run.id).title == title


def test_runs_of_one_second_have_different_names(store: Store) -> None:
    names = set()
    for _ in range(5):
        run = begin(store)
        store.finish(run.id, status="finished", answer=None, now=NOW)
        names.add(run.id)
    assert len(names) == 5


@pytest.mark.parametrize(
    ("status", "resumed"),
    [("interrupted", True), ("finished", False), ("failed", False)],
)
def test_only_an_unfinished_run_of_the_same_fingerprint_is_continued(store: Store, status: Any, resumed: bool) -> None:
    first = begin(store)
    store.finish(first.id, status=status, answer=None, now=NOW)
    other = begin(store, "another fingerprint", now=NOW + timedelta(seconds=1))
    assert not other.resumed
    second = begin(store, now=NOW + timedelta(seconds=2))
    assert second.resumed is resumed
    assert (second.id == first.id) is resumed


def test_the_newest_unfinished_run_is_continued_and_knows_when_it_began(store: Store) -> None:
    begun = [begin(store, now=NOW + timedelta(minutes=minute)) for minute in range(3)]
    for run in begun:
        store.finish(run.id, status="interrupted", answer=None, now=NOW + timedelta(hours=1))
    resumed = begin(store, now=NOW + timedelta(hours=2))
    assert resumed == replace(begun[-1], resumed=True)
    detail = store.run(resumed.id)
    assert (detail.status, detail.finished) == ("running", None)
    assert [sitting.started for sitting in detail.sittings] == [begun[-1].started, NOW + timedelta(hours=2)]


def test_a_run_in_full(store: Store) -> None:
    run = begin(store, now=NOW, task="task.toml", models=["a.gguf"])
    store.record(run.id, FULL_CALL, paid=True)
    store.record(run.id, replace(FULL_CALL, key="k9", row="9"), paid=False)
    store.finish(run.id, status="finished", answer={"verdict": "chosen", "chosen": "gemma", "score": 0.5}, now=NOW + timedelta(minutes=1))
    detail = store.run(run.id)
    assert (detail.id, detail.verb, detail.title, detail.fingerprint, detail.seed) == (run.id, "pick", "order-facts", "f1", 7)
    assert (detail.status, detail.started, detail.finished) == ("finished", NOW, NOW + timedelta(minutes=1))
    assert detail.inputs == {"task": "task.toml", "models": ["a.gguf"]}
    assert detail.answer == {"verdict": "chosen", "chosen": "gemma", "score": 0.5}
    assert (detail.calls, detail.paid_calls, detail.verdict, detail.chosen) == (2, 1, "chosen", "gemma")
    (sitting,) = detail.sittings
    assert sitting.llmpick == __version__
    assert sitting.packages["sqlalchemy"].startswith("2.")
    assert (store.runs()[0].id, store.runs()[0].verdict) == (run.id, "chosen")


def test_an_answer_without_a_choice_has_none(store: Store) -> None:
    run = begin(store)
    store.finish(run.id, status="finished", answer={"verdict": "none_fits", "chosen": None}, now=NOW)
    assert (store.run(run.id).verdict, store.run(run.id).chosen) == ("none_fits", None)


def test_runs_are_listed_newest_first(store: Store) -> None:
    assert store.runs() == ()
    for minute in (2, 0, 1):
        begin(store, f"f{minute}", now=NOW + timedelta(minutes=minute))
    assert [run.started.minute for run in store.runs()] == [47, 46, 45]
    assert [run.started.minute for run in store.runs(limit=2)] == [47, 46]


def test_a_run_is_found_by_the_beginning_of_its_name(store: Store) -> None:
    first, second = begin(store, "f1", "orders"), begin(store, "f2", "intents", now=NOW + timedelta(days=1))
    assert store.run("20261124").id == first.id
    assert store.run("20261125-074501-int").id == second.id


@pytest.mark.parametrize(
    ("name", "what", "near"),
    [
        ("20261124", "several runs begin like this", ["-orders-", "-intents-"]),
        ("", "several runs begin like this", ["-orders-", "-intents-"]),
        ("20261124-074501-orders-zzzz", "no such run", ["-orders-"]),
        ("%", "no such run", ["-orders-", "-intents-"]),
        ("quite something else", "no such run", ["-orders-", "-intents-"]),
    ],
)
def test_a_run_that_is_not_found_names_near_ones(store: Store, name: str, what: str, near: list[str]) -> None:
    begin(store, "f1", "orders")
    begin(store, "f2", "intents")
    with pytest.raises(InputError, match=what) as caught:
        store.run(name)
    assert caught.value.where == name
    assert all(part in caught.value.remedy for part in near)


def test_without_any_run_the_remedy_is_to_make_one(store: Store) -> None:
    with pytest.raises(InputError) as caught:
        store.run("x")
    assert "llmpick pick" in caught.value.remedy


def test_loads_are_kept_with_their_engine(store: Store) -> None:
    run = begin(store)
    store.record_load(run.id, "gemma", identity="gemma on 1", load_seconds=1.5, resident_bytes=2**33, engine=ENGINE)
    store.record_load(
        run.id, "remote", identity="remote", load_seconds=0.0, resident_bytes=None, engine=EngineInfo("openai-compatible", "?", "remote")
    )
    assert store.loads(run.id) == (
        LoadRecord("gemma", 1.5, 2**33, ENGINE),
        LoadRecord("remote", 0.0, None, EngineInfo("openai-compatible", "?", "remote")),
    )
    store.raise_resident(run.id, "gemma", 2**34)
    store.raise_resident(run.id, "gemma", 2**30)
    assert store.latest_load("gemma on 1") == LoadRecord("gemma", 1.5, 2**34, ENGINE)
    assert store.latest_load("gemma on 2") is None
    assert store.whole_run(run.id).loads == store.loads(run.id)


def test_the_peak_of_a_model_is_that_of_the_same_task_and_not_as_a_judge(store: Store) -> None:
    """(content of the task, who was loaded, what was held): of the run's own task only the candidates' loads count, in any of its runs."""
    loads = [("a", "gemma", 5), ("a", "gemma", 3), ("b", "gemma", 9), ("a", "judge:gemma", 8), (None, "gemma", 7), ("c", "gemma", None)]
    started = {}
    for n, (content, candidate, held) in enumerate(loads):
        inputs = {} if content is None else {"content": content}
        run = store.begin(fingerprint=f"f{n}", verb="pick", title="t", seed=0, inputs=inputs, now=NOW)
        store.record_load(run.id, candidate, identity="gemma on 1", load_seconds=1.0, resident_bytes=held, engine=ENGINE)
        started[content] = run.id
    peaks = {content: store.peak_resident(run, "gemma on 1") for content, run in started.items()}
    assert peaks == {"a": 5, "b": 9, None: None, "c": None}
    assert store.peak_resident(started["a"], "another on 1") is None


def test_a_files_hash_holds_for_its_size_and_time_only(store: Store) -> None:
    path = "/models/\udcff gemma.gguf"
    assert store.file_hash(path, 10, 1) is None
    store.remember_file_hash(path, 10, 1, "ab")
    assert store.file_hash(path, 10, 1) == "ab"
    assert store.file_hash(path, 11, 1) is None
    assert store.file_hash(path, 10, 2) is None
    store.remember_file_hash(path, 2**40, 2**62, "cd")
    assert store.file_hash(path, 2**40, 2**62) == "cd"
    assert store.file_hash(path, 10, 1) is None
