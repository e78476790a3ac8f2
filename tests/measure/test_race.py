"""The race as a run of calls: what is asked, what is not asked again, and what happens when machinery fails or a budget ends."""

import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from llmpick.evidence.call import CallRecord, Completion, EngineInfo, Outcome
from llmpick.evidence.errors import EngineError
from llmpick.evidence.task import Budget
from llmpick.measure.backend import Backend
from llmpick.measure.race import Lane, RaceEnd, Stop, run_race
from llmpick.stats.goal import Goal
from llmpick.stats.plain import PlainRule
from llmpick.stats.race import Progress, Standing
from llmpick.stats.rules import Rule

ROWS = 100


class Memory:
    """A ledger in memory."""

    def __init__(self, held: Mapping[str, CallRecord] | None = None, paid: Sequence[CallRecord] = ()) -> None:
        self.held = dict(held or {})
        self._paid = paid
        self.log: list[tuple[CallRecord, bool]] = []
        self.loads: list[str] = []

    def find(self, keys: Sequence[str]) -> Mapping[str, CallRecord]:
        return {key: self.held[key] for key in keys if key in self.held}

    def paid_before(self, candidate: str) -> Sequence[CallRecord]:
        return [call for call in self._paid if call.candidate == candidate]

    def is_paid(self, call: CallRecord) -> bool:
        return call in self._paid

    def record(self, call: CallRecord, *, paid: bool) -> None:
        self.log.append((call, paid))
        if call.outcome is not Outcome.FAILED:
            self.held[call.key] = call

    def loaded(self, candidate: str, backend: Backend) -> None:
        self.loads.append(candidate)

    def resident(self, candidate: str, resident_bytes: int) -> None:
        self.memory = {**getattr(self, "memory", {}), candidate: resident_bytes}


class Engine:
    """An engine that does nothing; what lanes ask is in the tests' own hands."""

    engine = EngineInfo("none", "1", "cpu")
    load_seconds = 1.0

    def __init__(self, concurrency: int = 1) -> None:
        self.concurrency = concurrency
        self.closed = False

    def prepare(self, requests: Sequence[object]) -> None: ...

    def complete(self, request: object) -> Completion:
        raise AssertionError("not asked in these tests")

    def resident_bytes(self) -> int | None:
        return 7

    def close(self) -> None:
        self.closed = True


def record(name: str, i: int, score: float | None, seconds: float = 0.1) -> CallRecord:
    outcome = Outcome.FAILED if score is None else Outcome.ANSWERED
    return CallRecord(f"{name}-{i}", name, str(i), "", outcome, "", score, 10, 2, seconds, 0)


def lane(
    name: str, share: float, *, cost: float = 1.0, concurrency: int = 1, memory_bytes: int = 0, remote: bool = False, **changes: object
) -> Lane:
    """A lane that is right in the rows whose number, spread over the course, falls under `share`."""

    def ask(_: Backend, i: int) -> CallRecord:
        return record(name, i, float((i * 37 % ROWS) < share * ROWS))

    fields = {
        "candidate": name,
        "keys": tuple(f"{name}-{i}" for i in range(ROWS)),
        "cost": lambda _: cost,
        "breaks": lambda _: (),
        "open": lambda: Engine(concurrency),
        "ask": ask,
        "memory_bytes": memory_bytes,
        "remote": remote,
    }
    return Lane(**{**fields, **changes})  # pyright: ignore


PLAIN = PlainRule(Goal(0.02, 0.95))


def race(
    *lanes: Lane,
    ledger: Memory | None = None,
    budget: Budget = Budget(),  # noqa: B008
    capacity: int = 100,
    rule: Rule = PLAIN,
) -> RaceEnd:
    return run_race(
        lanes,
        rows=ROWS,
        rule=rule,
        budget=budget,
        ledger=ledger or Memory(),
        capacity_bytes=capacity,
        on_look=lambda _: None,
        on_call=lambda _, __: None,
    )


def chosen(end: RaceEnd) -> str | None:
    return None if end.look.standing.chosen is None else end.look.lanes[end.look.standing.chosen].candidate


def test_a_clear_winner_is_found_early() -> None:
    good, bad = lane("good", 0.9), lane("bad", 0.2)
    assert chosen(race(good, bad)) == "good"
    assert len(good.records) < 50
    assert len(bad.records) < 50


def test_what_is_held_is_not_asked_again() -> None:
    ledger = Memory()
    first = race(lane("good", 0.9), lane("bad", 0.2), ledger=ledger)
    again = lane("good", 0.9, ask=lambda *_: pytest.fail("asked again")), lane("bad", 0.2, ask=lambda *_: pytest.fail("asked again"))
    second = race(*again, ledger=ledger)
    assert chosen(first) == chosen(second)
    assert again[0].paid == []
    assert again[0].loads == 0


def test_a_run_that_was_broken_off_counts_what_it_paid_before() -> None:
    held = {f"good-{i}": record("good", i, 1.0) for i in range(10)}
    resumed = lane("good", 0.9)
    race(resumed, lane("bad", 0.2), ledger=Memory(held, list(held.values())))
    assert len(resumed.paid) == len(resumed.records)


def test_what_was_paid_before_and_is_not_needed_again_still_counts() -> None:
    held = {f"good-{i}": record("good", i, 1.0) for i in range(ROWS)}
    resumed = lane("good", 0.9)
    race(resumed, lane("bad", 0.2), ledger=Memory(held, list(held.values())))
    assert len(resumed.records) < len(resumed.paid) == ROWS


@pytest.mark.parametrize(("tokens", "charged"), [(10, True), (0, False)])
def test_a_lost_call_of_an_earlier_sitting_that_may_have_been_charged_still_counts(tokens: int, charged: bool) -> None:
    lost = replace(record("good", 3, None), prompt_tokens=tokens, output_tokens=0)
    again, other = lane("good", 0.9), lane("bad", 0.2)
    race(again, other, ledger=Memory(paid=[lost]))
    assert len(again.paid) == len(again.records) + charged
    assert len(other.paid) == len(other.records)


@pytest.mark.parametrize(("tokens", "charged"), [(10, True), (0, False)])
def test_a_lost_call_that_may_have_been_charged_counts_as_cost_and_never_as_score(tokens: int, charged: bool) -> None:
    def ask(_: Backend, i: int) -> CallRecord:
        lost = replace(record("flaky", i, None), prompt_tokens=tokens, output_tokens=0)
        return lost if i % 2 else record("flaky", i, 1.0)

    flaky = lane("flaky", 1.0, ask=ask)
    race(flaky, lane("bad", 0.2))
    lost = [one for one in flaky.records if one.outcome is Outcome.FAILED]
    assert lost
    assert all(one.score is None for one in lost)
    assert [one for one in flaky.paid if one.outcome is Outcome.FAILED] == (lost if charged else [])


def test_a_budget_of_tokens_is_spent_by_lost_calls_too() -> None:
    def ask(_: Backend, i: int) -> CallRecord:
        return replace(record("flaky", i, None), prompt_tokens=100, output_tokens=0)

    flaky = lane("flaky", 1.0, ask=ask)
    end = race(flaky, lane("steady", 0.9), budget=Budget(tokens=4000))
    assert end.stop is Stop.BUDGET
    assert len(flaky.records) <= 40


def test_the_budget_ends_the_race_undecided() -> None:
    a, b = lane("a", 0.60), lane("b", 0.61)
    end = race(a, b, budget=Budget(calls=40))
    assert end.undecided_because == "the budget is spent"
    assert 30 <= len(a.records) + len(b.records) <= 40
    tokens = lane("a", 0.60), lane("b", 0.61)
    race(*tokens, budget=Budget(tokens=600))
    assert sum(len(one.records) for one in tokens) <= 50
    priced = [lane(name, 0.6, price=lambda records: 0.5 * len(records)) for name in "ab"]
    race(*priced, budget=Budget(money=20))
    assert sum(len(one.records) for one in priced) == 40
    timed = lane("a", 0.60), lane("b", 0.61)
    race(*timed, budget=Budget(minutes=0.1))
    assert sum(len(one.records) for one in timed) < 60


def test_a_row_that_the_machinery_loses_is_missing_not_wrong() -> None:
    def sometimes(_: Backend, i: int) -> CallRecord:
        return record("good", i, None if i % 10 == 0 else 1.0)

    good = lane("good", 1.0, ask=sometimes)
    end = race(good, lane("bad", 0.2))
    assert chosen(end) == "good"
    assert end.look.progress.lost[0].any()


def test_an_engine_that_cannot_start_is_out_and_the_others_race_on() -> None:
    def fails() -> Backend:
        raise EngineError("not a GGUF file", where="a.gguf", remedy="download it again", fatal=True)

    broken = lane("broken", 0.9, open=fails)
    end = race(broken, lane("good", 0.9), lane("bad", 0.2))
    assert chosen(end) == "good"
    assert broken.gone is not None
    assert broken not in end.look.lanes


def test_an_engine_that_dies_in_the_race_leaves_it_open() -> None:
    def dies(_: Backend, i: int) -> CallRecord:
        if i >= 5:
            raise EngineError("the engine is gone", where="llama.cpp", remedy="start it", fatal=True)
        return record("good", i, 1.0)

    end = race(lane("good", 1.0, ask=dies), lane("other", 0.9))
    assert chosen(end) is None
    assert end.undecided_because is not None
    assert "good" in end.undecided_because


def test_a_limit_seen_to_be_broken_ends_the_lane() -> None:
    slow = lane("slow", 1.0, breaks=lambda _: ("decode speed 1 tokens/s, the task's limit is 20 tokens/s",))
    end = race(slow, lane("bad", 0.2))
    assert chosen(end) == "bad"
    assert len(slow.records) <= 16


def test_models_that_do_not_fit_together_take_turns_and_longer_batches() -> None:
    ledger = Memory()
    good, close = lane("good", 0.62, memory_bytes=80), lane("close", 0.60, memory_bytes=80)
    race(good, close, ledger=ledger, capacity=100)
    assert good.loads + close.loads <= 5
    together = Memory()
    race(lane("good", 0.62, memory_bytes=40), lane("close", 0.60, memory_bytes=40), ledger=together, capacity=100)
    assert together.loads == ["good", "close"]


def test_all_engines_are_closed_at_the_end() -> None:
    engines: list[Engine] = []

    def opened() -> Engine:
        engines.append(Engine())
        return engines[-1]

    race(lane("good", 0.9, open=opened), lane("bad", 0.2, open=opened))
    assert [engine.closed for engine in engines] == [True, True]


def test_a_lone_candidate_is_measured_before_it_is_chosen() -> None:
    alone = lane("alone", 0.5)
    assert chosen(race(alone)) == "alone"
    assert len(alone.records) == 16


def test_nobody_to_race_is_an_answer_and_no_crash() -> None:
    assert race().undecided_because == "no candidate could be run"


def test_remote_lanes_run_side_by_side() -> None:
    """Both must be in a call at the same moment, or the barrier breaks."""
    meeting = threading.Barrier(2, timeout=5)

    def meets(name: str, score: float):
        def ask(_: Backend, i: int) -> CallRecord:
            if i == 0:
                meeting.wait()
            return record(name, i, score)

        return ask

    end = race(lane("a", 1, ask=meets("a", 1.0), remote=True), lane("b", 0, ask=meets("b", 0.0), remote=True))
    assert chosen(end) == "a"


def test_calls_of_one_lane_run_side_by_side_up_to_its_concurrency_and_stay_in_order() -> None:
    meeting = threading.Barrier(2, timeout=5)

    def ask(_: Backend, i: int) -> CallRecord:
        if i < 2:
            meeting.wait()
        return record("a", i, 1.0)

    a = lane("a", 1, ask=ask, concurrency=2, remote=True)
    race(a, lane("b", 0.2))
    assert [call.row for call in a.records] == [str(i) for i in range(len(a.records))]


class Wants:
    """A rule in the test's own hands: it never decides, and asks for what `rows` says of the progress."""

    def __init__(self, rows: Callable[[Progress, np.ndarray], Sequence[int]], beaten: Sequence[int] = ()) -> None:
        self.goal = Goal(0.02, 0.95)
        self.rows = rows
        self.beaten = list(beaten)
        self.costs: list[list[float]] = []

    def judge(self, progress: Progress) -> Standing:
        count = len(progress.done)
        beaten_by = np.array([0 if k in self.beaten else -1 for k in range(count)])
        return Standing(np.zeros(count, dtype=bool), beaten_by, np.zeros(count, dtype=bool), None)

    def next_rows(self, progress: Progress, standing: Standing, cost_per_call: np.ndarray) -> np.ndarray:
        self.costs.append(cost_per_call.tolist())
        return np.array(self.rows(progress, cost_per_call))


def test_each_candidate_runs_the_rows_that_the_rule_asks_of_it() -> None:
    looks: list[list[int]] = []

    def rows(progress: Progress, _: np.ndarray) -> list[int]:
        looks.append(progress.done.tolist())
        return [20, 50] if progress.done[0] < 20 else progress.done.tolist()

    a, b = lane("a", 0.6), lane("b", 0.5)
    end = race(a, b, rule=Wants(rows), budget=Budget(calls=70))
    assert looks[:2] == [[0, 0], [20, 50]]
    assert end.stop is Stop.BUDGET


def test_the_rule_weighs_calls_by_what_each_candidate_was_seen_to_cost() -> None:
    def spends(each: float) -> Callable[[Lane], float | None]:
        return lambda one: each if one.records else None

    wants = Wants(lambda progress, _: (progress.done + 10).clip(max=30))
    race(lane("a", 0.6, spends=spends(2.0)), lane("b", 0.5, spends=spends(8.0)), lane("c", 0.5), rule=wants, budget=Budget(calls=60))
    assert wants.costs[0] == [1.0, 1.0, 1.0]
    assert wants.costs[1] == [2.0, 8.0, 5.0]


def test_a_beaten_candidate_runs_on_where_the_rule_still_wants_its_answers() -> None:
    """Its answers may serve as a control variate for a dear one's."""
    helper = lane("helper", 0.2)
    race(lane("a", 0.6), helper, rule=Wants(lambda progress, _: [10, 40], beaten=[1]), budget=Budget(calls=50))
    assert len(helper.records) == 40


def test_a_rule_that_waits_for_a_dead_engine_does_not_hold_up_the_others() -> None:
    def dies(_: Backend, i: int) -> CallRecord:
        if i >= 5:
            raise EngineError("the engine is gone", where="llama.cpp", remedy="start it", fatal=True)
        return record("a", i, 1.0)

    b, c = lane("b", 0.6), lane("c", 0.5)
    end = race(lane("a", 1.0, ask=dies), b, c, rule=Wants(lambda progress, _: [100, 16, 16]))
    assert (len(b.records), len(c.records)) == (ROWS, ROWS)
    assert end.stop is Stop.STUCK
    assert end.undecided_because is not None
    assert "the engine of a failed" in end.undecided_because


@pytest.mark.parametrize(
    ("budget", "most"),
    [(Budget(calls=30), 30), (Budget(tokens=240), 20), (Budget(calls=30, tokens=1200), 30), (Budget(calls=0), 0), (Budget(tokens=0), 0)],
)
def test_a_batch_that_the_budget_does_not_reach_shrinks_in_proportion(budget: Budget, most: int) -> None:
    a, b = lane("a", 0.60), lane("b", 0.61)
    end = race(a, b, rule=Wants(lambda progress, _: (progress.done + np.array([6, 2])).clip(max=ROWS)), budget=budget)
    assert end.stop is Stop.BUDGET
    assert most - 2 <= len(a.records) + len(b.records) <= most
    if most >= 20:
        assert len(a.records) > 2 * len(b.records)


def test_an_interrupt_keeps_what_came_back_and_leaves_the_choice_open() -> None:
    def interrupted(_: Backend, i: int) -> CallRecord:
        if i == 20:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            time.sleep(0.2)
        return record("a", i, float(i % 2))

    ledger = Memory()
    a, b = lane("a", 0.5, ask=interrupted), lane("b", 0.5)
    end = race(a, b, ledger=ledger)
    assert end.stop is Stop.INTERRUPTED
    assert chosen(end) is None
    assert 21 <= len(a.records) <= 32, "what was under way came back, and no further batch was begun"
    assert end.look.progress.done.tolist() == [len(a.records), len(b.records)]
    assert len(ledger.log) == len(a.records) + len(b.records)


@pytest.mark.parametrize(("free", "counts"), [(True, [40, 30]), (False, [0, 0])])
def test_what_is_held_counts_when_a_race_is_interrupted_before_it_asked(free: bool, counts: list[int]) -> None:
    """Where looking at what is held takes a judge's calls, it does not; nor does what lies behind a row that is not held."""
    rows = {"a": [*range(40), 41], "b": list(range(30))}
    held = {f"{name}-{i}": record(name, i, 1.0) for name, of in rows.items() for i in of}
    ledger, lanes = Memory(held, [held["a-3"]]), [lane(name, 0.5, held_is_free=free) for name in rows]

    def at_once(_: object) -> None:
        raise KeyboardInterrupt

    end = run_race(
        lanes,
        rows=ROWS,
        rule=PLAIN,
        budget=Budget(),
        ledger=ledger,
        capacity_bytes=100,
        on_look=at_once,
        on_call=lambda _, __: None,
    )
    assert end.stop is Stop.INTERRUPTED
    assert end.look.progress.done.tolist() == counts
    assert len(ledger.log) == sum(counts), "the run's log has what its answer rests on"
    assert [call.key for call, paid in ledger.log if paid] == (["a-3"] if free else [])
    assert all(lane.loads == 0 for lane in lanes)


def interrupt() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_an_interrupt_is_answered_at_once_and_a_second_one_does_not_wait() -> None:
    """The call under way would take for ever; what it brings when the race is over is kept nowhere. Polars, which reads tables, handles
    signals itself.
    """
    import polars as pl

    pl.read_csv(b"a\n1\n")
    said: list[int] = []
    over, came_back = threading.Event(), threading.Event()
    ledger, entrant = Memory(), lane("a", 0.5)

    def ask(_: Backend, i: int) -> CallRecord:
        if i == 5:
            while len(entrant.records) < 5:
                time.sleep(0.01)
            interrupt()
            assert over.wait(60)
            came_back.set()
        return record("a", i, 1.0)

    def told() -> None:
        said.append(len(entrant.records))
        threading.Thread(target=interrupt).start()

    entrant.ask = ask
    end = run_race(
        [entrant, lane("b", 0.5)],
        rows=ROWS,
        rule=PLAIN,
        budget=Budget(),
        ledger=ledger,
        capacity_bytes=100,
        on_look=lambda _: None,
        on_call=lambda _, __: None,
        on_interrupt=told,
    )
    assert end.stop is Stop.INTERRUPTED
    assert said == [5]
    over.set()
    assert came_back.wait(60)
    time.sleep(0.1)
    assert [call.row for call, _ in ledger.log] == list("01234")
    assert len(entrant.records) == 5


def test_a_model_that_is_loaded_goes_first_in_the_next_batch() -> None:
    ledger = Memory()
    race(
        lane("a", 0.6, memory_bytes=80),
        lane("b", 0.6, memory_bytes=80),
        ledger=ledger,
        capacity=100,
        rule=Wants(lambda progress, _: (progress.done + 40).clip(max=ROWS)),
    )
    assert ledger.loads == ["a", "b", "a", "b"][: len(ledger.loads)]
    assert len(ledger.loads) <= 4
