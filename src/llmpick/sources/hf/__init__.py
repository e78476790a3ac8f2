"""Models in the format of the Hugging Face hub: config.json and safetensors files, read from their headers.

Where to look: `folder` (a snapshot on this machine), `config` (config.json alone), `headers` and `roles` (what a safetensors header says),
`decoder` with `kinds`, `mixers`, `feeds` and `decilm` (what a configuration means), `quantized` (how it says that weights are stored),
`assumed` (what is taken for granted of a model type that is not known).
"""

from llmpick.sources.hf.assumed import contradiction
from llmpick.sources.hf.config import ConfigModel, blueprint_of_config, blueprint_of_values, read_config
from llmpick.sources.hf.folder import read_safetensors_folder
from llmpick.sources.hf.headers import Tensor, header_bytes, parse_header
from llmpick.sources.hf.roles import groups_of

__all__ = [
    "ConfigModel",
    "Tensor",
    "blueprint_of_config",
    "blueprint_of_values",
    "contradiction",
    "groups_of",
    "header_bytes",
    "parse_header",
    "read_config",
    "read_safetensors_folder",
]
