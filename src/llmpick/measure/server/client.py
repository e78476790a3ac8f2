"""The one client for every OpenAI-compatible server, and the one place where its failures become ours.

Retries are bounded and happen only for what may pass: a lost connection, a time-out, 408, 429, 5xx. Everything else is said at once.
An attempt that was sent and broke off is never read again, and is counted: the server may have done its work, and charge it.

| what happened                         | raised                                                      |
|---------------------------------------|-------------------------------------------------------------|
| no connection                         | `EngineError`, fatal                                        |
| time-out after retries                | `TimedOutError` (an `EngineError`): the row stays missing   |
| 408, 429, 5xx after retries           | `EngineError`: the row stays missing                        |
| a body that is not a JSON object      | `EngineError`, not retried: the server would say it again   |
| 401, 403                              | `InputError`: wrong key                                     |
| 404                                   | `NotFoundError` (an `InputError`): wrong address or model   |
| any other 4xx                         | `RefusedError` (an `InputError`), in the server's words     |
"""

import ipaddress
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from llmpick.evidence.errors import EngineError, InputError, LlmpickError, TimedOutError
from llmpick.measure.server.bounded_http import CONNECT_S, bounded_client
from llmpick.measure.server.gate import Gate

# The SDK takes most of a second to import, so it is imported when the first client is made.
if TYPE_CHECKING:
    import openai

LATER = "run again later: finished rows are kept"
LOG = "look at the server's log, then run again: finished rows are kept"
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 60.0
RETRIED = frozenset({408, 429})
BUSY = frozenset({429, 503, 529})
"""Too many requests, overloaded (529 is what some services say for it): fewer calls at once may help."""


class RefusedError(InputError):
    """The server understood the request and will not answer it; `reason` is what it said."""

    def __init__(self, reason: str, *, where: str) -> None:
        super().__init__(f"the server refuses the request: {reason}", where=where, remedy="change what the message names")
        self.reason = reason


class NotFoundError(InputError):
    """404: the server does not know the address, or not the model."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, the seconds of the attempt that brought it, and how many attempts before it were sent and broke off."""

    body: dict[str, Any]
    seconds: float
    unanswered: int = 0


class Client:
    """Posts to and gets from one server. Safe to use from several threads.

    One attempt may take `timeout_s`. At most `concurrency` posts are under way at once, fewer while the server is busy (None: no bound).
    `key_from` names where the key came from, for the remedy.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str,
        timeout_s: float,
        retries: int,
        key_from: str = "the API key",
        concurrency: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        import openai

        # A proxy meant for the world must not see, or lose, what is said to this very machine.
        http = bounded_client(**({"trust_env": False} if is_loopback(url) else {}))
        self.url = url.rstrip("/")
        self.gate = None if concurrency is None else Gate(concurrency)
        self._sdk = openai.OpenAI(base_url=self.url, api_key=key, timeout=_seconds(timeout_s), max_retries=0, http_client=http)
        self._retries = retries
        self._key_from = key_from
        self._sleep = sleep
        self._now = now

    def post(self, path: str, body: Mapping[str, Any], *, timeout_s: float | None = None) -> dict[str, Any]:
        """Sends `body` to `path` (below the server's URL, or a whole URL) and returns the JSON object that comes back."""
        return self.exchange(path, body, timeout_s=timeout_s).body

    def exchange(self, path: str, body: Mapping[str, Any], *, timeout_s: float | None = None) -> Reply:
        """`post`, with what it took."""
        sdk = self._sdk if timeout_s is None else self._sdk.with_options(timeout=_seconds(timeout_s))
        return self._ask(path, lambda: sdk.post(path, cast_to=object, body=dict(body)), self._retries, self.gate)

    def get(self, path: str, *, retries: int | None = None, timeout_s: float | None = None) -> dict[str, Any]:
        """The JSON object at `path` (below the server's URL, or a whole URL)."""
        sdk = self._sdk if timeout_s is None else self._sdk.with_options(timeout=_seconds(timeout_s))
        return self._ask(path, lambda: sdk.get(path, cast_to=object), self._retries if retries is None else retries, None).body

    def close(self) -> None:
        self._sdk.close()

    def _ask(self, path: str, send: Callable[[], object], retries: int, gate: Gate | None) -> Reply:
        import openai

        where = path if "://" in path else f"{self.url}{path}"
        unanswered = 0
        for attempt in range(retries + 1):
            try:
                body, seconds = _through(gate, send)
                return Reply(_object(body, where), seconds, unanswered)
            except ValueError as error:
                raise _not_json(where, str(error)) from error
            except openai.OpenAIError as error:
                unanswered += _broke_off(error)
                if attempt == retries or not _may_pass(error):
                    raise _translated(error, where, self._key_from, unanswered) from error
                self._sleep(min(_retry_after(error, self._now()) or FIRST_WAIT_S * 2**attempt, LONGEST_WAIT_S))
        raise AssertionError("the last attempt returns or raises")


def _through(gate: Gate | None, send: Callable[[], object]) -> tuple[object, float]:
    """What comes back, and the seconds that it took once there was a place."""
    import openai

    taken = gate.enter() if gate else None
    started = time.perf_counter()
    answered, busy = False, False
    try:
        body = send()
        answered = True
        return body, time.perf_counter() - started
    except openai.OpenAIError as error:
        busy = isinstance(error, openai.APITimeoutError) or getattr(error, "status_code", None) in BUSY
        raise
    finally:
        if gate and taken:
            gate.leave(taken, answered=answered, busy=busy)


def _seconds(timeout_s: float) -> Any:
    """The time-out is for the answer; a connection comes quickly or not at all."""
    import openai

    return openai.Timeout(timeout_s, connect=CONNECT_S, pool=None)


def _broke_off(error: "openai.OpenAIError") -> bool:
    """True when the request may have reached the server, and its answer did not come back."""
    import openai

    cause = type(error.__cause__).__name__
    return isinstance(error, openai.APIConnectionError) and cause not in ("ConnectError", "ConnectTimeout", "PoolTimeout")


def is_loopback(url: str) -> bool:
    """True when the address is this machine's own, by name or number."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _object(answer: object, where: str) -> dict[str, Any]:
    """The SDK leaves a body as text when its content type is not JSON's; some small servers name none."""
    found = json.loads(answer) if isinstance(answer, str) else answer
    if not isinstance(found, dict):
        raise _not_json(where, f"got {type(found).__name__}")
    return found


def _not_json(where: str, why: str) -> EngineError:
    return EngineError(
        f"the server's answer is not a JSON object ({why})",
        where=where,
        remedy="check that the address is an OpenAI-compatible API (it usually ends in /v1)",
    )


def _may_pass(error: "openai.OpenAIError") -> bool:
    import openai

    if isinstance(error, openai.APIStatusError):
        return error.status_code in RETRIED or error.status_code >= 500
    return isinstance(error, openai.APIConnectionError)


def _retry_after(error: "openai.OpenAIError", now: float) -> float | None:
    """Seconds that the server asks to wait: a number, or a date; None when it does not say."""
    response = getattr(error, "response", None)
    asked = response.headers.get("retry-after") if response is not None else None
    if not asked:
        return None
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - now)
    except ValueError:
        return None


def _translated(error: "openai.OpenAIError", where: str, key_from: str, unanswered: int) -> LlmpickError:
    import openai

    if isinstance(error, openai.APIStatusError):
        said = _status_error(error.status_code, _reason(error), where, key_from)
        if isinstance(said, EngineError):
            said.unanswered = unanswered
        return said
    cause = type(error.__cause__).__name__
    if cause in ("ConnectError", "ConnectTimeout"):
        return EngineError(
            f"no server answers ({error.__cause__})", where=where, remedy="start the server, or correct the address", fatal=True
        )
    if isinstance(error, openai.APITimeoutError):
        return TimedOutError("the server did not answer in time", where=where, remedy=LATER, unanswered=unanswered)
    return EngineError(f"the connection broke ({error.__cause__ or error})", where=where, remedy=LOG, unanswered=unanswered)


def _status_error(status: int, reason: str, where: str, key_from: str) -> LlmpickError:
    if status in (401, 403):
        return InputError(
            f"the server does not accept the key: {reason}", where=where, remedy=f"set {key_from} to a key that this server accepts"
        )
    if status == 404:
        return NotFoundError(
            f"the server does not know the address or the model: {reason}",
            where=where,
            remedy="compare both with what the server's /models lists",
        )
    if status in RETRIED:
        return EngineError(f"the server is too busy (status {status}): {reason}", where=where, remedy=LATER)
    if status >= 500:
        return EngineError(f"the server failed (status {status}): {reason}", where=where, remedy=LOG)
    return RefusedError(reason, where=where)


def _reason(error: "openai.APIStatusError") -> str:
    """The server's own words, on one line and short."""
    body = error.body
    said = body.get("message", body) if isinstance(body, dict) else body or error.message
    return " ".join(str(said).split())[:500]
