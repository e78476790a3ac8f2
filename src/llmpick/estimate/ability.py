"""What scores to expect of models before any of them has run: the prior of the choice.

This version has none: nothing here was fitted to data yet, and a guess would be worse than silence. The report says so.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llmpick.evidence.model import Candidate
from llmpick.evidence.task import Task

if TYPE_CHECKING:  # the command line reaches this module at its start, and numpy would slow it
    import numpy


def expected_scores(candidates: Sequence[Candidate], task: Task) -> "tuple[numpy.ndarray, numpy.ndarray] | None":  # noqa: ARG001
    """The mean score of each candidate on `task` (shape: candidates) and the covariance (candidates x candidates); None: no prior."""
    return None
