"""The cache: cells of 256 for each sequence, of which a sliding layer needs as many as its window and one batch; and recurrent state."""

from typing import Any

import numpy as np

from llmpick.estimate.engines.llamacpp.options import ubatch
from llmpick.estimate.engines.llamacpp.sources import LOG
from llmpick.estimate.footprint import Line, filled
from llmpick.estimate.kv_cache import kv_type_bytes, state_bytes
from llmpick.estimate.shape import Number, Range, Shape
from llmpick.evidence.deployment import Deployment

_CELL_STEP = 256


def cells_of(context_tokens: Number) -> Number:
    return np.ceil(np.asarray(context_tokens, dtype=float) / _CELL_STEP) * _CELL_STEP


def window_cells(shape: Shape, deployment: Deployment, context_tokens: Number) -> "np.ndarray[Any, Any]":
    """Cells of each window (last axis): the window and one batch, in steps, but no more than the context."""
    cells = np.asarray(cells_of(context_tokens))[..., None]
    if deployment.option("swa_full", False):
        return np.broadcast_to(cells, np.broadcast_shapes(cells.shape, np.shape(shape.windows)))
    return np.minimum(cells, cells_of(shape.windows + ubatch(deployment)))


def cache_lines(shape: Shape, deployment: Deployment, context_tokens: Number, sequences: Number, share: Range) -> list[Line]:
    """`share` of the layers' cache; the bytes are those that the engine logs."""
    element = kv_type_bytes(deployment.kv_type)
    cells = cells_of(context_tokens)
    slid = (shape.window_elements * window_cells(shape, deployment, context_tokens)).sum(axis=-1)
    kept = {
        "keys and values": (shape.kv_elements * cells, "{elements} elements x {cells} cells", shape.kv_elements),
        "latent vectors": (shape.latent_elements * cells, "{elements} elements x {cells} cells", shape.latent_elements),
        "sliding layers": (slid, "{elements} elements x window + batch", np.asarray(shape.window_elements).sum(axis=-1)),
    }
    lines = [
        Line(
            "kv_cache",
            name,
            _shared(count * element * sequences, share),
            filled(f"{formula} x {element:g} bytes x {{sequences}}", elements=elements, cells=cells, sequences=sequences),
            LOG,
        )
        for name, (count, formula, elements) in kept.items()
        if np.any(count)
    ]
    state = state_bytes(shape)
    if np.any(state):
        formula = filled("{state} bytes x {sequences}", state=state, sequences=sequences)
        lines.append(Line("kv_cache", "recurrent state", _shared(state * sequences, share), formula, LOG))
    return lines


def _shared(count: Number, share: Range) -> Range:
    return Range(*(count * part for part in share))
