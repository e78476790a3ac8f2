"""Loads a model into transformers, in this process, for everything that runs there. Nothing is fetched and no code of the folder is run."""

import contextlib
import io
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from llmpick.evidence.errors import EngineError, InputError, ModelFileError
from llmpick.evidence.model import Weights


def extra_modules(names: Sequence[str]) -> tuple[Any, ...]:
    """The modules of the extra `hf` by name; `InputError` where one is not installed."""
    try:
        return tuple(import_module(name) for name in names)
    except ImportError as error:
        raise InputError(f"safetensors models need {error.name}", where="the extra hf", remedy="pip install 'llmpick[hf]'") from error


def torch_device(torch: Any) -> str:
    """The first GPU that torch can use, else the CPU."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def device_name(torch: Any, device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else device


def check_memory(weights: Weights, limit_bytes: int | None) -> None:
    """The weights live in this process, so a limit can only be kept by not loading them."""
    if limit_bytes is not None and weights.weight_bytes > limit_bytes:
        raise EngineError(
            f"the weights take {weights.weight_bytes / 2**30:.1f} GiB, the limit is {limit_bytes / 2**30:.1f} GiB",
            where=str(weights.path),
            remedy="raise the memory limit or choose a smaller model",
            fatal=True,
        )


def load_model(weights: Weights, torch: Any, transformers: Any, device: str) -> tuple[Any, Any]:
    """The tokenizer and the model, in the data type that it was published in; a GGUF file is dequantised to float32.

    Raises `EngineError` (fatal) without the memory, `ModelFileError` for what cannot be loaded.
    """
    path = str(weights.path)
    transformers.logging.disable_progress_bar()
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    how: dict[str, Any] = {"dtype": "auto", "use_safetensors": True}
    folder, quiet = path, contextlib.nullcontext()
    if weights.format == "gguf":
        extra_modules(("gguf",))
        folder, options["gguf_file"] = str(weights.path.parent), weights.path.name
        how = {"dtype": torch.float32}
        # It draws a progress bar of its own that no setting turns off.
        quiet = contextlib.redirect_stderr(io.StringIO())
    try:
        with quiet:
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
            model = transformers.AutoModelForCausalLM.from_pretrained(folder, **how, **options)
        return tokenizer, model.to(device).eval()
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise EngineError(
            f"not enough memory to load the model: {error}", where=path, remedy="choose a smaller model", fatal=True
        ) from error
    except Exception as error:  # transformers and safetensors raise many kinds for a damaged folder; each means that it cannot be used.
        raise ModelFileError(
            f"transformers cannot load this {'file' if weights.format == 'gguf' else 'folder'}: "
            f"{type(error).__name__}: {' '.join(str(error).split())[:400]}",
            where=path,
            remedy="fetch it again, or choose a model that needs no code of its own (trust_remote_code stays off)",
        ) from error
