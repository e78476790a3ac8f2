"""Which layers of a GGUF model look through a sliding window, as llama.cpp decides it.

Many files list it layer by layer. The others leave it to llama.cpp, whose loader of the architecture knows the pattern
(`load_arch_hparams` in src/models/*.cpp of https://github.com/ggml-org/llama.cpp). Where neither says so, every layer has full attention:
that is what llama.cpp then allocates, and an upper bound for other engines.
"""

from typing import NamedTuple

from llmpick.sources.gguf.keys import Keys


class _Sliding(NamedTuple):
    """Of every `period` layers one has full attention: the last, or the first; 0: none has.

    `default` is the window where the file gives none, `fixed` the one that holds whatever it gives (but 0), `only` the one number of layers
    for which llama.cpp slides at all.
    """

    period: int
    default: int | None = None
    fixed: int | None = None
    full_first: bool = False
    only: int | None = None


_SLIDING = {
    "afmoe": _Sliding(4),
    "cohere2": _Sliding(4),
    "cohere2moe": _Sliding(4, full_first=True),
    "exaone-moe": _Sliding(4),
    "exaone4": _Sliding(4, 4096, only=64),
    "gemma2": _Sliding(2, 4096),
    "gemma3": _Sliding(6),
    "gemma3n": _Sliding(5),
    "gpt-oss": _Sliding(2),
    "lfm2": _Sliding(0),
    "llama4": _Sliding(4, 8192, fixed=8192),
    "mellum": _Sliding(4),
    "olmo2": _Sliding(4),
    "plamo3": _Sliding(8),
    "smallthinker": _Sliding(4, fixed=4096, full_first=True),
}
_NO_WINDOW = _Sliding(1)
_NEVER = frozenset({"phi3"})  # switched off until the files of this architecture are right (pull request 13676)


def windows(keys: Keys) -> tuple[int | None, ...]:
    """The window of each layer in tokens; None for full attention."""
    known = _SLIDING.get(keys.architecture, _NO_WINDOW)
    window = keys.number("attention.sliding_window")
    window = known.default if window is None else window
    if not window or keys.architecture in _NEVER or known.only not in (None, keys.layers):
        return (None,) * keys.layers
    window = known.fixed or window
    slides = keys.flags("attention.sliding_window_pattern") or _pattern(keys, known)
    return tuple(window if slide else None for slide in slides)


def _pattern(keys: Keys, known: _Sliding) -> tuple[bool, ...]:
    period = known.period
    if known is not _NO_WINDOW and not isinstance(keys.header.values.get(f"{keys.architecture}.attention.sliding_window_pattern"), tuple):
        stated = keys.number("attention.sliding_window_pattern")
        period = period if stated is None else stated
    full = 0 if known.full_first else period - 1
    return tuple(period == 0 or index % period != full for index in range(keys.layers))
