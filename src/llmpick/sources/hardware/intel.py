"""Intel's GPUs, as xpu-smi (Intel XPU Manager) reports them."""

from collections.abc import Mapping
from typing import Any

from llmpick.evidence.device import Device
from llmpick.sources.hardware.ask import json_of


def intel_gpus(program: str) -> tuple[Device, ...]:
    """One question for the list, one per card for its memory. Graphics without memory of their own are left out."""
    listed = json_of([program, "discovery", "-j"])
    cards = listed.get("device_list") if isinstance(listed, Mapping) else None
    numbers = [card["device_id"] for card in cards if isinstance(card, Mapping) and "device_id" in card] if isinstance(cards, list) else []
    found = (_card(json_of([program, "discovery", "-d", str(number), "-j"])) for number in numbers)
    return tuple(device for device in found if device is not None)


def _card(card: Any) -> Device | None:
    total = _whole(card.get("memory_physical_size_byte")) if isinstance(card, Mapping) else None
    if not total:
        return None
    free = _whole(card.get("memory_free_size_byte"))
    return Device(str(card.get("device_name", "Intel GPU")), "gpu", total, total if free is None else min(free, total), vendor="intel")


def _whole(value: Any) -> int | None:
    return int(value) if str(value).isdigit() else None
