"""What the user asks of `scale budget`."""

from dataclasses import dataclass

from llmpick.estimate.training.budget import CARBON, PUE, Method
from llmpick.estimate.training.memory import Recompute, ZeroStage

USUAL_CONTEXT = 2048
"""Of LLaMA (arXiv:2302.13971)."""


@dataclass(frozen=True, slots=True)
class BudgetOptions:
    """What the user named; None where llmpick chooses, and says what."""

    tokens: float
    device: str
    params: float | None = None
    params_total: float | None = None
    model: str | None = None
    gpus: int = 1
    method: Method = "pretrain"
    mfu: float | None = None
    price: float | None = None
    pue: float = PUE
    carbon: float = CARBON
    context: int = USUAL_CONTEXT
    micro_batch: int = 1
    optimizer: str = "adam"
    lora_rank: int | None = None
    zero: ZeroStage | None = None
    tensor_parallel: int | None = None
    pipeline_parallel: int = 1
    recompute: Recompute | None = None
    batch_tokens: float | None = None
