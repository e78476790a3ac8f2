"""`llmpick scale budget`: the terminal, the evidence it takes, and what it refuses."""

import json

import pytest
from click.testing import CliRunner

from llmpick.cli.main import run
from llmpick.cli.scale_budget import budget

LLAMA = ("--params", "6.7e9", "--tokens", "1T", "--device", "A100-80GB", "--gpus", "128")


def printed(*words: str) -> str:
    result = CliRunner().invoke(budget, list(words), env={"COLUMNS": "120"}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def document(*words: str) -> dict:
    return json.loads(CliRunner().invoke(budget, [*words, "--json"], catch_exceptions=False).stdout)


def test_the_answer_in_words():
    text = printed(*LLAMA, "--mfu", "0.434", "--price", "2/h")
    assert "It takes 82,467 GPU-hours, 26.8 days; $164,934; 36.3 MWh; 14.0 t CO2e." in text
    assert "FLOPs of weights, 6 N D 4.02e+22" in text
    assert "FLOPs of attention 3.22e+21" in text
    assert "It fits: 33.8 GiB of the 79.2 GiB of each device, the optimizer's states sharded (ZeRO 1), nothing recomputed" in text


def test_every_formula_when_asked():
    text = printed(*LLAMA, "--mfu", "0.434", "--price", "2/h", "--explain")
    assert "6 N D = 6 x 6.7e+09 x 1e+12 = 4.02e+22" in text
    assert "12 x layers x width of all heads x context x D = 3.221e+09 x 1e+12 = 3.22e+21" in text
    assert "4.02e+22 FLOPs / (312 TFLOPS x 0.434 x 3600) = 82,467" in text
    assert "82,467 GPU-hours / (128 GPUs x 24) = 26.8" in text
    assert "x 400 W x PUE 1.1 = 36.3" in text
    assert "MWh x 0.385 kg/kWh = 14.0" in text
    assert "benchmarks of this layout, an upper bound: MFU 35.9% to 64.2%" in text
    assert "64.9B on 32/64 A100-80, 2.65B on 8/16/32/64/128 A100-40" in text
    assert "12 N_trained / 128" in text
    assert "6 N D = " not in printed(*LLAMA)


def test_through_the_group():
    result = CliRunner()
    with result.isolation() as (out, *_):
        assert run(["scale", "budget", *LLAMA, "--json"]) == 0
        assert json.loads(out.getvalue())["gpus"] == 128


def test_finished_trainings_stand_behind_the_mfu():
    h100 = document("--params", "8B", "--tokens", "15T", "--device", "H100", "--gpus", "1024", "--context", "8k")
    assert h100["mfu"]["value"] == pytest.approx(0.307, abs=0.005)
    assert "Llama-3.1-405B" in h100["mfu_runs"]["of"]
    assert h100["mfu_benchmarks"]["low"] > h100["mfu"]["value"]
    assert h100["gpu_hours"]["low"] < 1_300_000 < h100["gpu_hours"]["high"]


def test_a_device_on_which_nothing_was_trained():
    answer = document("--params", "1B", "--tokens", "1B", "--device", "RTX 4090")
    assert len(answer["mfu_runs"]["of"]) > 10
    assert any(note.startswith("No finished training on RTX 4090") for note in answer["notes"])
    assert answer["unknown"]["mfu_benchmarks"] == "no benchmark of fsdp on RTX 4090 is known"


def test_fine_tuning_says_that_its_mfu_is_a_guess():
    notes = {
        method: " ".join(document(*LLAMA, "--method", method)["notes"]) for method in ("pretrain", "continue", "full", "lora", "qlora")
    }
    assert {method for method, text in notes.items() if "The MFU is assumed" in text} == {"full", "lora", "qlora"}
    sources = {one["name"]: one["source"] for one in document(*LLAMA, "--method", "lora")["lines"]}
    assert sources["mfu"].startswith("assumed to be as in pre-training")


def test_adapters_take_less_of_everything():
    full, lora, qlora = (
        document("--model", "LLaMA-13B", "--tokens", "50M", "--device", "A100-80GB", "--method", method)
        for method in ("full", "lora", "qlora")
    )
    assert full["memory"]["fits"] == "no"
    assert full["memory"]["total_bytes"] > lora["memory"]["total_bytes"] > qlora["memory"]["total_bytes"]
    assert full["flops"]["value"] > lora["flops"]["value"] == qlora["flops"]["value"]
    assert lora["adapter_params"] == 40 * 64 * (4 * 2 * 5120 + 3 * (5120 + 13_824))


def test_a_mixture_pays_for_active_parameters_and_keeps_all():
    answer = document("--params", "37B", "--params-total", "671B", "--tokens", "14.8T", "--device", "H800", "--gpus", "2048")
    assert answer["flops"]["value"] == pytest.approx(6 * 37e9 * 14.8e12)
    assert answer["gpu_hours"]["low"] < 2_788_000 < answer["gpu_hours"]["high"]
    shards = answer["memory"]["layout"]["data_parallel"]
    held = {line["name"]: line["bytes"] for line in answer["memory"]["lines"]}
    assert [held[name] for name in ("weights", "gradients", "optimizer")] == pytest.approx([n * 671e9 / shards for n in (2, 2, 12)])
    assert any("those of all 671B parameters; FLOPs and activations are those of the 37B" in note for note in answer["notes"])


def test_a_mixture_needs_devices_for_all_that_it_holds():
    """16 bytes for each of 671B are 10.7 TB: 128 x 80 GB cannot hold them, whatever a token passes."""
    few, many = (
        document("--params", "37B", "--params-total", "671B", "--tokens", "1T", "--device", "H800", "--gpus", n) for n in ("128", "1024")
    )
    assert (few["memory"]["fits"], many["memory"]["fits"]) == ("no", "yes")
    assert few["memory"]["total_bytes"] > 16 * 671e9 / 128


def test_a_long_context_takes_its_hours():
    """A 7B model of 32 layers, 4,096 wide: 12 x 32 x 4096 x s FLOPs a token, 6.2 times the work at 131,072 tokens that it is at 2,048."""
    short, long = (document(*LLAMA, "--context", context) for context in ("2048", "128k"))
    assert short["flops"] == long["flops"]
    for answer, context in ((short, 2048), (long, 131_072)):
        assert answer["attention_flops"]["value"] == pytest.approx(12 * 32 * 4096 * context * 1e12)
    work = [answer["flops"]["value"] + answer["attention_flops"]["value"] for answer in (short, long)]
    assert long["gpu_hours"]["value"] / short["gpu_hours"]["value"] == pytest.approx(work[1] / work[0]) == pytest.approx(5.67, abs=0.01)
    assert document(*LLAMA, "--context", "1M")["memory"]["layout"]["context_tokens"] == 2**20


def test_a_given_mfu_is_of_the_products_with_weights_at_2048_tokens():
    usual, long = (document(*LLAMA, "--mfu", "0.434", "--context", context) for context in ("2048", "32768"))
    assert usual["gpu_hours"]["value"] == pytest.approx(6 * 6.7e9 * 1e12 / (312e12 * 0.434 * 3600))
    work = [answer["flops"]["value"] + answer["attention_flops"]["value"] for answer in (usual, long)]
    assert long["gpu_hours"]["value"] / usual["gpu_hours"]["value"] == pytest.approx(work[1] / work[0])
    assert any("75.6% with attention counted" in note for note in document(*LLAMA, "--mfu", "0.7")["notes"])


def test_the_rent_is_the_middle_of_the_offers_and_says_so():
    answer = document(*LLAMA, "--mfu", "0.434")
    assert answer["money"]["value"] / answer["gpu_hours"]["value"] == pytest.approx((1.39 + 2.45) / 2)
    assert answer["money"]["low"] / answer["gpu_hours"]["value"] == pytest.approx(1.39)
    assert any("The rent is $1.92 an hour, the middle of $1.39 to $2.45 of March 2026" in note for note in answer["notes"])
    assert any("$3.42 an hour, the one offer known" in note for note in document(*LLAMA[:4], "--device", "H800")["notes"])


def test_where_the_driver_was_not_seen_the_memory_is_the_makers():
    assert any("is its makers' figure" in note for note in document(*LLAMA[:4], "--device", "H800 PCIe")["notes"])
    h800, h100 = (document(*LLAMA[:4], "--device", name)["memory"]["available_bytes"] for name in ("H800", "H100"))
    assert h800 == pytest.approx(h100, rel=0.01)


def test_the_layout_that_is_asked_for():
    layout = document(*LLAMA, "--zero", "3", "--tensor-parallel", "2", "--pipeline-parallel", "2", "--recompute", "full")["memory"][
        "layout"
    ]
    assert (layout["zero_stage"], layout["tensor_parallel"], layout["pipeline_parallel"], layout["data_parallel"]) == (3, 2, 2, 32)
    assert layout["recompute"] == "full"


def test_notes_on_work_that_mfu_does_not_count():
    notes = " ".join(document(*LLAMA, "--context", "8k", "--recompute", "full")["notes"])
    assert "Attention over 8,192 tokens is 32% of 6 N D, and is in the hours" in notes
    assert "All activations are computed twice to save memory: 33% more work" in notes
    assert "Attention" not in " ".join(document(*LLAMA)["notes"])


def test_a_batch_and_a_pipeline():
    """Four stages and 8 micro-batches: (4 - 1) / 8 of the time at work; a batch below one pass of all devices cannot be."""
    piped = (*LLAMA, "--pipeline-parallel", "4")
    layout = document(*piped)["memory"]["layout"]
    assert layout["step_tokens"] == 2048 * layout["data_parallel"]
    notes = document(*piped, "--batch-tokens", str(8 * layout["step_tokens"]))["notes"]
    assert "4 pipeline stages and 8 micro-batches: idle for 38% of their time at work." in notes
    assert any("more than a batch of 100,000" in note for note in document(*LLAMA, "--batch-tokens", "100k")["notes"])


def test_more_devices_than_the_training_has_use_for():
    notes = document("--params", "7B", "--tokens", "10M", "--device", "H100", "--gpus", "10000")["notes"]
    assert any("One pass of all devices takes 20.5M tokens, more than the whole training" in note for note in notes)


def test_an_mfu_above_all_benchmarks_is_remarked_on():
    assert any("more than any benchmark" in note for note in document(*LLAMA, "--mfu", "0.9")["notes"])


@pytest.mark.parametrize("price", ["2/h", "$2/h", "2", "2.0/hour", "2 usd/h"])
def test_ways_to_write_a_price(price):
    answer = document(*LLAMA, "--price", price)
    assert answer["money"]["value"] == pytest.approx(2 * answer["gpu_hours"]["value"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--tokens", "1T", "--device", "A100"), "the size of the model is not clear"),
        (("--params", "7B", "--model", "LLaMA-7B", "--tokens", "1T", "--device", "A100"), "the size of the model is not clear"),
        (("--params", "7B", "--params-total", "6B", "--tokens", "1T", "--device", "A100"), "fewer parameters in all"),
        (("--params", "7B", "--tokens", "1T", "--device", "A101"), "not in the catalog"),
        (("--params", "-7", "--tokens", "1T", "--device", "A100"), "no number above 0"),
        (("--params", "nan", "--tokens", "1T", "--device", "A100"), "no number above 0"),
        (("--params", "6,7B", "--tokens", "1T", "--device", "A100"), "no number above 0"),
        (("--params", "7B", "--tokens", "1T", "--device", "A100", "--mfu", "1.5"), "range 0<x<=1. It is a share: write 0.43 for 43%."),
        (("--params", "7B", "--tokens", "1T", "--device", "A100", "--mfu", "46"), "write 0.46 for 46%"),
        (("--params", "1e-3", "--tokens", "1T", "--device", "A100"), "'1e-3' is less than 1"),
        (("--params", "7B", "--tokens", "0.5", "--device", "A100"), "'0.5' is less than 1"),
        (("--params", "7B", "--tokens", "1T", "--device", "A100", "--context", "1G"), "no number of tokens"),
        (("--params", "7B", "--tokens", "1T", "--device", "A100", "--price", "cheap"), "no price per hour"),
        (("--params", "7B", "--tokens", "1T", "--device", "A100", "--gpus", "8", "--tensor-parallel", "3"), "cannot be split"),
        (("--params", "7B", "--tokens", "1T", "--device", "A100", "--lora-rank", "8"), "trains no adapters"),
        (("--params", "7B", "--tokens", "1T", "--device", "A100", "--method", "lora", "--lora-rank", "9999"), "give at most 4,096"),
    ],
)
def test_what_is_refused(words, said, capsys):
    assert run(["scale", "budget", *words]) == 2
    assert said in capsys.readouterr().err
