"""The memory of vLLM: it claims a share of the device beforehand, and what weights and activations leave of it becomes the KV pool.

pool = utilization x device memory - weights - activation peak - memory outside torch (- CUDA graphs, from 0.21 on). The activation peak is
that of vLLM's own dummy run at start: the largest batch of tokens through the layers, then `max_num_seqs` rows of logits through the
sampler. Which of the two is higher, and why, is told in `activations.py`; what changed between versions in `versions.py`.
All figures are those of one GPU; with pipeline stages those of the fullest one, whose pool limits all others.
"""

from llmpick.estimate.engines.vllm.footprint import available_bytes, footprint
from llmpick.estimate.engines.vllm.options import OPTIONS, engine_options
from llmpick.estimate.engines.vllm.versions import version_note

__all__ = ["OPTIONS", "available_bytes", "engine_options", "footprint", "version_note"]
