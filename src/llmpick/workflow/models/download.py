"""Downloads a model from the hub into its own cache: first a plan with exact bytes to agree to, then the download, checked.

Weights are written to `blobs/<sha256>.incomplete`, so that an interrupted download goes on where it stopped, and get their name in
the cache only when size and SHA-256 are those that the hub publishes. The hub's library then links them, and fetches the small files.
"""

import errno
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmpick.evidence.errors import InputError, LlmpickError, ModelFileError
from llmpick.sources.filehash import sha256_of
from llmpick.sources.folders import is_model_file, quantization_in, without_part
from llmpick.sources.hub import MAIN, cache_folder, endpoint

# huggingface_hub takes as long to import as all of llmpick, and only a download needs it: it is imported where it is used.

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes of the whole plan."""

_TRUE = {"1", "ON", "YES", "TRUE"}
_FOLDER_FILES = re.compile(r"[^/]+\.(safetensors|json|txt|model|jinja|tiktoken)")


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file of the repository; `sha256` is None where the hub publishes none (small files)."""

    path: str
    bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class DownloadPlan:
    """What is to be downloaded: the files of `commit`, which `revision` meant when the plan was made."""

    repository: str
    revision: str
    commit: str
    quantization: str
    files: tuple[PlannedFile, ...]

    @property
    def bytes(self) -> int:
        """Of all files; what is in the cache already is not downloaded again."""
        return sum(file.bytes for file in self.files)

    @property
    def model_name(self) -> str:
        """What the user types to name the downloaded model."""
        at = "" if self.revision == MAIN else f"@{self.revision}"
        file = f":{self.files[0].path}" if self.files[0].path.endswith(".gguf") else ""
        return f"{self.repository}{file}{at}"


def is_offline(environ: Mapping[str, str]) -> bool:
    """Whether the user forbids to ask the hub."""
    return (environ.get("HF_HUB_OFFLINE") or environ.get("TRANSFORMERS_OFFLINE") or "").upper() in _TRUE


def plan_download(repository: str, quantization: str, *, environ: Mapping[str, str], revision: str = MAIN) -> DownloadPlan:
    """Asks the hub (two requests) for the files of one model: all parts of the GGUF with this quantisation, or, for "BF16" in a
    repository without GGUF files, the safetensors folder.

    Raises `InputError` when the hub does not know or does not show the repository, or has no such file; `LlmpickError` when it
    does not answer.
    """
    if is_offline(environ):
        raise InputError("HF_HUB_OFFLINE forbids to download", where=repository, remedy="unset HF_HUB_OFFLINE and run the command again")
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    api = HfApi(endpoint=endpoint(environ), token=environ.get("HF_TOKEN"))
    with plain_hub_errors(repository, environ):
        commit = str(api.model_info(repository, revision=revision).sha)
        tree = [entry for entry in api.list_repo_tree(repository, recursive=True, revision=commit) if isinstance(entry, RepoFile)]
    files = [PlannedFile(entry.path, entry.size, entry.lfs.sha256 if entry.lfs else None) for entry in tree]
    return DownloadPlan(repository, revision, commit, quantization, _of_one_model(repository, quantization, files))


def run_download(plan: DownloadPlan, *, environ: Mapping[str, str], progress: Progress = lambda _done, _total: None) -> Path:
    """Downloads the plan into the hub's cache and returns the first GGUF file, or the folder of a safetensors model.

    Raises `LlmpickError` when the disk is too small (before anything is written), or the hub stops answering (run it again: it goes
    on), and `ModelFileError` for a file whose bytes are not those that the hub promised: it is removed.
    """
    cache = cache_folder(environ)
    storage = cache / f"models--{plan.repository.replace('/', '--')}"
    _check_space(plan, storage)
    done = 0
    links: list[Path] = []
    for file in plan.files:
        links.append(_one_file(plan, file, storage, environ, lambda there, before=done: progress(before + there, plan.bytes)))
        done += file.bytes
        progress(done, plan.bytes)
    return links[0] if plan.files[0].path.endswith(".gguf") else links[0].parent


def _of_one_model(repository: str, quantization: str, files: list[PlannedFile]) -> tuple[PlannedFile, ...]:
    ggufs = sorted((file for file in files if file.path.lower().endswith(".gguf")), key=lambda file: file.path)
    if not ggufs and any(file.path.endswith(".safetensors") for file in files):
        return tuple(file for file in files if _FOLDER_FILES.fullmatch(file.path) and not file.path.startswith("consolidated"))
    wanted = [file for file in ggufs if quantization_in(file.path) == quantization and "mmproj" not in file.path.lower()]
    models = {without_part(file.path) for file in wanted}
    if len(models) == 1:
        return tuple(wanted)
    if models:
        raise InputError(
            f"the repository has several {quantization} files",
            where=repository,
            remedy=f"download one by name: {', '.join(sorted(models))}",
        )
    there = sorted({quantization_in(file.path) or file.path for file in ggufs if is_model_file(file.path.rpartition("/")[2])})
    remedy = f"it has {', '.join(there)}" if there else "it has neither GGUF nor safetensors files: name another repository"
    raise InputError(f"the repository has no {quantization} file", where=repository, remedy=remedy)


def _check_space(plan: DownloadPlan, storage: Path) -> None:
    here = next(folder for folder in (storage, *storage.parents) if folder.is_dir())
    there = sum(path.stat().st_size for file in plan.files for path in _partial_and_blob(storage, file) if path.is_file())
    needed, free = plan.bytes - there, shutil.disk_usage(here).free
    if needed > free:
        what = f"{plan.repository} needs {needed / 1e9:.2f} GB on a disk with {free / 1e9:.2f} GB free"
        raise LlmpickError(what, where=str(storage), remedy="free some space, or set HF_HOME to a folder on a larger disk")


def _partial_and_blob(storage: Path, file: PlannedFile) -> tuple[Path, ...]:
    if file.sha256 is None:
        return ()
    if not re.fullmatch(r"[0-9a-f]{64}", file.sha256):
        raise ModelFileError(
            "the hub names no SHA-256 but something else", where=f"{file.path}: {file.sha256!r}", remedy="check HF_ENDPOINT"
        )
    return (storage / "blobs" / f"{file.sha256}.incomplete", storage / "blobs" / file.sha256)


def _one_file(plan: DownloadPlan, file: PlannedFile, storage: Path, environ: Mapping[str, str], progress: Callable[[int], None]) -> Path:
    """One file, checked, and the link to it in the snapshot."""
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.utils import silent_tqdm

    with plain_hub_errors(f"{plan.repository}, {file.path}", environ):
        # Files above the limit of plain HTTP need the library's own chunked transfer, which cannot be resumed.
        if file.sha256 is not None and file.bytes <= constants.MAX_HTTP_DOWNLOAD_SIZE:
            _weights(plan, file, storage, environ, progress)
        options: dict[str, Any] = {"endpoint": endpoint(environ), "token": environ.get("HF_TOKEN"), "tqdm_class": silent_tqdm}
        link = Path(str(hf_hub_download(plan.repository, file.path, revision=plan.revision, cache_dir=storage.parent, **options)))
    _check_link(plan, file, storage, link)
    return link


def _weights(plan: DownloadPlan, file: PlannedFile, storage: Path, environ: Mapping[str, str], progress: Callable[[int], None]) -> None:
    """Leaves the checked file as a blob of the cache, unless it is there."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import WeakFileLock, build_hf_headers, silent_tqdm

    partial, blob = _partial_and_blob(storage, file)
    lock = storage.parent / ".locks" / storage.name / f"{blob.name}.lock"
    for folder in (blob.parent, lock.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if blob.is_file() and blob.stat().st_size == file.bytes and sha256_of(blob) == file.sha256:
            return
        if partial.is_file() and partial.stat().st_size > file.bytes:
            partial.unlink()
        with partial.open("ab") as target:
            sink = _Sink(target, file, progress)
            url = hf_hub_url(plan.repository, file.path, revision=plan.commit, endpoint=endpoint(environ))
            headers = build_hf_headers(token=environ.get("HF_TOKEN"))
            options: dict[str, Any] = {"resume_size": target.tell(), "expected_size": file.bytes, "tqdm_class": silent_tqdm}
            http_get(url, sink, headers=headers, **options)  # pyright: ignore[reportArgumentType] - it only writes, seeks and cuts
        if (got := sha256_of(partial)) != file.sha256:
            partial.unlink()
            raise _wrong_bytes(plan, file, got)
        partial.replace(blob)


def _check_link(plan: DownloadPlan, file: PlannedFile, storage: Path, link: Path) -> None:
    """That what the library linked is what was planned: the same commit, and (where one is published) the same hash."""
    if not link.is_relative_to(storage / "snapshots" / plan.commit):
        remedy = "run the command again to see the new files first"
        raise LlmpickError(f"the repository changed while {file.path} was downloaded", where=plan.repository, remedy=remedy)
    blob = link.resolve()
    if file.sha256 is not None and blob != (storage / "blobs" / file.sha256).resolve() and (got := sha256_of(link)) != file.sha256:
        link.unlink()
        blob.unlink(missing_ok=True)
        raise _wrong_bytes(plan, file, got)


def _wrong_bytes(plan: DownloadPlan, file: PlannedFile, got: str) -> ModelFileError:
    return ModelFileError(
        f"{file.path} has SHA-256 {got}, the hub publishes {file.sha256}",
        where=f"{plan.repository}@{plan.commit}",
        remedy="the file was removed; run the command again, and if it fails again do not trust the endpoint (HF_ENDPOINT)",
    )


class _Sink:
    """The file that is written, with its progress told and its length bounded: a server cannot fill the disk."""

    def __init__(self, target: Any, file: PlannedFile, progress: Callable[[int], None]) -> None:
        self._target, self._file, self._progress = target, file, progress
        self.seek, self.tell, self.truncate = target.seek, target.tell, target.truncate

    def write(self, chunk: bytes) -> int:
        if self._target.tell() + len(chunk) > self._file.bytes:
            what = f"the server sends more than the {self._file.bytes:,} bytes that it announced"
            raise ModelFileError(what, where=self._file.path, remedy="check HF_ENDPOINT and run the command again")
        written = self._target.write(chunk)
        self._progress(self._target.tell())
        return written


@contextmanager
def plain_hub_errors(where: str, environ: Mapping[str, str]) -> Iterator[None]:
    """Turns the library's errors into ours, each with the next step."""
    from huggingface_hub import errors

    address = endpoint(environ)
    try:
        yield
    except errors.GatedRepoError as error:
        remedy = f"accept the licence on {address}/{where.partition(',')[0]}, then set HF_TOKEN"
        raise InputError("the repository is gated", where=where, remedy=remedy) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        remedy = "check the name; a private repository needs HF_TOKEN"
        raise InputError("the hub knows no such repository", where=f"{address}/{where}", remedy=remedy) from error
    except errors.RevisionNotFoundError as error:
        raise InputError("the repository has no such revision", where=f"{address}/{where}", remedy="leave the revision out") from error
    except (OSError, errors.HTTPError) as error:  # pyright: ignore[reportPrivateImportUsage] - of the HTTP library that the hub's uses
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            remedy = "free some space, or set HF_HOME to a folder on a larger disk; the download goes on where it stopped"
            raise LlmpickError(f"the disk is full: {reason}", where=str(cache_folder(environ)), remedy=remedy) from error
        remedy = "run the command again: a download goes on where it stopped; set HF_ENDPOINT if this address cannot be reached"
        raise LlmpickError(f"the hub failed: {reason}", where=f"{address}/{where}", remedy=remedy) from error
