"""What a user types behind a model's name: `?thinking=on`, `?thinking=off`, or `?thinking=2048` for on with a budget of tokens.

The same model with and without is two candidates, each by the name with its setting.
"""

import os
from dataclasses import dataclass

from llmpick.evidence.errors import InputError

_REMEDY = "write ?thinking=on, ?thinking=off, or a budget in tokens: ?thinking=2048"
MOST_TOKENS = 1_000_000


@dataclass(frozen=True, slots=True)
class AskedThinking:
    """`max_tokens` is None where the user leaves the budget to us."""

    on: bool
    max_tokens: int | None = None


def split_settings(text: str) -> tuple[str, AskedThinking | None]:
    """The model's name, and the setting behind it; None without one. A path that exists is a name, whatever it looks like.

    Raises `InputError` for another setting, or a value that is none.
    """
    name, mark, setting = text.strip().rpartition("?")
    # A served model's name may hold a question mark of its own; a setting looks like one.
    if not mark or "=" not in setting or os.path.exists(text.strip()):  # noqa: PTH110 - pathlib's raises for a name that is too long
        return text, None
    key, _, value = setting.partition("=")
    if key != "thinking":
        raise InputError(f"there is no setting {key!r}", where=f"model name {text!r}", remedy=_REMEDY)
    if not name:
        raise InputError("no model stands before the setting", where=f"model name {text!r}", remedy=f"name the model, then {_REMEDY}")
    if value in ("on", "off"):
        return name, AskedThinking(value == "on")
    if value.isascii() and value.isdigit() and 0 < int(value[:8]) <= MOST_TOKENS:
        return name, AskedThinking(True, int(value[:8]))
    raise InputError(f"{value!r} is no way to think", where=f"model name {text!r}", remedy=_REMEDY)
