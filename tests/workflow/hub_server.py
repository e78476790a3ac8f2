"""A small server on loopback that speaks the hub's protocol for one repository, and can be made to misbehave."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "c" * 40


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Hub:
    """One repository, and how the server misbehaves: `lies` are served instead of a file, `cut_after` drops one answer half-way."""

    repository: str
    files: dict[str, bytes]
    lies: dict[str, bytes] = field(default_factory=dict)
    cut_after: int | None = None
    gated: bool = False
    claimed_bytes: int | None = None
    commit: str = COMMIT
    asked: list[str] = field(default_factory=list)
    sent_bytes: int = 0
    tokens: set[str | None] = field(default_factory=set)
    url: str = ""

    def tree(self) -> list[dict[str, object]]:
        return [self._entry(path, content) for path, content in self.files.items()]

    def _entry(self, path: str, content: bytes) -> dict[str, object]:
        entry: dict[str, object] = {"type": "file", "oid": hashlib.sha1(content).hexdigest(), "size": len(content), "path": path}
        if path.endswith((".gguf", ".safetensors", ".bin")):
            size = self.claimed_bytes or len(content)
            entry |= {"size": size, "lfs": {"oid": sha256(content), "size": size, "pointerSize": 134}}
        return entry


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
        self.hub.tokens.add(self.headers.get("Authorization"))
        api, resolve = f"/api/models/{self.hub.repository}", f"/{self.hub.repository}/resolve/"
        if self.hub.gated:
            self._send(403, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"}, body)
        elif path in (f"{api}/revision/main", f"{api}/revision/{self.hub.commit}"):
            self._send(200, json.dumps({"id": self.hub.repository, "sha": self.hub.commit}).encode(), {}, body)
        elif path.startswith(f"{api}/revision/"):
            self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, body)
        elif path.startswith(f"{api}/tree/"):
            self._send(200, json.dumps(self.hub.tree()).encode(), {}, body)
        elif path.startswith(resolve):
            self._file(path.removeprefix(resolve).partition("/")[2], body)
        else:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)

    def _file(self, name: str, body: bool) -> None:
        content = self.hub.files[name]
        served = self.hub.lies.get(name, content)
        headers = {"X-Repo-Commit": self.hub.commit, "ETag": f'"{hashlib.sha1(content).hexdigest()}"'}
        if "lfs" in self.hub._entry(name, content):
            headers |= {"X-Linked-Etag": f'"{sha256(content)}"', "X-Linked-Size": str(len(content))}
        if range_asked := self.headers.get("Range"):
            first, _, last = range_asked.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or len(served) - 1), len(served) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(served)}"
            self._send(206, served[start : end + 1], headers, body)
        else:
            self._send(200, served, headers, body)

    def _send(self, status: int, content: bytes, headers: Mapping[str, str], body: bool) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if body and self.hub.cut_after is not None and len(content) > self.hub.cut_after:
            self.wfile.write(content[: self.hub.cut_after])
            self.close_connection, self.hub.cut_after = True, None
        elif body:
            self.wfile.write(content)
            self.hub.sent_bytes += len(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve_hub(repository: Hub) -> Iterator[Hub]:
    """Serves the repository and sets its `url`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": repository})) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        repository.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield repository
        finally:
            server.shutdown()
            thread.join()
