"""A real HTTP server on loopback that says what a test tells it to, in order, and remembers what it was asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """`body` is sent as it is when it is a string, else as JSON. `after_s` is how long the server thinks, `trickle_s` how long it rests
    after each byte.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0.0
    trickle_s: float = 0.0


def chat(text: str | None, **choice: Any) -> Reply:
    body = {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop", **choice}]}
    return Reply(body={**body, "usage": {"prompt_tokens": 7, "completion_tokens": 3}})


def refused(message: str) -> Reply:
    return Reply(400, {"error": {"message": message}})


@dataclass
class Canned:
    """`replies` are for POST, the last one is repeated, unless `reply_to` makes them from what is asked; `gets` maps a path to a reply, any
    other path is a 404. `most_at_once` is how many posts were seen under way together.
    """

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    gets: dict[str, Reply] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    reply_to: Callable[[Any], Reply] | None = None
    most_at_once: int = 0
    under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_reply(self, body: Any) -> Reply:
        if self.reply_to is not None:
            return self.reply_to(body)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def canned_server() -> Iterator[Canned]:
    canned = Canned()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(canned.gets.get(self.path, Reply(404, {"error": {"message": "no such page"}})))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with canned.lock:
                canned.asked.append((self.path, body))
                canned.under_way += 1
                canned.most_at_once = max(canned.most_at_once, canned.under_way)
                reply = canned.next_reply(body)
            try:
                self._say(reply)
            finally:
                with canned.lock:
                    canned.under_way -= 1

        def _say(self, reply: Reply) -> None:
            time.sleep(reply.after_s)
            sent = reply.body.encode() if isinstance(reply.body, str) else json.dumps(reply.body).encode()
            try:
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if not reply.trickle_s:
                    self.wfile.write(sent)
                    return
                for byte in sent:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(reply.trickle_s)
            except (BrokenPipeError, ConnectionResetError):
                pass  # The client did not wait.

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    canned.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield canned
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
