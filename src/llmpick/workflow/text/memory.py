"""What a loaded model will take while it reads a text: more than for writing, since the logits of every token are looked at."""

from llmpick.evidence.model import Candidate, Weights
from llmpick.evidence.values import Estimate
from llmpick.measure.llamacpp.logits import LOGITS_BYTES, rows_at_once
from llmpick.sources.hardware import this_machine
from llmpick.workflow.expectation import while_measured

TRANSFORMERS_LOGITS_BYTES = 2**30
"""At most 512 MiB of logits at a time (`LOGITS_BYTES` in `measure/scorers/hf.py`), and as much again made of them."""
FLOAT_BYTES = 4
KEPT_BYTES = 32 * 2**20
"""What the allocator keeps of buffers that are done with: of one model and context the peak differed by some 10 MiB between processes."""


def reading_bytes(candidate: Candidate, engine: str, context_tokens: int) -> int:
    """The most that it is expected to take; nothing for one that is served.

    On llama.cpp `tests/workflow/test_text_memory.py` holds it against the process that reads.
    """
    weights = candidate.run
    if not isinstance(weights, Weights):
        return 0
    memory = while_measured(weights, candidate.facts, this_machine(), context_tokens)
    expected = int(memory.interval.high) if isinstance(memory, Estimate) else weights.weight_bytes
    if engine == "llama.cpp":
        vocabulary = weights.architecture.vocabulary_size if weights.architecture else None
        return expected + KEPT_BYTES + 2 * (FLOAT_BYTES * vocabulary * rows_at_once(vocabulary) if vocabulary else LOGITS_BYTES)
    in_floats = FLOAT_BYTES * sum(group.elements for group in weights.tensors) if weights.format == "gguf" else 0
    return max(expected, in_floats) + TRANSFORMERS_LOGITS_BYTES
