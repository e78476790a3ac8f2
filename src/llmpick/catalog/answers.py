"""What `devices` and `info` answer with: the catalog's knowledge beside what was found here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmpick.catalog.devices import KnownDevice
from llmpick.catalog.tables import Licence
from llmpick.evidence.device import Device
from llmpick.evidence.model import Blueprint, ModelFacts
from llmpick.evidence.values import Fact


@dataclass(frozen=True, slots=True)
class Published:
    """What the catalog knows. `history` has every fact with all its sources, the newest first."""

    facts: ModelFacts
    aliases: tuple[str, ...]
    history: Mapping[str, tuple[Fact[Any], ...]]
    licence: Licence | None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """`files` are the models that the name stands for on this machine or on the hub, () for one that was found in the catalog."""

    name: str
    published: Published | None
    files: tuple[Blueprint, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A device of this machine, and the one of the catalog that it is; None where the catalog does not know it."""

    device: Device
    known: KnownDevice | None


@dataclass(frozen=True, slots=True)
class Devices:
    """`found` are this machine's processor and GPUs (() when a device was named), `note` what stands idle and how to mend it.

    `known` are the devices of the catalog that were asked for; `in_full` when exactly one was named.
    """

    found: tuple[Found, ...]
    note: str | None
    known: tuple[KnownDevice, ...]
    in_full: bool = False
