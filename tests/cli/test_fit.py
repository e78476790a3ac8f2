"""`llmpick fit` as a user types it: exit codes, the one document on stdout, and errors that help."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from llmpick.cli.main import run
from llmpick.report.fit.schema import json_schema

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "head_dim": 128,
    "max_position_embeddings": 131072, "torch_dtype": "bfloat16", "tie_word_embeddings": False,
}  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The config.json of Llama-3.1-8B."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA))
    return path


def said(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = run(["fit", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def document(capsys: pytest.CaptureFixture[str], *words: object) -> dict:
    code, out, err = said(capsys, *words, "--json")
    assert code in (0, 3), err
    found = json.loads(out)
    Draft202012Validator(json_schema()).validate(found)
    return found


def test_a_gguf_on_this_machine(capsys, gemma_path):
    code, out, _ = said(capsys, gemma_path)
    assert code == 0
    assert "It fits: it takes" in out
    assert "8,192 tokens of context" in out
    assert "resident" in out


def test_the_document_of_a_gguf(capsys, smollm2_path):
    (one,) = document(capsys, smollm2_path, "--context", 2048)["results"]
    memory = one["memory"]
    assert (one["engine"], one["quantization"], one["context_tokens"], one["fits"]) == ("llama.cpp", "Q4_1", 2048, "yes")
    assert one["engine_options"]["n_ctx"] == 2048
    assert memory["kv_cache_bytes"] == 30 * 2 * 3 * 64 * 2048 * 2  # layers, K and V, KV heads, elements, tokens, 16 bits
    assert memory["total_bytes"]["low"] <= memory["total_bytes"]["value"] <= memory["total_bytes"]["high"]
    assert memory["weights_bytes"] == pytest.approx(smollm2_path.stat().st_size, rel=0.03)  # but for its vocabulary, in the header
    assert one["sources"]


def test_a_config_served_by_vllm_over_two_gpus(capsys, config):
    words = ("--engine", "vllm==0.19", "--device", "H100-80GB", "--gpu-memory-utilization", 0.95, "--sequences", 16)
    (one,) = document(capsys, config, *words)["results"]
    (two,) = document(capsys, config, *words, "--tensor-parallel", 2)["results"]
    assert (one["engine"], one["engine_version"], one["sequences"]) == ("vllm", "0.19", 16)
    assert one["engine_options"]["gpu_memory_utilization"] == 0.95
    assert one["memory"]["weights_bytes"] == pytest.approx(14.99 * 2**30, rel=0.01)
    assert one["memory"]["kv_pool_bytes"]["value"] == pytest.approx(58.11 * 2**30, rel=0.03)
    assert two["memory"]["weights_bytes"] == pytest.approx(7.51 * 2**30, rel=0.02)


def test_several_quantizations_and_devices_give_one_result_each(capsys, config):
    found = document(capsys, config, "-q", "Q8_0", "-q", "Q4_K_M", "--device", "RTX 4090", "--device", "RTX 3090")["results"]
    assert [(one["device"], one["quantization"]) for one in found] == [
        (device, quantization) for device in ("RTX 4090", "RTX 3090") for quantization in ("Q8_0", "Q4_K_M")
    ]


def test_without_a_quantization_the_widest_that_fits_is_taken(capsys, config):
    (wide,) = document(capsys, config, "--device", "RTX 4090")["results"]
    (narrow,) = document(capsys, config, "--device", "RTX 4090", "--context", 100_000)["results"]
    assert (wide["engine"], wide["quantization"], wide["fits"]) == ("llama.cpp", "BF16", "yes")
    assert narrow["fits"] == "yes"
    assert narrow["memory"]["weights_bytes"] < wide["memory"]["weights_bytes"]


def test_confirming_with_the_engines_own_allocator(capsys, gemma_path):
    (alone,) = document(capsys, gemma_path)["results"]
    (asked,) = document(capsys, gemma_path, "--confirm")["results"]
    assert alone["memory"]["confirmed_by"] is None
    assert "allocator" in asked["memory"]["confirmed_by"]
    assert asked["memory"]["kv_cache_bytes"] == pytest.approx(alone["memory"]["kv_cache_bytes"], abs=2**20)
    assert asked["memory"]["total_bytes"]["value"] == pytest.approx(alone["memory"]["total_bytes"]["value"], rel=0.02)
    assert any("plans" in note for note in asked["notes"])


def test_nothing_that_fits_is_exit_code_3(capsys, config):
    code, out, _ = said(capsys, config, "--device", "T4", "--quantization", "BF16", "--engine", "llama.cpp")
    assert code == 3
    assert "It does not fit: it needs" in out


def test_explain_prints_every_term(capsys, gemma_path):
    _, out, _ = said(capsys, gemma_path, "--explain")
    for title in ("Weights:", "KV cache:", "Engine:", "Load options that this assumes"):
        assert title in out
    assert out.count("source:") >= 4


def test_sliding_windows_are_not_charged_in_full(capsys, gemma_path):
    (slid,) = document(capsys, gemma_path)["results"]
    (full,) = document(capsys, gemma_path, "--option", "swa_full=true")["results"]
    assert full["engine_options"]["swa_full"] is True
    assert full["memory"]["kv_cache_bytes"] > 2 * slid["memory"]["kv_cache_bytes"]


def test_a_price(capsys, config):
    (one,) = document(capsys, config, "--device", "RTX 4090", "--price-per-hour", 0.4, "--input-share", 0.5)["results"]
    assert one["price"]["device_per_hour"] == pytest.approx(0.4)
    assert one["price"]["output_per_million"]["value"] > one["price"]["input_per_million"]["value"]


def test_more_context_than_it_was_trained_on_is_a_note(capsys, smollm2_path):
    (one,) = document(capsys, smollm2_path, "--context", 100_000)["results"]
    assert any("trained on 8,192 tokens" in note for note in one["notes"])


def test_what_fits_best(capsys):
    found = document(capsys, "--device", "RTX 3090")
    outlook = found["outlook"]
    assert found["results"]
    assert all(one["fits"] == "yes" for one in found["results"])
    assert [one["model"] for one in outlook["models"] if one["foremost"]][: len(found["results"])] == [
        one["model"] for one in found["results"]
    ]
    assert all(one["reasons"] for one in outlook["models"] if not one["foremost"])
    assert all(not one["reasons"] and one["bits_per_weight"] >= 4 for one in outlook["models"] if one["foremost"])


def test_what_fits_best_for_a_task(capsys, tmp_path):
    (tmp_path / "rows.jsonl").write_text("".join(f'{{"text": "row {n}", "label": "{"ab"[n % 2]}"}}\n' for n in range(8)))
    (tmp_path / "task.toml").write_text(
        'name = "small"\nkind = "choice"\nlanguages = ["zh"]\n\n[examples]\nfile = "rows.jsonl"\nreference = "label"\n\n'
        '[prompt]\ntemplate = "{{ text }}"\n\n'
        '[limits]\ndevice = "RTX 3090"\nlicence = ["apache-2.0"]\nmemory = "8 GiB"\ncontext_tokens = 4096\n'
    )
    outlook = document(capsys, "--task", tmp_path / "task.toml")["outlook"]
    assert (outlook["task"], outlook["device"], outlook["context_tokens"]) == ("small", "RTX 3090", 4096)
    assert outlook["available_bytes"] <= 8 * 2**30
    reasons = {reason for one in outlook["models"] for reason in one["reasons"]}
    assert any("is not one of apache-2.0" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("words", "what", "remedy"),
    [
        (("--device", "RTX 4091"), "RTX 4091", "RTX 4090"),
        (("--engine", "vlm"), "the engine 'vlm' is not known", "vllm"),
        (("--engine", "vllm==new"), "'new' is no version", "vllm==0.19"),
        (("--engine", "vllm", "--tensor-parallel", "3"), "32 query heads cannot be shared by 3 devices", "1, 2, 4, 8, 16, 32"),
        (("--engine", "vllm", "--gpu-layers", "3"), "vllm keeps all layers on the GPU", "--engine llama.cpp"),
        (("--engine", "llama.cpp", "--gpu-memory-utilization", "0.5"), "claims no share", "--engine vllm"),
        (("--option", "swa_full"), "'swa_full' is no option", "KEY=VALUE"),
        (("--option", "swafull=true"), "no option swafull", "swa_full"),
        (("--option", "n_ctx=4096"), "n_ctx has an option of its own", "--context"),
        (("--kv-type", "q9_9"), "q9_9", "q8_0"),
        (("--confirm",), "is no GGUF file", "--confirm"),
        (("--quantization", "Q4_K_X"), "Q4_K_X", "Q4_K"),
        (("--context", "0"), "no number of tokens", "--help"),
    ],
)
def test_an_error_says_what_to_do(capsys, config, words, what, remedy):
    code, out, err = said(capsys, config, *words, "--json")
    assert code == 2
    error = json.loads(out)["error"]
    assert what in error["what"]
    assert remedy in error["remedy"]
    assert error["what"] in err


def test_a_missing_file_names_its_neighbours(capsys, smollm2_path):
    code, _, err = said(capsys, smollm2_path.with_name("SmolLM2-135M-Instruct.Q4_0.gguf"))
    assert code == 2
    assert "did you mean" in err


def test_the_whole_process_answers_without_colours_where_nobody_sees_them(smollm2_path):
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "llmpick", "fit", str(smollm2_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "It fits" in done.stdout
    assert "\x1b[" not in done.stdout


def test_nothing_heavy_is_imported(smollm2_path):
    heavy = ("torch", "sklearn", "openai", "polars", "scipy.optimize", "scipy.stats", "sqlalchemy", "xllamacpp", "jinja2")
    code = (
        "import sys; from llmpick.cli.main import run; run(['fit', sys.argv[1]]);"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(smollm2_path)], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(("word", "tokens"), [("8k", 8192), ("128K", 131072), ("3000", 3000)])
def test_a_context_in_units_of_1024(capsys, config, word, tokens):
    (one,) = document(capsys, config, "--device", "H100", "--context", word)["results"]
    assert one["context_tokens"] == tokens
    assert f"{tokens:,} tokens of context" in said(capsys, config, "--device", "H100", "--context", word)[1]


@pytest.mark.parametrize("word", ["k", "8g", "8.5k", "-1", "0k", ""])
def test_a_context_that_is_no_number(capsys, config, word):
    code, _, err = said(capsys, config, "--context", word)
    assert (code, "8k" in err) == (2, True)


def test_an_abbreviated_device_is_said(capsys, config):
    (one,) = document(capsys, config, "--device", "4090", "-q", "Q4_K_M")["results"]
    assert one["device"] == "RTX 4090"
    assert "The device '4090' is taken to be the RTX 4090." in one["notes"]
    assert "The device '4090'" in said(capsys, "--device", "4090")[1], "without a model too"
    code, _, err = said(capsys, config, "--device", "7900")
    assert code == 2
    assert "RX 7900 GRE, RX 7900 XT, RX 7900 XTX" in " ".join(err.split())


@pytest.mark.parametrize(
    ("engine", "stands_in"),
    [
        ("vllm==9.9", "newer than 0.28"),
        ("vllm==0.5.3", "older than 0.6"),
        ("vllm==0", "older than 0.6"),
        ("vllm==0.19.1", None),
        ("vllm", None),
        ("llama.cpp==b99999", "newer than b11549"),
        ("llama.cpp==9.9", "for one before b5782"),
        ("llama.cpp==b9272", None),
        ("llama.cpp==2026.10.11549", None),
        ("transformers==7.0", "newer than 5.23"),
        ("transformers==4.40", None),
        ("sglang==0.5", "not told apart"),
        ("sglang", None),
    ],
)
def test_a_version_that_nobody_compared_is_a_note(capsys, config, engine, stands_in):
    (one,) = document(capsys, config, "--device", "H100", "--engine", engine, "-q", "BF16")["results"]
    noted = [note for note in one["notes"] if "formulas" in note or "builds" in note]
    assert len(noted) == (stands_in is not None)
    assert stands_in is None or stands_in in noted[0]


def test_an_option_that_does_not_count_is_a_note(capsys, config):
    words = (config, "--device", "H100", "--engine", "vllm", "--option", "zorb=3", "--option", "block_size=32")
    (one,) = document(capsys, *words, "--option", "enforce_eager=true")["results"]
    assert [note for note in one["notes"] if "enter the estimate" in note] == [
        "The load options block_size, zorb do not enter the estimate, which is the same without."
    ]
    assert not [note for note in document(capsys, config, "--device", "H100")["results"][0]["notes"] if "enter the estimate" in note]


def test_an_unknown_model_type_is_a_note(capsys, config):
    config.write_text(json.dumps(LLAMA | {"model_type": "newcomer"}))
    (one,) = document(capsys, config, "--device", "RTX 4090")["results"]
    assert any("'newcomer' is not known" in note and "Llama" in note for note in one["notes"])


def test_a_partial_offload_tells_the_hosts_memory(capsys, config):
    words = (config, "--device", "RTX 4090", "--engine", "llama.cpp", "-q", "Q8_0")
    (all_there,) = document(capsys, *words)["results"]
    (half,) = document(capsys, *words, "--gpu-layers", 17)["results"]
    assert (all_there["memory"]["host_bytes"], all_there["memory"]["host_lines"]) == (None, [])
    terms = half["memory"]["host_lines"]
    assert half["memory"]["host_bytes"]["value"] == pytest.approx(sum(line["bytes"]["value"] for line in terms))
    # the output and the last 16 layers are on the GPU: on the host are the other 16 and the input table
    (held,) = (line["bytes"]["value"] for line in terms if line["part"] == "weights")
    assert held + half["memory"]["weights_bytes"] == pytest.approx(8.03e9 * 34 / 32, rel=0.002)
    (cache,) = (line["bytes"]["value"] for line in terms if line["part"] == "kv_cache")
    assert cache == half["memory"]["kv_cache_bytes"] == all_there["memory"]["kv_cache_bytes"] / 2
    out = said(capsys, *words, "--gpu-layers", 17, "--explain")[1]
    assert "of the host's memory beside." in out
    assert "In the host's memory, beside: " in out
