"""Asking an Ollama server, a real one over HTTP on loopback."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from llmpick.evidence.errors import LlmpickError
from llmpick.evidence.model import Endpoint
from llmpick.sources.ollama import base_url, list_models

TAGS = {
    "models": [
        {"name": "qwen2.5:0.5b", "model": "qwen2.5:0.5b", "size": 397821319, "details": {"format": "gguf", "quantization_level": "Q4_K_M"}},
        {"name": "llama3.2:latest", "model": "llama3.2:latest", "size": 2019393189},
        {"name": "gpt-oss:120b-cloud", "size": 384, "remote_host": "https://ollama.com:443", "remote_model": "gpt-oss:120b"},
    ]
}


@contextmanager
def serving(body: bytes, status: int = 200, delay_s: float = 0.0) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep(delay_s)
            known = self.path == "/api/tags"
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
