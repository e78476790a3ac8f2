"""Downloading from a hub: a real HTTP server on loopback that answers as the hub's API does, and can misbehave."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.workflow.hub_server import COMMIT, Hub, serve_hub, sha256

from llmpick.decide.answer import Fetch
from llmpick.evidence.errors import InputError, LlmpickError, ModelFileError
from llmpick.evidence.model import ModelFacts
from llmpick.sources.hub import find_snapshot
from llmpick.workflow.models.download import plan_download, run_download
from llmpick.workflow.models.fetch import fetch_advice

WEIGHTS = b"GGUF" + bytes(range(256)) * 4000  # 1,024,004 bytes


@pytest.fixture
def hub() -> Iterator[Hub]:
    files = {
        "README.md": b"# Tiny",
        "tiny-q4_k_m.gguf": WEIGHTS,
        "tiny-q8_0.gguf": WEIGHTS + b"8",
        "mmproj-tiny-q4_k_m.gguf": b"vision",
    }
    with serve_hub(Hub("org/Tiny-GGUF", files)) as served:
        yield served


@pytest.fixture
def environ(hub: Hub, tmp_path: Path) -> dict[str, str]:
    return {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "HOME": str(tmp_path), "HF_TOKEN": "hf_test"}


def blobs(environ: Mapping[str, str]) -> list[str]:
    """The names of the blobs in the cache, unfinished ones included."""
    return sorted(path.name for path in Path(environ["HF_HOME"]).glob("hub/models--*/blobs/*"))


def test_a_plan_names_exact_bytes_and_hashes_and_downloads_nothing(hub: Hub, environ: dict[str, str]):
    plan = plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ)
    assert [(file.path, file.bytes, file.sha256) for file in plan.files] == [("tiny-q4_k_m.gguf", len(WEIGHTS), sha256(WEIGHTS))]
    assert (plan.bytes, plan.commit, plan.model_name) == (len(WEIGHTS), COMMIT, "org/Tiny-GGUF:tiny-q4_k_m.gguf")
    assert not any("resolve" in request for request in hub.asked)
    assert hub.tokens == {"Bearer hf_test"}


def test_what_was_downloaded_lies_in_the_cache_as_the_hubs_own_tools_leave_it(hub: Hub, environ: dict[str, str]):
    steps: list[tuple[int, int]] = []
    plan = plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ)
    path = run_download(plan, environ=environ, progress=lambda *step: steps.append(step))
    assert path.read_bytes() == WEIGHTS
    assert path.parent == find_snapshot("org/Tiny-GGUF", None, environ=environ)
    assert path.resolve().name == sha256(WEIGHTS)
    assert steps[-1] == (len(WEIGHTS), len(WEIGHTS))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)

    hub.asked.clear()
    assert run_download(plan, environ=environ) == path
    assert not any(request.startswith("GET") for request in hub.asked), "what is there is not fetched again"


def test_a_safetensors_model_is_its_folder_without_what_no_engine_needs(hub: Hub, environ: dict[str, str]):
    needed = {"config.json": b"{}", "model.safetensors": b"weights", "tokenizer.json": b"{}", "tokenizer.model": b"sp"}
    left = {"pytorch_model.bin": b"pickle", "original/consolidated.00.pth": b"x", "consolidated.safetensors": b"twice", "a.png": b""}
    hub.files = needed | left
    plan = plan_download("org/Tiny-GGUF", "BF16", environ=environ)
    assert plan.model_name == "org/Tiny-GGUF"
    folder = run_download(plan, environ=environ)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == needed


def test_a_split_model_is_all_its_parts(hub: Hub, environ: dict[str, str]):
    hub.files = {f"Q4_K_M/big-Q4_K_M-0000{part}-of-00002.gguf": bytes([part]) * 100 for part in (2, 1)}
    plan = plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ)
    assert plan.bytes == 200
    first = run_download(plan, environ=environ)
    assert first.name == "big-Q4_K_M-00001-of-00002.gguf"
    assert len(list(first.parent.iterdir())) == 2


def test_a_download_that_was_interrupted_goes_on_where_it_stopped(hub: Hub, environ: dict[str, str]):
    plan = plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ)
    partial = Path(environ["HF_HOME"]) / "hub/models--org--Tiny-GGUF/blobs" / f"{sha256(WEIGHTS)}.incomplete"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(WEIGHTS[:1000])
    assert run_download(plan, environ=environ).read_bytes() == WEIGHTS
    assert [request for request in hub.asked if request.endswith("bytes=1000-")]
    assert blobs(environ) == [sha256(WEIGHTS)]


def test_a_connection_that_breaks_is_taken_up_again(hub: Hub, environ: dict[str, str]):
    plan = plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ)
    hub.cut_after = 200_000
    assert run_download(plan, environ=environ).read_bytes() == WEIGHTS


@pytest.mark.parametrize("start", [b"", WEIGHTS[:10], b"damaged"])
def test_wrong_bytes_are_named_with_both_hashes_and_leave_nothing(hub: Hub, environ: dict[str, str], start: bytes):
    plan = plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ)
    wrong = WEIGHTS[:-1] + b"!"
    hub.lies["tiny-q4_k_m.gguf"] = wrong
    if start:
        partial = Path(environ["HF_HOME"]) / "hub/models--org--Tiny-GGUF/blobs" / f"{sha256(WEIGHTS)}.incomplete"
        partial.parent.mkdir(parents=True)
        partial.write_bytes(start)
    with pytest.raises(ModelFileError) as raised:
        run_download(plan, environ=environ)
    assert "tiny-q4_k_m.gguf" in raised.value.what
    assert sha256(WEIGHTS) in raised.value.what
    assert sha256(start + wrong[len(start) :]) in raised.value.what
    assert blobs(environ) == []

    hub.lies.clear()
    assert run_download(plan, environ=environ).read_bytes() == WEIGHTS


def test_a_damaged_blob_in_the_cache_is_replaced(hub: Hub, environ: dict[str, str]):
    plan = plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ)
    path = run_download(plan, environ=environ)
    path.resolve().write_bytes(WEIGHTS[:-1] + b"!")
    assert run_download(plan, environ=environ).read_bytes() == WEIGHTS


def test_a_server_cannot_send_more_than_it_announced(hub: Hub, environ: dict[str, str]):
    plan = plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ)
    hub.lies["tiny-q4_k_m.gguf"] = WEIGHTS + b"more"
    with pytest.raises(ModelFileError, match="more than the 1,024,004 bytes"):
        run_download(plan, environ=environ)
    assert sha256(WEIGHTS) not in blobs(environ)


def test_a_repository_that_changes_meanwhile_is_not_mixed(hub: Hub, environ: dict[str, str]):
    plan = plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ)
    hub.commit = "d" * 40
    with pytest.raises(LlmpickError, match="changed while"):
        run_download(plan, environ=environ)


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(hub: Hub, environ: dict[str, str]):
    hub.claimed_bytes = 10**16
    plan = plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ)
    with pytest.raises(LlmpickError, match=r"needs 10000000\.00 GB on a disk with") as raised:
        run_download(plan, environ=environ)
    assert "HF_HOME" in raised.value.remedy
    assert blobs(environ) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full, a disk that is always full")
def test_a_disk_that_fills_up_meanwhile_is_told(hub: Hub, environ: dict[str, str]):
    plan = plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ)
    partial = Path(environ["HF_HOME"]) / "hub/models--org--Tiny-GGUF/blobs" / f"{sha256(WEIGHTS)}.incomplete"
    partial.parent.mkdir(parents=True)
    partial.symlink_to("/dev/full")
    with pytest.raises(LlmpickError, match="the disk is full") as raised:
        run_download(plan, environ=environ)
    assert "HF_HOME" in raised.value.remedy


@pytest.mark.parametrize(
    ("repository", "quantization", "revision", "what", "remedy"),
    [
        ("org/Tiny-GGUF", "Q5_K_M", "main", "no Q5_K_M file", "it has Q4_K_M, Q8_0"),
        ("org/missing", "Q4_K_M", "main", "knows no such repository", "HF_TOKEN"),
        ("no repository", "Q4_K_M", "main", "knows no such repository", "check the name"),
        ("org/Tiny-GGUF", "Q4_K_M", "v9", "no such revision", "leave the revision out"),
    ],
)
def test_what_the_hub_does_not_have(environ: dict[str, str], repository: str, quantization: str, revision: str, what: str, remedy: str):
    with pytest.raises(InputError, match=what) as raised:
        plan_download(repository, quantization, environ=environ, revision=revision)
    assert remedy in raised.value.remedy


def test_a_gated_repository_says_where_to_accept_the_licence(hub: Hub, environ: dict[str, str]):
    hub.gated = True
    with pytest.raises(InputError, match="gated") as raised:
        plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ)
    assert f"{hub.url}/org/Tiny-GGUF" in raised.value.remedy


def test_two_models_of_one_quantisation_are_not_guessed_between(hub: Hub, environ: dict[str, str]):
    hub.files = {"a-q4_k_m.gguf": b"a", "b-Q4_K_M.gguf": b"b"}
    with pytest.raises(InputError, match="several Q4_K_M") as raised:
        plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ)
    assert "a-q4_k_m.gguf, b-Q4_K_M.gguf" in raised.value.remedy


def test_names_that_would_leave_the_cache_are_refused(hub: Hub, environ: dict[str, str]):
    hub.files = {"../../evil-Q4_K_M.gguf": b"x"}
    plan = plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ)
    with pytest.raises(LlmpickError):
        run_download(plan, environ=environ)
    assert not list(Path(environ["HOME"]).rglob("evil*"))


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_means_offline(hub: Hub, environ: dict[str, str], variable: str):
    with pytest.raises(InputError, match="HF_HUB_OFFLINE"):
        plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ | {variable: "1"})
    assert hub.asked == []


def test_a_hub_that_is_down_is_told_with_its_address(environ: dict[str, str]):
    with pytest.raises(LlmpickError, match="the hub failed") as raised:
        plan_download("org/Tiny-GGUF", "Q4_K_M", environ=environ | {"HF_ENDPOINT": "http://127.0.0.1:9"})
    assert "http://127.0.0.1:9/org/Tiny-GGUF" in raised.value.where


@pytest.mark.skipif(shutil.which("hf", path=str(Path(sys.executable).parent)) is None, reason="the command hf is not installed")
def test_the_advised_command_downloads_what_it_says_when_pasted(hub: Hub, environ: dict[str, str]):
    facts = ModelFacts("org/Tiny", "Tiny", "tiny", "instruct", downloads={"gguf": "org/Tiny-GGUF"})
    advice = fetch_advice(facts, environ=environ)
    assert isinstance(advice, Fetch)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    quiet = {"PATH": path, "HF_HOME": environ["HF_HOME"], "HOME": environ["HOME"], "HF_HUB_DISABLE_UPDATE_CHECK": "1"}
    subprocess.run(["/bin/sh", "-c", advice.commands[0]], env=quiet, check=True, capture_output=True, timeout=60)
    names = {path.name for path in find_snapshot("org/Tiny-GGUF", None, environ=environ).iterdir()}
    assert {"tiny-q4_k_m.gguf"} <= names <= {"tiny-q4_k_m.gguf", "mmproj-tiny-q4_k_m.gguf"}
