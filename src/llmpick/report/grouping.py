"""Eighty sentences that differ only in their numbers, said once: "needs 14.2 to 310 GiB, the limit is 8 GiB" (12 models)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_NUMBER = re.compile(r"\d{4}-\d{2}-\d{2}|(?<![\w.-])\d[\d,]*(?:\.\d+)?(?![\w-])")


@dataclass(frozen=True, slots=True)
class Group:
    """`count` sentences of the same wording; `text` gives the range of each number that differs."""

    count: int
    text: str


def group(sentences: Iterable[str]) -> tuple[Group, ...]:
    """The largest group first; groups of one size in alphabetical order."""
    alike: dict[str, list[str]] = {}
    for sentence in sentences:
        alike.setdefault(wording_of(sentence), []).append(sentence)
    return tuple(sorted((Group(len(same), _merged(same)) for same in alike.values()), key=lambda g: (-g.count, g.text)))


def wording_of(sentence: str) -> str:
    """The sentence without its numbers: two of one group have the same."""
    return _NUMBER.sub("#", sentence)


def _merged(same: Sequence[str]) -> str:
    columns = zip(*(_NUMBER.findall(sentence) for sentence in same), strict=True)
    ranges = iter([_range(column) for column in columns])
    return _NUMBER.sub(lambda _: next(ranges), same[0])


def _range(numbers: Sequence[str]) -> str:
    ordered = sorted(set(numbers), key=_size)
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


def _size(number: str) -> float:
    return float(number.replace(",", "").replace("-", ""))
