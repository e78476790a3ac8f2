"""AMD's GPUs, as rocm-smi or its successor amd-smi report them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmpick.catalog.devices import find_device
from llmpick.evidence.device import Device
from llmpick.sources.hardware.ask import json_of

_UNITS = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}
_NAMES = ("Card Series", "Card series", "Card Model", "Card model")


def amd_gpus(rocm_smi: str, amd_smi: str, host: Device) -> tuple[Device, ...]:
    """The GPUs of the first program that answers. One that the catalog knows to share the host's memory gets that part too."""
    return _from_rocm_smi(rocm_smi) or _from_amd_smi(amd_smi, host)


def _from_rocm_smi(program: str) -> tuple[Device, ...]:
    """One JSON object with an entry per card; all its values are texts, its memory in bytes."""
    cards = json_of([program, "--showproductname", "--showmeminfo", "vram", "--json"])
    found = cards.values() if isinstance(cards, dict) else ()
    return tuple(device for device in map(_rocm_card, found) if device is not None)


def _rocm_card(card: Any) -> Device | None:
    total = _whole(card.get("VRAM Total Memory (B)")) if isinstance(card, Mapping) else None
    if total is None:
        return None
    name = next((str(card[key]) for key in _NAMES if key in card), "AMD GPU")
    return Device(name, "gpu", total, total - (_whole(card.get("VRAM Total Used Memory (B)")) or 0), vendor="amd")


def _from_amd_smi(program: str, host: Device) -> tuple[Device, ...]:
    """Two questions: what the cards are, and how much of their memory is in use; joined by the number of the card."""
    cards = _rows(json_of([program, "static", "--asic", "--vram", "--json"]))
    usage = {row.get("gpu"): row.get("mem_usage") for row in _rows(json_of([program, "metric", "--mem-usage", "--json"]))}
    found = (_amd_card(card, usage.get(card.get("gpu")), host) for card in cards)
    return tuple(device for device in found if device is not None)


def _rows(document: Any) -> list[Mapping[str, Any]]:
    """Older versions print the list alone, newer ones put it under `gpu_data`."""
    rows = document.get("gpu_data") if isinstance(document, Mapping) else document
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _amd_card(card: Mapping[str, Any], usage: Any, host: Device) -> Device | None:
    memory = usage if isinstance(usage, Mapping) else {}
    total = _bytes(memory.get("total_vram")) or _bytes(_part(card, "vram").get("size"))
    if not total:
        return None
    name = str(_part(card, "asic").get("market_name", "AMD GPU"))
    device = Device(name, "gpu", total, total - (_bytes(memory.get("used_vram")) or 0), vendor="amd")
    known = find_device(name)
    return _with_shared(device, memory, host) if known is not None and known.shares_memory else device


def _with_shared(device: Device, memory: Mapping[str, Any], host: Device) -> Device:
    """A GPU in the processor: what the kernel lends to it (GTT) counts, but no more than the host has."""
    lent = min(_bytes(memory.get("total_gtt")) or 0, host.memory_total_bytes)
    free = min(max(0, lent - (_bytes(memory.get("used_gtt")) or 0)), host.memory_free_bytes)
    total = device.memory_total_bytes + lent
    return replace(device, memory_total_bytes=total, memory_free_bytes=device.memory_free_bytes + free, shares_memory=True)


def _part(card: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = card.get(key)
    return part if isinstance(part, Mapping) else {}


def _bytes(quantity: Any) -> int | None:
    """`{"value": 32704, "unit": "MB"}`; AMD's MB are 2^20 bytes."""
    if not isinstance(quantity, Mapping) or quantity.get("unit") not in _UNITS:
        return None
    value = _whole(quantity.get("value"))
    return None if value is None else value * _UNITS[quantity["unit"]]


def _whole(value: Any) -> int | None:
    return int(value) if str(value).isdigit() else None
