"""llama.cpp in its child process: every fate that a bad file, template, limit or signal can bring is a clear error, and no child is left.

The facts that the engine's design rests on are held here too, so that a new version of the wheel that changes one fails a test.
"""

import json
import logging
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from llmpick.evidence.call import ENDING, AnswerForm, CallRequest, FreeText, JsonObject, Number, OneLabel, Sampling
from llmpick.evidence.errors import EngineError, InputError, ModelFileError
from llmpick.evidence.model import Weights
from llmpick.evidence.task import Message
from llmpick.measure.backends.llamacpp import LlamaCppBackend, computes_on
from llmpick.measure.llamacpp import process as llamacpp_process
from llmpick.measure.llamacpp.process import LlamaCppProcess, Start, reason_in
from llmpick.measure.server.client import Client
from llmpick.measure.thinking import find_switch

TEMPLATE_KEY = b"tokenizer.chat_template"


def weights_of(path: Path, *, chat: bool = True, context_tokens: int = 8192) -> Weights:
    return Weights(path, "gguf", path.stat().st_size if path.exists() else 0, "Q4", None, context_tokens, "its own" if chat else None)


def asked(row: str, text: str, answer: AnswerForm, sampling: Sampling | None = None) -> CallRequest:
    return CallRequest(row, (Message("user", text),), f"{text}\nAnswer:", answer, sampling or Sampling())


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if llamacpp_process.CHILD in child.cmdline()]


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    before = {child.pid for child in children()}
    yield
    assert {child.pid for child in children()} <= before


@pytest.fixture(scope="module")
def smollm2(smollm2_path: Path) -> Iterator[LlamaCppBackend]:
    with LlamaCppBackend(weights_of(smollm2_path), context_tokens=512) as backend:
        yield backend


def with_template(source: Path, target: Path, template: str) -> Path:
    """A copy of a GGUF file with another chat template of the same length."""
    content = bytearray(source.read_bytes())
    at = content.index(TEMPLATE_KEY) + len(TEMPLATE_KEY) + 4
    (length,) = struct.unpack_from("<Q", content, at)
    content[at + 8 : at + 8 + length] = template.encode() + b"{#" + b"x" * (length - len(template) - 4) + b"#}"
    target.write_bytes(content)
    return target


# Files


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda good: good[:5_000_000], "not within the file bounds"),
        (lambda good: good[:1000], "failed to"),
        (lambda good: b"", "failed to read magic"),
        (lambda good: b"This is a text, not a model. " * 9, "invalid magic"),
        (lambda good: bytes(100_000), "invalid magic"),
    ],
    ids=["truncated weights", "truncated header", "empty", "text", "zeros"],
)
def test_a_file_that_is_no_model_says_why(tmp_path: Path, smollm2_path: Path, make: Callable[[bytes], bytes], says: str) -> None:
    bad = tmp_path / "bad.gguf"
    with smollm2_path.open("rb") as good:
        bad.write_bytes(make(good.read(6_000_000)))
    with pytest.raises(ModelFileError, match=says) as caught:
        LlamaCppBackend(weights_of(bad))
    assert str(bad) in caught.value.where
    assert "SHA-256" in caught.value.remedy


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such model file"):
        LlamaCppBackend(weights_of(tmp_path / "none.gguf"))


def test_a_file_that_aborts_the_engine_is_a_model_file_error(tmp_path: Path, smollm2_path: Path) -> None:
    content = bytearray(smollm2_path.read_bytes())
    at = content.index(b"llama.block_count") + len(b"llama.block_count") + 4
    struct.pack_into("<I", content, at, 0)
    (tmp_path / "abort.gguf").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"ended by SIGABRT: .*GGML_ASSERT"):
        LlamaCppBackend(weights_of(tmp_path / "abort.gguf"))


def test_a_template_that_never_ends_is_stopped_at_the_start_timeout(tmp_path: Path, smollm2_path: Path) -> None:
    forever = "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}"
    looping = with_template(smollm2_path, tmp_path / "loop.gguf", forever)
    started = time.monotonic()
    with pytest.raises(EngineError, match="did not start within 3 s") as caught:
        LlamaCppBackend(weights_of(looping), start_timeout_s=3)
    assert caught.value.fatal
    assert time.monotonic() - started < 10


def test_a_template_that_cannot_be_read_is_named(tmp_path: Path, smollm2_path: Path) -> None:
    broken = with_template(smollm2_path, tmp_path / "broken.gguf", "{% for x in %}")
    with pytest.raises(ModelFileError, match="Unexpected token") as caught:
        LlamaCppBackend(weights_of(broken))
    assert "chat template" in caught.value.remedy


# Context and memory


def test_a_context_beyond_the_models_is_refused_before_a_child_is_started(smollm2_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a child was started"))
    with pytest.raises(InputError, match="at most 8192"):
        LlamaCppBackend(weights_of(smollm2_path), context_tokens=2_000_000_000)


def test_a_context_beyond_the_memory_limit_is_refused_by_the_limit(smollm2_path: Path) -> None:
    with pytest.raises(EngineError, match=r"limit 0\.4 GiB.*insufficient memory") as caught:
        LlamaCppBackend(weights_of(smollm2_path, context_tokens=131072), context_tokens=131072, memory_limit_bytes=400 * 2**20)
    assert "context_tokens" in caught.value.remedy


def test_an_engine_that_is_not_installed_says_what_to_install(smollm2_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise ModuleNotFoundError(\"No module named 'xllamacpp'\")")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(InputError, match="not installed") as caught:
        LlamaCppBackend(weights_of(smollm2_path))
    assert caught.value.remedy == "pip install xllamacpp"


# The engine's death


def test_a_killed_engine_is_started_once_more_in_the_same_state_and_then_given_up(
    smollm2_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [asked(str(i), f"Say a word about the number {i}.", FreeText(6)) for i in range(3)]
    with LlamaCppBackend(weights_of(smollm2_path), context_tokens=512) as backend:
        backend.prepare(rows)
        before = [backend.complete(row).text for row in rows]
        with caplog.at_level(logging.WARNING):
            os.kill(child_of(backend), signal.SIGKILL)
            after = [backend.complete(row).text for row in rows]
        assert after == before
        assert backend.restarts == 1
        assert "started again" in caplog.text
        assert "SIGKILL" in caplog.text
        os.kill(child_of(backend), signal.SIGKILL)
        with pytest.raises(EngineError, match=r"given up after a restart.*SIGKILL") as caught:
            backend.complete(rows[0])
        assert caught.value.fatal
        assert "row 0" in caught.value.where
        with pytest.raises(EngineError, match="closed"):
            backend.complete(rows[1])


def test_a_call_that_hangs_ends_with_its_timeout(smollm2_path: Path) -> None:
    with LlamaCppBackend(weights_of(smollm2_path), context_tokens=512, call_timeout_s=3) as backend:
        backend.prepare([asked("1", "Hello.", FreeText(2))])
        os.kill(child_of(backend), signal.SIGSTOP)
        assert backend.complete(asked("1", "Hello.", FreeText(2))).text
        assert backend.restarts == 1


@pytest.mark.parametrize("when", ["serving", "starting"])
def test_the_child_dies_with_its_parent(smollm2_path: Path, tmp_path: Path, when: str) -> None:
    """Even by kill -9 and even while it loads, when it cannot look after itself."""
    path = smollm2_path
    if when == "starting":
        path = with_template(
            smollm2_path, tmp_path / "loop.gguf", "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}"
        )
    script = (
        "import sys, time; from pathlib import Path; from llmpick.measure.llamacpp.process import *\n"
        f"process = LlamaCppProcess(Start(Path({str(path)!r}), 256, 1, 2**31, 60)); print('ready', flush=True); time.sleep(60)"
    )
    folders = tmp_path / "folders"
    folders.mkdir()
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(folders)})
    assert parent.stdout is not None
    try:
        if when == "serving":
            assert parent.stdout.readline() == "ready\n"
        child = wait_for(lambda: psutil.Process(parent.pid).children())[0]
        if when == "starting":
            # From then on the engine holds the interpreter.
            wait_for(lambda: child.cpu_times().user > 1.5)
        parent.kill()
        parent.wait()
        assert psutil.wait_procs([child], timeout=5)[1] == []
        assert when == "starting" or not any(folders.iterdir())
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()


def test_ctrl_c_in_the_terminal_is_not_for_the_child(smollm2: LlamaCppBackend) -> None:
    assert os.getsid(child_of(smollm2)) != os.getsid(0)


def child_of(backend: LlamaCppBackend) -> int:
    return next(child.pid for child in children() if backend._process.pid == child.pid)


def wait_for(found: Callable[[], object], seconds: float = 20) -> list[psutil.Process]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if it := found():
            return it  # type: ignore[return-value]
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


# Thinking

THINKING_TEMPLATE = (
    "{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- endfor %}"
    "{{- '<|im_start|>assistant\\n' }}{% if enable_thinking is false %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}"
)
"""A template with the switch of Qwen3, short enough for the place of SmolLM2's own."""
ON = find_switch(THINKING_TEMPLATE).set_to(True, 24)  # type: ignore[union-attr]
OFF = find_switch(THINKING_TEMPLATE).set_to(False)  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def thinker(smollm2_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaCppBackend]:
    """SmolLM2, which was never taught to think, behind a template that lets it: all but the sense of what it thinks is real."""
    path = with_template(smollm2_path, tmp_path_factory.mktemp("thinker") / "thinker.gguf", THINKING_TEMPLATE)
    with LlamaCppBackend(weights_of(path), context_tokens=512) as backend:
        yield backend


LABELS = OneLabel(("refund", "refund status", "delivery"))
THOUGHTFUL = [
    replace(asked("label", "Which of refund, refund status, delivery? Message: where is my parcel?", LABELS), thinking=ON),
    replace(asked("number", "What is 6 times 7?", Number()), thinking=ON),
    replace(
        asked(
            "json",
            "A city as JSON",
            JsonObject(
                {"type": "object", "properties": {"city": {"enum": ["Rome"]}}, "required": ["city"], "additionalProperties": False}, 30
            ),
        ),
        thinking=ON,
    ),
    replace(asked("free", "Say a word.", FreeText(5, ("\n",))), thinking=ON),
]


def test_it_reasons_within_its_budget_and_then_answers_in_the_asked_form(thinker: LlamaCppBackend) -> None:
    thinker.prepare(THOUGHTFUL)
    label, number, object_, free = [thinker.complete(request) for request in THOUGHTFUL]
    for answer in (label, number, object_, free):
        assert answer.reasoning
        assert "<think>" not in answer.text + answer.reasoning
        assert 0 < answer.reasoning_tokens <= 24
        assert answer.output_tokens > answer.reasoning_tokens
        assert answer.seconds >= (answer.decode_seconds or 0)
    assert label.label_probabilities is not None
    assert sum(label.label_probabilities.values()) == pytest.approx(1)
    assert label.text == max(label.label_probabilities, key=label.label_probabilities.__getitem__)
    assert float(number.text) is not None
    assert json.loads(object_.text) == {"city": "Rome"}
    assert "\n" not in free.text


def test_a_thoughtful_answer_depends_on_its_request_alone(thinker: LlamaCppBackend) -> None:
    """The second call goes on from what the first left in the slot; whatever was asked before must not show."""
    thinker.prepare(THOUGHTFUL)
    forwards = [thinker.complete(request) for request in THOUGHTFUL]
    backwards = [thinker.complete(request) for request in reversed(THOUGHTFUL)][::-1]
    for one, other in zip(forwards, backwards, strict=True):
        assert (one.text, one.reasoning, one.output_tokens) == (other.text, other.reasoning, other.output_tokens)
        assert one.label_probabilities == other.label_probabilities


def test_the_answer_is_that_of_a_prompt_with_the_reasoning_in_it(thinker: LlamaCppBackend) -> None:
    """Scored from nothing: the whole prompt, the reasoning and its closing tag, evaluated afresh."""
    request = THOUGHTFUL[0]
    answer = thinker.complete(request)
    assert answer.reasoning_cut
    prompt = thinker._prompts.prompt(request)
    assert prompt.text.endswith("<|im_start|>assistant\n<think>\n")
    whole = prompt.text + f"{answer.reasoning}\n\n{ENDING}\n</think>\n\n"
    ids = thinker._tokenize(whole)
    labels = {label: thinker._tokenize(label)[0] for label in ("refund", "delivery")}
    body = {"max_tokens": 1, "temperature": 0, "n_probs": 20_000}
    listed = thinker._call(request, ids, body)["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
    told = {entry["id"]: 2.718281828459045 ** entry["logprob"] for entry in listed}
    assert answer.label_probabilities is not None
    delivery = told[labels["delivery"]] / (told[labels["delivery"]] + told[labels["refund"]])
    assert answer.label_probabilities["delivery"] == pytest.approx(delivery, abs=0.02)


def test_off_is_what_it_does_when_nothing_is_said(thinker: LlamaCppBackend) -> None:
    plain = asked("1", "Say a word.", FreeText(5))
    off = replace(plain, thinking=OFF)
    assert thinker._prompts.prompt(plain).text == thinker._prompts.prompt(off).text
    assert thinker._prompts.prompt(off).text.endswith("<think>\n\n</think>\n\n")
    assert thinker.complete(plain).text == thinker.complete(off).text
    assert thinker.complete(off).reasoning == ""


def test_there_must_be_room_for_the_reasoning(thinker: LlamaCppBackend) -> None:
    with pytest.raises(InputError, match="the context holds 512") as caught:
        thinker.prepare([replace(THOUGHTFUL[0], thinking=replace(ON, max_tokens=500))])
    assert "row label" in caught.value.where


# Calls that take too long


def test_a_call_that_takes_too_long_loses_its_row_and_too_many_of_them_the_engine(smollm2_path: Path) -> None:
    long, short = asked("long", "Tell a long story.", FreeText(400)), asked("short", "Hello.", FreeText(2))
    with LlamaCppBackend(weights_of(smollm2_path), context_tokens=512) as backend:
        backend.prepare([long, short])
        before = backend.complete(short).text
        for seconds, fatal in ((0.05, False), (0.05, False), (None, None), (0.05, False), (0.05, False), (0.05, True)):
            backend.call_timeout_s = seconds
            if fatal is None:
                assert backend.complete(short).text == before, "the slot is free again"
                continue
            with pytest.raises(EngineError, match=r"takes too long|in time") as caught:
                backend.complete(long)
            assert caught.value.fatal == fatal
            assert "row long" in caught.value.where
        assert backend.restarts == 0


# Facts that the design rests on


def test_the_child_serves_only_who_knows_the_key(smollm2: LlamaCppBackend) -> None:
    stranger = Client(f"{smollm2._process.url}/v1", key="guessed", timeout_s=5, retries=0)
    with pytest.raises(InputError, match="key"):
        stranger.post("/completions", {"prompt": "hi", "max_tokens": 1})
    stranger.close()


def test_label_probabilities_are_those_of_forced_tokens(smollm2: LlamaCppBackend) -> None:
    """Forced by a grammar each label's token tells its raw log-probability; restricted to the labels these must be the biased call's."""
    request = asked("1", "Is the sky green?", OneLabel(("yes", "no", "red", "green")))
    tokens = smollm2._prompts.labels(request, request.answer.labels)  # type: ignore[union-attr]
    assert {len(ids) for ids in tokens.values()} == {1}
    prompt = smollm2._prompts.prompt(request).tokens
    weights = {}
    for label, (token,) in tokens.items():
        body = {"max_tokens": 1, "temperature": 0, "grammar": f"root ::= <[{token}]>", "n_probs": 1}
        answer = smollm2._call(request, prompt, body)
        weights[label] = 2.718281828459045 ** answer["choices"][0]["logprobs"]["content"][0]["logprob"]
    total = sum(weights.values())
    found = smollm2.complete(request).label_probabilities
    assert found == pytest.approx({label: weight / total for label, weight in weights.items()}, abs=1e-5)


def test_labels_of_several_tokens_and_a_label_that_begins_another(smollm2: LlamaCppBackend) -> None:
    answer = smollm2.complete(
        asked("1", "Is it a refund?", OneLabel(("refund", "refund status", "refund status request", "Lieferverzögerung")))
    )
    assert answer.label_probabilities is not None
    assert sum(answer.label_probabilities.values()) == pytest.approx(1)
    assert answer.output_tokens > 1


def test_restoring_a_groups_prefix_gives_what_evaluating_it_again_gives(smollm2: LlamaCppBackend) -> None:
    """Two groups with other words at the beginning, their rows mixed: each call starts from its own group's state."""
    colours = [replace(asked(str(i), f"Name the colour of item {i}.", FreeText(8)), group="colours") for i in range(3)]
    towns = [replace(asked(f"t{i}", f"Is town {i} in the north?", FreeText(8)), group="towns") for i in range(3)]
    mixed = [row for pair in zip(colours, towns, strict=True) for row in pair]
    smollm2.prepare(mixed)
    answers = {row.row: smollm2.complete(row).text for row in mixed}
    assert answers == {row.row: smollm2.complete(row).text for row in reversed(mixed)}
    for row in mixed:
        prompt = smollm2._prompts.prompt(row).tokens
        shared = len(smollm2._prefixes[row.group].tokens)
        assert 10 < shared < len(prompt)
        smollm2._restore(row, prompt)
        again = smollm2._client.post("/completions", {"prompt": list(prompt), "max_tokens": 1, "cache_prompt": True})
        assert again["timings"]["cache_n"] == shared


def test_a_seed_makes_sampling_repeatable(smollm2: LlamaCppBackend) -> None:
    def told(seed: int) -> str:
        return smollm2.complete(asked("1", "Tell me a story.", FreeText(16), Sampling(1.5, 0.95, seed))).text

    assert told(1) == told(1)
    assert len({told(seed) for seed in (1, 2, 3)}) > 1


def test_a_schema_that_is_none_and_one_that_the_engine_cannot_hold_are_refused(smollm2: LlamaCppBackend) -> None:
    with pytest.raises(InputError, match="not a JSON Schema"):
        smollm2.complete(asked("1", "Hello", JsonObject({"type": "objct"}, 8)))
    with pytest.raises(InputError, match="cannot hold"):
        smollm2.complete(
            asked("1", "Hello", JsonObject({"type": "object", "properties": {"a": {"type": "string", "pattern": "(?=x)y"}}}, 8))
        )
    good = {"type": "object", "properties": {"a": {"enum": ["b"]}}, "required": ["a"], "additionalProperties": False}
    assert json.loads(smollm2.complete(asked("1", "Hello", JsonObject(good, 16))).text) == {"a": "b"}


def test_an_object_that_is_cut_off_is_told(smollm2: LlamaCppBackend) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "minLength": 90}}, "required": ["a"]}
    assert smollm2.complete(asked("1", "Hello", JsonObject(schema, 8))).finish == "length"


def test_a_base_model_gets_its_prompt_with_one_beginning_and_no_borrowed_template(gemma_path: Path) -> None:
    with LlamaCppBackend(weights_of(gemma_path, chat=False, context_tokens=32768), context_tokens=256) as backend:
        prompt = backend._prompts.prompt(asked("1", "<bos>What is 3 times 3?", Number()))
        assert prompt.text == "<bos>What is 3 times 3?\nAnswer:"
        assert prompt.tokens.count(2) == 1
        assert backend._prompts.prompt(asked("1", "What is 3 times 3?", Number())).tokens == prompt.tokens
        answer = backend.complete(CallRequest("1", (), "2 times 2 = 4\n3 times 3 = 9\n4 times 4 =", Number()))
        assert (answer.text, answer.finish) == ("16", "stop")


def test_the_settings_are_recorded(smollm2: LlamaCppBackend) -> None:
    assert smollm2.engine.name == "llama.cpp"
    assert smollm2.engine.version.startswith("xllamacpp ")
    recorded = smollm2.engine.options
    assert {"n_parallel", "swa_full", "flash_attn_type", "cache_ram_mib", "n_ctx", "n_threads", "prefix"} <= set(recorded)
    assert recorded["n_ctx"] == 512


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("0.00.1 E llama_model_load: error loading model: x\n0.0 E srv  a: exiting due to y", "llama_model_load: error loading model: x"),
        ("0.0 E common_fit_params: z\n/a.cpp:9: GGML_ASSERT(n > 0) failed\n", "/a.cpp:9: GGML_ASSERT(n > 0) failed"),
        ("Traceback\nMemoryError\n\n", "MemoryError"),
        ("", ""),
    ],
)
def test_the_engines_own_reason_is_found_in_its_log(log: str, reason: str) -> None:
    assert reason_in(log) == reason


def test_starting_and_closing_a_process_leaves_no_folder(smollm2_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llamacpp_process.tempfile, "tempdir", str(tmp_path))
    with LlamaCppProcess(Start(smollm2_path, 256, 1, 2**31, 60)) as process:
        assert process.alive()
        assert any(tmp_path.iterdir())
    assert not process.alive()
    assert not any(tmp_path.iterdir())


CPU = {"name": "AMD EPYC", "type": "CPU"}
GPU = {"name": "NVIDIA L4", "type": "GPU"}
BLAS = {"name": "BLAS", "type": "ACCEL"}


@pytest.mark.parametrize(("devices", "name"), [([CPU], "cpu"), ([CPU, GPU], "NVIDIA L4"), ([BLAS, CPU], "cpu"), ([], "cpu")])
def test_the_device_that_takes_the_layers(devices: list[dict[str, str]], name: str) -> None:
    assert computes_on(devices) == name
