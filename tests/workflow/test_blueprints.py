"""What a name leads to: files, Ollama's store, a hub that sends headers only, and the catalog where nothing else knows the model."""

import hashlib
import json
from pathlib import Path

import pytest
from tests.sources.test_ollama import DESCRIPTION, serving
from tests.workflow.hub_server import Hub, serve_hub

from llmpick.evidence.errors import InputError, LlmpickError, ModelFileError
from llmpick.sources.gguf import read_gguf
from llmpick.workflow.models.blueprints import find_blueprints
from tiny_models import gguf_bytes, tiny_values

CONFIG = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 64,
    "intermediate_size": 128,
    "vocab_size": 300,
    "max_position_embeddings": 2048,
    "torch_dtype": "bfloat16",
    "tie_word_embeddings": False,
}


def environ(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(tmp_path), "HF_HOME": str(tmp_path / "hf"), **more}


def safetensors_bytes(**shapes: list[int]) -> bytes:
    """A whole file in BF16 whose data are zeros."""
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2
        for dimension in shape:
            size *= dimension
        header[name.replace("__", ".")] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(at)


# Files


def test_a_file_is_read(smollm2_path: Path, tmp_path: Path):
    (blueprint,) = find_blueprints(str(smollm2_path), environ=environ(tmp_path))
    assert (blueprint.known_from, blueprint.format, blueprint.quantization) == ("files", "gguf", "Q4_1")
    assert {group.role for group in blueprint.tensors} == {"embedding", "attention", "mlp", "norm"}
    assert blueprint.parameters == 134_515_008
    assert blueprint.merges == 48_900


@pytest.mark.parametrize("whole_folder", [False, True])
def test_a_config_alone_is_enough(tmp_path: Path, whole_folder: bool):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    name = tmp_path if whole_folder else tmp_path / "config.json"
    (blueprint,) = find_blueprints(str(name), environ=environ(tmp_path))
    assert (blueprint.known_from, blueprint.quantization, blueprint.context_tokens) == ("config", "BF16", 2048)
    attention = 2 * (64 * 64 * 2 + 64 * 32 * 2)
    assert blueprint.parameters == 2 * 300 * 64 + attention + 2 * 3 * 64 * 128 + 5 * 64


# The catalog


@pytest.mark.parametrize("name", ["LLaMA-13B", "huggyllama/llama-13b"])
def test_the_catalog_stands_in_where_nothing_may_be_asked(tmp_path: Path, name: str):
    (blueprint,) = find_blueprints(name, environ=environ(tmp_path, HF_HUB_OFFLINE="1"))
    assert blueprint.known_from == "facts"
    assert blueprint.parameters == pytest.approx(13e9, rel=0.02)


def test_a_wrong_name_is_answered_with_near_ones(tmp_path: Path):
    with pytest.raises(InputError) as raised:
        find_blueprints("LLaMA-13BB", environ=environ(tmp_path))
    assert "LLaMA-13B" in raised.value.remedy


def test_a_served_model_has_no_memory_here(tmp_path: Path):
    with pytest.raises(InputError, match="another machine"):
        find_blueprints("http://127.0.0.1:9/v1#m", environ=environ(tmp_path))


# Ollama's store


def ollama_store(folder: Path, path: Path, digest: str) -> None:
    manifest = folder / "manifests" / "registry.ollama.ai" / "library" / "smollm2" / "135m"
    manifest.parent.mkdir(parents=True)
    layers = [{"mediaType": "application/vnd.ollama.image.template", "digest": "sha256:" + "0" * 64}]
    layers += [{"mediaType": "application/vnd.ollama.image.model", "digest": digest}]
    manifest.write_text(json.dumps({"layers": layers}))
    (folder / "blobs").mkdir()
    (folder / "blobs" / ("sha256-" + "1" * 64)).symlink_to(path)


def test_a_model_in_ollamas_store_is_read_from_its_blob(smollm2_path: Path, tmp_path: Path):
    ollama_store(tmp_path, smollm2_path.resolve(), "sha256:" + "1" * 64)
    (blueprint,) = find_blueprints("ollama:smollm2:135m", environ=environ(tmp_path, OLLAMA_MODELS=str(tmp_path)))
    assert (blueprint.name, blueprint.quantization) == ("ollama:smollm2:135m", "Q4_1")


@pytest.mark.parametrize("digest", ["sha256:../../../etc/passwd", "sha256:" + "2" * 64])
def test_a_manifest_cannot_lead_out_of_the_store(smollm2_path: Path, tmp_path: Path, digest: str):
    ollama_store(tmp_path, smollm2_path.resolve(), digest)
    with pytest.raises(ModelFileError):
        find_blueprints("ollama:smollm2:135m", environ=environ(tmp_path, OLLAMA_MODELS=str(tmp_path)))


def test_a_tag_that_no_store_has(tmp_path: Path):
    with pytest.raises(InputError, match="no model nothing:latest") as raised:
        find_blueprints("ollama:nothing", environ=environ(tmp_path, OLLAMA_MODELS=str(tmp_path)))
    assert "ollama pull nothing:latest" in raised.value.remedy


def test_a_model_of_an_ollama_server_is_read_from_its_description(tmp_path: Path):
    with serving(json.dumps(DESCRIPTION).encode()) as base:
        (blueprint,) = find_blueprints("ollama:gemma3:tiny", environ=environ(tmp_path, OLLAMA_MODELS=str(tmp_path), OLLAMA_HOST=base))
    assert (blueprint.name, blueprint.known_from, blueprint.format, blueprint.path) == ("ollama:gemma3:tiny", "files", "gguf", None)
    assert blueprint.source.title == "Ollama's description of gemma3:tiny"
    assert blueprint.weights_bytes == 64 * 300 // 32 * 34 + 256


# The hub


def test_a_gguf_of_the_hub_costs_its_header(smollm2_path: Path, tmp_path: Path):
    content = smollm2_path.read_bytes()
    with serve_hub(Hub("org/model", {"model-Q4_1.gguf": content, "README.md": b"x"})) as hub:
        (blueprint,) = find_blueprints("org/model", environ=environ(tmp_path, HF_ENDPOINT=hub.url, HF_TOKEN="hf_secret"))
    assert (blueprint.name, blueprint.known_from, blueprint.path) == ("org/model:Q4_1", "files", None)
    assert blueprint.tensors == read_gguf(smollm2_path).tensors
    assert hub.sent_bytes < 0.06 * len(content)
    assert "Bearer hf_secret" in hub.tokens
    assert hub.commit[:12] in blueprint.source.title


def test_a_long_header_is_read_in_growing_pieces(gemma_path: Path, tmp_path: Path):
    content = gemma_path.read_bytes()
    with serve_hub(Hub("org/model", {"a-Q4_K_M.gguf": content})) as hub:
        (blueprint,) = find_blueprints("org/model:Q4_K_M", environ=environ(tmp_path, HF_ENDPOINT=hub.url))
    assert blueprint.tensors == read_gguf(gemma_path).tensors
    assert hub.sent_bytes < 0.1 * len(content)
    assert [asked for asked in hub.asked if "a-Q4_K_M" in asked] == [
        f"GET /org/model/resolve/{hub.commit}/a-Q4_K_M.gguf bytes=0-4194303",
        f"GET /org/model/resolve/{hub.commit}/a-Q4_K_M.gguf bytes=4194304-8388607",
    ]


def test_the_parts_of_a_split_model_cost_little_but_the_first(tmp_path: Path):
    """Later parts hold the table of their tensors, here with 16 MiB of data each."""
    files: dict[str, bytes] = {}
    for number in range(3):
        split = {"split.no": ("u32", number), "split.count": ("u32", 3)}
        tensor = ("token_embd.weight" if number == 0 else f"blk.{number - 1}.attn_q.weight", (64, 65_536), 0, 2**24)
        files[f"m-Q8_0-{number + 1:05d}-of-00003.gguf"] = gguf_bytes((tiny_values() if number == 0 else {}) | split, [tensor])
    with serve_hub(Hub("org/model", files)) as hub:
        (blueprint,) = find_blueprints("org/model", environ=environ(tmp_path, HF_ENDPOINT=hub.url))
    assert blueprint.parameters == 3 * 2**22
    assert hub.sent_bytes < 4 * 2**20 + 2 * 128 * 2**10 + 20_000


def test_a_header_that_no_bytes_would_mend_is_given_up_at_once(smollm2_path: Path, tmp_path: Path):
    content = bytearray(smollm2_path.read_bytes())
    content[8:16] = (2**63).to_bytes(8, "little")
    with (
        serve_hub(Hub("org/model", {"a-Q4_1.gguf": bytes(content)})) as hub,
        pytest.raises(ModelFileError, match="tensors are said to follow"),
    ):
        find_blueprints("org/model", environ=environ(tmp_path, HF_ENDPOINT=hub.url))
    assert hub.sent_bytes < 4 * 2**20 + 20_000


def test_safetensors_of_the_hub_cost_their_headers(tmp_path: Path):
    first = safetensors_bytes(model__embed_tokens__weight=[300, 64], model__layers__0__mlp__up_proj__weight=[4096, 640])
    second = safetensors_bytes(lm_head__weight=[300, 64])
    index = json.dumps({"weight_map": {"model.embed_tokens.weight": "a.safetensors", "lm_head.weight": "b.safetensors"}}).encode()
    files = {
        "config.json": json.dumps(CONFIG).encode(),
        "model.safetensors.index.json": index,
        "a.safetensors": first,
        "b.safetensors": second,
    }
    with serve_hub(Hub("org/model", files)) as hub:
        (blueprint,) = find_blueprints("org/model@main", environ=environ(tmp_path, HF_ENDPOINT=hub.url))
    assert (blueprint.known_from, blueprint.quantization, blueprint.name) == ("files", "BF16", "org/model@main")
    assert {group.role: group.bytes for group in blueprint.tensors} == {"embedding": 38_400, "output": 38_400, "mlp": 5_242_880}
    assert hub.sent_bytes < 0.05 * len(first) + 2 * len(second) + 10_000


@pytest.mark.parametrize(
    ("name", "files", "gated", "what"),
    [
        ("org/model:Q8_0", {"a-Q4_1.gguf": b"GGUF"}, False, "no GGUF file 'Q8_0'"),
        ("org/model", {"README.md": b"x"}, False, "neither GGUF files nor a config.json"),
        ("org/model", {"a.gguf": b"GGUF" + bytes(50)}, False, "big-endian"),
        ("org/model", {"config.json": b"{"}, False, "JSON cannot be read"),
        ("org/model", {}, True, "gated"),
        ("org/other", {}, False, "no such repository"),
        ("org/model@nowhere", {}, False, "no such revision"),
    ],
)
def test_what_the_hub_does_not_give_is_said(tmp_path: Path, name: str, files: dict[str, bytes], gated: bool, what: str):
    with serve_hub(Hub("org/model", files, gated=gated)) as hub, pytest.raises(LlmpickError) as raised:
        find_blueprints(name, environ=environ(tmp_path, HF_ENDPOINT=hub.url))
    assert what in raised.value.what
    assert raised.value.remedy


def test_offline_the_hub_is_not_asked(tmp_path: Path):
    with serve_hub(Hub("org/model", {})) as hub, pytest.raises(InputError, match="not in the Hugging Face cache"):
        find_blueprints("org/model", environ=environ(tmp_path, HF_ENDPOINT=hub.url, HF_HUB_OFFLINE="1"))
    assert hub.asked == []


def test_a_remote_header_is_named_by_its_content_not_by_trust(smollm2_path: Path, tmp_path: Path):
    """A server that sends other bytes than the header's table allows is refused."""
    damaged = bytearray(smollm2_path.read_bytes())
    damaged[100:140] = hashlib.sha256(b"x").digest() + bytes(8)
    with serve_hub(Hub("org/model", {"a-Q4_1.gguf": bytes(damaged)})) as hub, pytest.raises(ModelFileError):
        find_blueprints("org/model", environ=environ(tmp_path, HF_ENDPOINT=hub.url))
