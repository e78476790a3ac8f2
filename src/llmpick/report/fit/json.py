"""`FitAnswer` → the document of `fit --json`. Nothing is left out and nothing is rounded."""

from collections.abc import Mapping
from typing import Any

from llmpick.evidence.fit import FitAnswer, FitMemory, FitOutlook, FitPrice, FitResult, Fits, FitSpeed, MemoryLine, ModelOutlook
from llmpick.evidence.values import Interval, Source, Unknown
from llmpick.report.document import known
from llmpick.report.fit import schema

NOT_NAMED = "none was named: the newest that is known"
NO_POOL = "the engine claims no cache beforehand"
NOT_ASKED = "it was not asked (--confirm)"
NOT_OFFLOADED = "no layers or experts were kept in the host's memory"
NOT_STATED = "the source does not say"


def answer_document(answer: FitAnswer) -> dict[str, Any]:
    """The whole answer as plain JSON values. Raises `pydantic.ValidationError` for what the schema cannot hold: a defect of llmpick."""
    outlook = _outlook(answer.outlook) if answer.outlook else Unknown("models were named")
    document = schema.Fit(**known(outlook=outlook), schema_version=schema.SCHEMA_VERSION, results=[_result(one) for one in answer.results])
    return document.model_dump(mode="json")


def _result(one: FitResult) -> schema.Result:
    return schema.Result(
        **known(
            engine_version=one.deployment.version or Unknown(NOT_NAMED),
            memory=one.memory if isinstance(one.memory, Unknown) else _memory(one.memory),
            price=one.price if isinstance(one.price, Unknown) else _price(one.price),
            fits_probability=_or(one.fits_probability, "; ".join(one.reasons) or "nothing is known of its memory"),
        ),
        model=one.model,
        quantization=one.quantization,
        engine=one.deployment.engine,
        engine_options=dict(one.engine_options),
        device=one.device.name,
        tensor_parallel=one.deployment.tensor_parallel,
        pipeline_parallel=one.deployment.pipeline_parallel,
        context_tokens=one.load.context_tokens,
        sequences=one.load.sequences,
        available_bytes=one.available_bytes,
        speed=_speed(one.speed),
        fits=one.fits,
        reasons=list(one.reasons),
        notes=list(one.notes),
        sources=[_source(source) for source in one.sources],
    )


def _memory(memory: FitMemory) -> schema.Memory:
    pool = memory.kv_pool_bytes
    return schema.Memory(
        **known(
            kv_pool_bytes=Unknown(NO_POOL) if pool is None else _range(pool),
            kv_pool_tokens=_or(memory.kv_pool_tokens, NO_POOL if pool is None else "the engine does not count them"),
            host_bytes=Unknown(NOT_OFFLOADED) if memory.host_bytes is None else _range(memory.host_bytes),
            confirmed_by=_or(memory.confirmed_by and memory.confirmed_by.title, NOT_ASKED),
        ),
        kind=memory.kind,
        weights_bytes=round(memory.weights_bytes.value),
        kv_cache_bytes=round(memory.kv_cache_bytes.value),
        compute_bytes=round(memory.compute_bytes.value),
        overhead_bytes=round(memory.overhead_bytes.value),
        total_bytes=_range(memory.total_bytes),
        intervals=schema.Parts(
            weights_bytes=_range(memory.weights_bytes),
            kv_cache_bytes=_range(memory.kv_cache_bytes),
            compute_bytes=_range(memory.compute_bytes),
            overhead_bytes=_range(memory.overhead_bytes),
        ),
        lines=[_line(line) for line in memory.lines],
        host_lines=[_line(line) for line in memory.host_lines],
    )


def _line(line: MemoryLine) -> schema.FitLine:
    return schema.FitLine(part=line.part, name=line.name, bytes=_range(line.bytes), formula=line.formula, source=line.source.title)


def _speed(speed: FitSpeed) -> schema.Speed:
    return schema.Speed(
        **known(
            decode_tokens_per_s=_range_or_unknown(speed.decode_tokens_per_s),
            prefill_tokens_per_s=_range_or_unknown(speed.prefill_tokens_per_s),
            ttft_s=_range_or_unknown(speed.ttft_s),
            source=_or(speed.source and speed.source.title, "there is no speed"),
        ),
        context_tokens=speed.context_tokens,
        prompt_tokens=speed.prompt_tokens,
    )


def _price(price: FitPrice) -> schema.FitCost:
    offer = price.offer
    return schema.FitCost(
        **known(
            input_per_million=_range_or_unknown(price.input_per_million),
            output_per_million=_range_or_unknown(price.output_per_million),
            energy_kwh_per_million_output=_range_or_unknown(price.energy_kwh_per_million_output),
            offer=Unknown("no API is known to sell this model")
            if offer is None
            else schema.Offer(
                provider=offer.provider,
                model=offer.model,
                input_per_million=offer.input_per_million,
                output_per_million=offer.output_per_million,
                snapshot=offer.snapshot.title,
            ),
            break_even_tokens_per_day=_or(price.break_even_tokens_per_day, price.note or "there is no offer to compare with"),
            capacity_tokens_per_day=Unknown("its speed is not known")
            if price.capacity_tokens_per_day is None
            else _range(price.capacity_tokens_per_day),
            input_share=_or(price.input_share, "it does not matter"),
            note=_or(price.note, "there is nothing to add"),
        ),
        device_per_hour=price.device_per_hour,
        device_per_hour_source=price.device_per_hour_source.title,
    )


def _source(source: Source) -> schema.FitSource:
    values = {name: _or(getattr(source, name), NOT_STATED) for name in ("url", "published", "checked")}
    return schema.FitSource(**known(**values), title=source.title)


def _outlook(outlook: FitOutlook) -> schema.Outlook:
    return schema.Outlook(
        **known(task=_or(outlook.task, "no task was named")),
        device=outlook.device.name,
        engine=outlook.deployment.engine,
        available_bytes=outlook.available_bytes,
        context_tokens=outlook.load.context_tokens,
        sequences=outlook.load.sequences,
        quantizations=list(outlook.quantizations),
        contexts=list(outlook.contexts),
        configurations=_configurations(outlook.configurations),
        seconds=outlook.seconds,
        order=outlook.order,
        models=[_model(one) for one in outlook.models],
        notes=list(outlook.notes),
    )


def _configurations(found: Mapping[Fits, int]) -> schema.Configurations:
    return schema.Configurations(yes=found["yes"], marginal=found["marginal"], no=found["no"], cannot_tell=found["unknown"])


def _model(one: ModelOutlook) -> schema.CatalogModel:
    why = one.reasons[0] if one.reasons else "it is not known"
    facts = {name: _or(getattr(one, name), "the catalog does not know it") for name in ("parameters_total", "parameters_active")}
    facts |= {name: _or(getattr(one, name), "the catalog does not know it") for name in ("training_tokens", "released")}
    return schema.CatalogModel(
        **known(
            **facts,
            fits_probability=_or(one.fits_probability, why),
            quantization=_or(one.quantization, why),
            bits_per_weight=_or(one.bits_per_weight, why),
            longest_context_tokens=_or(one.longest_context_tokens, "it surely fits at none of the contexts tried"),
            total_bytes=_range_or_unknown(one.total_bytes),
            decode_tokens_per_s=_range_or_unknown(one.decode_tokens_per_s),
        ),
        model=one.model,
        foremost=one.foremost,
        fits=one.fits,
        tuning=one.tuning,
        reasons=list(one.reasons),
        notes=list(one.notes),
    )


def _range(value: Interval) -> schema.Range:
    return schema.Range(value=value.value, low=value.low, high=value.high, confidence=value.confidence)


def _range_or_unknown(value: Interval | Unknown) -> schema.Range | Unknown:
    return value if isinstance(value, Unknown) else _range(value)


def _or(value: Any, reason: str) -> Any:
    return Unknown(reason) if value is None else value
