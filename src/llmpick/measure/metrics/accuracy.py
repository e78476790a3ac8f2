"""Accuracy: the answered label is the right one. Macro-F1 is reported beside it, from `stats/classification.py`."""


def score(output: str, reference: str) -> float:
    """1 if the labels are equal, else 0. The output is a label already, not free text."""
    return float(output == reference)
