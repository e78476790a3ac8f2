"""Which models `pick` considers: real caches in their real layouts, with small real files in them."""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import gguf
import numpy as np
import pytest
from safetensors.numpy import save_file

from llmpick.catalog.loader import load_models
from llmpick.evidence.errors import InputError, LlmpickError, ModelFileError
from llmpick.evidence.model import Endpoint, Weights
from llmpick.workflow.models.gather import gather

COMMIT, OLD_COMMIT = "a" * 40, "b" * 40


def write_gguf(path: Path, name: str = "Tiny", width: int = 32) -> Path:
    """A GGUF file of one small layer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_block_count(1)
    writer.add_context_length(512)
    writer.add_embedding_length(width)
    writer.add_head_count(2)
    writer.add_tensor("token_embd.weight", np.zeros((8, width), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_safetensors(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"model.embed_tokens.weight": np.zeros((8, 32), dtype=np.float16)}, folder / "model.safetensors")
    config = {"model_type": "llama", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 8}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


class Machine:
    """A home folder with the caches of all tools, and the environment that leads there."""

    def __init__(self, home: Path, ollama: str) -> None:
        self.home = home
        self.environ = {"HOME": str(home), "OLLAMA_HOST": ollama}

    def snapshot(self, repository: str, commit: str = COMMIT, refs: tuple[str, ...] = ("main",)) -> Path:
        folder = self.home / ".cache/huggingface/hub" / f"models--{repository.replace('/', '--')}"
        for ref in refs:
            (folder / "refs").mkdir(parents=True, exist_ok=True)
            (folder / "refs" / ref).write_text(commit)
        snapshot = folder / "snapshots" / commit
        snapshot.mkdir(parents=True, exist_ok=True)
        return snapshot

    def ids(self, *names: str, directories: tuple[Path, ...] = ()) -> list[str]:
        return [candidate.id for candidate in gather(names, directories=directories, as_of=None, environ=self.environ).candidates]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Nobody listens where Ollama would."""
    monkeypatch.chdir(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return Machine(tmp_path / "home", f"127.0.0.1:{free.getsockname()[1]}")


@pytest.fixture
def ollama() -> Iterator[str]:
    """A server with one local model and one that would be passed on to a cloud."""
    tags = {"models": [{"name": "phi:2.7b"}, {"name": "big:cloud", "remote_host": "https://ollama.com"}]}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(tags).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_everything_on_the_machine_is_found_under_the_name_to_type(machine: Machine, ollama: str, tmp_path: Path):
    machine.environ["OLLAMA_HOST"] = ollama
    write_safetensors(machine.snapshot("org/safe"))
    quantized = machine.snapshot("org/tiny-GGUF")
    write_gguf(quantized / "tiny-Q4_K_M.gguf")
    write_gguf(quantized / "tiny-Q8_0.gguf", width=64)
    write_gguf(quantized / "other-Q8_0.gguf", width=96)
    write_gguf(quantized / "mmproj-tiny-f16.gguf", width=128)
    write_gguf(machine.snapshot("org/pinned", refs=()) / "model.gguf")
    write_safetensors(machine.home / ".cache/modelscope/hub/models/qwen/Tiny-1___5")
    write_gguf(machine.home / ".lmstudio/models/publisher/repo/studio.gguf")
    write_gguf(tmp_path / "given/mine.gguf")
    (machine.snapshot("org/config-only") / "config.json").write_text("{}")

    gathered = gather((), directories=(Path("given"),), as_of=None, environ=machine.environ)
    assert [candidate.id for candidate in gathered.candidates] == [
        f"org/pinned:model.gguf@{COMMIT}",
        "org/safe",
        "org/tiny-GGUF:other-Q8_0.gguf",
        "org/tiny-GGUF:Q4_K_M",
        "org/tiny-GGUF:tiny-Q8_0.gguf",
        "qwen/Tiny-1.5",
        str(machine.home / ".lmstudio/models/publisher/repo/studio.gguf"),
        "given/mine.gguf",
        "ollama:phi:2.7b",
    ]
    assert gathered.broken == ()
    for candidate in gathered.candidates:
        named = gather([candidate.id], as_of=None, environ=machine.environ)
        assert named.candidates == (candidate,), "what is shown can be typed, and means the same"


def test_a_model_reached_in_several_ways_is_one_candidate(machine: Machine, tmp_path: Path):
    blob = write_gguf(tmp_path / "blob")
    for commit, refs in ((COMMIT, ("main",)), (OLD_COMMIT, ("v1",))):
        (machine.snapshot("org/tiny", commit, refs) / "tiny-F32.gguf").symlink_to(blob)
    studio = machine.home / ".lmstudio/models/p/r"
    studio.mkdir(parents=True)
    (studio / "hard.gguf").hardlink_to(blob)
    assert machine.ids() == ["org/tiny:F32"]
    assert machine.ids("blob", "org/tiny", str(studio)) == ["blob"]


def test_names_that_stand_for_one_model_are_told(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with_template(tmp_path / "a.gguf", None)
    with_template(tmp_path / "b.gguf", None)
    monkeypatch.chdir(tmp_path)
    twice = gather(["a.gguf", str(tmp_path / "a.gguf"), "b.gguf"], as_of=None, environ=machine.environ)
    assert [one.id for one in twice.candidates] == ["a.gguf", "b.gguf"]
    assert twice.notes == (f"a.gguf and {tmp_path / 'a.gguf'} are one model, which is named more than once, and takes part once",)
    once = gather(["a.gguf", "b.gguf"], directories=(tmp_path,), as_of=None, environ=machine.environ)
    assert once.notes == ()


def test_two_models_of_one_name_both_stay(machine: Machine):
    here, there = write_safetensors(machine.snapshot("org/same")), machine.home / ".cache/modelscope/hub/org/same"
    write_safetensors(there)
    assert here.exists()
    assert machine.ids() == ["org/same", str(there)]


def test_what_cannot_be_read_is_told_and_hides_nothing(machine: Machine, tmp_path: Path):
    good = write_gguf(tmp_path / "given/good.gguf")
    (good.parent / "cut.gguf").write_bytes(good.read_bytes()[:200])
    (good.parent / "page.gguf").write_text("<html>not found</html>")
    old = machine.snapshot("org/old")
    (old / "config.json").write_text("{}")
    (old / "pytorch_model.bin").write_bytes(b"pickle")
    settings = machine.home / ".lmstudio/settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text("{")

    gathered = gather((), directories=(good.parent,), as_of=None, environ=machine.environ)
    assert [candidate.id for candidate in gathered.candidates] == [str(good)]
    errors = {broken.id: broken.error for broken in gathered.broken}
    assert list(errors) == ["LM Studio", "org/old", str(good.parent / "cut.gguf"), str(good.parent / "page.gguf")]
    assert all(error.remedy for error in errors.values())
    assert "PyTorch" in errors["org/old"].what


def test_names_stand_for_exactly_what_they_name(machine: Machine, tmp_path: Path):
    snapshot = machine.snapshot("org/tiny-GGUF")
    first = write_gguf(snapshot / "tiny-Q4_K_M.gguf")
    write_gguf(tmp_path / "models/a.gguf")
    write_gguf(machine.home / ".lmstudio/models/p/r/not-named.gguf")
    assert machine.ids("org/tiny-GGUF") == ["org/tiny-GGUF"], "one model: as it was typed"
    assert machine.ids("org/tiny-GGUF@main", "models") == ["org/tiny-GGUF@main", "models"]

    write_gguf(snapshot / "tiny-Q8_0.gguf", width=64)
    write_gguf(tmp_path / "models/b.gguf", width=64)
    assert machine.ids("org/tiny-GGUF") == ["org/tiny-GGUF:Q4_K_M", "org/tiny-GGUF:Q8_0"], "several: each by its own name"
    assert machine.ids("org/tiny-GGUF@main") == ["org/tiny-GGUF:Q4_K_M@main", "org/tiny-GGUF:Q8_0@main"]
    assert machine.ids("models") == ["models/a.gguf", "models/b.gguf"]
    assert machine.ids("models/b.gguf", directories=(tmp_path / "models",)) == ["models/b.gguf", str(tmp_path / "models/a.gguf")]

    named = gather(["org/tiny-GGUF:q4_k_m"], as_of=None, environ=machine.environ)
    assert named.catalog == ()
    run = named.candidates[0].run
    assert isinstance(run, Weights)
    assert run.path == first


def test_a_hub_name_is_looked_up_in_the_modelscope_cache_too(machine: Machine):
    folder = write_safetensors(machine.home / ".cache/modelscope/hub/models/Qwen/Tiny-0___5B")
    run = gather(["Qwen/Tiny-0.5B"], as_of=None, environ=machine.environ).candidates[0].run
    assert isinstance(run, Weights)
    assert run.path == folder


def test_served_models_are_named_without_asking_their_server(machine: Machine):
    name = "http://127.0.0.1:9/v1#microsoft/phi-2"
    candidate, *others = gather([name, name], as_of=None, environ=machine.environ).candidates
    assert (candidate.id, candidate.run, others) == (name, Endpoint("http://127.0.0.1:9/v1", "microsoft/phi-2"), [])
    assert candidate.facts is not None
    assert candidate.facts.id == "microsoft/phi-2"


@pytest.mark.parametrize(
    ("name", "kind", "what", "remedy"),
    [
        ("org/missing", InputError, "not in the Hugging Face cache", "hf download org/missing"),
        ("org/tiny@v9", InputError, "revision v9", "org/tiny@main"),
        ("org/tiny:Q2_K", InputError, "no GGUF file 'Q2_K' of org/tiny", "org/tiny:Q4_K_M"),
        ("org/config-only", InputError, "no weights of org/config-only", "hf download org/config-only"),
        ("org/old", ModelFileError, "PyTorch", "GGUF or safetensors"),
        ("nothing.gguf", InputError, "no file or folder", "check the path"),
        ("empty", InputError, "no GGUF and no safetensors model", "folder or file with weights"),
        ("damaged.gguf", ModelFileError, "", ""),
        ("safe/model.safetensors", InputError, "its whole folder", "name the folder: safe"),
        ("ollama:phi:2.7b", InputError, "no Ollama server", "ollama serve"),
    ],
)
def test_a_name_that_cannot_be_read_is_never_lost(
    machine: Machine, tmp_path: Path, name: str, kind: type[Exception], what: str, remedy: str
):
    write_gguf(machine.snapshot("org/tiny") / "tiny-Q4_K_M.gguf")
    (machine.snapshot("org/config-only") / "config.json").write_text("{}")
    (machine.snapshot("org/old") / "config.json").write_text("{}")
    (machine.snapshot("org/old") / "pytorch_model.bin").touch()
    write_safetensors(tmp_path / "safe")
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged.gguf").write_bytes(b"GGUF")
    with pytest.raises(kind) as raised:
        gather(["org/tiny", name], as_of=None, environ=machine.environ)
    assert isinstance(raised.value, LlmpickError)
    assert what in raised.value.what
    assert remedy in raised.value.remedy


def test_an_ollama_model_that_is_not_there_comes_with_the_command(machine: Machine, ollama: str):
    machine.environ["OLLAMA_HOST"] = ollama
    with pytest.raises(InputError, match=r"phi:2\.7b") as raised:
        gather(["ollama:llama3.2"], as_of=None, environ=machine.environ)
    assert raised.value.remedy == "get it: ollama pull llama3.2:latest"


def test_a_directory_that_does_not_exist_is_not_passed_over(machine: Machine):
    with pytest.raises(InputError, match="no such directory"):
        gather((), directories=(Path("nowhere"),), as_of=None, environ=machine.environ)


@pytest.mark.parametrize(
    ("place", "general_name"),
    [("given/phi-2.Q4_K_M.gguf", "model"), ("given/renamed.gguf", "Phi 2"), ("hub", "model")],
)
def test_facts_are_linked_by_repository_name_in_the_file_or_file_name(machine: Machine, tmp_path: Path, place: str, general_name: str):
    if place == "hub":
        write_gguf(machine.snapshot("TheBloke/phi-2-GGUF") / "model.gguf", general_name)
    else:
        write_gguf(tmp_path / place, general_name)
    directories = (tmp_path / "given",) if place != "hub" else ()
    gathered = gather((), directories=directories, as_of=None, environ=machine.environ)
    facts = gathered.candidates[0].facts
    assert facts is not None
    assert facts.id == "microsoft/phi-2"
    everything = {facts.id for facts in load_models()}
    assert {candidate.id for candidate in gathered.catalog} == everything - {"microsoft/phi-2"}, "what is here is not worth fetching"
    assert all(candidate.run is None for candidate in gathered.catalog)


def test_on_an_earlier_day_only_what_was_known_is_known(machine: Machine, tmp_path: Path):
    write_gguf(tmp_path / "given/phi-2.gguf")
    day = date(2023, 5, 15)
    gathered = gather((), directories=(tmp_path / "given",), as_of=day, environ=machine.environ)
    assert gathered.candidates[0].facts is None, "phi-2 was released in December 2023"
    catalog = [candidate.facts for candidate in gathered.catalog if candidate.facts]
    assert "huggyllama/llama-7b" in {facts.id for facts in catalog}
    assert all(facts.released is None or facts.released.value <= day for facts in catalog)


def test_the_real_models_are_recognised(machine: Machine, smollm2_path: Path):
    candidate = gather([str(smollm2_path)], as_of=None, environ=machine.environ).candidates[0]
    assert isinstance(candidate.run, Weights)
    assert candidate.run.quantization == "Q4_1"
    assert candidate.facts is not None
    assert candidate.facts.id == "HuggingFaceTB/SmolLM2-135M-Instruct"


# Thinking

SWITCH = "{% if enable_thinking is false %}<think></think>{% endif %}"
ALWAYS = "{% if add_generation_prompt %}<A><think>\n{% endif %}"


def with_template(path: Path, template: str | None) -> Path:
    write_gguf(path)
    if template is not None:
        reader = gguf.GGUFReader(path)
        writer = gguf.GGUFWriter(path.with_suffix(".new"), "llama")
        writer.add_chat_template(template)
        for field in ("block_count", "context_length", "embedding_length", "attention.head_count"):
            writer.add_uint32(f"llama.{field}", int(reader.fields[f"llama.{field}"].parts[-1][0]))
        writer.add_file_type(gguf.LlamaFileType.ALL_F32)
        writer.add_tensor("token_embd.weight", np.zeros((8, 32), dtype=np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        path.with_suffix(".new").replace(path)
    return path


def test_one_model_with_and_without_thinking_is_two_candidates(tmp_path: Path) -> None:
    path = with_template(tmp_path / "a.gguf", SWITCH)
    names = [f"{path}?thinking=on", f"{path}?thinking=off", f"{path}?thinking=64", f"{path}?thinking=on", str(path)]
    found = gather(names, as_of=None, environ={}).candidates
    assert [one.id for one in found] == [*names[:3], names[4]]
    told = [one.thinking and (one.thinking.on, one.thinking.max_tokens, dict(one.thinking.arguments)) for one in found]
    assert told == [
        (True, 1024, {"enable_thinking": True}),
        (False, 0, {"enable_thinking": False}),
        (True, 64, {"enable_thinking": True}),
        None,
    ]


def test_the_setting_holds_for_all_models_of_a_folder(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        with_template(tmp_path / name, SWITCH)
    found = gather([f"{tmp_path}?thinking=on"], as_of=None, environ={}).candidates
    assert [one.id for one in found] == [f"{tmp_path / name}?thinking=on" for name in ("a.gguf", "b.gguf")]
    assert all(one.thinking and one.thinking.on for one in found)


@pytest.mark.parametrize(
    ("template", "way", "says"),
    [
        (None, "on", "a base model has no switch"),
        ("{{ messages }}", "on", "knows no switch"),
        (ALWAYS, "off", "cannot be told not to think"),
    ],
)
def test_a_way_that_the_template_does_not_know_names_the_candidate(tmp_path: Path, template: str | None, way: str, says: str) -> None:
    path = with_template(tmp_path / "a.gguf", template)
    with pytest.raises(InputError, match=says) as caught:
        gather([f"{path}?thinking={way}"], as_of=None, environ={})
    assert f"a.gguf?thinking={way}" in caught.value.where
    assert "leave it out" in caught.value.remedy or "leave ?thinking out" in caught.value.remedy


def test_a_model_that_always_thinks_thinks_without_being_told(tmp_path: Path) -> None:
    (found,) = gather([str(with_template(tmp_path / "a.gguf", ALWAYS))], as_of=None, environ={}).candidates
    assert found.thinking is not None
    assert found.thinking.on


def test_a_served_model_keeps_its_setting_for_the_server_to_tell() -> None:
    on, off = gather(["http://h/v1#m?thinking=on", "http://h/v1#m?thinking=off"], as_of=None, environ={}).candidates
    assert on.run == off.run == Endpoint("http://h/v1", "m")
    assert (on.thinking and on.thinking.on, off.thinking and off.thinking.on) == (True, False)
