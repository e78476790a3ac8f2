"""Which engine's file answers for a deployment: memory, load options, and what of the device the engine may take.

One file of `estimate/engines/` per engine; it is imported when its engine is asked for.
"""

import importlib
from typing import Any, get_args

import numpy as np

from llmpick.estimate.footprint import Footprint
from llmpick.estimate.shape import Number, Shape
from llmpick.evidence.deployment import Deployment, EngineName
from llmpick.evidence.device import Device

ENGINES: tuple[str, ...] = get_args(EngineName)


def run_footprint(shape: Shape, device: Device, deployment: Deployment, *, context_tokens: Number, sequences: Number) -> Footprint:
    """Bytes per device. Fields of `shape`, contexts and sequences may be arrays, one entry per configuration."""
    return _engine(deployment).footprint(shape, device, deployment, context_tokens=context_tokens, sequences=sequences)


def run_options(deployment: Deployment, device: Device, context_tokens: int, sequences: int) -> dict[str, Any]:
    """The load options that the footprint assumes, by the engine's own names."""
    return dict(_engine(deployment).engine_options(deployment, device, context_tokens, sequences))


def run_version_note(deployment: Deployment) -> str | None:
    """What is to be said where the version that was named is none that the formulas were compared with."""
    return _engine(deployment).version_note(deployment.version)


def counted_options(deployment: Deployment) -> frozenset[str]:
    """The engine's load options that the formulas read."""
    return _engine(deployment).OPTIONS


def run_available(shape: Shape, device: Device, deployment: Deployment) -> Number:
    """Bytes of one device that the footprint's total may take: what is free, and no more than the engine claims beforehand."""
    claim = getattr(_engine(deployment), "available_bytes", None)
    free = float(device.memory_free_bytes)
    return free if claim is None else np.minimum(free, claim(shape, device, deployment))


def _engine(deployment: Deployment) -> Any:
    return importlib.import_module(f"llmpick.estimate.engines.{deployment.engine.replace('.', '')}")
