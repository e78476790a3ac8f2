"""The additive law as a regression on log loss: E + A/N^alpha + B/D^beta in its log-sum-exp form (Hoffmann, appendix D.2).

A fit moves in centred coordinates theta = (a0, alpha, b0, beta, e): a0 = log A - alpha mean(log N) and b0 likewise are the logs of the
two terms in the middle of the runs, where they are known best and depend least on the exponents.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.estimate.scaling.conventions import LARGEST_LOG
from llmpick.estimate.scaling.huber import Array

NAMES = ("A", "alpha", "B", "beta", "E")


@dataclass(frozen=True, slots=True)
class AdditiveRegression:
    """Residuals of log loss for runs of `params` and `tokens` with final `loss`, each (n,).

    `tied` makes alpha and beta one exponent: the form of Muennighoff (appendix A) and of Gadre (equation 4). With
    `logarithmic` False residuals are of the loss itself, as Gadre fits.
    """

    log_params: Array
    log_tokens: Array
    log_loss: Array
    centre: tuple[float, float]
    tied: bool = False
    logarithmic: bool = True

    @classmethod
    def of(cls, params: Array, tokens: Array, loss: Array, *, tied: bool = False, logarithmic: bool = True) -> "AdditiveRegression":
        """Centred where these runs are."""
        x, y = np.log(params), np.log(tokens)
        return cls(x, y, np.log(loss), (float(x.mean()), float(y.mean())), tied, logarithmic)

    def residuals(self, theta: Array) -> tuple[Array, Array]:
        """Predicted less observed log loss (K, n), and the derivatives by theta (K, n, 5), or (K, n, 4) when tied."""
        a, alpha, b, beta, e = self._columns(theta)
        x, y = self.log_params - self.centre[0], self.log_tokens - self.centre[1]
        size, data = np.exp(a - alpha * x), np.exp(b - beta * y)
        floor = np.exp(e)
        total = size + data + floor
        size, data = size / total, data / total
        residual = np.log(total) - self.log_loss
        by_alpha, by_beta = -x * size, -y * data
        parts = (size, by_alpha + by_beta, data) if self.tied else (size, by_alpha, data, by_beta)
        slopes = np.stack([*parts, floor / total], axis=-1)
        return (residual, slopes) if self.logarithmic else (total - np.exp(self.log_loss), slopes * total[..., None])

    def constants(self, theta: Array) -> Array:
        """A, alpha, B, beta, E as (..., 5), from centred coordinates. What runs leave open may be any number, and stays a finite one."""
        a, alpha, b, beta, e = np.moveaxis(self.untied(theta), -1, 0)
        x, y = self.centre
        size, data, floor = (np.exp(np.clip(log, -LARGEST_LOG, LARGEST_LOG)) for log in (a + alpha * x, b + beta * y, e))
        return np.stack([size, alpha, data, beta, floor], axis=-1)

    def untied(self, theta: Array) -> Array:
        """Five coordinates (..., 5), whether one exponent is shared or not."""
        return np.concatenate(self._columns(theta), axis=-1)

    def log_loss_at(self, theta: Array, params: float, tokens: float) -> Array:
        """Log loss (...,) at one size and number of tokens."""
        a, alpha, b, beta, e = np.moveaxis(self.untied(theta), -1, 0)
        size, data = a - alpha * (np.log(params) - self.centre[0]), b - beta * (np.log(tokens) - self.centre[1])
        return np.logaddexp(np.logaddexp(size, data), e)

    def coordinates(self, constants: Array) -> Array:
        """The centred coordinates of constants A, alpha, B, beta, E: the other way round."""
        size, alpha, data, beta, floor = np.moveaxis(np.asarray(constants, dtype=float), -1, 0)
        a, b = np.log(size) - alpha * self.centre[0], np.log(data) - beta * self.centre[1]
        return np.stack([a, alpha, b, np.log(floor)] if self.tied else [a, alpha, b, beta, np.log(floor)], axis=-1)

    def starts(self, exponents: Array) -> Array:
        """One start for each pair of exponents: A, B and E by least squares, which is linear when the exponents are given.

        Negative solutions are moved to a thousandth of the mean loss, where the descent can still turn them into anything.
        """
        grid = np.stack([exponents, exponents], axis=-1) if self.tied else _pairs(exponents)
        x, y = self.log_params - self.centre[0], self.log_tokens - self.centre[1]
        loss = np.exp(self.log_loss)
        design = np.stack([np.exp(-grid[:, :1] * x), np.exp(-grid[:, 1:] * y), np.ones((len(grid), len(x)))], axis=-1) / loss[:, None]
        normal = np.matmul(np.swapaxes(design, 1, 2), design) + 1e-10 * np.eye(3)
        solved = np.linalg.solve(normal, design.sum(axis=1)[..., None])[..., 0]
        a, b, e = np.log(np.maximum(solved, 1e-3 * loss.mean())).T
        return np.stack([a, grid[:, 0], b, e] if self.tied else [a, grid[:, 0], b, grid[:, 1], e], axis=-1)

    def _columns(self, theta: Array) -> tuple[Array, Array, Array, Array, Array]:
        """Five columns (..., 1), whether one exponent is shared or not."""
        parts = [theta[..., i, None] for i in range(theta.shape[-1])]
        return (parts[0], parts[1], parts[2], parts[1], parts[3]) if self.tied else (parts[0], parts[1], parts[2], parts[3], parts[4])


def _pairs(values: NDArray[np.float64]) -> Array:
    first, second = np.meshgrid(values, values, indexing="ij")
    return np.stack([first.ravel(), second.ravel()], axis=-1)
