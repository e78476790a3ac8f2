"""The shape of the catalog's YAML files: what may be written there, and nothing else.

`python -m llmpick.catalog.schema` writes the JSON Schema of the model files, which editors use to help whoever adds a model.
"""

import json
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AnyHttpUrl, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from llmpick.evidence.device import Vendor
from llmpick.evidence.model import TensorRole
from llmpick.evidence.quantization import TensorPart

SCHEMA_PATH = Path(__file__).parent / "models.schema.json"


def last_day_of(value: Any) -> Any:
    """A month alone ("2023-03") stands for its last day, so that nothing is known too early; other values pass unchanged."""
    if not isinstance(value, str) or len(value) != len("2023-03"):
        return value
    year, month = int(value[:4]), int(value[5:])
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def whole_number(value: Any) -> Any:
    """Accepts 1.0e12 where a count is wanted (YAML reads it as a float or a string); refuses 1.5 and anything that is no number."""
    if isinstance(value, bool) or not isinstance(value, float | str):
        return value
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not number.is_finite() or number != number.to_integral_value():
        raise ValueError(f"{value!r} is not a whole number")
    return int(number)


Day = Annotated[
    date,
    BeforeValidator(last_day_of),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d{2}(-\d{2})?$", "description": "a day, or a month for its last day"}),
]
Count = Annotated[
    int,
    BeforeValidator(whole_number),
    Field(gt=0),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": r"^\d+(\.\d+)?e\d+$"}]}),
]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
PriceClass = Literal["consumer", "laptop", "workstation", "datacenter", "soc", "cpu"]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceEntry(Shape):
    """`published` is left out for what comes with the model itself (its files, its card): it is known from the model's release on.

    `checked` is the day on which somebody last compared the values with this source, left out where nobody has yet.
    """

    title: str
    url: AnyHttpUrl | None = None
    published: Day | None = None
    checked: Day | None = None


class ArchitectureEntry(Shape):
    """`layers` counts the layers that keep a KV cache; key and value sizes are elements per KV head.

    `window` is the sliding window of all layers, `window_pattern` is repeated over the layers, 0 standing for full attention.
    `full_kv_heads` and `full_head_size` hold where full-attention layers differ from windowed ones. Latent attention (MLA) is one KV
    head that keeps the latent vector and no value. `recurrent_layers` stand beside `layers`; each keeps `state_elements` and
    `convolution_elements` per sequence.
    """

    name: str
    hidden_size: Count
    layers: Count
    kv_heads: Count
    head_size: Count | None = None
    key_size: Count | None = None
    value_size: Annotated[int, Field(ge=0)] | None = None
    window: Count | None = None
    window_pattern: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    full_kv_heads: Count | None = None
    full_head_size: Count | None = None
    recurrent_layers: Count | None = None
    state_elements: Count | None = None
    convolution_elements: Count | None = None

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> Self:
        if (self.head_size is None) == (self.key_size is None or self.value_size is None):
            raise ValueError("give either head_size, or both key_size and value_size")
        if self.window is not None and self.window_pattern is not None:
            raise ValueError("give window or window_pattern, not both")
        if self.window_pattern is None and (self.full_kv_heads is not None or self.full_head_size is not None):
            raise ValueError("full_kv_heads and full_head_size need a window_pattern")
        recurrent = (self.recurrent_layers, self.state_elements, self.convolution_elements)
        if any(recurrent) and not all(recurrent):
            raise ValueError("recurrent_layers, state_elements and convolution_elements go together")
        return self


class FactBlock(Shape):
    """What one source says about one model. A newer block is added beside an older one, which is never changed."""

    source: str
    released: Day | None = None
    parameters_total: Count | None = None
    parameters_active: Count | None = None
    training_tokens: Count | None = None
    unique_tokens: Count | None = None
    context_tokens: Count | None = None
    licence: str | None = None
    languages: Annotated[tuple[Language, ...], Field(min_length=1)] | None = None
    vocabulary_size: Count | None = None
    architecture: ArchitectureEntry | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set - {"source"}:
            raise ValueError("a block of facts without a fact")
        return self


class DownloadsEntry(Shape):
    huggingface: str | None = None
    gguf: str | None = None
    modelscope: str | None = None
    ollama: str | None = None


class ModelEntry(Shape):
    """`mixture` marks a mixture of experts, whose active parameters are known only where a source gives them.

    `aliases` are further names under which the same weights are passed on.
    """

    id: str
    name: str
    family: str
    tuning: Literal["base", "instruct"]
    derived_from: str | None = None
    mixture: bool = False
    aliases: tuple[str, ...] = ()
    facts: Annotated[tuple[FactBlock, ...], Field(min_length=1)]
    downloads: DownloadsEntry = DownloadsEntry()

    @model_validator(mode="after")
    def _has_what_every_model_needs(self) -> Self:
        missing = [key for key in ("released", "parameters_total", "licence") if all(getattr(b, key) is None for b in self.facts)]
        if missing:
            raise ValueError(f"no block of facts gives {', '.join(missing)}")
        return self


class ModelsFile(Shape):
    sources: dict[str, SourceEntry]
    models: Annotated[tuple[ModelEntry, ...], Field(min_length=1)]


class LicenceEntry(Shape):
    title: str
    url: AnyHttpUrl
    commercial_use: Literal["yes", "no", "conditions"]
    condition: str | None = None

    @model_validator(mode="after")
    def _tells_its_condition(self) -> Self:
        if (self.commercial_use == "conditions") != (self.condition is not None):
            raise ValueError("a condition is given exactly where commercial_use is 'conditions'")
        return self


class LicencesFile(Shape):
    licences: dict[str, LicenceEntry]


class TensorTypeEntry(Shape):
    """`otherwise` is the type of rows that are no whole blocks."""

    block_elements: Count
    block_bytes: Count
    otherwise: str | None = None


TypeMix = str | dict[str, Annotated[float, Field(gt=0, le=1)]]


class QuantizationEntry(Shape):
    """Either bits (`bits_per_weight`, and `bits_by_role` for what is stored otherwise), or the `types` of a recipe that mixes tensor types.

    `grouped_queries` and `eight_experts` are what the recipe has otherwise for such models.
    """

    format: Literal["gguf", "safetensors"]
    source: str
    aliases: tuple[str, ...] = ()
    spread: Annotated[float, Field(ge=0, lt=1)] = 0.0
    bits_per_weight: Annotated[float, Field(gt=0, le=64)] | None = None
    bits_by_role: dict[TensorRole, Annotated[float, Field(ge=0, le=64)]] = {}
    types: dict[TensorPart, TypeMix] | None = None
    grouped_queries: dict[TensorPart, TypeMix] = {}
    eight_experts: dict[TensorPart, TypeMix] = {}

    @model_validator(mode="after")
    def _says_how_it_stores(self) -> Self:
        if (self.bits_per_weight is None) == (self.types is None):
            raise ValueError("give either bits_per_weight or types")
        if self.types is not None and "default" not in self.types:
            raise ValueError("types has no default")
        return self


class QuantizationsFile(Shape):
    sources: dict[str, SourceEntry]
    quantizations: dict[str, QuantizationEntry]
    tensor_types: dict[str, TensorTypeEntry]


class RentEntry(Shape):
    """US dollars for one hour of one device: the offer taken, the lowest and the highest."""

    value: Annotated[float, Field(gt=0)]
    low: Annotated[float, Field(gt=0)]
    high: Annotated[float, Field(gt=0)]
    source: str

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if not self.low <= self.value <= self.high:
            raise ValueError("low <= value <= high does not hold")
        return self


class DeviceEntry(Shape):
    """What the fields mean stands at the top of devices.yaml. `source` holds where a group of fields has no source of its own."""

    name: str
    kind: Literal["cpu", "gpu"] = "gpu"
    vendor: Vendor
    price_class: PriceClass
    aliases: tuple[str, ...] = ()
    driver_names: tuple[str, ...] = ()
    shares_memory: bool = False
    source: str
    memory_bytes: Count
    bandwidth_bytes_per_s: Count
    power_watts: Annotated[float, Field(gt=0)] | None = None
    driver_memory_source: str | None = None
    driver_memory_bytes: Count | None = None
    rates_source: str | None = None
    fp16_flops: Count | None = None
    fp32_accumulation: Annotated[float, Field(gt=0, le=1)] = 1.0
    int8_ops: Count | None = None
    fp8_flops: Count | None = None
    links_source: str | None = None
    link_bytes_per_s: Count | None = None
    host_link_bytes_per_s: Count | None = None
    hourly_usd: RentEntry | None = None

    @model_validator(mode="after")
    def _says_who_reports_its_memory(self) -> Self:
        if (self.driver_memory_bytes is None) != (self.driver_memory_source is None):
            raise ValueError("driver_memory_bytes and driver_memory_source go together")
        return self


class DevicesFile(Shape):
    sources: dict[str, SourceEntry]
    devices: tuple[DeviceEntry, ...]


def models_schema_text() -> str:
    return json.dumps(ModelsFile.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_PATH.write_text(models_schema_text(), encoding="utf-8")
