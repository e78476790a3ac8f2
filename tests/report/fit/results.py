"""Answers of `fit` for the report's tests, by name: each shows another case."""

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType

from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device, Load
from llmpick.evidence.fit import (
    ApiOffer,
    FitAnswer,
    FitMemory,
    FitOutlook,
    FitPrice,
    FitResult,
    FitSpeed,
    MemoryLine,
    ModelOutlook,
)
from llmpick.evidence.values import Interval, Source, Unknown

GIB = 2**30
MIB = 2**20
FILE = Source("header of model.gguf")
FORMULA = Source("KV elements per token x tokens", url="https://example.org/kv", published=date(2026, 1, 2), checked=date(2026, 11, 24))
CARD = Device("RTX 4090", "gpu", 24 * GIB, 24 * GIB, 1008e9, vendor="nvidia")
MACHINE = Device("EPYC", "cpu", 24 * GIB, 20 * GIB, cores=2, vendor="cpu")


def about(value: float, spread: float = 0.05) -> Interval:
    return Interval(value, value * (1 - spread), value * (1 + spread), 0.9)


def exactly(value: float) -> Interval:
    return Interval(value, value, value, 0.9)


def memory(total: float = 5 * GIB, *, pool: bool = False) -> FitMemory:
    """Four parts, of which the weights are what the others leave of the total."""
    cache, compute, engine = 1.0 * GIB, 0.3 * GIB, 0.2 * GIB
    weights = total - cache - compute - engine
    lines = (
        MemoryLine("weights", "file, mapped", exactly(weights), "300 tensors", FILE),
        MemoryLine("kv_cache", "full attention", exactly(cache), "32 layers x 8 heads x 256 elements x 8,192 tokens x 2 bytes", FORMULA),
        MemoryLine("compute", "graph", about(compute), "512 tokens x 4,096 x 4 bytes", FORMULA),
        MemoryLine("overhead", "process", about(engine, 0.2), "measured", FORMULA),
    )
    return FitMemory(
        "on the device" if pool else "resident",
        exactly(weights),
        exactly(cache),
        about(compute),
        about(engine, 0.2),
        about(total, 0.02),
        about(12 * GIB) if pool else None,
        98_304 if pool else None,
        lines,
    )


def speed() -> FitSpeed:
    return FitSpeed(about(33.4, 0.1), about(410.0, 0.2), about(1.27, 0.3), 8192, 512, Source("fitted on 300 rows"))


def result(**changed: object) -> FitResult:
    values: dict[str, object] = {
        "model": "org/name-7B",
        "quantization": "Q4_K_M",
        "deployment": Deployment("llama.cpp"),
        "engine_options": {"n_ctx": 8192, "n_parallel": 1, "swa_full": False},
        "device": MACHINE,
        "load": Load(8192),
        "available_bytes": MACHINE.memory_free_bytes,
        "memory": memory(),
        "speed": speed(),
        "price": Unknown("what an hour of EPYC costs is not known; name it with --price-per-hour"),
        "fits": "yes",
        "fits_probability": 0.99999,
        "sources": (FILE, FORMULA),
    }
    return FitResult(**{**values, **changed})  # pyright: ignore[reportArgumentType]


def fitting() -> FitAnswer:
    return FitAnswer((result(),))


def serving() -> FitAnswer:
    """Two GPUs, a claimed pool, and a price."""
    offer = ApiOffer("Someone", "name-7b", 0.1, 0.3, Source("genai-prices 0.2.3"))
    price = FitPrice(
        1.2, Source("--price-per-hour"), about(0.2), about(4.0), Unknown("the power of the device is not known"), offer, 2.5e8, None
    )
    deployment = Deployment("vllm", "0.19", tensor_parallel=2, memory_utilization=0.9)
    options = {"gpu_memory_utilization": 0.9, "max_model_len": 8192}
    one = result(
        deployment=deployment, engine_options=options, device=CARD, load=Load(8192, 4), available_bytes=int(21.6 * GIB), price=price,
        memory=memory(15 * GIB, pool=True), notes=("Engine: vLLM, as for serving on RTX 4090.",),
    )  # fmt: skip
    return FitAnswer((one,))


def too_large() -> FitAnswer:
    return FitAnswer((result(memory=memory(40 * GIB), fits="no", fits_probability=0.0, reasons=("needs 40.0 GiB, 20.0 GiB are there",)),))


def marginal() -> FitAnswer:
    return FitAnswer((result(memory=memory(20 * GIB), fits="marginal", fits_probability=0.5),))


def unknown() -> FitAnswer:
    """Nothing is known but the model's name."""
    nothing = Unknown("neither its layers nor its number of parameters are known")
    no_speed = FitSpeed(*([Unknown("its layers are not known")] * 3), context_tokens=8192, prompt_tokens=512)  # pyright: ignore
    one = result(
        memory=nothing, speed=no_speed, fits="unknown", fits_probability=None, reasons=("nothing is known of its memory",), sources=()
    )
    return FitAnswer((one,))


def several() -> FitAnswer:
    return FitAnswer((*fitting().results, *too_large().results, *unknown().results))


def outlook() -> FitAnswer:
    models = (
        entry("org/best-8B", foremost=True),
        entry("org/mixture-30B", foremost=True, parameters_total=30_000_000_000, parameters_active=3_000_000_000, training_tokens=None),
        *(
            entry(f"org/large-{n}B", quantization="Q2_K", fits="no", fits_probability=0.0, longest_context_tokens=None,
                  reasons=(f"does not fit: {n / 2:.1f} GiB at 8,192 tokens in Q2_K, 20.0 GiB are there",))
            for n in (70, 120)
        ),
        entry("org/secret", quantization=None, bits_per_weight=None, longest_context_tokens=None, parameters_total=None,
              parameters_active=None, total_bytes=Unknown("its number of parameters is not known"), fits="unknown", fits_probability=None,
              decode_tokens_per_s=Unknown("its number of parameters is not known"), reasons=("its number of parameters is not known",)),
    )  # fmt: skip
    counts = MappingProxyType({"yes": 90, "marginal": 2, "no": 30, "unknown": 0})
    found = FitOutlook(
        MACHINE, Deployment("llama.cpp"), 20 * GIB, Load(8192), ("Q8_0", "Q4_K_M", "Q2_K"), (2048, 8192), counts, models,
        "by the compute of training; this is no prior", 0.042, "a task", (),
    )  # fmt: skip
    return FitAnswer(fitting().results, found)


def entry(name: str, **changed: object) -> ModelOutlook:
    values: dict[str, object] = {
        "model": name, "tuning": "instruct", "parameters_total": 8_000_000_000, "parameters_active": 8_000_000_000,
        "training_tokens": 15 * 10**12, "released": date(2025, 4, 1), "quantization": "Q8_0", "bits_per_weight": 8.5,
        "longest_context_tokens": 32768, "total_bytes": about(9.7 * GIB, 0.02), "decode_tokens_per_s": about(5.2, 0.2), "fits": "yes",
        "fits_probability": 0.9999, "foremost": False,
    }  # fmt: skip
    return ModelOutlook(**{**values, **changed})  # pyright: ignore[reportArgumentType]


ALL: Mapping[str, Callable[[], FitAnswer]] = MappingProxyType(
    {make.__name__: make for make in (fitting, serving, too_large, marginal, unknown, several, outlook)}
)
