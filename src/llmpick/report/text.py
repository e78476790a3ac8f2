"""Text that others wrote (rows, outputs of models, names of files), made safe and short enough to print on one line."""

import unicodedata

_OBEYED = {"Cc", "Cf", "Cs"}
"""Control, format and surrogate characters: escape sequences, overrides of the writing direction."""
_JOINERS = {"\u200c", "\u200d"}
"""Format characters that scripts and emoji need."""


def one_line(text: str) -> str:
    """`text` with every run of white space as one space and every character that a terminal could obey as "�"."""
    return "".join(c if unicodedata.category(c) not in _OBEYED or c in _JOINERS else "�" for c in " ".join(text.split()))


def joined(names: list[str] | tuple[str, ...]) -> str:
    """["a", "b", "c"] → "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
