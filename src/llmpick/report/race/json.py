"""`RaceAnswer` → the document of `race --json`. Nothing is left out and nothing is rounded."""

from typing import Any

from llmpick.decide.race_answer import RaceAnswer, Racer, Yardstick
from llmpick.evidence.model import Endpoint, Weights
from llmpick.evidence.values import Interval, Unknown
from llmpick.report.document import known
from llmpick.report.judge import judging_notes
from llmpick.report.pick.json import NO_PRICE, engine_of, outcomes_of, spent_of, thinking_of
from llmpick.report.pick.schema import Score
from llmpick.report.race import schema

NO_MACHINE = "the scores were recorded"


def answer_document(answer: RaceAnswer) -> dict[str, Any]:
    """The whole answer as plain JSON values.

    Raises `pydantic.ValidationError` for a record that the schema cannot hold, which is a defect of llmpick and not of the input.
    """
    why_not = answer.reasons[0] if answer.reasons else f"the verdict is {answer.verdict.value}"
    calls = answer.everything.calls
    document = schema.Race(
        **known(
            max_expected_loss=answer.max_expected_loss if answer.max_expected_loss is not None else Unknown("none was asked for"),
            chosen=answer.chosen or Unknown(why_not),
            leader=answer.leader or Unknown(why_not),
            risk=answer.risk,
            expected_loss=answer.expected_loss,
            next_saving=answer.next_saving,
            cost_fraction=answer.cost_fraction if calls else Unknown("nothing was run"),
            recorded_cost=_recorded(answer),
            cost_by=answer.cost_by or Unknown("the recorded costs decide, where there are any"),
            as_of=answer.as_of or Unknown("no day was asked for: all that is known was used"),
            run=answer.run or Unknown("nothing was kept: no call was made"),
        ),
        schema_version=schema.SCHEMA_VERSION,
        task=answer.task,
        source=answer.source,
        guarantee=answer.guarantee,
        intervals=answer.sense.value,
        confidence=answer.confidence,
        tolerance=answer.tolerance,
        verdict=answer.verdict.value,
        stop=answer.stop.value,
        reasons=list(answer.reasons),
        candidates=[_candidate(one, answer) for one in answer.candidates],
        new_inputs=_new_inputs(answer),
        spent=spent_of(answer.spent),
        everything=spent_of(answer.everything),
        yardsticks=[_yardstick(one) for one in answer.yardsticks],
        rows=answer.rows,
        metric=answer.metric,
        seed=answer.seed,
        device=answer.device,
        thinking=[thinking_of(bought) for bought in answer.thinking],
        notes=[*answer.notes, *judging_notes(answer.judging)],
    )
    return document.model_dump(mode="json")


def _candidate(one: Racer, answer: RaceAnswer) -> schema.RaceCandidate:
    placed = one.placed
    recorded = answer.source == "recorded"
    n = placed.rows_run - placed.rows_lost
    return schema.RaceCandidate(
        **known(
            score_on_rows=_score(placed.score_on_rows, n),
            score=_score(placed.score, n),
            difference=_gap(placed.difference),
            difference_on_new_inputs=_gap(placed.difference_on_new_inputs),
            cost=one.cost if one.cost is not None else Unknown("it is not known"),
            money=one.spent.money if one.spent.money is not None else Unknown(NO_PRICE),
            engine=engine_of(one.engine) if one.engine else Unknown(NO_MACHINE if recorded else "it has not run"),
            quantization=one.quantization or Unknown(_no_file(one)),
            file_sha256=one.file_sha256 or Unknown(_no_file(one)),
        ),
        id=one.candidate.id,
        status=placed.place.value,
        reasons=list(placed.reasons),
        rows_run=placed.rows_run,
        rows_lost=placed.rows_lost,
        calls=one.spent.calls,
        tokens=one.spent.tokens,
        seconds=one.spent.seconds,
        outcomes=outcomes_of(one.outcomes),
        way=[schema.Passed(rows=passed.rows, score=passed.score) for passed in one.way],
    )


def _score(score: Interval | Unknown, n: int) -> Score | Unknown:
    return (
        score if isinstance(score, Unknown) else Score(value=score.value, low=score.low, high=score.high, confidence=score.confidence, n=n)
    )


def _gap(gap: Interval | Unknown) -> schema.Gap | Unknown:
    return gap if isinstance(gap, Unknown) else schema.Gap(value=gap.value, low=gap.low, high=gap.high, confidence=gap.confidence)


def _yardstick(one: Yardstick) -> schema.Yardstick:
    return schema.Yardstick(**known(ahead=_gap(one.ahead)), name=one.name, score=one.score)


def _new_inputs(answer: RaceAnswer) -> schema.NewInputs:
    told, more = answer.new_inputs, answer.new_inputs.rows_more
    if answer.chosen is None and not told.alike:
        more = Unknown("nothing is chosen")
    rows = (
        more if isinstance(more, Unknown) else schema.RowsMore(value=more.value, low=more.low, high=more.high, confidence=more.confidence)
    )
    settled = answer.chosen is not None and not told.alike
    return schema.NewInputs(**known(rows_more=rows), settled=settled, alike=list(told.alike), rows_left=told.rows_left)


def _recorded(answer: RaceAnswer) -> schema.RecordedCost | Unknown:
    cost = answer.recorded_cost
    if cost is None:
        return Unknown("the file has no costs" if answer.source == "recorded" else "models were called; see `spent`")
    return schema.RecordedCost(spent=cost.spent, everything=cost.everything, unit=cost.unit)


def _no_file(one: Racer) -> str:
    match one.candidate.run:
        case Weights():
            return "it was not read from the file"
        case Endpoint():
            return "a server does not tell it"
        case _:
            return NO_MACHINE
