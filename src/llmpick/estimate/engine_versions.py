"""Which versions of an engine its formulas were compared with, and what is said of an estimate for any other."""

import re
from typing import NamedTuple


class Checked(NamedTuple):
    """The oldest and the newest version that an engine's formulas were compared with; `oldest` None where nothing older differs."""

    oldest: tuple[int, ...] | None
    newest: tuple[int, ...]
    prefix: str = ""

    def note(self, engine: str, version: str | None, read_as: tuple[int, ...]) -> str | None:
        """Which version's formulas stand in for one that nobody compared; None where no version was named, or one between the two."""
        if version is None or (self.oldest or ()) <= read_as <= self.newest:
            return None
        way, stand_in = ("newer", self.newest) if read_as > self.newest else ("older", self.oldest or self.newest)
        known = f"{self.prefix}{'.'.join(map(str, stand_in))}"
        end = "newest" if way == "newer" else "oldest"
        return (
            f"{engine} {version} is {way} than {known}, the {end} version that the formulas were compared with: those of {known} are used."
        )


def two_numbers(version: str | None) -> tuple[int, ...]:
    """The first two numbers of "0.19.1", "v0.6.x" or "5"; () where there is none."""
    found = [int(number) for number in re.findall(r"\d+", version or "")]
    return (*found, 0)[:2] if found else ()
