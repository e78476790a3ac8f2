"""What fits best on one device, and why not the rest.

Nothing here says how good a model is: `decide/foremost.py` orders by what is known of every model, its training, size and age.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from llmpick.catalog.loader import load_models
from llmpick.catalog.tables import find_quantization, load_quantizations
from llmpick.evidence.device import Device, Load
from llmpick.evidence.fit import FitOutlook, Fits
from llmpick.evidence.model import ModelFacts
from llmpick.evidence.quantization import Quantization
from llmpick.evidence.task import Limits, Task
from llmpick.workflow.fit.catalog import Known, compute, known_model
from llmpick.workflow.fit.inputs import FitOptions, Place, asked_engine, deployment_of, prompt_of
from llmpick.workflow.fit.ranking import ORDER, ranked
from llmpick.workflow.fit.variants import is_for_serving, option_notes, version_note

CONTEXTS = (2048, 4096, 8192, 16384, 32768, 65536, 131072)


def outlook_on(options: FitOptions, task: Task | None, place: Place, load: Load) -> tuple[FitOutlook, Mapping[str, ModelFacts]]:
    """The outlook, and the facts of all models by id."""
    engine = asked_engine(options) or ("vllm" if is_for_serving(place.device) else "llama.cpp")
    deployment = deployment_of(options, engine)
    quantizations = _quantizations(options, engine)
    facts = load_models()
    known = [one for one in map(known_model, facts) if one]
    limits = task.limits if task else Limits()
    place = place._replace(device=_within(place.device, limits))
    started = time.perf_counter()
    wanted = np.array([_context(one, load, asked=bool(options.context_tokens or limits.context_tokens)) for one in known])
    contexts = tuple(sorted({*CONTEXTS, load.context_tokens}))
    grid = compute(known, quantizations, contexts, wanted, place, deployment, load, prompt_of(options, load))
    seconds = time.perf_counter() - started
    asked = replace(limits, context_tokens=options.context_tokens or limits.context_tokens)
    models = ranked(facts, known, quantizations, wanted, grid, asked, task.languages if task else ())
    counts = Counter(map(str, grid.fits()))
    words: tuple[Fits, ...] = ("yes", "marginal", "no", "unknown")
    outlook = FitOutlook(
        device=place.device,
        deployment=deployment,
        available_bytes=int(grid.available.min()),
        load=load,
        quantizations=tuple(one.name for one in quantizations),
        contexts=contexts,
        configurations={word: counts[word] for word in words},
        models=models,
        order=ORDER,
        seconds=seconds,
        task=task.name if task else None,
        notes=(*place.notes, *version_note(deployment), *option_notes(deployment)),
    )
    return outlook, {one.id: one for one in facts}


def _quantizations(options: FitOptions, engine: str) -> tuple[Quantization, ...]:
    """Those that were asked for, else all that the engine's files come in, the widest first."""
    if options.quantizations:
        return tuple(find_quantization(name) for name in options.quantizations)
    wanted = "gguf" if engine == "llama.cpp" else "safetensors"
    found = [one for one in load_quantizations().values() if one.format == wanted and one.bits_per_weight < 20]
    return tuple(sorted(found, key=lambda one: -one.bits_per_weight))


def _context(one: Known, load: Load, *, asked: bool) -> int:
    trained = one.blueprint.context_tokens
    return load.context_tokens if asked or trained is None else min(load.context_tokens, trained)


def _within(device: Device, limits: Limits) -> Device:
    """The device with no more memory free than the task allows."""
    if limits.memory_bytes is None:
        return device
    return replace(device, memory_free_bytes=min(device.memory_free_bytes, limits.memory_bytes))
