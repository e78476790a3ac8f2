"""An answer of `scale` → the document of `--json`. Nothing is left out and nothing is rounded."""

import math
from typing import Any

from llmpick.estimate.scaling import answers
from llmpick.estimate.scaling.profile import Profile
from llmpick.evidence.values import Unknown
from llmpick.report.document import written
from llmpick.report.scale import schema

NOT_SERVED = "it was not asked (--inference-tokens)"
NOT_FEW = "data are in plenty (--unique-tokens says otherwise)"
VERSION = {"schema_version": schema.SCHEMA_VERSION}


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
    law = answer.law
    others = [written(schema.LawLoss, one, source=one.source.title, counted=one.parameters) for one in answer.others]
    return written(schema.Predict, answer, law, law=law.law, source=law.source.title, laws=others, **VERSION)


def _optimal(answer: answers.OptimalAnswer) -> schema.Optimal:
    split = answer.split
    asked = {
        "served": answer.served or Unknown(NOT_SERVED),
        "unique_tokens": Unknown(NOT_FEW) if answer.unique_tokens is None else answer.unique_tokens,
        "epochs": Unknown(NOT_FEW) if answer.epochs is None else answer.epochs,
    }
    reached = {"source": split.source.title, "loss": answer.loss.value, "loss_interval": answer.loss}
    others = [written(schema.Allocation, one, source=one.source.title) for one in answer.others]
    return written(schema.Optimal, answer, split, laws=others, **asked, **reached, **VERSION)


def _repeat(answer: answers.RepeatAnswer) -> schema.Repeat:
    at, (low, high) = answer.at, answer.effective_range
    loss = {"loss": at.loss, "loss_interval": answer.loss, "all_unique_loss": answer.all_unique}
    worth = {"effective_low": low, "effective_high": high}
    return written(schema.Repeat, answer, at, law="muennighoff", source=answer.source.title, **loss, **worth, **VERSION)


def _fit(answer: answers.FitLawAnswer) -> schema.LawFit:
    found, columns, without = answer.fit, answer.columns, answer.outliers.without
    minima = found.regression.constants(found.optima)
    return written(
        schema.LawFit,
        answer,
        found,
        columns=written(
            schema.FitColumns,
            columns,
            tokens=columns.tokens or Unknown("they follow from FLOPs"),
            flops=columns.flops or Unknown("tokens are in a column of theirs"),
        ),
        runs=len(found.runs),
        profiles=[_profile(one) for one in answer.profiles],
        tied=found.regression.tied,
        minima=[
            schema.Minimum(constants=dict(zip(answer.constants, map(float, values), strict=True)), objective=float(objective))
            for values, objective in zip(minima, found.optima_objectives, strict=True)
        ],
        outliers=[written(schema.FitOutlier, one, row=answer.rows[one.row]) for one in answer.outliers.outliers],
        without_outliers=written(schema.WithoutOutliers, without, changes=answer.outliers.changes),
        bootstrap=written(schema.Bootstrapped, answer),
        splits=[written(schema.FittedSplit, one, without_outliers=_best_of(one)) for one in answer.splits],
        **VERSION,
    )


def _best_of(split: answers.FittedSplit) -> schema.CleanedSplit:
    return schema.CleanedSplit(**dict(zip(("params", "tokens", "loss"), split.without_outliers, strict=True)))


def _profile(one: Profile) -> schema.ProfileBounds:
    open_ = Unknown("the runs do not bound it on this side")
    low, high = one.low if one.low > 0.0 else open_, one.high if math.isfinite(one.high) else open_
    return written(schema.ProfileBounds, constant=one.name, low=low, high=high)
