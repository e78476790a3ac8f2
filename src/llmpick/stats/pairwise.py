"""What pairwise verdicts of a judge add up to: win rates, relative scores, and how far the judge can be believed.

The judge sees each pair in both orders (`evidence/judging.py`), so that a liking for a side shows instead of deciding. What is reported of
it are shares of the pairs, with intervals that hold however the number of pairs came about (`stats/betting.py`), since a race stops when
it likes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.judging import Judgement, Verdict
from llmpick.evidence.values import Interval
from llmpick.stats.betting import mean_interval

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WinRate:
    """The mean score against the opponent (a tie counts one half), and the rows it comes from."""

    score: Interval
    wins: int
    ties: int
    losses: int


@dataclass(frozen=True, slots=True)
class JudgeRecord:
    """How a judge behaved on `pairs` pairs, each seen in both orders. All are shares of pairs.

    `consistent`: the same verdict in both orders. `first_side`: for the answer shown first, ties counted half; 0.5 is no bias. `signal`:
    pairs with the same winner in both orders minus pairs whose winner changes with the order (`flipped`), from -1 to 1. `unreadable`
    counts verdicts, of 2 x pairs.
    """

    pairs: int
    consistent: Interval
    first_side: Interval
    signal: Interval
    flipped: int
    unreadable: int

    @property
    def worth_its_calls(self) -> bool:
        """Whether it is shown to look at the answers at all.

        Who does not look changes the winner with the order whenever the order decides, and at least as often as not when a coin does
        (if p is the chance of the first side and q of the second, the same winner comes up with 2pq, another with p² + q² >= 2pq): its
        signal is at most zero.
        """
        return self.signal.low > 0


def win_rate(scores: Floats, *, confidence: float, population: int | None = None) -> WinRate:
    """The win rate from scores of shape (n,), 1 for a win, 0.5 for a tie, 0 for a loss; at least one.

    With `population` the interval is for the mean over that many rows, of which these are a random part, else for new inputs.
    """
    wins, losses = int((scores > 0.5).sum()), int((scores < 0.5).sum())
    return WinRate(mean_interval(scores, confidence=confidence, population=population), wins, len(scores) - wins - losses, losses)


def judge_record(judgements: Sequence[Judgement], *, confidence: float) -> JudgeRecord:
    """The judge's own record over pairs in random order. Raises ValueError for none."""
    favours = np.array([judgement.favours for judgement in judgements], dtype=float).reshape(-1, 2)
    flipped = np.array([judgement.flipped for judgement in judgements], dtype=float)
    same_winner = (np.abs(favours.sum(axis=1)) == 2).astype(float)
    consistent = np.array([judgement.consistent for judgement in judgements], dtype=float)
    first_side = 0.5 + (favours[:, 0] - favours[:, 1]) / 4
    return JudgeRecord(
        pairs=len(judgements),
        consistent=mean_interval(consistent, confidence=confidence),
        first_side=mean_interval(first_side, confidence=confidence),
        signal=mean_interval(same_winner - flipped, confidence=confidence, low=-1.0, high=1.0),
        flipped=int(flipped.sum()),
        unreadable=sum((j.shown_first, j.shown_second).count(Verdict.UNREADABLE) for j in judgements),
    )


def relative_score(candidate: Floats, opponent: Floats, *, confidence: float) -> Interval:
    """The sum of the candidate's scores over the sum of the opponent's, on the same questions: "92% of ChatGPT".

    Both of shape (n,), question by question; questions that the judge left without a score are left out by the caller. The interval is for
    questions like these: Student's t on the linearised ratio, paired (Cochran, "Sampling Techniques", section 2.11). Raises ValueError
    for fewer than two questions, or an opponent whose scores do not sum to more than zero.
    """
    if len(candidate) < 2 or not opponent.sum() > 0:
        raise ValueError("a relative score needs two questions and an opponent with scores above zero")
    from scipy.stats import t  # scipy.stats takes half a second to load

    ratio = float(candidate.sum() / opponent.sum())
    residuals = candidate - ratio * opponent
    error = float(residuals.std(ddof=1)) / math.sqrt(len(candidate)) / float(opponent.mean())
    reach = float(t.ppf((1 + confidence) / 2, len(candidate) - 1)) * error
    return Interval(ratio, ratio - reach, ratio + reach, confidence)
