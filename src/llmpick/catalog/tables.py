"""The licences, and the front door to the other reference tables beside the models: devices and quantisations."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from llmpick.catalog.devices import KnownDevice as KnownDevice
from llmpick.catalog.devices import device_named as device_named
from llmpick.catalog.devices import find_device as find_device
from llmpick.catalog.devices import load_devices as load_devices
from llmpick.catalog.files import CATALOG, read_file
from llmpick.catalog.quantizations import TensorType as TensorType
from llmpick.catalog.quantizations import find_quantization as find_quantization
from llmpick.catalog.quantizations import load_quantizations as load_quantizations
from llmpick.catalog.quantizations import load_tensor_types as load_tensor_types
from llmpick.catalog.schema import LicencesFile
from llmpick.evidence.errors import InputError

CommercialUse = Literal["yes", "no", "conditions"]


@dataclass(frozen=True, slots=True)
class Licence:
    """`condition` says in our own words what commercial use depends on; None where nothing does."""

    id: str
    title: str
    url: str
    commercial_use: CommercialUse
    condition: str | None = None


@lru_cache(maxsize=1)
def load_licences() -> Mapping[str, Licence]:
    entries = read_file(CATALOG / "licences.yaml", LicencesFile).licences
    return MappingProxyType({key: Licence(key, e.title, str(e.url), e.commercial_use, e.condition) for key, e in entries.items()})


def commercial_use(licence_id: str) -> CommercialUse:
    """Whether weights under this licence may earn money. Raises `InputError` for an id that the catalog does not list."""
    licence = load_licences().get(licence_id.lower())
    if licence is None:
        raise InputError(
            f"the licence {licence_id!r} is not known",
            where="licences.yaml of the catalog",
            remedy="read the model's licence, then name it in the task's limits or add it to licences.yaml",
        )
    return licence.commercial_use
