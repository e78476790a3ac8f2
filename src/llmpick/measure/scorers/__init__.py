"""Which engine scores text with what: one row per kind of candidate, imported when it is opened."""

from dataclasses import dataclass
from importlib import import_module

from llmpick.evidence.errors import InputError
from llmpick.evidence.model import Endpoint, Runnable, Weights
from llmpick.measure.likelihood import TextScorer


@dataclass(frozen=True, slots=True)
class Row:
    """Where a scorer's class is, or what opens it, and which of the common options that takes."""

    module: str
    name: str
    takes: tuple[str, ...] = ()


LOCAL = ("context_tokens", "memory_limit_bytes")
ENGINES: dict[str, Row] = {
    "llama.cpp": Row("llmpick.measure.scorers.llamacpp_logits", "open_llamacpp", LOCAL),
    "transformers": Row("llmpick.measure.scorers.hf", "HfScorer", LOCAL),
    "endpoint": Row("llmpick.measure.scorers.endpoint", "EndpointScorer"),
}
READS: dict[str, tuple[str, ...]] = {"gguf": ("llama.cpp", "transformers"), "safetensors": ("transformers",)}
"""A weights format → the engines that read it, the usual one first."""


def open_scorer(
    run: Runnable | None, *, engine: str | None = None, context_tokens: int | None = None, memory_limit_bytes: int | None = None
) -> TextScorer:
    """Starts or connects an engine that can score text with the model `run`.

    `engine` is a key of `ENGINES` where the format leaves a choice: a GGUF file runs on `llama.cpp` (the default) or, dequantised, on
    `transformers`. `context_tokens` bounds what is read at once, `memory_limit_bytes` what the engine may take.

    Raises what the engine's own constructor raises, and `InputError` for what cannot score text.
    """
    able = ("endpoint",) if isinstance(run, Endpoint) else READS.get(run.format, ()) if isinstance(run, Weights) else ()
    if not able or (engine is not None and engine not in able):
        raise InputError(
            f"{f'the engine {engine!r}' if able else 'this candidate'} cannot score a text",
            where=str(getattr(run, "path", None) or getattr(run, "url", None) or getattr(run, "name", "no files")),
            remedy=f"use {' or '.join(able)}" if able else "leave it out: only a language model tells how likely it finds a text",
        )
    row = ENGINES[engine or able[0]]
    options = {"context_tokens": context_tokens, "memory_limit_bytes": memory_limit_bytes}
    return getattr(import_module(row.module), row.name)(run, **{name: options[name] for name in row.takes})
