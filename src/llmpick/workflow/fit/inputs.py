"""What the user typed for `llmpick fit`, turned into records: the task, the devices, the load, the deployment."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, cast

from llmpick.estimate.run_memory import ENGINES
from llmpick.evidence.deployment import Deployment, EngineName, Option
from llmpick.evidence.device import Device, Load
from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Task

OWN_OPTIONS = {
    **dict.fromkeys(("n_ctx", "max_model_len", "context_length", "max_length"), "--context"),
    **dict.fromkeys(("n_parallel", "batch_size"), "--sequences"),
    **dict.fromkeys(("kv_cache_dtype", "cache_type_k", "cache_type_v"), "--kv-type"),
    **dict.fromkeys(("tensor_parallel_size", "tp_size"), "--tensor-parallel"),
    **dict.fromkeys(("pipeline_parallel_size", "pp_size"), "--pipeline-parallel"),
    **dict.fromkeys(("gpu_memory_utilization", "mem_fraction_static"), "--gpu-memory-utilization"),
    "n_gpu_layers": "--gpu-layers",
    "n_cpu_moe": "--cpu-expert-layers",
}
"""Load options of engines that have an option of their own here."""
THIS_MACHINE = "this machine"
DEFAULT_CONTEXT_TOKENS = 8192
TASK_CONTEXT_TOKENS = 4096
"""With a task that asks for none: what `pick` and `race` give a model, so that their figures and those of `fit --task` are the same."""
DEFAULT_PROMPT_TOKENS = 512
"""What llama-bench takes for a prompt, so that figures compare."""


@dataclass(frozen=True, slots=True)
class FitOptions:
    """None and () leave the choice to llmpick, which says what it chose. `engine` is NAME or NAME==VERSION, `options` are KEY=VALUE.

    `full`: without a model, the best of the catalog are also estimated one by one, with price and every term.
    """

    models: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    task_file: Path | None = None
    engine: str | None = None
    context_tokens: int | None = None
    sequences: int | None = None
    prompt_tokens: int | None = None
    quantizations: tuple[str, ...] = ()
    kv_type: str = "auto"
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    memory_utilization: float | None = None
    gpu_layers: int | None = None
    cpu_expert_layers: int = 0
    options: tuple[str, ...] = ()
    price_per_hour: float | None = None
    input_share: float | None = None
    confirm: bool = False
    full: bool = False


def task_of(options: FitOptions) -> Task | None:
    if options.task_file is None:
        return None
    from llmpick.sources.task import load_task  # only where there is a task: its rows bring a library for tables

    return load_task(options.task_file)


def device_names(options: FitOptions, task: Task | None) -> tuple[str, ...]:
    return options.devices or ((task.limits.device,) if task else (THIS_MACHINE,))


class Place(NamedTuple):
    """A device, whether it is this machine's own, and what is to be said of how its name was understood."""

    device: Device
    here: bool = False
    notes: tuple[str, ...] = ()


def place_of(name: str) -> Place:
    """The GPU of this machine (where the engine can use it) or its CPU, or a device of the catalog with nothing else on it."""
    if name.strip().lower() == THIS_MACHINE:
        from llmpick.sources.hardware import gpus, idle_gpu_note, this_machine

        cards = gpus()
        return Place(cards[0] if cards and idle_gpu_note() is None else this_machine(), here=True)
    from llmpick.catalog.devices import device_named, find_device

    known = device_named(name)
    understood = () if find_device(name) else (f"The device {name.strip()!r} is taken to be the {known.name}.",)
    return Place(known.as_device(), notes=understood)


def load_of(options: FitOptions, task: Task | None, trained_context: int | None) -> Load:
    """As asked, else as the task limits it, else 8,192 tokens (4,096 with a task), but no more than the model was trained for."""
    asked = options.context_tokens or (task.limits.context_tokens if task else None)
    default = TASK_CONTEXT_TOKENS if task else DEFAULT_CONTEXT_TOKENS
    context = asked or min(default, trained_context or default)
    sequences = options.sequences or (task.limits.users if task else 1)
    return Load(context, sequences, task.max_output_tokens) if task else Load(context, sequences)


def prompt_of(options: FitOptions, load: Load) -> int:
    return options.prompt_tokens or min(DEFAULT_PROMPT_TOKENS, load.context_tokens)


def asked_engine(options: FitOptions) -> str | None:
    """The engine's name without its version. Raises `InputError` for a name that is none."""
    if options.engine is None:
        return None
    name = options.engine.partition("==")[0].strip().lower()
    known = {_plain(engine): engine for engine in ENGINES}
    if _plain(name) not in known:
        raise InputError(
            f"the engine {name!r} is not known", where="--engine", remedy=f"name one of {', '.join(ENGINES)}, as NAME or NAME==VERSION"
        )
    return known[_plain(name)]


def deployment_of(options: FitOptions, engine: str) -> Deployment:
    """Raises `InputError` for options that do not belong together."""
    version = _version(options.engine or "")
    if engine != "llama.cpp" and (options.gpu_layers is not None or options.cpu_expert_layers):
        raise InputError(
            f"{engine} keeps all layers on the GPU",
            where="--gpu-layers, --cpu-expert-layers",
            remedy="leave them out, or --engine llama.cpp",
        )
    if engine in ("llama.cpp", "transformers") and options.memory_utilization is not None:
        raise InputError(
            f"{engine} claims no share of the GPU beforehand", where="--gpu-memory-utilization", remedy="leave it out, or --engine vllm"
        )
    return Deployment(
        engine=cast("EngineName", engine),
        version=version,
        kv_type=options.kv_type,
        tensor_parallel=options.tensor_parallel,
        pipeline_parallel=options.pipeline_parallel,
        memory_utilization=options.memory_utilization,
        gpu_layers=options.gpu_layers,
        cpu_expert_layers=options.cpu_expert_layers,
        options=MappingProxyType(_load_options(options.options)),
    )


def _version(engine: str) -> str | None:
    _, sign, version = engine.partition("==")
    if sign and not re.search(r"\d", version):
        raise InputError(f"{version.strip()!r} is no version", where="--engine", remedy="write NAME==VERSION, for example vllm==0.19")
    return version.strip() or None


def _load_options(words: Sequence[str]) -> dict[str, Option]:
    return dict(_load_option(word) for word in words)


def _load_option(word: str) -> tuple[str, Option]:
    name, sign, value = word.partition("=")
    if not sign or not re.fullmatch(r"[A-Za-z][\w.-]*", name):
        raise InputError(f"{word!r} is no option of an engine", where="--option", remedy="write KEY=VALUE, for example swa_full=true")
    name = name.replace("-", "_")
    if own := OWN_OPTIONS.get(name):
        raise InputError(f"{name} has an option of its own", where="--option", remedy=f"use {own}")
    return name, _value(value.strip())


def _value(text: str) -> Option:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _plain(name: str) -> str:
    return "".join(letter for letter in name if letter.isalnum())
