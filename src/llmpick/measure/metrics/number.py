"""Number: the answer is the reference number, or near enough."""

from llmpick.measure.compare import close


def score(output: float, reference: float, *, tolerance: float = 0.0, relative_tolerance: float = 0.0) -> float:
    """1 if |output - reference| is at most `tolerance` or `relative_tolerance` x |reference|, whichever is larger, else 0."""
    return float(close(output, reference, tolerance=tolerance, relative_tolerance=relative_tolerance))
