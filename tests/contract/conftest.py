"""Every engine that ships, opened in the way a user would, for `test_backends.py`."""

import json
import runpy
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from llmpick.evidence.call import CallRequest, OneLabel
from llmpick.evidence.model import Endpoint, Weights
from llmpick.measure.backend import Backend
from llmpick.measure.backends.endpoint import EndpointBackend
from llmpick.measure.backends.hf import HfBackend
from llmpick.measure.backends.llamacpp import LlamaCppBackend
from llmpick.measure.backends.scripted import ScriptedBackend
from llmpick.measure.llamacpp.process import LlamaCppProcess, Start

CONTEXT_TOKENS = 256


@dataclass
class Subject:
    """One engine under test. `scores`: labels get probabilities; `constrains`: JSON and numbers always parse; `thinks`: its model can be
    told to reason first.
    """

    name: str
    open: Callable[[], Backend]
    scores: bool = False
    constrains: bool = False
    thinks: bool = False


class ModelLikeHandler(BaseHTTPRequestHandler):
    """The least that an OpenAI-compatible server must do: one chat answer per request, unknown fields ignored, a context limit."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._say(404, {"error": {"message": "not found"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = " ".join(message["content"] for message in body["messages"])
        words = asked.split()
        if len(words) + body["max_tokens"] > CONTEXT_TOKENS:
            self._say(400, {"error": {"message": f"This model's maximum context length is {CONTEXT_TOKENS} tokens."}})
            return
        thought = ["let", "me", "see"] if body.get("chat_template_kwargs", {}).get("enable_thinking") else []
        said = [*thought, *self._answer(asked).split()][: body["max_tokens"]]
        cut = len(said) == body["max_tokens"]
        usage = {"prompt_tokens": len(words), "completion_tokens": len(said)}
        message = {"role": "assistant", "content": " ".join(said[len(thought) :]), "reasoning_content": " ".join(thought)}
        choice = {"message": message, "finish_reason": "length" if cut else "stop"}
        self._say(200, {"choices": [choice], "usage": usage})

    def _answer(self, asked: str) -> str:
        if "JSON" in asked:
            return '{"city": "Paris"}'
        if "times" in asked:
            return "42"
        return "delivery" if "parcel" in asked else "a long answer of many words that will be cut off " * 5

    def _say(self, status: int, body: Any) -> None:
        sent = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextmanager
def model_like_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), ModelLikeHandler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def scripted_answer(request: CallRequest) -> str:
    thought = "<think>let me see</think>" if request.thinking and request.thinking.on else ""
    if isinstance(request.answer, OneLabel):
        return thought + request.answer.labels[0]
    return {"json": '{"city": "Paris"}', "number": "42"}.get(request.row, "many words that will be cut off by the limit of the request")


def gguf(path: Path, *, chat: bool, context_tokens: int) -> Weights:
    return Weights(path, "gguf", path.stat().st_size, "Q4", None, context_tokens, "its own" if chat else None)


SUBJECTS = ("scripted", "endpoint: minimal server", "endpoint: llama.cpp", "llama.cpp: chat", "llama.cpp: base", "hf: chat", "hf: base")


@pytest.fixture(scope="module", params=SUBJECTS)
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    name = request.param
    with ExitStack() as cleanup:
        if name == "scripted":
            opened = partial(ScriptedBackend, scripted_answer, context_tokens=CONTEXT_TOKENS, concurrency=2, seconds_per_call=0.01)
            yield Subject(name, opened, thinks=True)
        elif name == "endpoint: minimal server":
            url = cleanup.enter_context(model_like_server())
            yield Subject(name, partial(EndpointBackend, Endpoint(url, "any"), retries=0), thinks=True)
        elif name == "endpoint: llama.cpp":
            path = request.getfixturevalue("smollm2_path")
            server = cleanup.enter_context(LlamaCppProcess(Start(path, CONTEXT_TOKENS, 2, 2**31, 60)))
            cleanup.enter_context(pytest.MonkeyPatch.context()).setenv("LLMPICK_TEST_KEY", server.key)
            endpoint = Endpoint(f"{server.url}/v1", str(path), api_key_variable="LLMPICK_TEST_KEY")
            yield Subject(name, partial(EndpointBackend, endpoint, concurrency=1, retries=0), constrains=True)
        elif name.startswith("llama.cpp"):
            chat = name.endswith("chat")
            weights = gguf(request.getfixturevalue("smollm2_path" if chat else "gemma_path"), chat=chat, context_tokens=8192)
            yield Subject(name, partial(LlamaCppBackend, weights, context_tokens=CONTEXT_TOKENS), scores=True, constrains=True, thinks=chat)
        else:
            pytest.importorskip("torch", reason="the extra hf is not installed (make test installs it)")
            make = runpy.run_path(str(Path(__file__).parents[1] / "measure" / "tiny_hf.py"))["make_tiny_hf"]
            chat = name.endswith("chat")
            weights = make(tmp_path_factory.mktemp("tiny"), chat=chat)
            yield Subject(name, partial(HfBackend, weights, context_tokens=CONTEXT_TOKENS), scores=True, constrains=True, thinks=chat)


@pytest.fixture(scope="module")
def backend(subject: Subject) -> Iterator[Backend]:
    """One opened engine for all tests that leave it usable."""
    with subject.open() as opened:
        yield opened
