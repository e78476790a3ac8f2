"""Asks the Ollama server which models it has (GET /api/tags) and what one of them is like (POST /api/show).

Source: https://github.com/ollama/ollama/blob/main/docs/api.md.
"""

import http.client
import ipaddress
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from llmpick.evidence.errors import InputError, LlmpickError
from llmpick.evidence.model import Endpoint

DEFAULT_PORT = 11434
MAX_ANSWER_BYTES = 8 * 2**20
MAX_DESCRIPTION_BYTES = 32 * 2**20  # a vocabulary of 262,144 with its merges takes some 16 MiB
_LOCAL_TIMEOUT_S = 0.5
_REMOTE_TIMEOUT_S = 1.0
_SHOW_TIMEOUT_S = 10.0


def base_url(environ: Mapping[str, str]) -> str:
    """The server's address by OLLAMA_HOST, read as Ollama reads it: `host`, `host:port`, `:port` or a URL; default 127.0.0.1:11434.

    An address that means "listen everywhere" (0.0.0.0) is reached on loopback.
    """
    text = environ.get("OLLAMA_HOST", "").strip().strip("\"'")
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    default_port = {"http": 80, "https": 443}.get(scheme, DEFAULT_PORT) if separator else DEFAULT_PORT
    parts = urlsplit(f"//{rest if rest.count(':') < 2 or rest.startswith('[') else f'[{rest}]'}")
    host = parts.hostname or "127.0.0.1"
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    try:
        port = parts.port or default_port
    except ValueError:
        port = default_port
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{parts.path.rstrip('/')}"


def list_models(base: str, timeout: float | None = None) -> tuple[Endpoint, ...] | None:
    """The models that run on the server's own machine, by tag; None when no server answers within `timeout` seconds.

    Models that the server merely passes on to a paid cloud (`remote_host`) are left out: they would send the rows elsewhere.
    Raises `LlmpickError` when something answers that is no Ollama.
    """
    if timeout is None:
        timeout = _LOCAL_TIMEOUT_S if _on_loopback(base) else _REMOTE_TIMEOUT_S
    content = _answer(base, "/api/tags", None, MAX_ANSWER_BYTES, timeout)
    if content is None:
        return None
    return tuple(Endpoint(url=f"{base}/v1", model=tag, server="ollama") for tag in _local_tags(base, content))


def describe_model(base: str, tag: str) -> tuple[dict[str, Any], list[Any]] | None:
    """The keys of the model's GGUF header and its tensors (`name`, `type`, `shape`); None when no server answers.

    Raises `InputError` when the server does not have the model, `LlmpickError` when something answers that is no Ollama.
    """
    # verbose: else the answer leaves out every array, and with them what differs from layer to layer
    content = _answer(base, "/api/show", {"model": tag, "verbose": True}, MAX_DESCRIPTION_BYTES, _SHOW_TIMEOUT_S)
    if content is None:
        return None
    try:
        said = json.loads(content)
        keys, tensors = said["model_info"], said["tensors"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _no_ollama(f"{base}/api/show", "an answer without model_info and tensors") from error
    if not isinstance(keys, dict) or not isinstance(tensors, list):
        raise _no_ollama(f"{base}/api/show", "an answer without model_info and tensors")
    return keys, tensors


def _answer(base: str, path: str, question: dict[str, Any] | None, most_bytes: int, timeout: float) -> bytes | None:
    """The body of the answer, POST for a question; None when no server answers within `timeout` seconds."""
    # A proxy knows nothing of this machine's own servers.
    proxies = urllib.request.ProxyHandler({} if _on_loopback(base) else None)
    data = None if question is None else json.dumps(question).encode()
    request = urllib.request.Request(base + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.build_opener(proxies).open(request, timeout=timeout) as answer:
            content = answer.read(most_bytes + 1)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == HTTPStatus.NOT_FOUND and question is not None:
                tag = question["model"]
                raise InputError(f"Ollama has no model {tag}", where=base, remedy=f"get it: ollama pull {tag}") from error
            raise _no_ollama(base + path, f"HTTP {error.code}") from error
    except OSError:
        return None
    except http.client.HTTPException as error:
        raise _no_ollama(base + path, f"broken HTTP ({type(error).__name__})") from error
    if len(content) > most_bytes:
        raise _no_ollama(base + path, f"an answer of more than {most_bytes:,} bytes")
    return content


def _local_tags(base: str, content: bytes) -> list[str]:
    try:
        models: list[dict[str, Any]] = json.loads(content)["models"] or []
        return sorted({str(model["name"]) for model in models if not model.get("remote_host")})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_ollama(f"{base}/api/tags", "an answer without a list of models") from error


def _no_ollama(address: str, got: str) -> LlmpickError:
    return LlmpickError(f"what answers there is no Ollama server: {got}", where=address, remedy="set OLLAMA_HOST to where Ollama listens")


def _on_loopback(base: str) -> bool:
    host = urlsplit(base).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
