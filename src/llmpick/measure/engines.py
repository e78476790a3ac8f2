"""Which engine runs what: one row per kind of candidate, imported when it is opened.

An outside package adds an engine by an entry point of the group `llmpick.backends`. Its name is what it serves: a weights format
(`gguf`, `safetensors`) or an endpoint's server (`ollama`); its object is called as `(run, *, context_tokens, memory_limit_bytes)` and
returns a `Backend`. An installed one goes before the row of the same name here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec

from llmpick.evidence.errors import InputError
from llmpick.evidence.model import Endpoint, Weights
from llmpick.measure.backend import Backend

GROUP = "llmpick.backends"


@dataclass(frozen=True, slots=True)
class Engine:
    """Where a backend's class is, which of the common options it takes, and the packages it cannot do without."""

    module: str
    name: str
    takes: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    install: str = "pip install llmpick"


ENGINES: dict[str, Engine] = {
    "gguf": Engine("llmpick.measure.backends.llamacpp", "LlamaCppBackend", ("context_tokens", "memory_limit_bytes"), ("xllamacpp",)),
    "safetensors": Engine(
        "llmpick.measure.backends.hf",
        "HfBackend",
        ("context_tokens", "memory_limit_bytes"),
        ("torch", "transformers"),
        "pip install 'llmpick[hf]'",
    ),
    "openai-compatible": Engine("llmpick.measure.backends.endpoint", "EndpointBackend"),
    "ollama": Engine("llmpick.measure.backends.endpoint", "EndpointBackend"),
}
"""A weights format, or an endpoint's server → the engine for it."""


def missing_engine(run: Weights | Endpoint) -> str | None:
    """Why no engine here can run it, with the command that mends it; None when one can."""
    key = run.format if isinstance(run, Weights) else run.server
    engine = ENGINES.get(key)
    if engine is None or entry_points(group=GROUP, name=key):
        return None
    absent = [package for package in engine.packages if find_spec(package) is None]
    return f"its engine needs {' and '.join(absent)}, not installed here: {engine.install}" if absent else None


def open_backend(
    run: Weights | Endpoint,
    *,
    context_tokens: int | None = None,
    memory_limit_bytes: int | None = None,
    call_timeout_s: float | None = None,
) -> Backend:
    """Starts or connects the engine for `run`. Tokens of context per sequence; bytes that the engine may take; seconds that one call
    may take, None for what the engine thinks right.

    Raises what the engine's own constructor raises, and `InputError` when no engine is known for it.
    """
    backend = _opened(run, {"context_tokens": context_tokens, "memory_limit_bytes": memory_limit_bytes})
    if call_timeout_s is not None:
        backend.call_timeout_s = call_timeout_s
    return backend


def _opened(run: Weights | Endpoint, options: Mapping[str, int | None]) -> Backend:
    key = run.format if isinstance(run, Weights) else run.server
    for outside in entry_points(group=GROUP, name=key):
        return outside.load()(run, **options)
    engine = ENGINES.get(key)
    if engine is None:
        raise InputError(f"no engine serves {key!r}", where=str(run), remedy=f"install a package with an entry point {key!r} in {GROUP}")
    made = getattr(import_module(engine.module), engine.name)
    return made(run, **{name: options[name] for name in engine.takes})
