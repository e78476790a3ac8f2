"""Memory of training on one device, line by line: weights, gradients, optimizer, activations, logits.

States after ZeRO (Rajbhandari, arXiv:1910.02054, section 3.1 and figure 1), activations after Korthikanti (arXiv:2205.05198, section 4),
opened up by layer so that gated feed-forwards, grouped heads and layers without dropout are counted as they are. Bytes; all lines are of
the fullest device (the first pipeline stage).
"""

from dataclasses import dataclass
from typing import Literal

from llmpick.estimate.training.shape import TrainingShape
from llmpick.evidence.errors import InputError

Recompute = Literal["none", "selective", "full"]
ZeroStage = Literal[0, 1, 2, 3]
ZERO, KORTHIKANTI, LORA = "arXiv:1910.02054, section 3.1", "arXiv:2205.05198, section 4", "arXiv:2106.09685, section 4.1"
SIXTEEN_BITS = 2.0
NF4_BYTES = (4 + 0.127) / 8
"""Bytes per weight of NF4 with double quantisation of its scales (arXiv:2305.14314, section 3)."""


@dataclass(frozen=True, slots=True)
class Optimizer:
    """Bytes per trained parameter beside its weight and gradient."""

    name: str
    bytes_per_param: float
    source: str


ADAM = Optimizer("adam", 12.0, ZERO)
OPTIMIZERS = {
    "adam": ADAM,
    "adam-8bit": Optimizer("adam-8bit", 6.0, "FP32 copy and two moments of one byte (arXiv:2110.02861)"),
    "sgd-momentum": Optimizer("sgd-momentum", 8.0, "FP32 copy and one moment"),
}


@dataclass(frozen=True, slots=True)
class Adapters:
    """LoRA of `rank` on every matrix of every layer; the other weights are frozen and kept at `base_bytes_per_param`, tables in 16 bits.

    A rank r adds r (inputs + outputs) parameters to a matrix (arXiv:2106.09685, section 4.1).
    """

    rank: int
    base_bytes_per_param: float = SIXTEEN_BITS

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise InputError("the rank of an adapter is at least 1", where="LoRA", remedy="give a rank such as 64")

    def params(self, shape: TrainingShape) -> int:
        return shape.layers * sum(self.rank * (inputs + outputs) for inputs, outputs in shape.linear_matrices)


@dataclass(frozen=True, slots=True)
class Setup:
    """How a step is computed: `micro_batch` sequences of `context` tokens at once; `zero_stage` shards over `data_parallel` devices."""

    context: int
    micro_batch: int = 1
    optimizer: Optimizer = ADAM
    adapters: Adapters | None = None
    zero_stage: ZeroStage = 0
    data_parallel: int = 1
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    sequence_parallel: bool = False
    recompute: Recompute = "none"
    flash_attention: bool = True

    @property
    def step_tokens(self) -> int:
        """Tokens that pass all devices at once: no batch can be smaller."""
        return self.context * self.micro_batch * self.data_parallel

    def __post_init__(self) -> None:
        counts = (self.context, self.micro_batch, self.data_parallel, self.tensor_parallel, self.pipeline_parallel)
        if min(counts) < 1:
            raise InputError(
                "context, batch and parallel sizes are at least 1", where="training memory", remedy="correct the one that is not"
            )


@dataclass(frozen=True, slots=True)
class MemoryLine:
    """One term: `bytes` on the fullest device, its formula and source."""

    name: str
    bytes: float
    formula: str
    source: str


def training_memory(shape: TrainingShape, setup: Setup) -> tuple[MemoryLine, ...]:
    """States, then activations. What the allocator wastes, the CUDA context and buffers of NCCL are left out."""
    return (*state_lines(shape, setup), *activation_lines(shape, setup))


def state_lines(shape: TrainingShape, setup: Setup) -> list[MemoryLine]:
    """2 N + 2 N + K N in 16 bits, K = 12 for Adam; ZeRO 1 shards the last over data-parallel devices, 2 the gradients too, 3 all."""
    split = setup.tensor_parallel * setup.pipeline_parallel
    weights_over, gradients_over, states_over = (setup.data_parallel if setup.zero_stage >= stage else 1 for stage in (3, 2, 1))
    adapters, optimizer = setup.adapters, setup.optimizer
    trained = (shape.params if adapters is None else float(adapters.params(shape))) / split
    width = SIXTEEN_BITS if adapters is None else adapters.base_bytes_per_param
    held = (shape.params - shape.table_params) * width + shape.table_params * SIXTEEN_BITS
    by = _by(split, weights_over)
    n = f"N = {shape.params:.4g}"
    formula = f"2 N{by}, {n}" if width == SIXTEEN_BITS else f"({width:.3g} N_layers + 2 N_tables){by}, {n}"
    lines = [MemoryLine("weights", held / split / weights_over, formula, ZERO if width == SIXTEEN_BITS else "arXiv:2305.14314, section 3")]
    if adapters is not None:
        lines.append(MemoryLine("adapters", 2.0 * trained / weights_over, f"2 x {adapters.rank} (in + out) per matrix{by}", LORA))
    lines.append(MemoryLine("gradients", 2.0 * trained / gradients_over, f"2 N_trained{_by(split, gradients_over)}", ZERO))
    states = optimizer.bytes_per_param * trained / states_over
    formula = f"{optimizer.bytes_per_param:g} N_trained{_by(split, states_over)}"
    lines.append(MemoryLine("optimizer", states, formula, optimizer.source))
    if weights_over > 1:
        layer = (shape.params - shape.table_params) * width / shape.layers / setup.tensor_parallel
        lines.append(MemoryLine("gathered", layer, "the weights of one layer, N_layers / L", "arXiv:1910.02054, section 5.3"))
    return lines


def activation_lines(shape: TrainingShape, setup: Setup) -> list[MemoryLine]:
    """What the backward pass needs of the forward one. A first pipeline stage holds p micro-batches of L / p layers: L layers' worth.

    With frozen weights an engine may keep less: then the line is an upper bound.
    """
    tokens = float(setup.context * setup.micro_batch)
    layer = layer_activation_bytes(shape, setup)
    if setup.recompute == "full":
        kept = 2.0 * tokens * shape.hidden_size / (setup.tensor_parallel if setup.sequence_parallel else 1)
        stored, formula = kept * shape.layers + layer, "2 s b h per layer, and one layer in full"
    else:
        stored, formula = layer * shape.layers, "per layer and token: norms 4h, attention, feed-forward; x L"
    logits = 4.0 * tokens * (shape.vocabulary + shape.hidden_size) / setup.tensor_parallel
    return [
        MemoryLine("activations", stored, formula, KORTHIKANTI),
        MemoryLine("logits", 0.0 if setup.pipeline_parallel > 1 else logits, "4 s b (V + h) / t", "arXiv:2205.05198, section 4.3"),
    ]


def layer_activation_bytes(shape: TrainingShape, setup: Setup) -> float:
    """Bytes that one layer keeps: s b h (34 + 5 a s / h) for the paper's own layer (4 h wide, ungated, as many KV heads, dropout).

    Replicated over tensor-parallel devices unless sequence-parallel: the inputs of norms and of both blocks, and dropout masks.
    """
    s, tokens, h = setup.context, float(setup.context * setup.micro_batch), shape.hidden_size
    mask = 1.0 if shape.dropout else 0.0
    shared = tokens * (4 * h + 2 * h + 2 * h + 2 * mask * h)
    heads = tokens * 2 * shape.head_size * (2 * shape.heads + 2 * shape.kv_heads)
    scores = 0.0 if setup.flash_attention or setup.recompute != "none" else shape.heads * tokens * s * (2 + (3 if shape.dropout else 0))
    inner = tokens * 2 * shape.feed_forward * (3 if shape.gated else 2)
    split = heads + scores + inner
    return split / setup.tensor_parallel + shared / (setup.tensor_parallel if setup.sequence_parallel else 1)


def _by(split: int, shards: int) -> str:
    """What a term is divided by, in words: " / (8 x 16)"."""
    over = [f"{number:,}" for number in (split, shards) if number > 1]
    return f" / ({' x '.join(over)})" if len(over) > 1 else f" / {over[0]}" if over else ""
