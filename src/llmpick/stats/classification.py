"""What (reference label, answered label) pairs say beyond accuracy: the confusion table and macro-F1. Pure."""

from collections import Counter
from collections.abc import Iterable


def confusion(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """(reference, answered) → number of rows. "" as the answered label stands for an answer that is no label."""
    return dict(Counter(pairs))


def macro_f1(pairs: Iterable[tuple[str, str]]) -> float | None:
    """The plain mean of the F1 of each label that occurs as a reference; None without pairs.

    F1 = 2TP / (2TP + FP + FN). A label that is never the reference has no recall and is left out; answering with it costs the right
    label its recall all the same.
    """
    counts = Counter(pairs)
    references: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    for (reference, answered), rows in counts.items():
        references[reference] += rows
        answers[answered] += rows
    if not references:
        return None
    return sum(2 * counts[label, label] / (references[label] + answers[label]) for label in references) / len(references)
