"""The split of a training budget for a model that will be served: smaller, and trained for longer, than the best for training alone."""

import numpy as np

from llmpick.estimate.scaling.conventions import Number
from llmpick.estimate.scaling.laws import AdditiveLaw
from llmpick.estimate.scaling.optimal import HALVINGS, Split, compute_optimal


def serving_split(law: AdditiveLaw, flops: Number, served: Number) -> Split:
    """The model of `flops` training FLOPs of which no other reaches the same loss with less training and serving together.

    It is on the curve of `serving_optimal`: its condition 3 D (1 - (alpha/beta) a/b) + served = 0 (Sardana, arXiv:2401.00448), with
    a = A/N^alpha and b = B/D^beta, is solved here with D = flops / 6N. The left side goes to minus infinity as N shrinks, and is `served`
    at the training-optimal model. Bisection in log N; arrays broadcast. With `served` 0 it is `compute_optimal`.
    """
    flops, served = np.broadcast_arrays(np.asarray(flops, dtype=float), np.asarray(served, dtype=float))
    high = np.log(compute_optimal(law, flops).params)
    low = high - np.log(1e12)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        tokens = flops / (6.0 * np.exp(middle))
        ratio = law.A * np.exp(-law.alpha * middle) / (law.B * tokens**-law.beta)
        falling = 3.0 * tokens * (1.0 - law.alpha / law.beta * ratio) + served < 0.0
        low, high = np.where(falling, middle, low), np.where(falling, high, middle)
    params = np.exp(high)
    tokens = flops / (6.0 * params)
    return Split(params, tokens, flops, law.at(params, tokens))
