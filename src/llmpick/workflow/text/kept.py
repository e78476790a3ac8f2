"""Which readings of a text are one and the same: what a reading is kept under, so that no model reads the same chunk twice.

A key is a hash of the content of the model's files, its engine with the versions of everything that computes, the settings, and the text.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmpick.evidence.likelihood import TextRead
from llmpick.evidence.model import Candidate, Weights
from llmpick.store.store import Store
from llmpick.workflow.lanes import identify, package_version

METHOD = "one window, after the first word, of llama.cpp's own logits"
"""How a chunk is read. Another way of reading it, or of computing its likelihood, gets another name."""
PACKAGES = {"llama.cpp": ("xllamacpp", "gguf"), "transformers": ("transformers", "torch", "gguf")}
"""Of each engine, what computes a likelihood."""
BESIDE_WEIGHTS = (".json", ".model", ".txt", ".tiktoken")
"""What a folder of safetensors holds of tokenizer and settings; a GGUF file has both inside."""


@dataclass(frozen=True, slots=True)
class KeptText:
    """The chunks of one race as one model reads them: `keys[i]` is what its reading of chunk i is kept under."""

    store: Store
    keys: tuple[str, ...]

    def found(self) -> Mapping[int, TextRead]:
        """What was read before, by the chunk's place."""
        kept = self.store.text_reads(self.keys)
        return {i: kept[key] for i, key in enumerate(self.keys) if key in kept}

    def keep(self, i: int, read: TextRead) -> None:
        self.store.record_text_read(self.keys[i], read)


def reader_identity(candidate: Candidate, engine: str, *, file_hash: Callable[[Path], str]) -> str:
    """Everything about a model and its engine that can change a likelihood. Raises `ModelFileError` for a file that cannot be read."""
    known = identify(candidate, file_hash=file_hash).text
    if not isinstance(candidate.run, Weights):
        return known
    folder = candidate.run.path if candidate.run.format == "safetensors" else None
    beside = sorted(file for file in folder.iterdir() if file.suffix in BESIDE_WEIGHTS and file.is_file()) if folder else []
    versions = [f"{package} {package_version(package)}" for package in PACKAGES[engine]]
    return " ".join([known, *(f"{file.name} {file_hash(file)}" for file in beside), engine, *versions])


def text_keys(identity: str, texts: Sequence[str], *, context_tokens: int) -> tuple[str, ...]:
    asked = [identity, METHOD, context_tokens]
    return tuple(hashlib.sha256(json.dumps([*asked, text]).encode()).hexdigest() for text in texts)
