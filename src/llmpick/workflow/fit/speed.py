"""The speed of one configuration: with what was measured on this machine where there is something, else the catalog's constants."""

from llmpick.estimate.shape import Range, Shape
from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.estimate.throughput import estimate_throughput
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.fit import FitSpeed
from llmpick.evidence.values import Interval, Unknown
from llmpick.workflow.fit.inputs import Place
from llmpick.workflow.fit.variants import Case

CONFIDENCE = 0.9


def speed_of(case: Case, shape: Shape | None) -> FitSpeed:
    """Unknown where the layers are not known, or nobody measured the engine on such a device."""
    constants = Unknown("its layers are not known") if shape is None else constants_for(case.place, case.deployment)
    context, prompt = case.load.context_tokens, case.prompt_tokens
    if shape is None or isinstance(constants, Unknown):
        unknown = constants if isinstance(constants, Unknown) else Unknown("its layers are not known")
        return FitSpeed(unknown, unknown, unknown, context, prompt)
    found = estimate_throughput(
        shape,
        case.device,
        case.deployment,
        constants,
        context_tokens=context,
        prompt_tokens=prompt,
        sequences=case.load.sequences,
    )
    decode, prefill, ttft = (_interval(value, case.place) for value in found)
    return FitSpeed(decode, prefill, ttft, context, prompt, constants.source if isinstance(decode, Interval) else None)


def constants_for(place: Place, deployment: Deployment) -> SpeedConstants | Unknown:
    """Those that `llmpick calibrate` found on this machine, else those of the catalog for such devices."""
    from llmpick.catalog.speeds import find_speed_constants
    from llmpick.workflow.calibrated import calibrated_constants

    measured = calibrated_constants(place.device, deployment.engine) if place.here else None
    found = measured or find_speed_constants(place.device, deployment)
    return found or Unknown(f"nobody measured {deployment.engine} on a device like {place.device.name}")


def _interval(value: Range | Unknown, place: Place) -> Interval | Unknown:
    if isinstance(value, Unknown):
        return Unknown(f"{value.reason}; llmpick calibrate measures it") if place.here else value
    return Interval(float(value.value), float(value.low), float(value.high), CONFIDENCE)
