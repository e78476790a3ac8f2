"""The bench in a race: verdicts become scores, every call is paid for once, and a bench that fails loses rows and not the race.

The last test lets one real model answer, and another one answer against it and judge.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llmpick.evidence.call import CallRecord, CallRequest, Completion, Outcome
from llmpick.evidence.errors import EngineError, InputError
from llmpick.evidence.model import Candidate, Endpoint
from llmpick.evidence.task import Budget, Example, Judge, Message, Metric, Prompt, Task, TaskKind
from llmpick.evidence.values import Unknown
from llmpick.measure.backend import Backend
from llmpick.measure.backends.scripted import Scripted, ScriptedBackend
from llmpick.measure.engines import open_backend
from llmpick.measure.lane import Lane
from llmpick.measure.prompt import build_requests
from llmpick.measure.race import RaceEnd, run_race
from llmpick.sources.task import load_task
from llmpick.stats.goal import Goal
from llmpick.stats.plain import PlainRule
from llmpick.store.store import Store
from llmpick.workflow.findings import Entry
from llmpick.workflow.judged.bench import Bench, bench_names, on_the_bench
from llmpick.workflow.judged.seat import Seat
from llmpick.workflow.lanes import Course, Identity, model_lane
from llmpick.workflow.ledger import RunLedger
from llmpick.workflow.models.gather import gather

ROWS = 24
TASK = Task(
    name="t",
    kind=TaskKind.GENERATE,
    languages=("en",),
    examples=tuple(Example(f"r{i}", {"text": f"number {i}"}, "", f"line {i}") for i in range(ROWS)),
    prompt=Prompt("Say something of {{ text }}."),
    metric=Metric("judge"),
    content_hash="h",
    judge=Judge("judge", "opponent", "which answer is longer"),
)
COURSE = Course(TASK, TASK.examples, build_requests(TASK))
ANSWERS = {"wordy": "a long and winding answer", "same": "an answer", "terse": "no"}


def the_longer(request: CallRequest) -> str:
    """A judge that counts words, as it was told to."""
    shown = request.messages[-1].content
    first, second = (len(shown.split(f"[answer {side} ")[1].split("[end")[0].split()) for side in "AB")
    return "A" if first > second else "B" if second > first else "tie"


@contextmanager
def ledger(folder: Path, loads: Sequence[str] = ()) -> Iterator[RunLedger]:
    with Store.open(f"sqlite:///{folder / 'calls.db'}") as store:
        run = store.begin(fingerprint="f", verb="race", title="t", seed=0, inputs={}, now=datetime.now(UTC))
        yield RunLedger(store, run.id, {name: name for name in (*ANSWERS, *loads)})
        store.finish(run.id, status="interrupted", answer=None, now=datetime.now(UTC))


def seat(name: str, script: Callable[[CallRequest], Scripted]) -> tuple[Seat, ScriptedBackend]:
    backend = ScriptedBackend(script)
    return Seat(name, f"{name} 1", lambda: backend), backend


def bench_of(kept: RunLedger, judge: Seat, opponent: Seat) -> Bench:
    return Bench(judge, opponent, COURSE, COURSE.requests, kept)


def lane(name: str, course: Course) -> Lane:
    return model_lane(
        Candidate(name, Endpoint("http://127.0.0.1", name)),
        course,
        identity=Identity(name, None),
        open_backend=lambda _: ScriptedBackend(lambda _: ANSWERS[name]),
        cost_by="memory",
        memory=Unknown("scripted"),
        room=Unknown("scripted"),
        measured_here=False,
        resident_bytes=None,
    )


def race(names: Sequence[str], bench: Bench, kept: RunLedger) -> RaceEnd:
    return run_race(
        [lane(name, replace(COURSE, judged=bench.score)) for name in names],
        rows=ROWS,
        rule=PlainRule(Goal(0.02, 0.95)),
        budget=Budget(),
        ledger=kept,
        capacity_bytes=10**9,
        on_look=lambda _: None,
        on_call=lambda _, __: None,
    )


def test_verdicts_are_the_scores_of_the_race(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        judge, _ = seat("judge", the_longer)
        opponent, asked = seat("opponent", lambda _: "an answer")
        bench = bench_of(kept, judge, opponent)
        end = race(["wordy", "same", "terse"], bench, kept)
        scores = {one.candidate: {record.score for record in one.records} for one in end.look.lanes}
        assert scores == {"wordy": {1.0}, "same": {0.5}, "terse": {0.0}}
        assert end.look.standing.chosen == 0
        rows = {record.row for one in end.look.lanes for record in one.records}
        assert sorted(asked.asked) == sorted(rows), "the opponent answers each row once"
        record = bench.record(confidence=0.95)
        assert record is not None
        assert record.worth_its_calls
        assert record.consistent.value == 1
        bench.close()


def test_what_was_judged_is_never_paid_for_again(tmp_path: Path) -> None:
    spent = []
    for script in (the_longer, lambda _: EngineError("it must not be asked", where="test", remedy="none", fatal=True)):
        with ledger(tmp_path) as kept:
            bench = bench_of(kept, seat("judge", script)[0], seat("opponent", lambda _: "an answer")[0])
            end = race(["wordy", "terse"], bench, kept)
            assert end.look.standing.chosen == 0
            spent.append((bench.paid.calls, bench.verdicts().calls))
    (first, all_first), (again, all_again) = spent
    assert first == again > 0, "the second sitting goes on with the same run, and counts what it paid for"
    assert all_first == all_again


def test_what_opponent_and_candidate_share_is_counted_once_in_each_sitting(tmp_path: Path) -> None:
    """The bench needs the rows first and pays for them; the racing opponent finds them, in every sitting."""
    spent = []
    for _ in range(3):
        with ledger(tmp_path) as kept:
            opponent, asked = seat("same", lambda _: ANSWERS["same"])
            opponent.identity = "same"
            bench = bench_of(kept, seat("judge", the_longer)[0], opponent)
            for i in range(8):
                bench.score(i, Completion(ANSWERS["wordy"], "stop", 1, 1, 0.0))
            assert bench.paid.calls == 8 + 2 * 8
            (racer,) = race(["same"], bench, kept).look.lanes
            assert len(racer.records) >= 8
            spent.append((bench.paid.calls + len(racer.paid), bench.paid.tokens, len(asked.asked)))
    (first, tokens, asked_first), *others = spent
    assert asked_first == 8
    assert others == [(first, tokens, 0)] * 2


def test_calls_of_the_bench_that_may_have_been_charged_in_vain_count_in_every_sitting(tmp_path: Path) -> None:
    def breaks_off(_: CallRequest) -> Scripted:
        return EngineError("the connection broke", where="judge", remedy="wait", unanswered=3)

    def refuses(_: CallRequest) -> Scripted:
        return EngineError("out of order", where="judge", remedy="wait")

    spent = []
    for script in (refuses, breaks_off, the_longer, the_longer):
        with ledger(tmp_path) as kept:
            bench = bench_of(kept, seat("judge", script)[0], seat("opponent", lambda _: "an answer")[0])
            before = bench.paid
            bench.score(0, Completion(ANSWERS["wordy"], "stop", 1, 1, 0.0))
            spent.append((before.calls, bench.paid.calls, before.tokens))
    assert [calls for calls, _, _ in spent] == [0, 0, 1, 1]
    assert [calls for _, calls, _ in spent] == [1, 2, 4, 4], "the opponent's answer, the call in vain, and then both orders"
    assert spent[2][2] > 3 * 50, "three attempts at what it was asked"


def test_a_judge_that_fails_now_and_then_loses_rows(tmp_path: Path) -> None:
    def shaky(request: CallRequest) -> Scripted:
        return EngineError("no answer", where="judge", remedy="wait") if request.row in ("r0", "r3") else the_longer(request)

    with ledger(tmp_path) as kept:
        bench = bench_of(kept, seat("judge", shaky)[0], seat("opponent", lambda _: "an answer")[0])
        completion = Completion(ANSWERS["wordy"], "stop", 1, 1, 0.0)
        assert [bench.score(i, completion) for i in (0, 1)] == [(Outcome.ANSWERED, None), (Outcome.ANSWERED, 1.0)]
        assert [error.what for error in bench.lost] == ["no answer"]


def test_a_judge_that_is_gone_is_an_error_of_the_engine(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        gone = EngineError("it crashed", where="judge", remedy="start it", fatal=True)
        bench = bench_of(kept, seat("judge", lambda _: gone)[0], seat("opponent", lambda _: "an answer")[0])
        with pytest.raises(EngineError, match="crashed"):
            bench.score(0, Completion("a", "stop", 1, 1, 0.0))


@pytest.mark.parametrize(
    ("completion", "outcome", "score", "calls"),
    [
        (Completion("", "stop", 1, 0, 0.0), Outcome.EMPTY, 0.0, 1),
        (Completion("<think>hm</think>", "stop", 1, 0, 0.0), Outcome.EMPTY, 0.0, 1),
        (Completion("far too long an answer", "length", 1, 9, 0.0), Outcome.CUT_OFF, 1.0, 3),
        (Completion("an answer", "stop", 1, 2, 0.0), Outcome.ANSWERED, 0.5, 1),
        (Completion("<think>longer, longer, longer</think>no", "stop", 1, 2, 0.0), Outcome.ANSWERED, 0.0, 3),
    ],
)
def test_how_a_call_ended(tmp_path: Path, completion: Completion, outcome: Outcome, score: float, calls: int) -> None:
    with ledger(tmp_path) as kept:
        bench = bench_of(kept, seat("judge", the_longer)[0], seat("opponent", lambda _: "an answer")[0])
        assert bench.score(0, completion) == (outcome, score)
        assert bench.paid.calls == calls


def test_the_judge_reads_the_row_as_it_was_put(tmp_path: Path) -> None:
    shown: list[str] = []

    def listening(request: CallRequest) -> str:
        shown.extend(message.content for message in request.messages)
        return the_longer(request)

    talk = Example("talk", {}, "", "line 1", messages=(Message("user", "What is it?"),))
    course = Course(TASK, (talk, *COURSE.examples[1:]), COURSE.requests)
    with ledger(tmp_path) as kept:
        bench = Bench(seat("judge", listening)[0], seat("opponent", lambda _: "an answer")[0], course, course.requests, kept)
        for i in (0, 1):
            bench.score(i, Completion("a long answer", "stop", 1, 1, 0.0))
    assert "say which answer is longer." in shown[0]
    assert "\nWhat is it?\n" in shown[1]
    assert any("\nSay something of number 1.\n" in text for text in shown)


JUDGED = """
name = "small talk"
kind = "generate"
[examples]
file = "rows.jsonl"
[prompt]
template = "{{ question }}"
[answer]
max_tokens = 8
[judge]
model = "judge.gguf"
opponent = "opponent.gguf"
"""
QUESTIONS = ("What is the capital of France?", "Name a colour.", "How many legs has a spider?")


def written(folder: Path, task: str = JUDGED) -> Path:
    (folder / "rows.jsonl").write_text("".join(json.dumps({"question": question}) + "\n" for question in QUESTIONS), encoding="utf-8")
    (folder / "task.toml").write_text(task, encoding="utf-8")
    return folder / "task.toml"


def test_a_task_without_references_has_a_judge(tmp_path: Path) -> None:
    (tmp_path / "judge.gguf").touch()
    task = load_task(written(tmp_path))
    assert task.judge == Judge(str(tmp_path / "judge.gguf"), "opponent.gguf"), "a file beside the task file is named by its path"
    assert task.metric == Metric("judge")
    assert [example.reference for example in task.examples] == ["", "", ""]
    assert task.examples[0].fields == {"question": QUESTIONS[0]}


@pytest.mark.parametrize(
    ("change", "what", "key"),
    [
        (('[judge]\nmodel = "judge.gguf"\nopponent = "opponent.gguf"\n', ""), "'examples.reference' is missing", "examples.reference"),
        (('model = "judge.gguf"\n', ""), "'judge.model' is missing", "judge.model"),
        (('opponent = "opponent.gguf"\n', ""), "'judge.opponent' is missing", "judge.opponent"),
        (("[judge]\n", '[judge]\nmodle = "x"\n'), "'judge.modle' is unknown", "judge.modle"),
        (('"generate"', '"short-answer"'), "has right answers, and no judge", "judge"),
        (("[judge]\n", '[metric]\nname = "rouge-l"\n[judge]\n'), "cannot both score", "metric.name"),
        (("[prompt]\n", '[prompt]\nfewshot = "rows.jsonl"\n'), "solved rows need an answer", "examples.reference"),
    ],
)
def test_what_a_judged_task_must_not_say(tmp_path: Path, change: tuple[str, str], what: str, key: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        load_task(written(tmp_path, JUDGED.replace(*change)))
    assert key in caught.value.where


def survey_entry(path: Path) -> Entry:
    return Entry(gather((str(path),), as_of=None, environ={}).candidates[0], Unknown("not asked"), Unknown("not asked"))


def test_two_real_models_and_a_judge_that_is_not_worth_its_calls(tmp_path: Path, smollm2_path: Path, gemma_path: Path) -> None:
    """SmolLM2 answers against Gemma, Gemma judges: its verdicts hang on the order, and the bench's record says so."""
    text = JUDGED.replace("judge.gguf", str(gemma_path)).replace("opponent.gguf", str(gemma_path))
    task = load_task(written(tmp_path, text))
    course = Course(task, task.examples, build_requests(task))
    candidate = gather((str(smollm2_path),), as_of=None, environ={}).candidates[0]
    records: list[CallRecord] = []

    def opened(_: Candidate) -> Backend:
        assert candidate.run is not None
        return open_backend(candidate.run, context_tokens=512)  # pyright: ignore[reportArgumentType]

    gemma = replace(survey_entry(gemma_path), identity=Identity("gemma", "gemma"))
    names = bench_names((gemma, gemma))
    assert set(names) == {f"judge:{gemma_path}", f"opponent:{gemma_path}"}
    with (
        ledger(tmp_path, tuple(names)) as kept,
        on_the_bench(course, kept, (gemma, gemma), context_tokens=1024) as (judged, bench),
    ):
        assert bench is not None
        racer = model_lane(
            candidate,
            judged,
            identity=Identity("smollm2", None),
            open_backend=opened,
            cost_by="seconds",
            memory=Unknown("not asked"),
            room=Unknown("not asked"),
            measured_here=False,
            resident_bytes=None,
        )
        assert racer.open is not None
        assert racer.ask is not None
        with racer.open() as backend:
            records.extend(racer.ask(backend, i) for i in range(2))
        record = bench.record(confidence=0.95)
    assert [record.outcome is Outcome.FAILED for record in records] == [False] * 2
    assert all(one.score in (0.0, 0.5, 1.0) for one in records)
    assert record is not None
    assert not record.worth_its_calls
    assert bench.paid.calls == 2 + 4
    assert bench.paid.tokens > bench.verdicts().tokens > 0
