"""What a loaded model will take while it reads a text: more than for writing, since the logits of every token are looked at."""

from llmpick.evidence.device import Load
from llmpick.evidence.model import Candidate, Weights
from llmpick.evidence.values import Estimate
from llmpick.measure.llamacpp_head import KEPT_BYTES
from llmpick.sources.hardware import this_machine
from llmpick.workflow.expectation import of_files

LOGITS_BYTES = 2**30
"""Both engines' scorers hold logits of at most 512 MiB at a time (`LOGITS_BYTES` in `measure/scorers`), and as much again made of them."""
FLOAT_BYTES = 4


def reading_bytes(candidate: Candidate, engine: str, context_tokens: int) -> int:
    """The most that it is expected to take, with the scorer's own copy of the output matrix; nothing for one that is served."""
    weights = candidate.run
    if not isinstance(weights, Weights):
        return 0
    memory, _ = of_files(weights, candidate.facts, this_machine(), Load(context_tokens, 1, 1), here=True)
    expected = int(memory.interval.high) if isinstance(memory, Estimate) else weights.weight_bytes
    if engine != "llama.cpp":
        in_floats = FLOAT_BYTES * sum(group.elements for group in weights.tensors) if weights.format == "gguf" else 0
        return max(expected, in_floats) + LOGITS_BYTES
    matrix = FLOAT_BYTES * max((group.elements for group in weights.tensors if group.role in ("embedding", "output")), default=0)
    return expected + min(matrix, KEPT_BYTES) + LOGITS_BYTES
