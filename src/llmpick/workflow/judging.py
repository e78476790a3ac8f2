"""The judge's bench: scores the rows of a task that has no right answers, for every lane of a race.

A row's score is the verdict on the candidate's answer against the opponent's (`evidence/judging.py`). The opponent answers a row when it is
first needed, under the key that a candidate would use, so that an opponent who races too is asked once. Both orders of a pair are calls
of their own, kept under the judge's identity: what was judged once is never paid for again, and a broken run goes on where it stood.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from llmpick.evidence.call import CallRecord, CallRequest, Completion, Outcome
from llmpick.evidence.errors import EngineError, InputError, LlmpickError
from llmpick.evidence.model import Candidate, Endpoint, Weights
from llmpick.measure.backend import Backend
from llmpick.measure.engines import open_backend
from llmpick.measure.judge import Contest, JudgingCost, Ruling, asked, common_beginning, cost, hold
from llmpick.measure.prompt import prompt_hash, render, row_text
from llmpick.measure.thinking import kept_output, split, with_thinking
from llmpick.stats.pairwise import JudgeRecord, judge_record
from llmpick.workflow.gather import gather
from llmpick.workflow.lanes import Course, call_key, identify


class Kept(Protocol):
    """The part of a run's ledger that a bench needs."""

    def find(self, keys: Sequence[str]) -> Mapping[str, CallRecord]: ...

    def record(self, call: CallRecord, *, paid: bool) -> None: ...


@dataclass(slots=True)
class Seat:
    """A model that serves the bench: `id` names it in the log, `identity` by content. Its engine starts with the first call.

    One call at a time: rows of several lanes may come at once.
    """

    id: str
    identity: str
    open: Callable[[], Backend]
    backend: Backend | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def complete(self, request: CallRequest) -> Completion:
        with self.lock:
            self.backend = self.backend or self.open()
            return self.backend.complete(request)

    def close(self) -> None:
        if self.backend is not None:
            self.backend.close()
            self.backend = None


class Bench:
    """Scores rows by a judge: `score` is what `Course.judged` wants. `opponent_requests` are the rows as the opponent is asked them."""

    def __init__(self, judge: Seat, opponent: Seat, course: Course, opponent_requests: Sequence[CallRequest], ledger: Kept) -> None:
        self._judge, self._opponent, self._ledger = judge, opponent, ledger
        self._course, self._opponent_requests = course, opponent_requests
        self._rulings: dict[Contest, Ruling] = {}
        self._opponent_answers: dict[int, str] = {}
        self._locks = [threading.Lock() for _ in course.examples]
        self._counting = threading.Lock()
        self.paid = JudgingCost(0, 0, 0.0)
        """What this sitting paid for: the judge's calls and the opponent's."""
        self.lost: list[LlmpickError] = []
        """Why rows have no verdict: the machinery failed, or a pair does not fit into the judge's context."""

    def score(self, i: int, completion: Completion) -> tuple[Outcome, float | None]:
        """How the call for row i ended, and its score; None if the row was lost on the bench.

        An answer that was cut off is judged as it stands, an empty one loses. Raises `EngineError` when judge or opponent is gone for good.
        """
        answer = split(completion.text).answer
        outcome = Outcome.CUT_OFF if completion.finish == "length" else Outcome.ANSWERED if answer else Outcome.EMPTY
        try:
            with self._locks[i]:
                return outcome, self._ruling(i, answer).judgement.score
        except (EngineError, InputError) as error:
            if isinstance(error, EngineError) and error.fatal:
                raise
            self.lost.append(error)
            return outcome, None

    def record(self, *, confidence: float) -> JudgeRecord | None:
        """The judge's own record on the pairs that it was asked about; None before the first."""
        judgements = asked(list(self._rulings.values()))
        return judge_record(judgements, confidence=confidence) if judgements else None

    def cost(self) -> JudgingCost:
        """What all verdicts of this run take, those included that were kept from an earlier one."""
        return cost(list(self._rulings.values()))

    def close(self) -> None:
        self._judge.close()
        self._opponent.close()

    def _ruling(self, i: int, answer: str) -> Ruling:
        task, example = self._course.task, self._course.examples[i]
        request = row_text(task, example) if example.messages is not None else render(task, example)
        contest = Contest(example.id, request, answer, self._opponents_answer(i))
        if contest not in self._rulings:
            criteria = task.judge.criteria if task.judge else None
            self._rulings[contest] = hold(contest, lambda call: self._once(self._judge, call, "judge"), criteria=criteria, seed=task.seed)
        return self._rulings[contest]

    def _opponents_answer(self, i: int) -> str:
        if i not in self._opponent_answers:
            self._opponent_answers[i] = split(self._once(self._opponent, self._opponent_requests[i], "opponent").text).answer
        return self._opponent_answers[i]

    def _once(self, seat: Seat, request: CallRequest, role: str) -> Completion:
        """The answer that is kept, else a call that is kept from now on."""
        key = call_key(seat.identity, request)
        held = self._ledger.find([key]).get(key)
        if held is not None:
            finish = "length" if held.outcome is Outcome.CUT_OFF else "stop"
            return Completion(held.output, finish, held.prompt_tokens, held.output_tokens, held.seconds)
        completion = seat.complete(request)
        self._ledger.record(_kept(f"{role}:{seat.id}", key, request, completion), paid=True)
        tokens = completion.prompt_tokens + completion.output_tokens
        with self._counting:
            self.paid = JudgingCost(self.paid.calls + 1, self.paid.tokens + tokens, self.paid.seconds + completion.seconds)
        return completion


@contextmanager
def on_the_bench(
    course: Course, ledger: Kept, *, file_hash: Callable[[Path], str], context_tokens: int, environ: Mapping[str, str]
) -> Iterator[tuple[Course, Bench | None]]:
    """The course with its judge on the bench, and the bench; the course as it is where a metric scores. Closes the engines.

    `file_hash` gives a model file's SHA-256. Raises `LlmpickError` for a judge or an opponent that cannot be found or read.
    """
    terms = course.task.judge
    if terms is None:
        yield course, None
        return
    judge, opponent = (_one(name, key, environ) for name, key in ((terms.model, "judge.model"), (terms.opponent, "judge.opponent")))
    requests = with_thinking(course.requests, opponent.thinking)
    beginning = common_beginning(criteria=terms.criteria, seed=course.task.seed)
    bench = Bench(
        _seat(judge, beginning, file_hash, context_tokens), _seat(opponent, requests, file_hash, context_tokens), course, requests, ledger
    )
    try:
        yield replace(course, judged=bench.score), bench
    finally:
        bench.close()


def _one(name: str, key: str, environ: Mapping[str, str]) -> Candidate:
    found = gather((name,), as_of=None, environ=environ).candidates
    if len(found) != 1 or not isinstance(found[0].run, Weights | Endpoint):
        raise InputError(f"{name!r} names {len(found)} models that can be run", where=f"[judge], key {key}", remedy="name exactly one")
    return found[0]


def _seat(model: Candidate, first: Sequence[CallRequest], file_hash: Callable[[Path], str], context_tokens: int) -> Seat:
    def opened() -> Backend:
        assert isinstance(model.run, Weights | Endpoint)
        backend = open_backend(model.run, context_tokens=context_tokens)
        backend.prepare(first)
        return backend

    return Seat(model.id, identify(model, file_hash=file_hash).text, opened)


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
