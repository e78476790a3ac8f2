"""An answer of `scale` → the document of `--json`. Nothing is left out and nothing is rounded."""

import math
from typing import Any

from llmpick.estimate.scaling import answers
from llmpick.estimate.scaling.profile import Profile
from llmpick.evidence.values import Interval, Unknown
from llmpick.report.pick.json import known
from llmpick.report.scale import schema

NOT_SERVED = "it was not asked (--inference-tokens)"
NOT_FEW = "data are in plenty (--unique-tokens says otherwise)"


def answer_document(answer: Any) -> dict[str, Any]:
    """Plain JSON values. Raises `pydantic.ValidationError` for what the schema cannot hold: a defect of llmpick."""
    match answer:
        case answers.PredictAnswer():
            document = _predict(answer)
        case answers.OptimalAnswer():
            document = _optimal(answer)
        case answers.RepeatAnswer():
            document = _repeat(answer)
        case _:
            document = _fit(answer)
    return document.model_dump(mode="json")


def _predict(answer: answers.PredictAnswer) -> schema.Predict:
    law, passed = answer.law, answer.overtrained
    assert isinstance(law.loss, Interval)
    assert isinstance(law.decades_outside, float)
    return schema.Predict(
        **known(
            overtrained=passed if isinstance(passed, Unknown) else schema.Overtrained(**_fields(passed)),
            downstream_error=answer.downstream_error,
        ),
        schema_version=schema.SCHEMA_VERSION,
        params=answer.params,
        tokens=answer.tokens,
        counted=answer.counted,
        law=law.law,
        source=law.source.title,
        corpus=law.corpus,
        loss=_range(law.loss),
        decades_outside=law.decades_outside,
        laws=[_law(one) for one in answer.others],
        growth=[schema.Growth(**_fields(one)) for one in answer.growth],
        notes=list(answer.notes),
    )


def _law(one: answers.LawLoss) -> schema.LawLoss:
    loss = one.loss if isinstance(one.loss, Unknown) else _range(one.loss)
    return schema.LawLoss(
        **known(loss=loss, decades_outside=one.decades_outside),
        law=one.law,
        source=one.source.title,
        corpus=one.corpus,
        counted=one.parameters,
    )


def _optimal(answer: answers.OptimalAnswer) -> schema.Optimal:
    split = answer.split
    return schema.Optimal(
        **known(
            served=schema.Served(**_fields(answer.served)) if answer.served else Unknown(NOT_SERVED),
            unique_tokens=Unknown(NOT_FEW) if answer.unique_tokens is None else answer.unique_tokens,
            epochs=Unknown(NOT_FEW) if answer.epochs is None else answer.epochs,
        ),
        schema_version=schema.SCHEMA_VERSION,
        question=answer.question,
        law=split.law,
        source=split.source.title,
        params=split.params,
        tokens=split.tokens,
        flops=split.flops,
        loss=answer.loss.value,
        loss_interval=_range(answer.loss),
        counted=split.counted,
        decades_outside=answer.decades_outside,
        laws=[_allocation(one) for one in answer.others],
        notes=list(answer.notes),
    )


def _allocation(one: answers.Allocation) -> schema.Allocation:
    return schema.Allocation(**{**_fields(one), "source": one.source.title, **known(loss=one.loss)})


def _repeat(answer: answers.RepeatAnswer) -> schema.Repeat:
    at = answer.at
    return schema.Repeat(
        schema_version=schema.SCHEMA_VERSION,
        law="muennighoff",
        source=answer.source.title,
        corpus=answer.corpus,
        params=answer.params,
        unique_tokens=answer.unique_tokens,
        epochs=at.epochs,
        tokens=at.tokens,
        effective_tokens=at.effective_tokens,
        effective_low=answer.effective_range[0],
        effective_high=answer.effective_range[1],
        effective_params=answer.effective_params,
        next_epoch=answer.next_epoch,
        loss=at.loss,
        loss_interval=_range(answer.loss),
        all_unique_loss=answer.all_unique,
        decades_outside=answer.decades_outside,
        curve=[schema.RepeatPoint(**_fields(one)) for one in answer.curve],
        notes=list(answer.notes),
    )


def _fit(answer: answers.FitLawAnswer) -> schema.LawFit:
    found, columns, names = answer.fit, answer.columns, answer.constants
    minima = found.regression.constants(found.optima)
    return schema.LawFit(
        schema_version=schema.SCHEMA_VERSION,
        file=answer.file,
        columns=schema.FitColumns(
            **known(
                tokens=columns.tokens or Unknown("they follow from FLOPs"),
                flops=columns.flops or Unknown("tokens are in a column of theirs"),
            ),
            params=columns.params,
            loss=columns.loss,
        ),
        runs=len(found.runs),
        left_out=list(answer.left_out),
        constants={name: _range(value) for name, value in names.items()},
        profiles=[_profile(one) for one in answer.profiles],
        compute_exponent=_range(answer.compute_exponent),
        objective=found.objective,
        r2=found.r2,
        held_out=answer.held_out,
        straight_held_out=answer.straight_held_out,
        delta=found.delta,
        tied=found.regression.tied,
        minima=[
            schema.Minimum(constants=dict(zip(names, map(float, values), strict=True)), objective=float(objective))
            for values, objective in zip(minima, found.optima_objectives, strict=True)
        ],
        outliers=[schema.FitOutlier(**{**_fields(one), "row": answer.rows[one.row]}) for one in answer.outliers.outliers],
        without_outliers=schema.WithoutOutliers(constants=answer.outliers.without.constants, changes=answer.outliers.changes),
        bootstrap=schema.Bootstrapped(resamples=answer.resamples, seed=answer.seed),
        splits=[
            schema.FittedSplit(
                flops=one.flops,
                params=_range(one.params),
                tokens=_range(one.tokens),
                loss=_range(one.loss),
                decades_outside=one.decades_outside,
            )
            for one in answer.splits
        ],
        foretold=[
            schema.Foretold(params=one.params, tokens=one.tokens, loss=_range(one.loss), decades_outside=one.decades_outside)
            for one in answer.foretold
        ],
        notes=list(answer.notes),
    )


def _profile(one: Profile) -> schema.ProfileBounds:
    open_ = Unknown("the runs do not bound it on this side")
    return schema.ProfileBounds(
        **known(low=one.low if one.low > 0.0 else open_, high=one.high if math.isfinite(one.high) else open_), constant=one.name
    )


def _range(value: Interval) -> schema.ScaleRange:
    return schema.ScaleRange(value=value.value, low=value.low, high=value.high, confidence=value.confidence)


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}
