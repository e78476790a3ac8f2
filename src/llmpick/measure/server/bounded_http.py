"""Bounds on what a server may send, kept while it sends: seconds and bytes of one answer.

httpx bounds the silence between two pieces only, so a server that sends a blank now and then would hold a call for ever, and one that
never stops would fill all memory.
"""

import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any

MOST_BYTES = 64 * 2**20
"""Of one answer; a long one with the probabilities of every token has some megabytes."""
CONNECT_S = 10.0
"""For the connection alone: a server that does not take it by then is not there."""
_BEGAN = "llmpick_began"


def bounded_client(**options: Any) -> Any:
    """The SDK's own HTTP client, whose answers end with `ReadTimeout` once they take longer than their request's read timeout."""
    openai = import_module("openai")
    # httpx under the second version of the SDK, httpx2 under the third; this much of them is the same.
    httpx: Any = import_module(openai.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])

    class Bounded(httpx.SyncByteStream):
        def __init__(self, stream: Any, request: Any) -> None:
            self._stream, self._request = stream, request
            allowed = request.extensions.get("timeout", {}).get("read")
            self._end = None if allowed is None else request.extensions[_BEGAN] + allowed

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for piece in self._stream:
                size += len(piece)
                if self._end is not None and time.monotonic() > self._end:
                    raise httpx.ReadTimeout("the whole answer took too long", request=self._request)
                if size > MOST_BYTES:
                    raise httpx.RemoteProtocolError(f"the answer has more than {MOST_BYTES // 2**20} MiB", request=self._request)
                yield piece

        def close(self) -> None:
            self._stream.close()

    def begin(request: Any) -> None:
        request.extensions[_BEGAN] = time.monotonic()

    def bound(response: Any) -> None:
        response.stream = Bounded(response.stream, response.request)

    return openai.DefaultHttpxClient(event_hooks={"request": [begin], "response": [bound]}, **options)
