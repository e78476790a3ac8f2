"""What a server can do wrong, and what the user is told: each case against a real server on loopback."""

import runpy
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from llmpick.evidence.errors import EngineError, InputError, TimedOutError
from llmpick.measure.server import bounded_http
from llmpick.measure.server.client import Client, NotFoundError, RefusedError, is_loopback

helpers = runpy.run_path(str(Path(__file__).with_name("canned_server.py")))
Reply = helpers["Reply"]
NOW = 1_800_000_000.0


@pytest.fixture
def server() -> Iterator[Any]:
    with helpers["canned_server"]() as canned:
        yield canned


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(server: Any, waits: list[float]) -> Iterator[Client]:
    made = Client(server.url, key="k", timeout_s=5, retries=3, key_from="the environment variable K", sleep=waits.append, now=lambda: NOW)
    yield made
    made.close()


def test_a_good_answer_comes_back_as_it_is(server: Any, client: Client, waits: list[float]) -> None:
    server.replies = [Reply(body={"answer": [1, None, "é"]})]
    assert client.post("/chat/completions", {"max_tokens": 1}) == {"answer": [1, None, "é"]}
    assert server.asked == [("/v1/chat/completions", {"max_tokens": 1})]
    assert waits == []


def test_a_json_answer_without_a_json_content_type_is_read_too(server: Any, client: Client) -> None:
    server.replies = [Reply(body='{"a": 1}', headers={"Content-Type": "text/plain"})]
    assert client.post("/x", {}) == {"a": 1}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_may_pass_is_tried_again_with_growing_waits(server: Any, client: Client, waits: list[float], status: int) -> None:
    server.replies = [Reply(status, {"error": {"message": "busy"}})] * 2 + [Reply(body={"ok": True})]
    assert client.post("/x", {}) == {"ok": True}
    assert waits == [0.5, 1.0]


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("7", 7.0),
        ("0.25", 0.25),
        (format_datetime(datetime.fromtimestamp(NOW + 9, UTC), usegmt=True), 9.0),
        ("3600", 60.0),
        ("soon", 0.5),
    ],
)
def test_the_server_says_how_long_to_wait(server: Any, client: Client, waits: list[float], asked: str, waited: float) -> None:
    server.replies = [Reply(429, {}, headers={"Retry-After": asked}), Reply(body={"ok": True})]
    client.post("/x", {})
    assert waits == [waited]


def test_retries_are_bounded_and_then_the_row_is_missing(server: Any, client: Client, waits: list[float]) -> None:
    server.replies = [Reply(503, {"error": {"message": "loading"}})]
    with pytest.raises(EngineError, match=r"status 503.*loading") as caught:
        client.post("/x", {})
    assert not caught.value.fatal
    assert caught.value.where == f"{server.url}/x"
    assert len(server.asked) == 4
    assert len(waits) == 3


@pytest.mark.parametrize("body", ["<html>hello</html>", "{broken", "[1, 2]", "7", ""])
def test_an_answer_that_is_no_json_object_is_the_servers_fault_and_not_retried(server: Any, client: Client, body: str) -> None:
    server.replies = [Reply(body=body)]
    with pytest.raises(EngineError, match="not a JSON object") as caught:
        client.post("/x", {})
    assert not caught.value.fatal
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (400, RefusedError, "no such field"),
        (422, RefusedError, "no such field"),
        (401, InputError, "the environment variable K"),
        (403, InputError, "the environment variable K"),
        (404, NotFoundError, "/models"),
    ],
)
def test_what_will_not_pass_is_said_at_once(
    server: Any, client: Client, waits: list[float], status: int, kind: type[InputError], says: str
) -> None:
    server.replies = [Reply(status, {"error": {"message": "no such field"}})]
    with pytest.raises(kind) as caught:
        client.post("/x", {})
    assert says in caught.value.what + caught.value.remedy
    assert waits == []


def test_a_server_that_is_too_slow_leaves_the_row_missing(server: Any, waits: list[float]) -> None:
    server.replies = [Reply(body={}, after_s=0.4)]
    client = Client(server.url, key="k", timeout_s=0.1, retries=1, sleep=waits.append)
    with pytest.raises(EngineError, match="did not answer in time") as caught:
        client.post("/x", {})
    client.close()
    assert not caught.value.fatal
    assert waits == [0.5]


def test_a_server_that_trickles_is_too_slow_too(server: Any) -> None:
    """Each byte comes in time, the answer does not."""
    server.replies = [Reply(body={"answer": "x" * 60}, trickle_s=0.05)]
    client = Client(server.url, key="k", timeout_s=0.4, retries=0)
    with pytest.raises(TimedOutError, match="did not answer in time"):
        client.post("/x", {})
    client.close()


def test_an_answer_without_end_is_not_read_to_it(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "MOST_BYTES", 100_000)
    server.replies = [Reply(body={"answer": "x" * 1_000_000})]
    client = Client(server.url, key="k", timeout_s=5, retries=0)
    with pytest.raises(EngineError, match="the connection broke"):
        client.post("/x", {})
    client.close()


def test_an_attempt_that_broke_off_is_counted_and_what_it_says_later_is_never_read(server: Any, waits: list[float]) -> None:
    server.replies = [Reply(body={"answer": "late"}, after_s=0.5), Reply(503, {}), Reply(body={"answer": "in time"})]
    client = Client(server.url, key="k", timeout_s=0.2, retries=3, sleep=waits.append)
    reply = client.exchange("/x", {})
    client.close()
    assert (reply.body, reply.unanswered) == ({"answer": "in time"}, 1)
    assert waits == [0.5, 1.0]


def test_a_call_that_fails_says_how_many_attempts_may_have_been_charged(server: Any) -> None:
    server.replies = [Reply(body={}, after_s=0.4)]
    client = Client(server.url, key="k", timeout_s=0.1, retries=2, sleep=lambda _: None)
    with pytest.raises(TimedOutError) as caught:
        client.post("/x", {})
    client.close()
    assert caught.value.unanswered == 3


@pytest.mark.parametrize(("reply", "limit"), [(Reply(429, {}), 2.0), (Reply(503, {}), 2.0), (Reply(500, {}), 4.0), (Reply(400, {}), 4.0)])
def test_only_a_busy_server_narrows_the_gate(server: Any, reply: Any, limit: float) -> None:
    server.replies = [reply]
    client = Client(server.url, key="k", timeout_s=5, retries=0, concurrency=4)
    with pytest.raises((EngineError, InputError)):
        client.post("/x", {})
    client.close()
    assert client.gate is not None
    assert client.gate.limit == limit


def test_an_address_where_nobody_listens_is_fatal(waits: list[float]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    client = Client(url, key="k", timeout_s=1, retries=2, sleep=waits.append)
    with pytest.raises(EngineError, match="no server answers") as caught:
        client.post("/x", {})
    client.close()
    assert caught.value.fatal
    assert waits == [0.5, 1.0]


def test_a_proxy_is_not_used_for_this_machine(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.replies = [Reply(body={"ok": True})]
    client = Client(server.url, key="k", timeout_s=5, retries=0)
    assert client.post("/x", {}) == {"ok": True}
    client.close()


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("http://127.0.0.1:80/v1", True),
        ("http://localhost/v1", True),
        ("http://[::1]:8000", True),
        ("https://api.example.com/v1", False),
        ("http://127.0.0.1.example.com", False),
        ("nonsense", False),
    ],
)
def test_loopback_addresses(url: str, answer: bool) -> None:
    assert is_loopback(url) is answer
