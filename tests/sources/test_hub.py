"""The Hugging Face cache, in its real layout."""

import importlib
from pathlib import Path

import pytest

from llmpick.evidence.errors import InputError
from llmpick.sources.hub import CachedModel, cache_folder, cached_models, download_command, endpoint, find_snapshot

OLD, NEW, LOOSE = "a" * 40, "b" * 40, "c" * 40


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Two models: one with its main branch, a tag and a snapshot that no name leads to; one with a pull request only."""
    for model, commits, refs in (
        ("models--Qwen--Qwen2.5-0.5B", (OLD, NEW, LOOSE), {"main": NEW, "v1": OLD}),
        ("models--org--name", (OLD,), {"refs/pr/4": OLD}),
        ("datasets--org--data", (OLD,), {"main": OLD}),
    ):
        for commit in commits:
            (tmp_path / model / "snapshots" / commit).mkdir(parents=True)
        for name, commit in refs.items():
            ref = tmp_path / model / "refs" / name
            ref.parent.mkdir(parents=True, exist_ok=True)
            ref.write_text(commit)
    (tmp_path / ".locks").mkdir()
    return tmp_path


def test_every_snapshot_is_listed_under_its_name_main_first(cache: Path):
    qwen = cache / "models--Qwen--Qwen2.5-0.5B" / "snapshots"
    assert cached_models(cache) == (
        CachedModel("Qwen/Qwen2.5-0.5B", "main", qwen / NEW),
        CachedModel("Qwen/Qwen2.5-0.5B", LOOSE, qwen / LOOSE),
        CachedModel("Qwen/Qwen2.5-0.5B", "v1", qwen / OLD),
        CachedModel("org/name", "refs/pr/4", cache / "models--org--name" / "snapshots" / OLD),
    )
    assert cached_models(cache / "missing") == ()


@pytest.mark.parametrize(("revision", "commit"), [(None, NEW), ("main", NEW), ("v1", OLD), (LOOSE, LOOSE), (LOOSE[:7], LOOSE)])
def test_a_revision_is_found(cache: Path, revision: str | None, commit: str):
    assert find_snapshot("Qwen/Qwen2.5-0.5B", revision, environ={"HF_HUB_CACHE": str(cache)}).name == commit


@pytest.mark.parametrize(
    ("model", "revision", "remedy"),
    [
        ("Qwen/Qwen2.5-0.5b", None, "hf download Qwen/Qwen2.5-0.5b; or did you mean Qwen/Qwen2.5-0.5B?"),
        ("other/thing", None, "hf download other/thing"),
        ("other/thing", "v2", "hf download other/thing --revision v2"),
        ("Qwen/Qwen2.5-0.5B", "v2", "hf download Qwen/Qwen2.5-0.5B --revision v2; or use Qwen/Qwen2.5-0.5B@main or"),
        ("Qwen/Qwen2.5-0.5B", LOOSE[:6], "--revision cccccc"),
        ("org/name", None, "hf download org/name; or use org/name@refs/pr/4"),
    ],
)
def test_what_is_not_here_comes_with_the_command_that_gets_it(cache: Path, model: str, revision: str | None, remedy: str):
    with pytest.raises(InputError, match="not in the Hugging Face cache") as raised:
        find_snapshot(model, revision, environ={"HF_HUB_CACHE": str(cache)})
    assert remedy in raised.value.remedy
    assert str(cache) in raised.value.where


def test_a_mirror_stands_in_the_command():
    mirror = {"HF_ENDPOINT": "https://hf-mirror.com/"}
    assert endpoint(mirror) == "https://hf-mirror.com"
    assert download_command(mirror, "org/name") == "HF_ENDPOINT=https://hf-mirror.com hf download org/name"
    assert download_command({}, "org/name", "--include", "*Q4*.gguf") == "hf download org/name --include '*Q4*.gguf'"
    assert download_command({"HF_ENDPOINT": "https://x/;rm -rf"}, "a/b") == "HF_ENDPOINT='https://x/;rm -rf' hf download a/b"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"XDG_CACHE_HOME": "/xdg"},
        {"HF_HOME": "/hf"},
        {"HF_HOME": "~/hf", "XDG_CACHE_HOME": "/xdg"},
        {"HF_HUB_CACHE": "~/cache", "HF_HOME": "/hf"},
        {"HUGGINGFACE_HUB_CACHE": "/legacy", "HF_HOME": "/hf"},
        {"HUGGINGFACE_HUB_CACHE": "/legacy", "HF_HUB_CACHE": "/new"},
    ],
)
def test_the_cache_is_where_the_hubs_library_keeps_it(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    constants = importlib.import_module("huggingface_hub.constants")
    environ = {"HOME": "/home/somebody", **environ}
    with monkeypatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
            patch.delenv(name, raising=False)
        for name, value in environ.items():
            patch.setenv(name, value)
        expected = Path(importlib.reload(constants).HF_HUB_CACHE)
    importlib.reload(constants)
    assert cache_folder(environ) == expected
