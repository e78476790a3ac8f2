"""A lane against real servers on loopback: what one bad row, one late answer and one reasoning become in the records."""

import runpy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from llmpick.evidence.call import CallRecord, Outcome, Thinking
from llmpick.evidence.errors import EngineError
from llmpick.evidence.model import Candidate, Endpoint
from llmpick.evidence.task import Example, Limits, Metric, Prompt, Task, TaskKind
from llmpick.evidence.values import Estimate, Interval, Source, Unknown
from llmpick.measure.backends.endpoint import EndpointBackend
from llmpick.measure.calls import run_batch
from llmpick.measure.garage import Garage
from llmpick.measure.lane import Lane
from llmpick.measure.prompt import build_requests
from llmpick.store.store import Store
from llmpick.workflow.lanes import Course, Identity, model_lane
from llmpick.workflow.ledger import RunLedger

helpers = runpy.run_path(str(Path(__file__).parents[1] / "measure" / "canned_server.py"))
Reply, chat, refused = helpers["Reply"], helpers["chat"], helpers["refused"]
ROWS = 6
TASK = Task(
    name="t",
    kind=TaskKind.CHOICE,
    languages=("en",),
    examples=tuple(Example(f"r{i}", {"text": f"number {i}"}, "even" if i % 2 == 0 else "odd", f"line {i}") for i in range(ROWS)),
    prompt=Prompt("{{ text }}"),
    metric=Metric("accuracy"),
    content_hash="h",
    labels=("even", "odd"),
)


@pytest.fixture
def server() -> Iterator[Any]:
    with helpers["canned_server"]() as canned:
        yield canned


def lane_of(server: Any, thinking: Thinking | None = None, *, name: str = "m", **options: Any) -> Lane:
    candidate = Candidate(name, Endpoint(server.url, "m"), None, thinking)
    return model_lane(
        candidate,
        Course(TASK, TASK.examples, build_requests(TASK)),
        identity=Identity("m", None),
        open_backend=lambda _: EndpointBackend(Endpoint(server.url, "m"), sleep=lambda _: None, **options),
        cost_by="seconds",
        memory=Unknown("served"),
        room=Unknown("served"),
        measured_here=False,
        resident_bytes=None,
    )


GIB = 2**30
COMPUTED = Estimate(Interval(2.0 * GIB, 1.9 * GIB, 2.2 * GIB, 0.9), "bytes", Source("computed"))


def idle_lane(*, memory: Estimate | Unknown, seen: list[int], limit_bytes: int | None = None) -> Lane:
    """A lane that is asked nothing: what its memory costs, and what it breaks."""
    task = replace(TASK, limits=Limits(memory_bytes=limit_bytes))
    lane = model_lane(
        Candidate("m", Endpoint("http://127.0.0.1", "m")),
        Course(task, (), ()),
        identity=Identity("m", None),
        open_backend=lambda _: pytest.fail("opened"),
        cost_by="memory",
        memory=memory,
        room=memory,
        measured_here=False,
        resident_bytes=None,
    )
    lane.resident_bytes = seen
    return lane


@pytest.mark.parametrize("seen", [[], [GIB], [3 * GIB, GIB]])
def test_computed_memory_is_the_cost_whatever_was_seen(seen: list[int]) -> None:
    lane = idle_lane(memory=COMPUTED, seen=seen)
    assert lane.cost(lane) == 2.0 * GIB


@pytest.mark.parametrize(("seen", "cost"), [([], None), ([GIB, 3 * GIB, 2 * GIB], 3 * GIB)])
def test_where_nothing_can_be_computed_the_peak_is_the_cost(seen: list[int], cost: int | None) -> None:
    lane = idle_lane(memory=Unknown("no shape"), seen=seen)
    assert lane.cost(lane) == cost


@pytest.mark.parametrize(("seen", "broken"), [([], False), ([2 * GIB], False), ([2 * GIB, 3 * GIB + 1, GIB], True)])
def test_a_limit_is_broken_by_what_was_seen(seen: list[int], broken: bool) -> None:
    lane = idle_lane(memory=COMPUTED, seen=seen, limit_bytes=3 * GIB)
    assert [("was seen to take 3.00" in reason) for reason in lane.breaks(lane)] == [True] * broken


def run(lane: Lane, rows: Sequence[int] = range(ROWS)) -> list[CallRecord]:
    assert lane.open is not None
    assert lane.ask is not None
    with lane.open() as backend:
        return [lane.ask(backend, i) for i in rows]


def number(body: Any) -> int:
    return int(body["messages"][0]["content"].split()[-1])


def right(body: Any) -> str:
    return "even" if number(body) % 2 == 0 else "odd"


@pytest.mark.parametrize("words", ["maximum context length is 8 tokens", "blocked by the content filter"])
def test_a_refused_row_is_lost_with_its_reason_and_the_candidate_goes_on(server: Any, words: str) -> None:
    server.reply_to = lambda body: refused(words) if number(body) == 2 else chat(right(body))
    records = run(lane_of(server))
    assert [record.outcome for record in records] == [Outcome.FAILED if i == 2 else Outcome.ANSWERED for i in range(ROWS)]
    assert [record.score for record in records] == [None if i == 2 else 1.0 for i in range(ROWS)]
    assert words in (records[2].error or "")
    assert "row r2" in (records[2].error or "")


def test_a_late_answer_is_recorded_never_and_its_cost_once(server: Any) -> None:
    """Row 1 is answered too late three times: each attempt may have been charged, none is an answer."""
    server.reply_to = lambda body: Reply(200, chat(right(body)).body, after_s=0.6 if number(body) == 1 else 0.0)
    records = run(lane_of(server, timeout_s=0.3, retries=2), range(3))
    assert [record.outcome for record in records] == [Outcome.ANSWERED, Outcome.FAILED, Outcome.ANSWERED]
    assert len({record.row for record in records}) == 3
    assert records[1].prompt_tokens == 3 * 2, "three attempts at two tokens, guessed from eight bytes"
    assert sum(number(body) == 1 for _, body in server.asked) == 3


def test_a_run_that_goes_on_asks_the_lost_row_again_and_pays_for_no_other_twice(server: Any, tmp_path: Path) -> None:
    server.reply_to = lambda body: Reply(503, {}) if number(body) == 2 and len(server.asked) < 6 else chat(right(body))
    with Store.open(str(tmp_path / "runs.db")) as store:
        for sitting in range(2):
            kept = store.begin(fingerprint="f", verb="pick", title="t", seed=0, inputs={}, now=datetime.now(UTC))
            ledger = RunLedger(store, kept.id, {"m": "m"})
            lane = lane_of(server, retries=0)
            garage = Garage(0, ledger)
            run_batch({"m": (lane, ROWS)}, garage, ledger, lambda *_: None)
            garage.close()
            store.finish(kept.id, status="interrupted", answer=None, now=datetime.now(UTC))
            lost = [record.row for record in lane.records if record.outcome is Outcome.FAILED]
            assert lost == (["r2"] if sitting == 0 else [])
    asked = [number(body) for _, body in server.asked]
    assert sorted(asked) == sorted([*range(ROWS), 2])


def test_reasoning_is_kept_never_scored_and_its_tokens_are_the_calls(server: Any) -> None:
    def reply(body: Any) -> Any:
        if not body["messages"][0]["content"].startswith("number"):
            return Reply(body=thought("six sevens", "42"))
        return Reply(body=thought(f"{'odd' if right(body) == 'even' else 'even'}, surely not", right(body)))

    def thought(reasoning: str, text: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "reasoning_content": reasoning}
        return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": {"prompt_tokens": 7, "completion_tokens": 50}}

    server.reply_to = reply
    lane = lane_of(server, Thinking(True, 100), name="m?thinking=100")
    records = run(lane)
    assert [record.score for record in records] == [1.0] * ROWS
    assert [record.output_tokens for record in records] == [50] * ROWS
    assert records[0].output == "<think>\nodd, surely not\n</think>\n\neven"
    again = [lane.reuse(record, i) for i, record in enumerate(records)]
    assert [record.score for record in again] == [1.0] * ROWS
    assert set(lane.keys).isdisjoint(lane_of(server).keys)
    assert set(lane.keys).isdisjoint(lane_of(server, Thinking(True, 200)).keys)
    assert records == [replace(record, candidate="m?thinking=100") for record in again]


def test_an_engine_that_loses_row_after_row_ends_the_candidate(server: Any) -> None:
    server.reply_to = lambda _: Reply(503, {})
    lane = lane_of(server, retries=0)
    with pytest.raises(EngineError, match="8 rows in a row were lost") as caught:
        run(lane, [*range(ROWS), *range(ROWS)])
    assert caught.value.fatal
