"""Which configurations of one model are worth estimating on a device: the engine and the quantisations, asked for or chosen."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches

from llmpick.estimate.run_memory import counted_options, run_options, run_version_note
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device, Load
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import Blueprint
from llmpick.workflow.fit.inputs import FitOptions, Place, asked_engine, deployment_of, prompt_of

PUBLISHED = ("BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "IQ4_XS", "Q3_K_M", "IQ3_XXS", "Q2_K", "IQ2_XXS")
"""The GGUF types in which models are commonly published, the widest first."""
DATA_CENTRE_BYTES = 38e9
"""From so much memory on a GPU is taken to be one that serves many users: no consumer card has more."""
SERVERS = ("vllm", "sglang")
SPELLED = {"llama.cpp": "llama.cpp", "vllm": "vLLM", "sglang": "SGLang", "transformers": "transformers"}


@dataclass(frozen=True, slots=True)
class Case:
    """One configuration to estimate. `spread` is the relative half-width of the weights' bytes, `notes` say what was chosen and why."""

    blueprint: Blueprint
    place: Place
    deployment: Deployment
    load: Load
    prompt_tokens: int
    spread: float = 0.0
    confirm: bool = False
    notes: tuple[str, ...] = ()

    @property
    def device(self) -> Device:
        return self.place.device


def variants(options: FitOptions, place: Place, blueprint: Blueprint, load: Load) -> list[Case]:
    """One case per quantisation, the widest first where nobody asked for one. Raises `InputError` for an impossible split."""
    engine, why = engine_for(options, place.device, blueprint)
    deployment = deployment_of(options, engine)
    check_split(blueprint, deployment)
    check_device(place.device, engine)
    check_option_names(place.device, deployment, load)
    notes = (
        *place.notes,
        *why,
        *version_note(deployment),
        *option_notes(deployment),
        *_context_note(blueprint, load),
        *_format_note(options, blueprint, engine),
    )
    case = Case(blueprint, place, deployment, load, prompt_of(options, load), confirm=options.confirm, notes=notes)
    names = options.quantizations or _default_quantizations(blueprint, engine)
    return [_stored(case, name) for name in names] if names else [case]


def engine_for(options: FitOptions, device: Device, blueprint: Blueprint) -> tuple[str, tuple[str, ...]]:
    """The engine, and a note where it was not asked for."""
    if engine := asked_engine(options):
        return engine, ()
    if blueprint.known_from == "files" and blueprint.format == "gguf":
        return "llama.cpp", ()
    if options.quantizations:
        formats = {_format(name) for name in options.quantizations}
        engine = "llama.cpp" if formats == {"gguf"} else "vllm"
        return engine, (f"Engine: {SPELLED[engine]}, which runs {', '.join(options.quantizations)}; --engine names another.",)
    if options.memory_utilization is not None or options.tensor_parallel > 1 or is_for_serving(device):
        return "vllm", (f"Engine: vLLM, as for serving on {device.name}; --engine llama.cpp is the other choice.",)
    return "llama.cpp", (f"Engine: llama.cpp, as on most machines like {device.name}; --engine names another.",)


def is_for_serving(device: Device) -> bool:
    return device.kind == "gpu" and not device.shares_memory and device.memory_total_bytes >= DATA_CENTRE_BYTES


def check_device(device: Device, engine: str) -> None:
    """The servers are written for GPUs with memory of their own."""
    if engine in SERVERS and (device.kind == "cpu" or device.shares_memory):
        raise InputError(
            f"{SPELLED[engine]} is not estimated on {device.name}, only on GPUs with memory of their own",
            where="--engine, --device",
            remedy="use --engine llama.cpp",
        )


def check_split(blueprint: Blueprint, deployment: Deployment) -> None:
    """The servers give each GPU of a tensor-parallel group the same number of query heads, and each stage a layer at least."""
    heads = blueprint.architecture.heads if blueprint.architecture else None
    parts = deployment.tensor_parallel
    if deployment.engine in SERVERS and heads and heads % parts:
        possible = [str(n) for n in range(1, min(heads, 64) + 1) if heads % n == 0]
        raise InputError(
            f"{heads} query heads cannot be shared by {parts} devices evenly",
            where=f"--tensor-parallel, {blueprint.name}",
            remedy=f"use one of {', '.join(possible)}, or --pipeline-parallel",
        )
    blocks = blueprint.architecture.blocks if blueprint.architecture else None
    if blocks and deployment.pipeline_parallel > blocks:
        raise InputError(
            f"{blocks} layers cannot be shared by {deployment.pipeline_parallel} stages",
            where=f"--pipeline-parallel, {blueprint.name}",
            remedy=f"use at most {blocks}",
        )


def check_option_names(device: Device, deployment: Deployment, load: Load) -> None:
    """A load option that is almost one that counts is a slip; others are taken as they are."""
    plain = replace(deployment, options={})
    counted = run_options(plain, device, load.context_tokens, load.sequences)
    for name, value in deployment.options.items():
        if isinstance(counted.get(name), int | float) and isinstance(value, str) and not isinstance(counted.get(name), bool):
            raise InputError(f"{name} is {value!r}, not a number", where="--option", remedy=f"for example {name}={counted[name]}")
        known = {*counted, *counted_options(deployment)}
        near = get_close_matches(name, sorted(known), n=1, cutoff=0.8)
        if near and name not in known:
            raise InputError(f"{SPELLED[deployment.engine]} has no option {name}", where="--option", remedy=f"did you mean {near[0]}?")


def version_note(deployment: Deployment) -> tuple[str, ...]:
    """Which version's formulas are used, where nobody compared them with the one that was named."""
    note = run_version_note(deployment)
    return (note,) if note else ()


def option_notes(deployment: Deployment) -> tuple[str, ...]:
    """Load options that the formulas do not read: what they change is not in the estimate."""
    unread = sorted(set(deployment.options) - counted_options(deployment))
    if not unread:
        return ()
    which, do = ("The load option", "does") if len(unread) == 1 else ("The load options", "do")
    return (f"{which} {', '.join(unread)} {do} not enter the estimate, which is the same without.",)


def _default_quantizations(blueprint: Blueprint, engine: str) -> Iterable[str]:
    """() for as stored. llama.cpp needs a GGUF file, which for other formats is yet to be made, in whatever type fits."""
    return PUBLISHED if engine == "llama.cpp" and blueprint.format != "gguf" else ()


def _stored(case: Case, name: str) -> Case:
    from llmpick.catalog.tables import find_quantization
    from llmpick.estimate.weights import stored_as

    if case.blueprint.quantization == name and case.blueprint.known_from == "files":
        return case
    blueprint, spread = stored_as(case.blueprint, find_quantization(name))
    return replace(case, blueprint=blueprint, spread=spread, notes=(*case.notes, *_requantized_note(case.blueprint, name)))


def _requantized_note(blueprint: Blueprint, name: str) -> tuple[str, ...]:
    if blueprint.known_from == "files":
        return (f"Weights as if the model, which is stored as {blueprint.quantization}, were quantised to {name}.",)
    return ()


def _context_note(blueprint: Blueprint, load: Load) -> tuple[str, ...]:
    trained = blueprint.context_tokens
    if trained is None or load.context_tokens <= trained:
        return ()
    return (f"It was trained on {trained:,} tokens of context: what it says beyond them is not to be relied on.",)


def _format_note(options: FitOptions, blueprint: Blueprint, engine: str) -> tuple[str, ...]:
    """What is estimated although the engine does not load files of that format."""
    formats = {_format(name) for name in options.quantizations} or {blueprint.format}
    wanted = "gguf" if engine == "llama.cpp" else "safetensors"
    if formats == {wanted} or (not options.quantizations and blueprint.known_from != "files"):
        return ()
    return (f"{SPELLED[engine]} loads {wanted} files: taken as if there were one with as many bytes per weight.",)


def _format(name: str) -> str:
    from llmpick.catalog.tables import find_quantization

    return find_quantization(name).format
