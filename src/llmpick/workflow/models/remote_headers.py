"""Reads what the files of a model on the hub say about themselves, without their weights: the first bytes of each, by range requests.

Asked of the hub are its list of files, config.json and the index, and of every weights file as many bytes as its header has. HF_ENDPOINT,
HF_TOKEN and the revision are honoured; the answers are bounded, and what they say is checked as that of a file on disk.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from llmpick.evidence.errors import InputError, LlmpickError, ModelFileError
from llmpick.evidence.model import Blueprint
from llmpick.evidence.values import Source
from llmpick.sources.folders import is_model_file, quantization_in, without_part
from llmpick.sources.gguf import missing_bytes, read_gguf_beginnings
from llmpick.sources.hf import Tensor, blueprint_of_values, contradiction, groups_of, header_bytes, parse_header
from llmpick.sources.hub import MAIN, endpoint
from llmpick.workflow.models.download import plain_hub_errors

_FIRST_GGUF_BYTES, _LATER_GGUF_BYTES, _MOST_GGUF_BYTES = 4 * 2**20, 128 * 2**10, 128 * 2**20
"""The first part of a model has the vocabulary, later ones only the table of their tensors. The longest header known takes some 30 MiB."""
_FIRST_HEADER_BYTES = 128 * 1024
_MOST_JSON_BYTES = 100 * 2**20
_MOST_FILES = 1_000
_TIMEOUT_S = 30.0


class _Repository:
    """One commit of one repository: its files with their sizes, and ranges of their bytes."""

    def __init__(self, repository: str, revision: str | None, environ: Mapping[str, str]) -> None:
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile

        self.id, self.environ = repository, environ
        api = HfApi(endpoint=endpoint(environ), token=environ.get("HF_TOKEN"))
        with plain_hub_errors(repository, environ):
            self.commit = str(api.model_info(repository, revision=revision or MAIN, timeout=_TIMEOUT_S).sha)
            tree = api.list_repo_tree(repository, recursive=True, revision=self.commit)
            self.sizes = {entry.path: entry.size for entry in tree if isinstance(entry, RepoFile)}

    def beginning(self, path: str, count: int, start: int = 0) -> bytes:
        """`count` bytes of the file from `start` on, or what there is of them."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

        count = min(count, self.sizes[path] - start)
        url = hf_hub_url(self.id, path, revision=self.commit, endpoint=endpoint(self.environ))
        headers = {**build_hf_headers(token=self.environ.get("HF_TOKEN")), "Range": f"bytes={start}-{start + count - 1}"}
        found = bytearray()
        with (
            plain_hub_errors(f"{self.id}, {path}", self.environ),
            get_session().stream("GET", url, headers=headers, follow_redirects=True, timeout=_TIMEOUT_S) as answer,
        ):
            hf_raise_for_status(answer)
            if answer.status_code != 206 and start:
                raise LlmpickError("the hub does not send parts of files", where=url, remedy="download the model and name its files")
            for chunk in answer.iter_bytes():
                found += chunk
                if len(found) >= count:  # a server that sends more than was asked for is not listened to any longer
                    break
        return bytes(found[:count])

    def json(self, path: str) -> dict[str, Any]:
        if self.sizes[path] > _MOST_JSON_BYTES:
            raise ModelFileError("the file is too large to be what its name says", where=f"{self.id}: {path}", remedy="name another model")
        try:
            value = json.loads(self.beginning(path, _MOST_JSON_BYTES))
        except (ValueError, RecursionError) as error:
            raise ModelFileError("the file's JSON cannot be read", where=f"{self.id}: {path}", remedy="name another revision") from error
        if not isinstance(value, dict):
            raise ModelFileError("the file's JSON is not an object", where=f"{self.id}: {path}", remedy="name another revision")
        return value


def read_remote(repository: str, revision: str | None, file: str | None, *, environ: Mapping[str, str]) -> tuple[Blueprint, ...]:
    """The models of a repository of the hub: the GGUF that `file` names by file name or quantisation, all of them without `file`, or the
    safetensors model.

    Raises `InputError` for what the hub does not have or show, `ModelFileError` for a damaged header, `LlmpickError` when it fails.
    """
    found = _Repository(repository, revision, environ)
    at = "" if revision is None else f"@{revision}"
    models = _gguf_models(found, file)
    if models:
        return tuple(_gguf(found, parts, f"{repository}:{quantization_in(parts[0]) or parts[0]}{at}") for parts in models)
    if file is None and "config.json" in found.sizes:
        return (_safetensors(found, f"{repository}{at}"),)
    there = ", ".join(sorted(path for path in found.sizes if path.endswith((".gguf", ".safetensors")))[:8]) or "no weights"
    wanted = f"no GGUF file {file!r}" if file else "neither GGUF files nor a config.json"
    raise InputError(f"the repository has {wanted}", where=f"{endpoint(environ)}/{repository}", remedy=f"it has {there}")


def _gguf_models(found: _Repository, file: str | None) -> list[list[str]]:
    """The parts of each GGUF model that is wanted, in order."""
    models: dict[str, list[str]] = {}
    for path in sorted(found.sizes):
        whole = without_part(path)
        if whole.lower().endswith(".gguf") and is_model_file(whole.rpartition("/")[2]):
            models.setdefault(whole, []).append(path)
    wanted = [parts for parts in models.values() if file is None or _names(file, parts)]
    return wanted[:_MOST_FILES]


def _names(file: str, parts: Sequence[str]) -> bool:
    """By path or file name, of any part, or by the quantisation."""
    return any(file in (path, path.rpartition("/")[2]) for path in parts) or file.upper() == quantization_in(parts[0])


def _gguf(found: _Repository, parts: Sequence[str], name: str) -> Blueprint:
    from llmpick.workflow.models.weights_blueprint import blueprint_of

    with tempfile.TemporaryDirectory(prefix="llmpick-") as folder:
        files = [Path(folder) / path.rpartition("/")[2] for path in parts]
        try:
            for number, (path, file) in enumerate(zip(parts, files, strict=True)):
                _fetch_header(found, path, file, _LATER_GGUF_BYTES if number else _FIRST_GGUF_BYTES)
            weights = read_gguf_beginnings(files, [found.sizes[path] for path in parts])
        except ModelFileError as error:
            raise ModelFileError(error.what, where=f"{found.id}: {', '.join(parts)}", remedy=error.remedy) from error
    return replace(blueprint_of(weights, name), source=_source(found), path=None)


def _fetch_header(found: _Repository, path: str, file: Path, count: int) -> None:
    """Leaves the beginning of the remote file in `file`, growing until the header is whole: how long it is, only it can tell."""
    size, there = found.sizes[path], 0
    while True:
        with file.open("ab") as target:
            target.write(found.beginning(path, count - there, start=there))
        there = file.stat().st_size
        needed = missing_bytes(file, size)
        if not needed:
            return
        if there < min(count, size) or needed > _MOST_GGUF_BYTES:
            what = f"the header takes more than {min(needed, _MOST_GGUF_BYTES):,} bytes, {there:,} were sent"
            raise ModelFileError(what, where=path, remedy="name another file or revision")
        count = min(max(2 * count, needed + _FIRST_HEADER_BYTES), _MOST_GGUF_BYTES)


def _safetensors(found: _Repository, name: str) -> Blueprint:
    """What config.json describes, with the exact tensors of the files' headers where the repository has such files."""
    config = found.json("config.json")
    files = _weight_files(found)
    if not files:
        return blueprint_of_values(config, f"{found.id}: config.json", name, _source(found))
    tensors = [tensor for path in files for tensor in _header(found, path)]
    described = blueprint_of_values(config, f"{found.id}: config.json", name, _source(found))
    groups = groups_of(tensors, config)
    if described.architecture and (wrong := contradiction(described.architecture.name, described.tensors, groups)):
        described = replace(described, architecture=None, notes=(wrong,))
    stored = described.quantization if "quantization_config" in config else groups[0].data_type
    return replace(described, known_from="files", tensors=groups, quantization=stored)


def _weight_files(found: _Repository) -> list[str]:
    if "model.safetensors.index.json" in found.sizes:
        named = found.json("model.safetensors.index.json").get("weight_map")
        files = sorted(set(map(str, named.values()))) if isinstance(named, dict) else []
        missing = [path for path in files if path not in found.sizes]
        if missing or len(files) > _MOST_FILES:
            what = f"the index names {missing[0][:80]}, which is not there" if missing else f"the index names {len(files)} files"
            raise ModelFileError(what, where=f"{found.id}: model.safetensors.index.json", remedy="name another revision")
        return files
    if "model.safetensors" in found.sizes:
        return ["model.safetensors"]
    return sorted(path for path in found.sizes if path.endswith(".safetensors") and "/" not in path)[:_MOST_FILES]


def _header(found: _Repository, path: str) -> list[Tensor]:
    where, size = f"{found.id}: {path}", found.sizes[path]
    data = found.beginning(path, _FIRST_HEADER_BYTES)
    whole = 8 + header_bytes(data, size, where)
    if whole > len(data):
        data += found.beginning(path, whole - len(data), start=len(data))
    return parse_header(data, size, where)


def _source(found: _Repository) -> Source:
    return Source(f"headers of {found.id} at {found.commit[:12]}", url=f"{endpoint(found.environ)}/{found.id}/tree/{found.commit}")
