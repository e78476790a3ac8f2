"""The judge's bench: scores the rows of a task that has no right answers, for every lane of a race.

A row's score is the verdict on the candidate's answer against the opponent's (`evidence/judging.py`). The opponent answers a row when it is
first needed, under the key that a candidate would use, so that an opponent who races too is asked once. Both orders of a pair are calls
of their own, kept under the judge's identity: what was judged once is never paid for again, and a broken run goes on where it stood.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

from llmpick.decide.answer import Judging, Spending
from llmpick.decide.screen import context_of
from llmpick.evidence.call import CallRecord, CallRequest, Completion, Outcome
from llmpick.evidence.errors import EngineError, InputError, LlmpickError
from llmpick.evidence.judging import BENCH
from llmpick.evidence.model import Candidate, Endpoint, Weights
from llmpick.evidence.task import Judge
from llmpick.evidence.values import Estimate
from llmpick.measure.backend import Backend
from llmpick.measure.budget import NOTHING, Beside
from llmpick.measure.calls import lost_before, unused_of
from llmpick.measure.engines import missing_engine, open_backend
from llmpick.measure.judge import Contest, Ruling, asked, common_beginning, cost, hold
from llmpick.measure.prompt import prompt_hash, render, row_text
from llmpick.measure.thinking import kept_output, split, with_thinking
from llmpick.stats.pairwise import JudgeRecord, judge_record
from llmpick.workflow.accounts import money, total
from llmpick.workflow.findings import Entry
from llmpick.workflow.judged.seat import Seat
from llmpick.workflow.lanes import Course, call_key, lost_call
from llmpick.workflow.models.gather import gather

CALLS_PER_ROW = 3
"""At most, for one row of one candidate: the opponent's answer, and both orders of the pair."""


class Kept(Protocol):
    """The part of a run's ledger that a bench needs."""

    def paid_before(self, candidate: str) -> Sequence[CallRecord]: ...

    def is_paid(self, call: CallRecord) -> bool: ...

    def find(self, keys: Sequence[str]) -> Mapping[str, CallRecord]: ...

    def record(self, call: CallRecord, *, paid: bool) -> None: ...

    def loaded(self, candidate: str, backend: Backend) -> None: ...


class Bench:
    """Scores rows by a judge: `score` is what `Course.judged` wants. `opponent_requests` are the rows as the opponent is asked them."""

    def __init__(self, judge: Seat, opponent: Seat, course: Course, opponent_requests: Sequence[CallRequest], ledger: Kept) -> None:
        self._judge, self._opponent, self._ledger = judge, opponent, ledger
        for role, one in zip(BENCH, (judge, opponent), strict=True):
            one.charge(lost_before(f"{role}{one.id}", ledger))
        self._course, self._opponent_requests = course, opponent_requests
        self._rulings: dict[Contest, Ruling] = {}
        self._opponent_answers: dict[int, str] = {}
        self._locks = [threading.Lock() for _ in course.examples]
        self._scored: set[tuple[int, str]] = set()
        self.lost: list[LlmpickError] = []
        """Why rows have no verdict: the machinery failed, or a pair does not fit into the judge's context."""

    def score(self, i: int, completion: Completion, key: str = "") -> tuple[Outcome, float | None]:
        """How the call `key` for row i ended, and its score; None if the row was lost on the bench.

        An answer that was cut off is judged as it stands, an empty one loses. Raises `LlmpickError` when judge or opponent cannot be
        opened or is gone for good.
        """
        answer = split(completion.text).answer
        outcome = Outcome.CUT_OFF if completion.finish == "length" else Outcome.ANSWERED if answer else Outcome.EMPTY
        try:
            with self._locks[i]:
                if key == call_key(self._opponent.identity, self._opponent_requests[i]):
                    self._opponent_answers[i] = answer  # the opponent races too, and this is its own answer
                ruling = self._ruling(i, answer)
            return outcome, ruling.judgement.score
        except (EngineError, InputError) as error:
            if isinstance(error, EngineError) and error.fatal:
                whose = "the judge or its opponent is gone"
                raise EngineError(f"{whose}: {error.what}", where=error.where, remedy=error.remedy, fatal=True) from error
            self.lost.append(error)
            return outcome, None

    def record(self, *, confidence: float) -> JudgeRecord | None:
        """The judge's own record on the pairs that it was asked about; None before the first."""
        judgements = asked(list(self._rulings.values()))
        return judge_record(judgements, confidence=confidence) if judgements else None

    def verdicts(self) -> Spending:
        """What all verdicts of this run take, those included that were kept from an earlier one."""
        return cost(list(self._rulings.values()))

    @property
    def seats(self) -> tuple[Seat, Seat]:
        """The judge's and the opponent's."""
        return self._judge, self._opponent

    @property
    def paid(self) -> Spending:
        """What this run paid for: the judge's calls and the opponent's, and loading both."""
        return total((self._judge.spent, self._opponent.spent))

    def beside(self) -> Beside:
        """What the race's budget must bear beside the candidates' own calls."""
        return Beside(self.paid, CALLS_PER_ROW)

    def told(self, *, confidence: float, candidates: int, opponent_races: bool = False) -> Judging:
        """What the answer says of the bench, after the race of so many candidates on the rows of the course.

        An opponent who races is asked once for both, and its calls for all rows are counted as the candidate's.
        """
        for role, one in zip(BENCH, (self._judge, self._opponent), strict=True):
            one.charge(unused_of(f"{role}{one.id}", one.paid, self._ledger))
        rows, judged, answered = len(self._course.examples), len(self._scored), len(self._opponent_answers)
        everything = (
            self._judge.on_all_rows(candidates * rows / judged if judged else 0.0),
            self._opponent.on_all_rows(rows / answered if answered and not opponent_races else 0.0),
        )
        return Judging(
            judge=self._judge.id,
            opponent=self._opponent.id,
            record=self.record(confidence=confidence),
            verdicts=self.verdicts(),
            spent=self.paid,
            everything=total(everything),
            lost=tuple(f"{error.what} ({error.where})" for error in self.lost),
        )

    def close(self) -> None:
        self._judge.close()
        self._opponent.close()

    def _ruling(self, i: int, answer: str) -> Ruling:
        self._scored.add((i, answer))
        task, example = self._course.task, self._course.examples[i]
        request = row_text(task, example) if example.messages is not None else render(task, example)
        contest = Contest(example.id, request, answer, self._opponents_answer(i))
        if contest not in self._rulings:
            criteria = task.judge.criteria if task.judge else None
            self._rulings[contest] = hold(contest, lambda call: self._once(self._judge, call, BENCH[0]), criteria=criteria, seed=task.seed)
        return self._rulings[contest]

    def _opponents_answer(self, i: int) -> str:
        if i not in self._opponent_answers:
            self._opponent_answers[i] = split(self._once(self._opponent, self._opponent_requests[i], BENCH[1]).text).answer
        return self._opponent_answers[i]

    def _once(self, seat: Seat, request: CallRequest, role: str) -> Completion:
        """The answer that is kept, else a call that is kept from now on."""
        key, name = call_key(seat.identity, request), f"{role}{seat.id}"
        held = self._ledger.find([key]).get(key)
        if held is not None:
            known = replace(held, candidate=name, row=request.row, score=None)
            seat.keep(known, paid=self._ledger.is_paid(known))
            self._ledger.record(known, paid=False)
            finish = "length" if held.outcome is Outcome.CUT_OFF else "stop"
            return Completion(held.output, finish, held.prompt_tokens, held.output_tokens, held.seconds)
        try:
            completion = seat.complete(request)
        except EngineError as error:
            lost = lost_call(name, key, request, error)
            self._ledger.record(lost, paid=True)
            seat.charge([lost])
            raise
        call = _kept(name, key, request, completion)
        self._ledger.record(call, paid=True)
        seat.keep(call, paid=True)
        return completion


def bench_models(terms: Judge, environ: Mapping[str, str]) -> tuple[Candidate, Candidate]:
    """Judge and opponent. Raises `LlmpickError` for one that cannot be found, read or run."""
    return _one(terms.model, "judge.model", environ), _one(terms.opponent, "judge.opponent", environ)


def bench_names(bench: tuple[Entry, Entry]) -> dict[str, str]:
    """Under which name each of the two stands in the log → its identity."""
    return {f"{role}{one.candidate.id}": one.identity.text for role, one in zip(BENCH, bench, strict=True) if one.identity}


def bench_bytes(bench: tuple[Entry, Entry] | None) -> int:
    """Memory of this machine that judge and opponent take."""
    return sum(int(one.room.interval.high) for one in bench or () if isinstance(one.room, Estimate))


@contextmanager
def on_the_bench(
    course: Course, ledger: Kept, bench: tuple[Entry, Entry] | None, *, context_tokens: int
) -> Iterator[tuple[Course, Bench | None]]:
    """The course with judge and opponent on the bench, and the bench; the course as it is where a metric scores. Closes the engines.

    Both must have been identified. Engines are given `context_tokens`, or their model's own context where that is smaller.
    """
    terms = course.task.judge
    if terms is None or bench is None:
        yield course, None
        return
    requests = with_thinking(course.requests, bench[1].candidate.thinking)
    beginning = common_beginning(criteria=terms.criteria, seed=course.task.seed)
    judge = _seat(BENCH[0], bench[0], beginning, ledger, context_tokens)
    opponent = _seat(BENCH[1], bench[1], requests, ledger, context_tokens)
    sitting = Bench(judge, opponent, course, requests, ledger)
    try:
        yield replace(course, judged=sitting.score), sitting
    finally:
        sitting.close()


def beside(bench: Bench | None) -> Callable[[], Beside]:
    """What `run_race` asks for."""
    return bench.beside if bench else lambda: NOTHING


def _one(name: str, key: str, environ: Mapping[str, str]) -> Candidate:
    found = gather((name,), as_of=None, environ=environ).candidates
    if len(found) != 1 or not isinstance(found[0].run, Weights | Endpoint):
        raise InputError(f"{name!r} names {len(found)} models that can be run", where=f"[judge], key {key}", remedy="name exactly one")
    if missing := missing_engine(found[0].run):
        raise InputError(f"{name!r} cannot be run", where=f"[judge], key {key}", remedy=missing)
    return found[0]


def _seat(role: str, one: Entry, first: Sequence[CallRequest], ledger: Kept, context_tokens: int) -> Seat:
    model = one.candidate
    assert one.identity is not None, "a model is identified before it runs"

    def opened() -> Backend:
        assert isinstance(model.run, Weights | Endpoint)
        backend = open_backend(model.run, context_tokens=min(context_tokens, context_of(model) or context_tokens))
        backend.prepare(first)
        ledger.loaded(f"{role}{model.id}", backend)
        return backend

    return Seat(model.id, one.identity.text, opened, lambda calls: money(calls, model))


def _kept(candidate: str, key: str, request: CallRequest, completion: Completion) -> CallRecord:
    """A call of the bench as the store keeps it: it has no score of its own."""
    return CallRecord(
        key=key,
        candidate=candidate,
        row=request.row,
        prompt_hash=prompt_hash(request),
        outcome=Outcome.CUT_OFF if completion.finish == "length" else Outcome.ANSWERED if completion.text.strip() else Outcome.EMPTY,
        output=kept_output(completion, request.thinking),
        score=None,
        prompt_tokens=completion.prompt_tokens,
        output_tokens=completion.output_tokens,
        seconds=completion.seconds,
        seed=request.sampling.seed,
        prefill_seconds=completion.prefill_seconds,
        decode_seconds=completion.decode_seconds,
        label_probabilities=completion.label_probabilities,
    )
