"""Safetensors on transformers: a real, tiny model made here, with random weights and a trained tokenizer."""

import json
import re
import runpy
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from llmpick.evidence.call import AnswerForm, CallRequest, Completion, FreeText, JsonObject, Number, OneLabel, Sampling, Thinking
from llmpick.evidence.errors import EngineError, InputError, ModelFileError, TimedOutError
from llmpick.evidence.model import Weights
from llmpick.evidence.task import Message
from llmpick.measure.backends import hf
from llmpick.measure.backends.hf import HfBackend
from llmpick.measure.thinking import closed

torch = pytest.importorskip("torch", reason="the extra hf is not installed (make test installs it)")

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_hf.py")))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return tiny["make_tiny_hf"](tmp_path_factory.mktemp("chat"), chat=True)


@pytest.fixture(scope="module")
def backend(weights: Weights) -> Iterator[HfBackend]:
    with HfBackend(weights) as opened:
        yield opened


def asked(text: str, answer: AnswerForm, sampling: Sampling | None = None) -> CallRequest:
    return CallRequest("1", (Message("user", text),), f"{text}\nIntent:", answer, sampling or Sampling())


def test_label_probabilities_are_the_exact_likelihoods_of_their_tokens(backend: HfBackend) -> None:
    """The labels differ in their first token, so the model's own distribution of it, restricted to them, is what must come out."""
    labels = ("refund", "delivery", "thanks")
    request = asked("Message: where is my parcel?", OneLabel(labels))
    prompt = backend._prompts.prompt(request).tokens
    tokens = backend._prompts.labels(request, labels)
    with torch.inference_mode():
        logits = backend._model(torch.tensor([prompt])).logits[0, -1]
    first = torch.softmax(logits[[tokens[label][0] for label in labels]].double(), dim=-1).tolist()
    assert len({tokens[label][0] for label in labels}) == 3
    assert backend.complete(request).label_probabilities == pytest.approx(dict(zip(labels, first, strict=True)), abs=1e-5)


def test_the_shared_prefix_changes_nothing_but_rounding(backend: HfBackend) -> None:
    rows = [asked(f"Message: {word}", OneLabel(("refund", "delivery"))) for word in ("parcel", "money")]
    alone = [backend.complete(row).label_probabilities for row in rows]
    backend.prepare(rows)
    assert len(backend._prefix.tokens) > 3
    assert [backend.complete(row).label_probabilities for row in rows] == [pytest.approx(found, abs=1e-5) for found in alone]


def test_the_template_is_the_models_own_with_one_beginning(backend: HfBackend) -> None:
    prompt = backend._prompts.prompt(asked("hi", FreeText(2)))
    assert prompt.text == "<s><|user|>\nhi<|end|>\n<|assistant|>\n"
    assert prompt.tokens.count(0) == 1


@pytest.mark.parametrize("seed", range(3))
def test_held_answers_parse_even_from_random_weights_and_sampling(backend: HfBackend, seed: int) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 6}, "n": {"enum": [1, 2]}},
        "required": ["city", "n"],
        "additionalProperties": False,
    }
    answer = backend.complete(asked("JSON", JsonObject(schema, 120), Sampling(1.0, 0.9, seed)))
    assert answer.finish == "stop"
    jsonschema.validate(json.loads(answer.text), schema)
    number = backend.complete(asked("6 times 7", Number(), Sampling(1.0, 1.0, seed)))
    assert re.fullmatch(r"-?\d+(\.\d+)?", number.text)


def test_a_seed_makes_sampling_repeatable(backend: HfBackend) -> None:
    def told(seed: int) -> str:
        return backend.complete(asked("story", FreeText(8), Sampling(1.0, 0.9, seed))).text

    assert told(1) == told(1)
    assert len({told(seed) for seed in range(4)}) > 1


def test_a_schema_that_cannot_be_held_is_refused(backend: HfBackend) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "(?=x)y"}}}
    with pytest.raises(InputError, match="cannot hold"):
        backend.complete(asked("JSON", JsonObject(schema, 8)))


def test_what_is_recorded(backend: HfBackend) -> None:
    assert backend.engine.name == "transformers"
    assert torch.__version__ in backend.engine.version
    assert {"dtype": "float32", "enable_thinking": False}.items() <= backend.engine.options.items()
    assert (backend.resident_bytes() or 0) >= 0


# Folders that cannot be used


def truncate(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:2000])


def need_code(folder: Path) -> None:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "novel", "auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text("raise SystemExit('the folder ran its own code')")


def pickle_only(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")


def no_tokenizer(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()


@pytest.mark.parametrize("damage", [truncate, need_code, pickle_only, no_tokenizer])
def test_a_folder_that_cannot_be_used_is_a_model_file_error(weights: Weights, tmp_path: Path, damage: Any) -> None:
    folder = tmp_path / "model"
    shutil.copytree(weights.path, folder)
    damage(folder)
    with pytest.raises(ModelFileError, match="transformers cannot load this folder") as caught:
        HfBackend(tiny["weights_of"](folder, chat=True))
    assert caught.value.where == str(folder)


def test_weights_beyond_the_memory_limit_are_not_loaded(weights: Weights) -> None:
    with pytest.raises(EngineError, match="limit is") as caught:
        HfBackend(weights, memory_limit_bytes=1000)
    assert caught.value.fatal


def test_without_the_extra_the_remedy_is_its_installation(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hf, "MODULES", ("torch", "no_such_module"))
    with pytest.raises(InputError, match="no_such_module") as caught:
        HfBackend(weights)
    assert caught.value.remedy == "pip install 'llmpick[hf]'"


def test_a_template_that_refuses_names_the_row(weights: Weights, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(weights.path, folder)
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no system text, please') }}")
    with HfBackend(tiny["weights_of"](folder, chat=True)) as opened, pytest.raises(InputError, match="no system text") as caught:
        opened.prepare([asked("hi", FreeText(2))])
    assert caught.value.where == "row 1"


# Thinking

THINKING = Thinking(True, 8, {"enable_thinking": True})


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HfBackend]:
    """The tiny model behind a template with a switch."""
    folder = tmp_path_factory.mktemp("thinker")
    weights = tiny["make_tiny_hf"](folder, chat=True)
    template = folder / "chat_template.jinja"
    switch = "{% if add_generation_prompt and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}"
    template.write_text(template.read_text() + switch)
    with HfBackend(weights) as opened:
        yield opened


@pytest.mark.parametrize(
    "answer",
    [
        OneLabel(("refund", "delivery")),
        Number(),
        JsonObject({"type": "object", "properties": {}, "additionalProperties": False}, 20),
        FreeText(4),
    ],
)
def test_it_reasons_within_its_budget_and_then_answers_in_the_asked_form(thinker: HfBackend, answer: AnswerForm) -> None:
    request = replace(asked("Message: where is my parcel?", answer), thinking=THINKING)
    plain = replace(request, thinking=None)
    thinker.prepare([request, plain])
    thought, silent = thinker.complete(request), thinker.complete(plain)
    assert 0 < thought.reasoning_tokens <= 8
    assert thought.output_tokens > thought.reasoning_tokens
    assert silent.reasoning_tokens == 0
    assert essence(thinker.complete(request)) == essence(thought)
    if isinstance(answer, OneLabel):
        assert sum((thought.label_probabilities or {}).values()) == pytest.approx(1)
    if isinstance(answer, JsonObject):
        assert json.loads(thought.text) == {}


def test_the_labels_are_scored_behind_the_reasoning(thinker: HfBackend) -> None:
    """The model's own distribution after prompt, reasoning and closing tag, restricted to the labels' first tokens."""
    labels = ("refund", "delivery", "thanks")
    request = replace(asked("Message: where is my parcel?", OneLabel(labels)), thinking=THINKING)
    answer = thinker.complete(request)
    prompt = thinker._prompts.prompt(request)
    assert prompt.text.endswith("<|assistant|>\n<think>\n")
    behind = thinker._prompts.after(prompt, closed(answer.reasoning, THINKING, cut=answer.reasoning_cut))
    first = [thinker._prompts.labels(request, labels, behind)[label][0] for label in labels]
    with torch.inference_mode():
        logits = thinker._model(torch.tensor([behind.tokens])).logits[0, -1]
    assert list((answer.label_probabilities or {}).values()) == pytest.approx(
        torch.softmax(logits[first].double(), dim=-1).tolist(), abs=1e-5
    )


def test_a_call_that_takes_too_long_loses_its_row_only(backend: HfBackend) -> None:
    request = asked("Message: where is my parcel?", FreeText(30))
    before = backend.complete(request).text
    backend.call_timeout_s = 1e-9
    with pytest.raises(TimedOutError) as caught:
        backend.complete(request)
    backend.call_timeout_s = None
    assert not caught.value.fatal
    assert backend.complete(request).text == before


def essence(answer: Completion) -> tuple[object, ...]:
    return answer.text, answer.reasoning, answer.output_tokens, answer.label_probabilities
