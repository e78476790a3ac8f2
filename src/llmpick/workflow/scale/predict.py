"""`llmpick scale predict`: the loss that a model of so many parameters reaches on so many tokens, by one law and by the others."""

from dataclasses import dataclass

import numpy as np

from llmpick.estimate.scaling.answers import Growth, LawLoss, Overtrained, PredictAnswer
from llmpick.estimate.scaling.conventions import ConventionError, ModelSize, ParameterCount
from llmpick.estimate.scaling.laws import AdditiveLaw, Law, Prediction, predict
from llmpick.estimate.scaling.optimal import overtraining
from llmpick.estimate.scaling.registry import GADRE_LAWS, LAWS, MAIN, law_named
from llmpick.evidence.values import Interval, Unknown
from llmpick.workflow.scale.notes import disagreement_notes, guessing_notes, law_notes, range_notes

DEFAULT = "epoch"
FACTORS = (10.0, 100.0, 1000.0)
STEP = 1e-4


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """`params_count` None: total, or as the one law counts that is named; `embedding_params` makes the other count known."""

    params: float
    tokens: float
    law: str | None = None
    params_count: ParameterCount | None = None
    embedding_params: float | None = None
    confidence: float = 0.9


def predicted(options: PredictOptions) -> PredictAnswer:
    """Raises `ConventionError` where the named law counts parameters in another way than is given, `InputError` for an unknown law."""
    law = law_named(options.law or DEFAULT)
    counted = options.params_count or (law.parameters if options.law else "total")
    size = ModelSize.of(options.params, counted, options.embedding_params)
    params = float(size.count(law.parameters, law=law.name))
    main = _law_loss(law, size, options)
    beside = [one for one in (*MAIN, *LAWS.values()) if one is not law and (one in MAIN or one.source == law.source)]
    others = tuple(_tried(one, size, options) for one in dict.fromkeys(beside))
    error = next((one.error for one in GADRE_LAWS if one.loss is law), None)
    outside = main.decades_outside
    notes = [*range_notes(law.name, law.fitted, outside if isinstance(outside, float) else 0.0), *law_notes(law)]
    notes += guessing_notes(main.loss.value) if isinstance(main.loss, Interval) else []
    if options.law and not options.params_count:
        notes.append(f"Parameters are read as {law.name} counts them: {_counting(law.parameters)}.")
    return PredictAnswer(
        options.params,
        options.tokens,
        counted,
        main,
        others,
        _growth(law, params, options.tokens),
        _overtrained(law, params, options.tokens),
        float(error(law.at(params, options.tokens))) if error else Unknown(f"{law.name} says nothing of tasks; the laws of gadre do"),
        tuple(notes + disagreement_notes([law.name, *(one.law for one in others)])),
    )


def as_interval(found: Prediction) -> Interval:
    """The one number of a prediction with its range."""
    return Interval(float(found.value), float(found.low), float(found.high), found.confidence)


def _law_loss(law: Law, size: ModelSize, options: PredictOptions) -> LawLoss:
    found = predict(law, size, options.tokens, confidence=options.confidence)
    return LawLoss(law.name, law.source, law.corpus, law.parameters, as_interval(found), float(found.decades_outside))


def _tried(law: Law, size: ModelSize, options: PredictOptions) -> LawLoss:
    """The same, or why it cannot be said."""
    try:
        return _law_loss(law, size, options)
    except ConventionError as error:
        return LawLoss(law.name, law.source, law.corpus, law.parameters, Unknown(error.what), Unknown(error.what))


def _growth(law: Law, params: float, tokens: float) -> tuple[Growth, ...]:
    """Ten, a hundred and a thousand times as much of one thing: the law, and the straight line in its logarithm."""
    rows = []
    for what, (n, d) in {"tokens": (0.0, 1.0), "parameters": (1.0, 0.0)}.items():
        here, near = (float(law.at(params * np.exp(step * n), tokens * np.exp(step * d))) for step in (0.0, STEP))
        slope = (near - here) / STEP
        rows += [Growth(what, f, float(law.at(params * f**n, tokens * f**d)), here + slope * float(np.log(f))) for f in FACTORS]
    return tuple(rows)


def _overtrained(law: Law, params: float, tokens: float) -> Overtrained | Unknown:
    if not isinstance(law, AdditiveLaw):
        return Unknown(f"{law.name} has no closed form of the best split")
    found = overtraining(law, params, tokens)
    values = (found.tokens_per_param, found.optimal_tokens_per_param, found.compute_ratio, found.params_ratio)
    return Overtrained(*(float(value) for value in values))


def _counting(kind: ParameterCount) -> str:
    return "with embeddings" if kind == "total" else "without embeddings"
