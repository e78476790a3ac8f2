"""How the vendors' programs and the kernel's files are asked: no answer is None, never an error."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_QUERY_SECONDS = 20


def output_of(command: Sequence[str]) -> str | None:
    """What a program prints; None when it is not installed, fails, or does not answer in time."""
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=_QUERY_SECONDS, check=False)
    except (subprocess.TimeoutExpired, OSError):
        return None
    return done.stdout if done.returncode == 0 else None


def json_of(command: Sequence[str]) -> Any:
    """The JSON document that a program prints, after any warnings that it prints first; None where there is none."""
    answer = output_of(command) or ""
    starts = [place for place in (answer.find("{"), answer.find("[")) if place >= 0]
    for start in sorted(starts):
        try:
            return json.loads(answer[start:])
        except ValueError:
            continue
    return None


def text_of(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
