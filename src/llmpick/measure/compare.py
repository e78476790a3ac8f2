"""When two answers are the same: the notions of equal text, words and numbers that the metrics share. Pure."""

import unicodedata
from decimal import Decimal

_HAN_BLOCKS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3347F))


def normalise(text: str, *, ignore_case: bool = True, ignore_punctuation: bool = True) -> str:
    """The text as it is compared: Unicode NFKC (so `ＡＢ１２` is `AB12`), white space runs as one blank, none at the ends.

    Punctuation at the ends (Unicode categories P*) goes too, unless nothing else is there: `“Lamp.”` is `lamp`, `...` stays.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    if ignore_case:
        plain = plain.casefold()
    return _strip_punctuation(plain) if ignore_punctuation else plain


def words(text: str) -> list[str]:
    """The units that token F1 and ROUGE-L count: each Han character is one, other text splits into lower-case words.

    A word is a run of letters, marks and digits; everything else only separates. Text without any gives an empty list.
    """
    found: list[str] = []
    run = ""
    for character in normalise(text, ignore_punctuation=False):
        han = is_han(character)
        if not han and unicodedata.category(character)[0] in "LMN":
            run += character
            continue
        if run:
            found.append(run)
            run = ""
        if han:
            found.append(character)
    return [*found, run] if run else found


def is_han(character: str) -> bool:
    """Whether the character is a Chinese one (CJK unified ideographs with their extensions, 々 and 〇)."""
    code = ord(character)
    return character in "々〇" or any(first <= code <= last for first, last in _HAN_BLOCKS)


def close(value: float, reference: float, *, tolerance: float = 0.0, relative_tolerance: float = 0.0) -> bool:
    """Whether `value` is within the larger of the two tolerances of `reference`, ends included.

    Computed in decimal, as the numbers are written, so that 0.31 is within 0.01 of 0.30 and 0.1 + 0.2 of binary floats plays no part.
    """
    written, wanted = Decimal(repr(value)), Decimal(repr(reference))
    allowed = max(Decimal(repr(tolerance)), Decimal(repr(relative_tolerance)) * abs(wanted))
    return abs(written - wanted) <= allowed


def _strip_punctuation(text: str) -> str:
    start, end = 0, len(text)
    while start < end and _separates(text[start]):
        start += 1
    while end > start and _separates(text[end - 1]):
        end -= 1
    return text[start:end] or text


def _separates(character: str) -> bool:
    return character == " " or unicodedata.category(character).startswith("P")
