"""Regular expression: the answer matches the pattern that the reference gives, or holds the reference where `pattern` looks for it.

Python's `re` can take exponential time on patterns like `(a+)+$`, and the pattern is the user's own, so the text is bounded instead.
"""

import re

from llmpick.evidence.errors import InputError
from llmpick.measure.compare import normalise

LONGEST_TEXT = 10_000
"""Characters of an answer that are searched."""


def score(output: str, reference: str, *, pattern: str | None = None) -> float:
    """1 or 0. Without `pattern`, whether the reference, read as a regular expression, is found in the output.

    With `pattern`, whether what it finds first in the output (its first group, where it has one) is the reference, compared as
    `exact-match` does. Raises `InputError` for a pattern that `re` refuses.
    """
    found = _compile(reference if pattern is None else pattern).search(output[:LONGEST_TEXT])
    if pattern is None or found is None:
        return float(found is not None)
    answer = found[1] if found.re.groups else found[0]
    return float(answer is not None and normalise(answer) == normalise(reference))


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise InputError(
            f"{pattern!r} is not a regular expression: {error}", where="[metric] pattern or a reference", remedy="mend the pattern"
        ) from error
