"""A model is recognised by the names it goes by, and never taken for a relative."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.catalog.loader import find_model, load_models, load_quantizations
from llmpick.catalog.names import plain_name
from llmpick.evidence.model import ModelFacts

IN_FILE_NAMES = sorted(name for name in load_quantizations() if "-" not in name)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "HuggingFaceTB/SmolLM2-135M-Instruct"),
        ("HuggingFaceTB/SmolLM2-135M-Instruct@main", "HuggingFaceTB/SmolLM2-135M-Instruct"),
        ("/models/SmolLM2-135M-Instruct.Q4_1.gguf", "HuggingFaceTB/SmolLM2-135M-Instruct"),
        ("SmolLM2-135M", "HuggingFaceTB/SmolLM2-135M"),
        ("Gemma 3 270m", "google/gemma-3-270m"),
        ("gemma-3-270m-q4_k_m.gguf", "google/gemma-3-270m"),
        ("gemma-3-270m-it-Q8_0.gguf", "google/gemma-3-270m-it"),
        ("Gemma 3 270m It", "google/gemma-3-270m-it"),
        ("qwen2.5-7b-instruct-q4_k_m-00001-of-00002.gguf", "Qwen/Qwen2.5-7B-Instruct"),
        ("bartowski/Qwen2.5-7B-Instruct-GGUF", "Qwen/Qwen2.5-7B-Instruct"),
        ("Meta-Llama-3.1-8B-Instruct-IQ4_XS.gguf", "meta-llama/Llama-3.1-8B-Instruct"),
        ("Llama-3.2-1B-Instruct-UD-Q4_K_XL.gguf", "meta-llama/Llama-3.2-1B-Instruct"),
        ("llama-2-7b-chat.Q4_K_M.gguf", "meta-llama/Llama-2-7b-chat-hf"),
        ("ollama:qwen2.5:0.5b", "Qwen/Qwen2.5-0.5B-Instruct"),
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", "Qwen/Qwen2.5-7B-Instruct"),
        ("gpt-oss-20b-mxfp4.gguf", "openai/gpt-oss-20b"),
        ("SmolLM2-135M-Instruct-my-finetune", None),
        ("Qwen2.5-7B-Instruct-abliterated-Q4_K_M.gguf", None),
        ("Smollm2 135M 8k Lc100K Mix1 Ep2", None),
        ("vicuna-7b", None),
        ("model.gguf", None),
        ("", None),
    ],
)
def test_names_and_what_they_mean(name: str, found: str | None) -> None:
    model = find_model(name)
    assert (model and model.id) == found


def test_every_model_is_found_by_its_id_and_its_name() -> None:
    for model in load_models():
        for spelling in (model.id, model.name, model.id.upper()):
            found = find_model(spelling)
            assert found is not None, spelling
            assert found.id == model.id


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(load_models()), st.sampled_from(IN_FILE_NAMES), st.sampled_from("-."), st.booleans())
def test_a_quantised_file_is_the_same_model(model: ModelFacts, quantization: str, separator: str, small: bool) -> None:
    name = f"{model.name}{separator}{quantization}.gguf"
    found = find_model(name.lower() if small else name)
    assert found is not None
    assert found.id == model.id


def test_a_model_of_a_later_day_is_not_found_yet() -> None:
    assert find_model("Llama-2-7B", date(2023, 7, 17)) is None
    assert find_model("Llama-2-7B", date(2023, 7, 18)) is not None


@given(st.text(max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_text_has_a_plain_name_that_stays_itself(text: str) -> None:
    assert plain_name(plain_name(text)) == plain_name(text)
