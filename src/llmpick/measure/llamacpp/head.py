"""A GGUF model's output matrix: from final hidden states to log-probabilities of tokens, in llama.cpp's own arithmetic.

llama.cpp multiplies a quantised matrix by activations that it has rounded to 8 bits, in blocks of 32 or 256; without that rounding the
result is off by up to 0.1 nats a token, with it by 1e-5. Nothing here is trusted until the caller has compared it with the engine.
"""

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

CHUNK_BYTES = 64 * 2**20
"""Of dequantised weights at a time."""
KEPT_BYTES = 2**30
"""A matrix that takes no more than this in float32 is dequantised once and kept: short texts would pay for it again and again."""

_PART = re.compile(r"(?P<stem>.+)-\d{5}-of-(?P<parts>\d{5})\.gguf")
_TIED, _UNTIED, _BIAS = "token_embd.weight", "output.weight", "output.bias"

_BY_32 = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL", "MXFP4")
_BY_256 = ("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S", "IQ1_M", "IQ4_XS")
"""Matrix types whose activations are rounded in blocks of 32 (to Q8_0 or Q8_1) and of 256 (to Q8_K): `vec_dot_type` in ggml-cpu.c."""
_SCALED: Mapping[str, Callable[[float], float]] = {
    "command-r": lambda scale: scale,
    "cohere2": lambda scale: scale,
    "granite": lambda scale: 1 / scale,
    "granitemoe": lambda scale: 1 / scale,
    "granitehybrid": lambda scale: 1 / scale,
}
"""Architectures → what their key `logit_scale` multiplies the logits by; with any other the key is not understood."""


class NotUnderstoodError(Exception):
    """The matrix cannot be read, or the model does something to its logits that is not known here."""


@dataclass(slots=True)
class OutputHead:
    """Logits are `weights` @ rounded state + `bias`, times `scale`, squashed to ±`soft_cap` where that is given.

    `rows` dequantises rows [start, end) of the matrix to float32; `name` says what it is, for the record.
    """

    rows: Callable[[int, int], Floats]
    vocabulary: int
    width: int
    rounded: Callable[[Floats], Floats]
    name: str
    bias: Floats | None = None
    scale: float = 1.0
    soft_cap: float | None = None
    _kept: Floats | None = None

    def log_probabilities(self, states: Floats, targets: NDArray[np.int64]) -> NDArray[np.float64]:
        """Of token `targets[i]` after `states[i]` (states: n x width)."""
        rounded = self.rounded(states)
        highest = np.full(len(states), -np.inf)
        total = np.zeros(len(states))
        chosen = np.full(len(states), np.nan)
        for start, logits in self._logits(rounded):
            peak = np.maximum(highest, logits.max(axis=1))
            total *= np.exp(highest - peak)
            total += np.exp(logits - peak[:, None].astype(np.float32)).sum(axis=1, dtype=np.float64)
            highest = peak
            here = np.flatnonzero((targets >= start) & (targets < start + logits.shape[1]))
            chosen[here] = logits[here, targets[here] - start]
        return chosen - highest - np.log(total)

    def engine_log_probability(self, state: Floats, target: int) -> float:
        """The same as llama.cpp's server reports it: its sum over the vocabulary is in float32, one token after the other, and loses up to
        1e-3 nats of the many improbable ones. Only for comparing with the server.
        """
        logits = np.concatenate([part[0] for _, part in self._logits(self.rounded(state[None]))])
        above = logits - logits.max()
        return float(above[target] - np.log(np.cumsum(np.exp(above), dtype=np.float32)[-1]))

    def _logits(self, rounded: Floats) -> Iterator[tuple[int, Floats]]:
        """The logits for a range of the vocabulary after the other, with its first token."""
        step = max(CHUNK_BYTES // (4 * max(self.width, len(rounded))), 1)
        for start in range(0, self.vocabulary, step):
            end = min(start + step, self.vocabulary)
            logits = rounded @ self._weights(start, end).T
            if self.bias is not None:
                logits += self.bias[start:end]
            if self.scale != 1.0:
                logits *= np.float32(self.scale)
            if self.soft_cap:
                logits = np.tanh(logits / np.float32(self.soft_cap)) * np.float32(self.soft_cap)
            yield start, logits

    def _weights(self, start: int, end: int) -> Floats:
        if 4 * self.vocabulary * self.width > KEPT_BYTES:
            return self.rows(start, end)
        if self._kept is None:
            self._kept = self.rows(0, self.vocabulary)
        return self._kept[start:end]


def read_head(path: Path) -> OutputHead:
    """The output matrix of the GGUF model at `path` (any part of a split one). Raises `NotUnderstoodError`, saying why."""
    try:
        gguf = import_module("gguf")
    except ImportError as error:
        raise NotUnderstoodError("the package gguf is not installed") from error
    try:
        readers = [_reader(gguf, part) for part in _parts(path)]
        tensors = {tensor.name: tensor for reader in readers for tensor in reader.tensors}
        matrix = tensors.get(_UNTIED) or tensors.get(_TIED)
        if matrix is None:
            raise NotUnderstoodError("there is no output matrix")
        keys = {name: field.contents() for name, field in readers[0].fields.items() if field.data}
        return _head(gguf, keys, matrix, tensors.get(_BIAS))
    except (OSError, ValueError, IndexError, KeyError, struct.error, OverflowError, NotImplementedError) as error:
        raise NotUnderstoodError(f"its header cannot be read ({type(error).__name__}: {error})") from error


def _head(gguf: Any, keys: Mapping[str, Any], matrix: Any, bias: Any | None) -> OutputHead:
    if bias is not None and bias.tensor_type.name != "F32":
        raise NotUnderstoodError("the bias of its output matrix is not in float32")
    dequantize, kind, stored = gguf.quants.dequantize, matrix.tensor_type, matrix.data
    dequantize(stored[:1], kind)  # A type that it cannot read is said now.
    cap = keys.get(f"{keys.get('general.architecture')}.final_logit_softcapping")
    width, vocabulary = (int(size) for size in matrix.shape)
    return OutputHead(
        rows=lambda start, end: dequantize(stored[start:end], kind).astype(np.float32, copy=False),
        vocabulary=vocabulary,
        width=width,
        rounded=rounding(kind.name),
        name=f"{matrix.name}, {kind.name}",
        bias=None if bias is None else np.array(bias.data, np.float32),
        scale=_scale(keys),
        soft_cap=float(cap) if cap else None,
    )


def _reader(gguf: Any, path: Path) -> Any:
    """The library's reader, which would take seconds to build the vocabulary's strings: arrays are stepped over."""
    sizes = {kind: np.dtype(scalar).itemsize for kind, scalar in gguf.GGUFReader.gguf_scalar_to_np.items()}

    class Reader(gguf.GGUFReader):
        def _get_field_parts(self, orig_offs: int, raw_type: int) -> tuple[int, list[Any], list[int], list[Any]]:
            kind = gguf.GGUFValueType(raw_type)
            if kind != gguf.GGUFValueType.ARRAY:
                return super()._get_field_parts(orig_offs, raw_type)
            inner, length = struct.unpack_from("<IQ", self.data, orig_offs)
            at = orig_offs + 12
            if inner == gguf.GGUFValueType.STRING:
                for _ in range(length):
                    at += 8 + struct.unpack_from("<Q", self.data, at)[0]
            else:
                at += length * sizes[gguf.GGUFValueType(inner)]
            return at - orig_offs, [], [], [kind]

    return Reader(path)


def _scale(keys: Mapping[str, Any]) -> float:
    architecture = str(keys.get("general.architecture"))
    scale = keys.get(f"{architecture}.logit_scale")
    if not scale:
        return 1.0
    if architecture not in _SCALED:
        raise NotUnderstoodError(f"the key logit_scale of {architecture} is not understood")
    return _SCALED[architecture](float(scale))


def rounding(type_name: str) -> Callable[[Floats], Floats]:
    """How llama.cpp rounds activations (n x width) before it multiplies them by a matrix of this type, on a CPU."""
    if type_name in _BY_32:
        return rounded_by_32
    if type_name in _BY_256:
        return rounded_by_256
    if type_name == "F16":
        return lambda states: states.astype(np.float16).astype(np.float32)
    if type_name == "BF16":
        return rounded_to_bf16
    return lambda states: states


def rounded_by_32(states: Floats) -> Floats:
    """Q8_0: 127 steps to the block's largest magnitude, the step stored in float16 (quantize_row_q8_0 of ggml).

    Q8_1 keeps the block's sum besides, rounded to float16; that is not followed, and moves a logit by up to 1e-3.
    """
    blocks = states.reshape(len(states), -1, 32)
    largest = np.abs(blocks).max(axis=-1, keepdims=True)
    inverse = np.divide(np.float32(127), largest, out=np.zeros_like(largest), where=largest > 0)
    step = (largest / np.float32(127)).astype(np.float16).astype(np.float32)
    return (np.rint(blocks * inverse) * step).reshape(states.shape)


def rounded_by_256(states: Floats) -> Floats:
    """Q8_K: the value of largest magnitude becomes -127, the step is kept in float32 (quantize_row_q8_K of ggml)."""
    blocks = states.reshape(len(states), -1, 256)
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=-1)[..., None], axis=-1)
    inverse = np.divide(np.float32(-127), extreme, out=np.zeros_like(extreme), where=extreme != 0)
    step = np.divide(np.float32(1), inverse, out=np.zeros_like(inverse), where=inverse != 0)
    return (np.minimum(np.rint(blocks * inverse), np.float32(127)) * step).reshape(states.shape)


def rounded_to_bf16(states: Floats) -> Floats:
    """To the nearest bfloat16, ties to even."""
    bits = np.ascontiguousarray(states).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def _parts(path: Path) -> list[Path]:
    match = _PART.fullmatch(path.name)
    return sorted(path.parent.glob(f"{match['stem']}-?????-of-{match['parts']}.gguf")) if match else [path]
