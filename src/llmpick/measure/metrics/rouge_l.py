"""ROUGE-L: the longest common subsequence of words (Lin 2004, section 3.1, equations 2 to 4, https://aclanthology.org/W04-1013/).

The F-measure weighs precision and recall alike (beta = 1), as the common implementations do. Han text counts by character.
"""

from collections.abc import Sequence

from llmpick.measure.compare import words


def score(output: str, reference: str) -> float:
    """2PR / (P + R) with P = LCS / words of the output and R = LCS / words of the reference.

    Without words on both sides it is 1 (both say nothing), without words on one side 0.
    """
    said, wanted = words(output), words(reference)
    if not said or not wanted:
        return float(said == wanted)
    return 2 * common_subsequence(said, wanted) / (len(said) + len(wanted))


def common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest sequence that is in both, gaps allowed; the usual dynamic programme, one row at a time."""
    above = [0] * (len(second) + 1)
    for item in first:
        row = [0]
        for column, other in enumerate(second):
            row.append(above[column] + 1 if item == other else max(above[column + 1], row[column]))
        above = row
    return above[-1]
