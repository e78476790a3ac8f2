"""Starts the child process that holds llama.cpp, waits until it serves, and turns every way it can fail into a clear error.

Whatever happens, the child is gone when the start fails or `close` returns, and it dies with this process.
"""

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from llmpick.evidence.errors import EngineError, InputError, LlmpickError, ModelFileError
from llmpick.measure.backends.llamacpp_child import ENVIRONMENT

CHILD = "llmpick.measure.backends.llamacpp_child"
KILL_AFTER_S = 2.0
DYING_S = 0.5
OUT_OF_MEMORY = re.compile(r"insufficient memory|failed to allocate|unable to allocate|bad_alloc|MemoryError|out of memory", re.IGNORECASE)
ABORTED = re.compile(r"GGML_ASSERT|GGML_ABORT|terminate called|what\(\):")
LOGGED = re.compile(r"^[\d.]+ E (?:srv|cmn|slot|llg)?\s*(.*)$")
HINTS_ONLY = re.compile(r"common_fit_params|please consider|for example:|exiting due to|failed to load model")


@dataclass(frozen=True, slots=True)
class Start:
    """What a child is started with. Bytes, seconds; `n_threads` are the threads that compute.

    With `states_of_tokens` the child also serves final hidden states, of so many tokens at once; with `logits` it serves nothing, and
    tells log-probabilities when it is asked for them (`LlamaCppProcess.ask`).
    """

    path: Path
    n_ctx: int
    n_threads: int
    memory_limit_bytes: int
    timeout_s: float
    states_of_tokens: int = 0
    logits: bool = False


class LlamaCppProcess:
    """A running child: `url` and `key` reach it, `version` is the wheel's, `devices` are those that the wheel can use. `unsupported` says
    why a child that was asked for logits has none.
    """

    def __init__(self, start: Start) -> None:
        """Returns when the model can be asked. Raises `ModelFileError` for a file that llama.cpp refuses or dies of, `EngineError` (fatal)
        for a start that hangs or needs too much memory.
        """
        if not start.path.is_file():
            raise ModelFileError("there is no such model file", where=str(start.path), remedy="correct the path, or fetch the file again")
        self._start = start
        self.key = os.urandom(16).hex()
        self._folder = Path(tempfile.mkdtemp(prefix="llmpick-"))
        self._log = self._folder / "stderr"
        self._process: subprocess.Popen[str] | None = None
        self._patience_s = 0.0
        try:
            self._process = self._spawn()
            ready = self._wait(self._process)
        except BaseException:
            self.close()
            raise
        # Only a child that serves notices a closed standard input; one that hangs while it starts is killed at once.
        self._patience_s = KILL_AFTER_S
        self.url: str = ready["address"]
        self.version: str = ready["version"]
        self.devices: list[dict[str, str]] = ready["devices"]
        self.unsupported: str | None = ready.get("unsupported")

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ask(self, question: Mapping[str, Any], timeout_s: float) -> Any:
        """What a child started with `logits` answers. Raises `EngineError` when it refuses, dies or takes too long. A child whose answer is
        not waited for is killed, since it would be taken for that to the next question.
        """
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = ""
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            ready, _, _ = select.select([self._process.stdout], [], [], timeout_s)
            if not ready:
                raise self._no_answer(f"it took more than {timeout_s:.0f} s")
            line = self._process.stdout.readline()
        except (OSError, ValueError):
            pass  # It is gone, or was closed meanwhile.
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        if not line:
            raise self._no_answer(f"it {self.fate()}")
        answer = json.loads(line)
        if "error" in answer:
            raise self._no_answer(answer["error"])
        return answer["told"]

    def _no_answer(self, why: str) -> EngineError:
        return EngineError(
            f"llama.cpp cannot score this text: {why}", where=str(self._start.path), remedy="leave the text out, or choose another file"
        )

    def log(self) -> str:
        """All that the child has said on standard error."""
        try:
            return self._log.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def fate(self) -> str:
        """How the child ended, in words, with its own last error."""
        code = self._code()
        ended = "still runs" if code is None else f"ended by {signal.Signals(-code).name}" if code < 0 else f"exited with status {code}"
        reason = reason_in(self.log())
        return f"{ended}: {reason}" if reason else ended

    def _code(self) -> int | None:
        """Its exit code; None while it runs. A dying child closes its connections a moment before it can be waited for."""
        if self._process is None:
            return None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(DYING_S)
        return self._process.returncode

    def close(self) -> None:
        """Ends the child, kindly first, and removes its folder."""
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None and not pipe.closed:
                    _close_quietly(pipe)
            try:
                self._process.wait(self._patience_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _spawn(self) -> "subprocess.Popen[str]":
        with self._log.open("w") as log:
            process = subprocess.Popen(
                # -P: a file of the working directory must not stand in for a module of Python's own.
                [sys.executable, "-P", "-m", CHILD],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **{name: value for name, value, _ in ENVIRONMENT}},
                # Ctrl-C is for the parent, which ends the child in order.
                start_new_session=True,
            )
        options = {
            "parent": os.getpid(),
            "path": str(self._start.path),
            "n_ctx": self._start.n_ctx,
            "n_threads": self._start.n_threads,
            "memory_limit_bytes": self._start.memory_limit_bytes,
            "slot_save_path": f"{self._folder}/",
            "api_key": self.key,
            "states_of_tokens": self._start.states_of_tokens,
            "logits": self._start.logits,
        }
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(options) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # It died at once; the wait that follows says of what.
        return process

    def _wait(self, process: "subprocess.Popen[str]") -> dict[str, Any]:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], self._start.timeout_s)
        line = process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        if ready:
            process.wait(KILL_AFTER_S)
            raise self._failed_start(process.returncode)
        raise EngineError(
            f"llama.cpp did not start within {self._start.timeout_s:.0f} s",
            where=str(self._start.path),
            remedy="allow more time if the disk is slow; else the file is damaged or its chat template never ends: fetch another copy",
            fatal=True,
        )

    def _failed_start(self, code: int) -> LlmpickError:
        where, log = str(self._start.path), self.log()
        if OUT_OF_MEMORY.search(log) or code == -signal.SIGKILL:
            limit = f"{self._start.memory_limit_bytes / 2**30:.1f} GiB"
            return EngineError(
                f"llama.cpp cannot get the memory for this model with {self._start.n_ctx} tokens of context (limit {limit}): {self.fate()}",
                where=where,
                remedy="lower the context (limits.context_tokens), raise the memory limit, or choose a smaller file",
                fatal=True,
            )
        if "No module named" in log:
            return InputError(f"llama.cpp is not installed: {last_line(log)}", where="xllamacpp", remedy="pip install xllamacpp")
        remedy = "compare the file's SHA-256 with its source and fetch it again"
        if "chat template" in log:
            remedy = "its chat template cannot be read: choose another file of this model"
        return ModelFileError(f"llama.cpp cannot load this file: {self.fate()}", where=where, remedy=remedy)


def reason_in(log: str) -> str:
    """The engine's own reason in what it logged: the line of an abort, else the first two errors, else the last line."""
    lines = log.splitlines()
    aborts = [line.strip() for line in lines if ABORTED.search(line)]
    logged = [found.group(1) for line in lines if (found := LOGGED.match(line)) and not HINTS_ONLY.search(line)]
    return "; ".join(list(dict.fromkeys(aborts or logged))[:2])[:400] or last_line(log)


def last_line(log: str) -> str:
    return next((line.strip()[:400] for line in reversed(log.splitlines()) if line.strip()), "")


def start_timeout_s(file_bytes: int) -> float:
    """Generous for a file that is read from a slow disk (50 MB/s), with a minute for everything else."""
    return 60.0 + file_bytes / 50e6


def default_threads() -> int:
    """Physical cores, as far as this process may use them: llama.cpp waits for memory, and more threads would only wait too."""
    import psutil

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(psutil.cpu_count(logical=False) or allowed, allowed))


def default_memory_limit_bytes() -> int:
    """What the machine can give now."""
    import psutil

    return psutil.virtual_memory().available


def _close_quietly(pipe: Any) -> None:
    with contextlib.suppress(BrokenPipeError):
        pipe.close()
