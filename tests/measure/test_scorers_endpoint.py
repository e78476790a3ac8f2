"""Likelihoods from a server: a real HTTP server on loopback that answers as vLLM and as the old OpenAI API do, with a real model behind it.

The model is the tiny one of `tiny_hf`, so that what comes through the wire can be held to what the model itself says. `canned_server`
stands for servers that tell nothing, or nonsense.
"""

import json
import runpy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from llmpick.evidence.errors import EngineError, InputError
from llmpick.evidence.model import Endpoint, Weights
from llmpick.measure.likelihood import Window
from llmpick.measure.scorers.endpoint import EndpointScorer
from llmpick.measure.scorers.hf import HfScorer

pytest.importorskip("torch", reason="the extra hf is not installed (make test installs it)")
tiny = runpy.run_path(str(Path(__file__).with_name("tiny_hf.py")))
canned = runpy.run_path(str(Path(__file__).with_name("canned_server.py")))
Reply, canned_server = canned["Reply"], canned["canned_server"]

TEXT = "where is my parcel? refund status: delivery.\nThanks! Ünïcode and numbers 12,345. "


@dataclass
class Server:
    """A server's way to answer: which of its features are on. `bos` is put before every text, as a tokenizer would."""

    scorer: HfScorer
    prompt_logprobs: bool = True
    tokenize: bool = True
    echo: bool = True
    bos: tuple[int, ...] = ()
    most: int | None = 400
    asked: list[tuple[str, Any]] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        self.asked.append((path, body))
        if path == "/tokenize" and self.tokenize:
            special = self.bos if body["add_special_tokens"] else ()
            return {"tokens": [*special, *self.scorer.tokens(body["prompt"])]}
        if path == "/detokenize" and self.tokenize:
            return {"prompt": self.scorer._decode(tuple(body["tokens"]))}
        return self.completion(body) if path == "/v1/completions" else None

    def completion(self, body: dict[str, Any]) -> dict[str, Any]:
        prompt = body["prompt"]
        tokens = tuple(prompt) if isinstance(prompt, list) else self.bos + self.scorer._tokenize(prompt)
        values = [None, *(self.scorer._nats((Window(tokens[: i + 1], i),)) for i in range(1, len(tokens)))]
        choice: dict[str, Any] = {"text": "x", "finish_reason": "length"}
        if self.prompt_logprobs and "prompt_logprobs" in body:
            rows = zip(tokens, values, strict=True)
            choice["prompt_logprobs"] = [
                None if value is None else {"7": {"logprob": -0.1}, str(t): {"logprob": value}} for t, value in rows
            ]
        strings = [self.scorer._decode((token,)) for token in tokens]
        if "logprobs" in body:
            echoed = self.echo and body.get("echo")
            choice["logprobs"] = {"tokens": [*strings, "x"], "token_logprobs": [*values, -1.0]} if echoed else {"tokens": ["x"]}
            choice["logprobs"].setdefault("token_logprobs", [-1.0])
        return {"choices": [choice], "usage": {"prompt_tokens": len(tokens), "completion_tokens": 1}}

    def gets(self, path: str) -> dict[str, Any] | None:
        known = {"/v1/models": {"data": [{"id": "tiny", "max_model_len": self.most}]}, "/version": {"version": "0.99"}}
        return known.get(path)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._say(server.answer(self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))

        def do_GET(self) -> None:
            self._say(server.gets(self.path))

        def _say(self, body: dict[str, Any] | None) -> None:
            sent = json.dumps(body or {"error": {"message": "no such page"}}).encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=(0.05,))
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HfScorer]:
    weights: Weights = tiny["make_tiny_hf"](tmp_path_factory.mktemp("served"), chat=False)
    with HfScorer(weights) as opened:
        yield opened


@pytest.mark.parametrize(
    ("features", "way"),
    [
        ({}, "prompt_logprobs, prompts as token ids"),
        ({"prompt_logprobs": False}, "echo, prompts as token ids"),
        ({"tokenize": False}, "echo, prompts as text"),
    ],
)
def test_what_comes_through_the_wire_is_what_the_model_says(model: HfScorer, features: dict[str, bool], way: str) -> None:
    with serving(Server(model, **features)) as server, EndpointScorer(Endpoint(server.url, "tiny"), retries=0) as scorer:
        assert (scorer.engine.options["likelihood"], scorer.engine.version, scorer.max_tokens) == (way, "0.99", 399)
        assert len(scorer.tokens(TEXT)) == len(model.tokens(TEXT))
        for context, text in (("Message: where is", " my parcel?"), ("Message: ", "refund"), ("", "two words"), ("Intent:", " refund")):
            expected = model.score(context, text)
            found = scorer.score(context, text)
            assert found.nats == pytest.approx(expected.nats, rel=1e-4)
            assert (found.tokens, found.text_bytes, found.first_token_scored) == (
                expected.tokens,
                expected.text_bytes,
                expected.first_token_scored,
            )
        assert scorer.score_document(TEXT).nats == pytest.approx(model.score_document(TEXT).nats, rel=1e-4)


def test_a_long_text_is_cut_where_the_server_tokenises(model: HfScorer) -> None:
    with serving(Server(model, most=33)) as server, EndpointScorer(Endpoint(server.url, "tiny"), retries=0) as scorer:
        found, expected = scorer.score_document(TEXT), model.score_document(TEXT, window=32)
        assert (found.nats, found.processed_tokens) == (pytest.approx(expected.nats, rel=1e-4), expected.processed_tokens)
        assert all(len(body["prompt"]) <= 32 for path, body in server.asked if path == "/v1/completions")


def test_a_text_that_would_have_to_be_cut_needs_a_server_that_tokenises(model: HfScorer) -> None:
    joined = "Mess", "age"
    assert model._tokenize("Message")[: len(model._tokenize("Mess"))] != model._tokenize("Mess")
    with serving(Server(model)) as server, EndpointScorer(Endpoint(server.url, "tiny"), retries=0) as scorer:
        assert scorer.score(*joined).nats == pytest.approx(model.score(*joined).nats, rel=1e-4)
    with serving(Server(model, tokenize=False)) as server, EndpointScorer(Endpoint(server.url, "tiny"), retries=0) as scorer:
        for call in (lambda: scorer.score(*joined), lambda: scorer.score_document(TEXT, window=16)):
            with pytest.raises(InputError, match="can only be sent to it as a whole"):
                call()


@pytest.mark.parametrize("tokenize", [True, False])
def test_a_beginning_is_scored_from_and_never_doubled(model: HfScorer, tokenize: bool) -> None:
    bos = model._tokenizer.bos_token_id
    with (
        serving(Server(model, tokenize=tokenize, bos=(bos,))) as server,
        EndpointScorer(Endpoint(server.url, "tiny"), retries=0) as scorer,
    ):
        assert scorer.engine.options["beginning"] == ([bos] if tokenize else ["<s>"])
        tokens = (bos, *model.tokens("two words"))
        found = scorer.score_document("two words")
        assert (found.tokens, found.text_bytes, found.first_token_scored) == (len(tokens) - 1, 9, True)
        assert found.nats == pytest.approx(model._nats((Window(tokens, 1),)), rel=1e-4)


@pytest.mark.parametrize("tokenize", [True, False])
def test_a_server_that_ignores_the_question_cannot_score(model: HfScorer, tokenize: bool) -> None:
    """As llama-server does: it answers, with the log-probabilities of what it wrote."""
    server = Server(model, prompt_logprobs=False, echo=False, tokenize=tokenize)
    with serving(server), pytest.raises(InputError, match="tells no log-probabilities of a prompt") as caught:
        EndpointScorer(Endpoint(server.url, "tiny"), retries=0)
    assert "vLLM" in caught.value.remedy


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        (Reply(401, {"error": {"message": "who are you"}}), InputError, "does not accept the key"),
        (Reply(404, {"error": {"message": "no such model"}}), InputError, "does not know the address or the model"),
        (Reply(400, {"error": {"message": "echo is not supported"}}), InputError, r"cannot score a text \(echo is not supported\)"),
        (Reply(200, {"choices": []}), InputError, "tells no log-probabilities"),
        (Reply(200, {"choices": [{"logprobs": {"tokens": ["a", "b"], "token_logprobs": [None, None]}}]}), InputError, "tells no"),
        (
            Reply(200, {"choices": [{"logprobs": {"tokens": ["a", "b", "c"], "token_logprobs": [None, -1, -2]}}]}),
            InputError,
            "it echoes 'ab'",
        ),
        (Reply(200, {"choices": [{"logprobs": {"tokens": ["a"], "token_logprobs": [None, -1.0, "x"]}}]}), InputError, "tells no"),
        (Reply(200, {"tokens": [1, 2], "choices": [{"prompt_logprobs": [None]}]}), InputError, "tells no"),
        (Reply(200, {"tokens": [1, 2], "choices": [{"prompt_logprobs": [None, {"3": {"logprob": -1}}]}]}), InputError, "tells no"),
    ],
)
def test_nonsense_is_not_believed(reply: Any, error: type[Exception], said: str) -> None:
    with canned_server() as server:
        server.replies = [reply]
        with pytest.raises(error, match=said):
            EndpointScorer(Endpoint(server.url, "m"), retries=0)


def test_no_server_is_said_at_once() -> None:
    with pytest.raises(EngineError, match="no server answers") as caught:
        EndpointScorer(Endpoint("http://127.0.0.1:9/v1", "m"), retries=0)
    assert caught.value.fatal
