"""The shape of a transformer as the memory and the work of training depend on it, and how it follows from few numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from llmpick.evidence.errors import InputError


@dataclass(frozen=True, slots=True)
class TrainingShape:
    """`params` are all that are held (a mixture of experts: the total); `feed_forward` is the width that one token passes.

    `tables` is the number of matrices with the vocabulary: 1 where input and output share it. `windows` has one entry per layer with
    attention, its sliding window in tokens or None; left out, all layers see everything.
    """

    params: float
    layers: int
    hidden_size: int
    heads: int
    kv_heads: int
    head_size: int
    feed_forward: int
    vocabulary: int
    tables: int = 2
    gated: bool = True
    dropout: bool = False
    windows: tuple[int | None, ...] | None = None

    @property
    def table_params(self) -> float:
        return min(float(self.tables * self.vocabulary * self.hidden_size), self.params)

    @property
    def linear_matrices(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of each matrix of a layer: queries, keys, values, output, then the feed-forward ones."""
        h, queries, keys = self.hidden_size, self.heads * self.head_size, self.kv_heads * self.head_size
        inner = ((h, self.feed_forward),) * (2 if self.gated else 1) + ((self.feed_forward, h),)
        return ((h, queries), (h, keys), (h, keys), (queries, h), *inner)

    def attention_flops(self, context: Any) -> Any:
        """FLOPs of attention for each token of sequences of `context` tokens (a number or an array), forward and backward.

        12 per layer, element of the width of all heads, and token of context (PaLM, arXiv:2204.02311, appendix B), masked pairs
        included. A window w leaves w (2 - w / s) of s tokens, by the same count: twice the mean number that a token sees.
        """
        width, context = self.heads * self.head_size, np.asarray(context, dtype=float)
        if self.windows is None:
            return full_attention_flops(self.layers, width, context)
        seen = [np.minimum(window or np.inf, context) for window in self.windows]
        return sum(full_attention_flops(1, width, one * (2.0 - one / context)) for one in seen)


def full_attention_flops(layers: float, width: float, context: Any) -> Any:
    """The same where every layer sees the whole context."""
    return 12.0 * layers * width * context


def shape_by_count(
    params: float,
    *,
    layers: int,
    hidden_size: int,
    kv_heads: int,
    head_size: int,
    vocabulary: int,
    heads: int | None = None,
    tables: int = 2,
) -> TrainingShape:
    """A dense gated transformer of so many parameters: what tables and attention leave is the feed-forward part (norms are a remainder).

    An ungated one of the same size keeps as many activations: its two matrices are 3/2 as wide, and it keeps two widths, not three.
    `heads` None: as many as fill the width.
    Raises `InputError` when tables and attention alone are larger.
    """
    heads = heads or max(1, hidden_size // head_size)
    attention = 2 * hidden_size * head_size * (heads + kv_heads)
    rest = (params - tables * vocabulary * hidden_size) / layers - attention
    if rest <= 0:
        raise InputError(
            f"{params:.3g} parameters are fewer than vocabulary and attention alone take",
            where=f"{layers} layers of width {hidden_size:,}, {vocabulary:,} tokens in the vocabulary",
            remedy="correct the number of parameters, or name the model with --model",
        )
    feed_forward = max(1, int(rest / (3 * hidden_size)))
    return TrainingShape(params, layers, hidden_size, heads, kv_heads, head_size, feed_forward, vocabulary, tables)
