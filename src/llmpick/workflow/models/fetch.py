"""How a model that is not on this machine can be had: the commands to paste, and about how much they download."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from llmpick.catalog.tables import find_quantization
from llmpick.decide.answer import Fetch
from llmpick.estimate.weights import stored_as
from llmpick.evidence.model import ModelFacts
from llmpick.sources.hub import download_command
from llmpick.workflow.models.facts_blueprint import blueprint_of_facts


@dataclass(frozen=True, slots=True)
class HubSource:
    """A hub repository, and the quantisation that is taken from it."""

    repository: str
    quantization: str


def hub_source(facts: ModelFacts) -> HubSource | None:
    """Where `pick --fetch` downloads from: the smaller GGUF files before the full weights; None when neither is known."""
    if repository := facts.downloads.get("gguf"):
        return HubSource(repository, "Q4_K_M")
    if repository := facts.downloads.get("huggingface"):
        return HubSource(repository, "BF16")
    return None


def fetch_advice(facts: ModelFacts, *, environ: Mapping[str, str]) -> Fetch | None:
    """The commands for Hugging Face (by way of `HF_ENDPOINT` when set), ModelScope and Ollama, in this order; None when none is known.

    The quantisation and the bytes are those of the first command; the bytes are those of the catalog's recipe for it, None when the catalog
    does not know the parameters.
    """
    source = hub_source(facts)
    quantization = source.quantization if source else _of_others(facts)
    commands = [_hugging_face(source, environ)] if source else []
    if repository := facts.downloads.get("modelscope"):
        commands.append(_modelscope(repository))
    if tag := facts.downloads.get("ollama"):
        commands.append(shlex.join(["ollama", "pull", tag]))
    if not commands:
        return None
    return Fetch(quantization, _bytes_as(quantization, facts), tuple(commands))


def _bytes_as(quantization: str, facts: ModelFacts) -> int | None:
    blueprint = blueprint_of_facts(facts)
    if blueprint is None:
        return None
    stored, _ = stored_as(blueprint, find_quantization(quantization))
    return sum(group.bytes for group in stored.tensors)


def _of_others(facts: ModelFacts) -> str:
    """What the first of the other commands brings. Ollama's default tags are Q4_K_M."""
    repository = facts.downloads.get("modelscope")
    return "BF16" if repository and not _holds_gguf(repository) else "Q4_K_M"


def _hugging_face(source: HubSource, environ: Mapping[str, str]) -> str:
    if source.quantization == "BF16":
        return download_command(environ, source.repository)
    # File names spell the quantisation in capitals or not, and the hub's patterns tell them apart.
    patterns = [f"*{spelled}*.gguf" for spelled in (source.quantization, source.quantization.lower())]
    return download_command(environ, source.repository, *(word for pattern in patterns for word in ("--include", pattern)))


def _modelscope(repository: str) -> str:
    patterns = ["--include", "*Q4_K_M*.gguf", "*q4_k_m*.gguf"] if _holds_gguf(repository) else []
    return shlex.join(["modelscope", "download", "--model", repository, *patterns])


def _holds_gguf(repository: str) -> bool:
    return repository.lower().endswith("gguf")
