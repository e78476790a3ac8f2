"""`Answer` → the document of `pick --json`. Nothing is left out and nothing is rounded."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from llmpick.decide.answer import (
    Answer,
    CandidateAnswer,
    ChosenRun,
    Disagreement,
    Fetch,
    LearningPoint,
    NextStep,
    SliceScore,
    Spending,
    Status,
    ThinkingBought,
    Trace,
)
from llmpick.evidence.call import EngineInfo, Outcome
from llmpick.evidence.model import Baseline, Endpoint, Weights
from llmpick.evidence.task import TaskKind
from llmpick.evidence.values import Estimate, Interval, Measurement, Unknown
from llmpick.report.document import known
from llmpick.report.judge import judging_notes
from llmpick.report.pick import schema

NO_PRICE = "no price is known"
NOT_COMPARED = "the others are compared with it, or it shares no row with the one they are compared with"
NOT_FINITE = "the value or its interval is not finite"


def answer_document(answer: Answer) -> dict[str, Any]:
    """The whole answer as plain JSON values.

    Raises `pydantic.ValidationError` for a record that the schema cannot hold, which is a defect of llmpick and not of the input.
    """
    why_not = answer.reasons[0] if answer.reasons else f"the verdict is {answer.verdict.value}"
    document = schema.PickAnswer(
        **known(
            chosen=answer.chosen if answer.chosen is not None else Unknown(why_not),
            chosen_run=_chosen_run(answer.chosen_run) if answer.chosen_run else Unknown(_no_run(answer, why_not)),
            run=answer.run or Unknown("a dry run is not kept"),
            as_of=answer.as_of or Unknown("no day was asked for: all that is known was used"),
        ),
        schema_version=schema.SCHEMA_VERSION,
        task=answer.task,
        kind=answer.kind.value,
        verdict=answer.verdict.value,
        basis=answer.basis,
        reasons=list(answer.reasons),
        candidates=[_candidate(one, answer) for one in answer.candidates],
        spent=spent_of(answer.spent),
        saved=spent_of(answer.saved),
        rows=answer.rows,
        confidence=answer.confidence,
        tolerance=answer.tolerance,
        cost_by=answer.cost_by,
        metric=answer.metric,
        seed=answer.seed,
        device=answer.device,
        context_tokens=answer.context_tokens,
        learning_curve=[_learning_point(point) for point in answer.learning_curve],
        traces=[_trace(trace) for trace in answer.traces],
        disagreements=[_disagreement(row) for row in answer.disagreements],
        thinking=[thinking_of(bought) for bought in answer.thinking],
        next_steps=[_next_step(step) for step in answer.next_steps],
        notes=[*answer.notes, *judging_notes(answer.judging)],
    )
    return document.model_dump(mode="json")


def _candidate(one: CandidateAnswer, answer: Answer) -> schema.Candidate:
    unmeasured = _why_unmeasured(one)
    return schema.Candidate(
        **known(
            score=_score_or_unknown(one.score, one.score_n),
            score_on_rows=_score_or_unknown(one.score_on_rows, one.score_n),
            difference=_difference(one, answer),
            macro_f1=one.macro_f1 if one.macro_f1 is not None else Unknown(_no_macro_f1(answer, unmeasured)),
            memory_bytes=_quantity(one.memory_bytes),
            resident_bytes=_quantity(one.resident_bytes),
            decode_tokens_per_s=_quantity(one.decode_tokens_per_s),
            ttft_s=_quantity(one.ttft_s),
            seconds_per_call=one.seconds_per_call if one.seconds_per_call is not None else Unknown(unmeasured),
            load_seconds=one.load_seconds if one.load_seconds is not None else Unknown(_no_engine(one, unmeasured)),
            money=one.spent.money if one.spent.money is not None else Unknown(NO_PRICE),
            engine=engine_of(one.engine) if one.engine else Unknown(_no_engine(one, unmeasured)),
            quantization=one.quantization or Unknown(_no_file(one, "its quantisation")),
            file_sha256=one.file_sha256 or Unknown(_no_file(one, "its hash")),
            fetch=_fetch(one.fetch) if one.fetch else Unknown(_no_fetch(one)),
            expected=_share(one.expected),
        ),
        id=one.candidate.id,
        status=one.status.value,
        reasons=list(one.reasons),
        type=_type(one),
        calls=one.spent.calls,
        tokens=one.spent.tokens,
        seconds=one.spent.seconds,
        outcomes=outcomes_of(one.outcomes),
        slices=[_slice(part) for part in one.slices],
        confusion=_confusion(one.confusion),
    )


def _type(one: CandidateAnswer) -> Any:
    match one.candidate.run:
        case Weights(format=kind):
            return kind
        case Endpoint():
            return "endpoint"
        case Baseline():
            return "baseline"
        case None:
            return "catalog"


def _score(interval: Interval, n: int) -> schema.Score:
    return schema.Score(value=interval.value, low=interval.low, high=interval.high, confidence=interval.confidence, n=n)


def _score_or_unknown(score: Interval | Unknown, n: int) -> schema.Score | Unknown:
    return score if isinstance(score, Unknown) else _score(score, n)


def _difference(one: CandidateAnswer, answer: Answer) -> schema.Difference | Unknown:
    gap = one.difference
    if gap is not None:
        return schema.Difference(value=gap.value, low=gap.low, high=gap.high, confidence=gap.confidence)
    if one.candidate.id == answer.chosen:
        return Unknown("it is the chosen candidate")
    return Unknown(one.score.reason if isinstance(one.score, Unknown) else NOT_COMPARED)


def _quantity(quantity: Estimate | Measurement | Unknown) -> schema.Quantity | Unknown:
    if isinstance(quantity, Unknown):
        return quantity
    interval = quantity.interval
    if not all(math.isfinite(x) for x in (interval.value, interval.low, interval.high)):
        return Unknown(NOT_FINITE)
    return schema.Quantity(
        value=interval.value,
        low=interval.low,
        high=interval.high,
        confidence=interval.confidence,
        basis="measured" if isinstance(quantity, Measurement) else "estimated",
        source=quantity.source.title,
    )


def spent_of(spending: Spending) -> schema.Spent:
    money = spending.money if spending.money is not None else Unknown(NO_PRICE)
    return schema.Spent(**known(money=money), calls=spending.calls, tokens=spending.tokens, seconds=spending.seconds)


def engine_of(engine: EngineInfo) -> schema.Engine:
    return schema.Engine(
        name=engine.name,
        version=engine.version,
        device=engine.device,
        options={key: _plain(value) for key, value in engine.options.items()},
        notes=[engine.note] if engine.note else [],
    )


def _plain(value: Any) -> JsonValue:
    """An engine's option as a JSON value; what JSON cannot hold (a path, an infinity) becomes its text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(inner) for inner in value]
    return str(value)


def outcomes_of(counts: Mapping[Outcome, int]) -> schema.Outcomes:
    return schema.Outcomes(**{outcome.value.replace(" ", "_"): counts.get(outcome, 0) for outcome in Outcome})


def _slice(part: SliceScore) -> schema.Slice:
    return schema.Slice(column=part.column, value=part.value, score=_score(part.score, part.n))


def _confusion(pairs: Mapping[tuple[str, str], int]) -> list[schema.Confusion]:
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    return [schema.Confusion(reference=reference, answered=answered, rows=rows) for (reference, answered), rows in ordered]


def _share(share: Interval | Unknown) -> schema.Share | Unknown:
    if isinstance(share, Unknown):
        return share
    return schema.Share(value=share.value, low=share.low, high=share.high, confidence=share.confidence)


def _fetch(fetch: Fetch) -> schema.Fetch:
    size = fetch.download_bytes if fetch.download_bytes is not None else Unknown("its size is not published")
    return schema.Fetch(**known(download_bytes=size), quantization=fetch.quantization, commands=list(fetch.commands), fits=fetch.fits)


def _chosen_run(run: ChosenRun) -> schema.ChosenRun:
    quantization = run.quantization or Unknown("it has no weights here")
    return schema.ChosenRun(**known(quantization=quantization), engine=run.engine, command=run.command)


def _learning_point(point: LearningPoint) -> schema.LearningPoint:
    score = point.score
    share = schema.Share(value=score.value, low=score.low, high=score.high, confidence=score.confidence)
    return schema.LearningPoint(rows=point.rows, score=share)


def _trace(trace: Trace) -> schema.Trace:
    return schema.Trace(candidate=trace.candidate, rows=trace.rows, score=_score(trace.score, trace.rows))


def _disagreement(row: Disagreement) -> schema.Disagreement:
    return schema.Disagreement(
        row=row.row,
        place=row.place,
        text=row.text,
        reference=row.reference,
        answers=[schema.DisagreementAnswer(candidate=who, output=out, score=score) for who, (out, score) in row.answers.items()],
    )


def _next_step(step: NextStep) -> schema.NextStep:
    download = step.download_bytes if step.download_bytes is not None else Unknown("nothing is to be downloaded, or its size is not known")
    return schema.NextStep(
        **known(tokens=_amount(step.tokens), seconds=_amount(step.seconds), download_bytes=download),
        learns=step.learns,
        command=step.command,
        calls=step.calls,
    )


def _amount(amount: Interval | Unknown) -> schema.Amount | Unknown:
    if isinstance(amount, Unknown):
        return amount
    return schema.Amount(value=amount.value, low=amount.low, high=amount.high, confidence=amount.confidence)


def thinking_of(bought: ThinkingBought) -> schema.ThinkingBought:
    gain = bought.difference
    return schema.ThinkingBought(
        candidate=bought.candidate,
        without=bought.without,
        rows=bought.rows,
        difference=schema.Gain(value=gain.value, low=gain.low, high=gain.high, confidence=gain.confidence),
        tokens_with=bought.tokens_with,
        tokens_without=bought.tokens_without,
        seconds_with=bought.seconds_with,
        seconds_without=bought.seconds_without,
        cut=bought.cut,
    )


def _no_run(answer: Answer, why_not: str) -> str:
    return why_not if answer.chosen is None else "the chosen candidate has no command of its own"


def _why_unmeasured(one: CandidateAnswer) -> str:
    return one.score.reason if isinstance(one.score, Unknown) else "it was not recorded"


def _no_macro_f1(answer: Answer, unmeasured: str) -> str:
    return unmeasured if answer.kind is TaskKind.CHOICE else "the task is not a choice among labels"


def _no_engine(one: CandidateAnswer, unmeasured: str) -> str:
    return "a baseline needs no engine" if isinstance(one.candidate.run, Baseline) else unmeasured


def _no_file(one: CandidateAnswer, of: str) -> str:
    match one.candidate.run:
        case Weights():
            return f"{of} was not read from the file"
        case Endpoint():
            return f"a server does not tell {of}"
        case Baseline():
            return "a baseline has no weights"
        case None:
            return "it is not on this machine"


def _no_fetch(one: CandidateAnswer) -> str:
    if one.candidate.run is not None:
        return "it can be run here already"
    return "it is excluded" if one.status is Status.EXCLUDED else "no place to download it from is known"
