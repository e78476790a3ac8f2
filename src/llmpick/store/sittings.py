"""The circumstances under which a process works on a run: the versions that a reader needs years later."""

import platform
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from llmpick import __version__
from llmpick.store.records import Sitting

_LEADING_NAME = re.compile(r"[A-Za-z0-9._-]+")


def this_sitting(now: datetime) -> Sitting:
    """What is true of this process: llmpick's version, Python's, the system's, and those of llmpick's installed dependencies."""
    return Sitting(
        started=now, llmpick=__version__, python=platform.python_version(), platform=platform.platform(), packages=_dependency_versions()
    )


def sitting_to_json(sitting: Sitting) -> dict[str, Any]:
    return {
        "started": sitting.started.isoformat(),
        "llmpick": sitting.llmpick,
        "python": sitting.python,
        "platform": sitting.platform,
        "packages": dict(sitting.packages),
    }


def sitting_from_json(document: dict[str, Any]) -> Sitting:
    return Sitting(**{**document, "started": datetime.fromisoformat(document["started"])})


@cache
def _dependency_versions() -> Mapping[str, str]:
    """Name → version of what llmpick itself asks for, extras included, where it is installed. Looked up once per process."""
    found = {}
    for requirement in _requirements():
        name = _LEADING_NAME.match(requirement)
        if name and (installed := _installed_version(name.group())):
            found[name.group()] = installed
    return dict(sorted(found.items()))


def _requirements() -> list[str]:
    try:
        return requires("llmpick") or []
    except PackageNotFoundError:
        return []


def _installed_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
