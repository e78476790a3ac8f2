"""A real OpenAI-shaped server on loopback, whose models are functions of what the user said."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Model = Callable[[str], str | int]
"""The user's last message → the answer, or an HTTP status to fail with."""


@contextmanager
def serve(models: Mapping[str, Model], *, seconds: float = 0.0) -> Iterator[str]:
    """The base URL of a server of these models; each call takes `seconds`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(200, {"data": [{"id": name} for name in models]}) if self.path == "/v1/models" else self._say(404, {})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(seconds)
            said = models[body["model"]](body["messages"][-1]["content"])
            if isinstance(said, int):
                self._say(said, {"error": {"message": "out of order"}})
                return
            usage = {"prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 22}
            self._say(200, {"choices": [{"message": {"role": "assistant", "content": said}, "finish_reason": "stop"}], "usage": usage})

        def _say(self, status: int, body: Any) -> None:
            sent = json.dumps(body).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)
            except (BrokenPipeError, ConnectionResetError):
                pass  # The client was killed.

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
