"""How a model is run: which engine, with which of its options, on how many devices."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

EngineName = Literal["llama.cpp", "vllm", "sglang", "transformers"]
Option = int | float | str | bool


@dataclass(frozen=True, slots=True)
class Deployment:
    """`version` None is the newest that is known. `kv_type` is the data type of the KV cache by the engine's name ("auto": its default).

    `memory_utilization` is the share of the device that vLLM and SGLang claim beforehand; `gpu_layers` the layers that llama.cpp keeps on
    the GPU (None: all), `cpu_expert_layers` the layers whose routed experts it keeps in the host's memory. `options` are further load
    options by the engine's own names (`n_ubatch`, `swa_full`, `max_num_batched_tokens`, `enforce_eager`); what is not named there has the
    engine's default.
    """

    engine: EngineName
    version: str | None = None
    kv_type: str = "auto"
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    memory_utilization: float | None = None
    gpu_layers: int | None = None
    cpu_expert_layers: int = 0
    options: Mapping[str, Option] = field(default_factory=lambda: MappingProxyType({}))

    def option(self, name: str, default: Option) -> Option:
        return self.options.get(name, default)
