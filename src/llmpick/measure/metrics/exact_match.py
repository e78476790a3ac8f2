"""Exact match: the whole answer is the reference, up to how it is written."""

from llmpick.measure.compare import normalise


def score(output: str, reference: str, *, ignore_case: bool = True, ignore_punctuation: bool = True) -> float:
    """1 if both are the same after Unicode NFKC, with white space runs as one blank and no punctuation at the ends, else 0."""
    same = normalise(output, ignore_case=ignore_case, ignore_punctuation=ignore_punctuation) == normalise(
        reference, ignore_case=ignore_case, ignore_punctuation=ignore_punctuation
    )
    return float(same)
