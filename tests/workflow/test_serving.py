"""The command that serves the chosen model says whether it is to think, as it was measured."""

import shlex
from pathlib import Path

import pytest

from llmpick.evidence.call import Thinking
from llmpick.evidence.model import Baseline, Candidate, Endpoint, Weights
from llmpick.measure.thinking import find_switch
from llmpick.workflow.serving import how_to_serve, told_in_words

QWEN = "{% if add_generation_prompt %}{% if enable_thinking is false %}<think>\n\n</think>{% endif %}{% endif %}{{ messages }}"
GRANITE = "{{ messages }}{% if thinking %}<think>{% endif %}</think>"
SEED = "{{ messages }}{% if thinking_budget %}<seed:think>{% endif %}</seed:think>"
NEMOTRON = "{% if '/no_think' in messages %}{% elif '/think' in messages %}<think></think>{% endif %}"
ALWAYS = "{{ messages }}{% if add_generation_prompt %}<think>\n{% endif %}"
PLAIN = "{{ messages }}"


def weights(template: str | None, path: str = "m.gguf") -> Weights:
    return Weights(Path(path), "gguf" if path.endswith(".gguf") else "safetensors", 1, "Q4_K_M", None, 4096, template)


def told(template: str, on: bool, budget: int | None = None) -> Thinking:
    switch = find_switch(template)
    assert switch is not None
    return switch.set_to(on, budget)


@pytest.mark.parametrize(
    ("template", "thinking", "command"),
    [
        (PLAIN, None, ""),
        (None, None, ""),
        (QWEN, told(QWEN, True, 2048), " --reasoning on --reasoning-budget 2048"),
        (QWEN, told(QWEN, False), " --reasoning off"),
        (QWEN, None, " --reasoning off"),
        (GRANITE, None, ""),
        (GRANITE, told(GRANITE, True, 9), """ --reasoning on --chat-template-kwargs '{"thinking": true}' --reasoning-budget 9"""),
        (GRANITE, told(GRANITE, False), """ --reasoning off --chat-template-kwargs '{"thinking": false}'"""),
        (SEED, told(SEED, True, 512), """ --reasoning on --chat-template-kwargs '{"thinking_budget": 512}' --reasoning-budget 512"""),
        (ALWAYS, told(ALWAYS, True, 64), " --reasoning on --reasoning-budget 64"),
        (NEMOTRON, told(NEMOTRON, False), " --reasoning off"),
    ],
)
def test_llama_server_is_told_as_the_engine_was(template: str | None, thinking: Thinking | None, command: str) -> None:
    chosen = how_to_serve(Candidate("m.gguf", weights(template), None, thinking), 4096)
    assert chosen is not None
    assert chosen.command == "llama-server --model m.gguf --ctx-size 4096" + command


def test_users_at_once_have_a_context_each() -> None:
    chosen = how_to_serve(Candidate("m.gguf", weights(PLAIN)), 4096, users=3)
    assert chosen is not None
    assert chosen.command == "llama-server --model m.gguf --ctx-size 12288 --parallel 3"


@pytest.mark.parametrize(
    ("run", "thinking", "command"),
    [
        (weights(QWEN, "folder"), told(QWEN, True), "transformers serve folder --reasoning on"),
        (weights(QWEN, "folder"), None, "transformers serve folder --reasoning off"),
        (weights(PLAIN, "a b/c"), None, "transformers serve 'a b/c'"),
        (Endpoint("http://h", "q:1b", "ollama"), Thinking(True, 9), "ollama run q:1b --think"),
        (Endpoint("http://h", "q:1b", "ollama"), Thinking(False), "ollama run q:1b --think=false"),
        (Endpoint("http://h", "q:1b", "ollama"), None, "ollama run q:1b"),
        (Endpoint("http://h/v1", "q"), Thinking(True, 9), "# served at http://h/v1 as q"),
    ],
)
def test_other_engines(run: Weights | Endpoint, thinking: Thinking | None, command: str) -> None:
    chosen = how_to_serve(Candidate("m", run, None, thinking), 4096)
    assert chosen is not None
    assert chosen.command == command


def test_a_baseline_needs_no_server_and_a_path_with_spaces_can_be_pasted() -> None:
    assert how_to_serve(Candidate("baseline:tfidf", Baseline("tfidf")), 4096) is None
    chosen = how_to_serve(Candidate("m", weights(PLAIN, "my models/a;b.gguf")), 512)
    assert chosen is not None
    assert shlex.split(chosen.command) == ["llama-server", "--model", "my models/a;b.gguf", "--ctx-size", "512"]


def test_a_word_of_the_system_text_is_told_in_words() -> None:
    spoken = Candidate("m.gguf?thinking=off", weights(NEMOTRON), None, told(NEMOTRON, False))
    assert "'/no_think' in its system text" in (told_in_words(spoken) or "")
    assert told_in_words(Candidate("m.gguf", weights(QWEN), None, told(QWEN, True))) is None
    assert told_in_words(Candidate("m.gguf", weights(PLAIN))) is None
