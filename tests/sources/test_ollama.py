"""Asking an Ollama server, a real one over HTTP on loopback."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from llmpick.evidence.errors import InputError, LlmpickError, ModelFileError
from llmpick.evidence.model import AttentionLayer, Endpoint
from llmpick.sources.gguf import read_description
from llmpick.sources.ollama import base_url, describe_model, list_models

TAGS = {
    "models": [
        {"name": "qwen2.5:0.5b", "model": "qwen2.5:0.5b", "size": 397821319, "details": {"format": "gguf", "quantization_level": "Q4_K_M"}},
        {"name": "llama3.2:latest", "model": "llama3.2:latest", "size": 2019393189},
        {"name": "gpt-oss:120b-cloud", "size": 384, "remote_host": "https://ollama.com:443", "remote_model": "gpt-oss:120b"},
    ]
}


@contextmanager
def serving(body: bytes, status: int = 200, delay_s: float = 0.0, asked: list[bytes] | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            question = self.rfile.read(int(self.headers["Content-Length"]))
            if asked is not None:
                asked.append(question)
            self.do_GET()

        def do_GET(self):
            time.sleep(delay_s)
            known = self.path in ("/api/tags", "/api/show")
            self.send_response(status if known else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_models_become_endpoints_and_cloud_models_stay_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # a proxy must not be asked for this machine's own server
    with serving(json.dumps(TAGS).encode()) as base:
        assert list_models(base) == (
            Endpoint(url=f"{base}/v1", model="llama3.2:latest", server="ollama"),
            Endpoint(url=f"{base}/v1", model="qwen2.5:0.5b", server="ollama"),
        )


def test_a_server_without_models_is_not_a_missing_server():
    with serving(b'{"models":null}') as base:
        assert list_models(base) == ()


def test_no_server_is_known_at_once():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.perf_counter()
    assert list_models(f"http://127.0.0.1:{port}") is None
    assert time.perf_counter() - start < 0.3


def test_a_server_that_does_not_answer_in_time_counts_as_none():
    with serving(b"{}", delay_s=0.3) as base:
        assert list_models(base, timeout=0.05) is None


@pytest.mark.parametrize(
    ("status", "body", "what"), [(200, b"hello", "without a list"), (200, b"[]", "without a list"), (404, b"", "HTTP 404")]
)
def test_something_else_on_the_port_is_told(status: int, body: bytes, what: str):
    with serving(body, status) as base, pytest.raises(LlmpickError, match=what) as raised:
        list_models(base)
    assert "OLLAMA_HOST" in raised.value.remedy


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (None, "http://127.0.0.1:11434"),
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("box", "http://box:11434"),
        ("box:8080", "http://box:8080"),
        (":8080", "http://127.0.0.1:8080"),
        ("http://box", "http://box:80"),
        ("https://box.example/", "https://box.example:443"),
        ("https://box.example:9/ollama", "https://box.example:9/ollama"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("::1", "http://[::1]:11434"),
        ('"box:99999"', "http://box:11434"),
    ],
)
def test_the_address_is_read_as_ollama_reads_it(host: str | None, url: str):
    assert base_url({} if host is None else {"OLLAMA_HOST": host}) == url


DESCRIPTION = {
    "details": {"format": "gguf", "quantization_level": "Q8_0"},
    "model_info": {
        "general.architecture": "gemma3",
        "general.file_type": 7,
        "gemma3.block_count": 2,
        "gemma3.embedding_length": 64,
        "gemma3.attention.head_count": 4,
        "gemma3.attention.head_count_kv": [2, 1],
        "gemma3.attention.sliding_window": 16,
        "gemma3.attention.sliding_window_pattern": [True, False],
        "gemma3.context_length": 512,
        "tokenizer.ggml.tokens": [f"t{number}" for number in range(300)],
        "tokenizer.ggml.merges": None,
    },
    "tensors": [
        {"name": "token_embd.weight", "type": "Q8_0", "shape": [64, 300]},
        {"name": "blk.0.attn_norm.weight", "type": "F32", "shape": [64]},
    ],
}


def test_a_described_model_is_read_like_its_file():
    asked: list[bytes] = []
    with serving(json.dumps(DESCRIPTION).encode(), asked=asked) as base:
        described = describe_model(base, "gemma3:tiny")
    assert json.loads(asked[0]) == {"model": "gemma3:tiny", "verbose": True}
    assert described is not None
    weights = read_description(*described, "here")
    assert weights.architecture is not None
    assert weights.architecture.layers == (AttentionLayer(2, 16, 16, 16), AttentionLayer(1, 16, 16))
    assert (weights.architecture.vocabulary_size, weights.quantization, weights.context_tokens) == (300, "Q8_0", 512)
    assert [(group.role, group.data_type, group.bytes) for group in weights.tensors] == [
        ("embedding", "Q8_0", 64 * 300 // 32 * 34),
        ("norm", "F32", 256),
    ]


def test_a_model_that_the_server_does_not_have_is_told():
    with serving(b'{"error":"model not found"}', status=404) as base, pytest.raises(InputError, match="no model gemma3:tiny"):
        describe_model(base, "gemma3:tiny")


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"model_info":[],"tensors":[]}', b"[" * 100_000])
def test_an_answer_that_describes_nothing_is_told(body: bytes):
    with serving(body) as base, pytest.raises(LlmpickError, match="without model_info and tensors"):
        describe_model(base, "gemma3:tiny")


@pytest.mark.parametrize(
    "tensor",
    [
        7,
        {},
        {"name": "t", "type": "Q99", "shape": [32]},
        {"name": "t", "type": "F32", "shape": [-1]},
        {"name": "t", "type": "F32", "shape": [2**40, 2**40]},
        {"name": "t", "type": "F32", "shape": [1] * 5},
        {"name": "t", "type": "F32", "shape": [True]},
    ],
)
def test_senseless_tensors_are_refused(tensor: object):
    with pytest.raises(ModelFileError, match="a tensor described as"):
        read_description(DESCRIPTION["model_info"], [tensor], "here")
