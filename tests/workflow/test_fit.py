"""The verb's workflow: what is chosen where nobody asked, and the pass over the catalog against one configuration at a time."""

from dataclasses import replace

import numpy as np
import pytest

from llmpick.catalog.loader import load_models
from llmpick.catalog.tables import find_quantization
from llmpick.estimate.weights import stored_as
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import Blueprint, TensorGroup
from llmpick.evidence.task import Limits, Metric, Prompt, Task, TaskKind
from llmpick.evidence.values import Source, Unknown
from llmpick.workflow.fit.fit import fit
from llmpick.workflow.fit.inputs import FitOptions, deployment_of, load_of, place_of, prompt_of
from llmpick.workflow.fit.one import fit_case, judge
from llmpick.workflow.fit.outlook import outlook_on
from llmpick.workflow.fit.price import Purse
from llmpick.workflow.fit.variants import Case, engine_for, variants
from llmpick.workflow.models.facts_blueprint import blueprint_of_facts

FACTS = {one.id: one for one in load_models()}
CARD = place_of("RTX 3090")
SERVER = place_of("H100-80GB")


def catalog(name: str) -> Blueprint:
    blueprint = blueprint_of_facts(FACTS[name])
    assert blueprint is not None
    return blueprint


@pytest.mark.parametrize(
    ("options", "place", "engine"),
    [
        (FitOptions(), CARD, "llama.cpp"),
        (FitOptions(), SERVER, "vllm"),
        (FitOptions(engine="sglang"), CARD, "sglang"),
        (FitOptions(engine="LLAMA.CPP==b6000"), SERVER, "llama.cpp"),
        (FitOptions(quantizations=("Q4_K_M",)), SERVER, "llama.cpp"),
        (FitOptions(tensor_parallel=2), CARD, "vllm"),
        (FitOptions(memory_utilization=0.9), CARD, "vllm"),
    ],
)
def test_the_engine(options, place, engine):
    chosen, note = engine_for(options, place.device, catalog("Qwen/Qwen3-8B"))
    assert chosen == engine
    assert bool(note) == (options.engine is None)


A_TASK = Task("t", TaskKind.SHORT_ANSWER, ("en",), (), Prompt("{{ text }}"), Metric("exact-match"), content_hash="h")


def test_the_load():
    assert load_of(FitOptions(), None, 2048).context_tokens == 2048
    assert load_of(FitOptions(), None, 131072).context_tokens == 8192
    assert load_of(FitOptions(context_tokens=30000), None, 2048).context_tokens == 30000
    assert load_of(FitOptions(), A_TASK, 131072).context_tokens == 4096, "what pick and race give a model"
    assert load_of(FitOptions(), A_TASK, 2048).context_tokens == 2048
    assert load_of(FitOptions(), replace(A_TASK, limits=Limits(context_tokens=9000)), 131072).context_tokens == 9000
    assert load_of(FitOptions(sequences=7), None, None).sequences == 7
    assert prompt_of(FitOptions(), load_of(FitOptions(context_tokens=100), None, None)) == 100


def test_load_options_have_the_type_that_they_look_like():
    words = ("swa_full=true", "n_ubatch=1024", "rope_scale=0.5", "kv-dtype=fp8")
    options = deployment_of(FitOptions(options=words), "llama.cpp").options
    assert dict(options) == {"swa_full": True, "n_ubatch": 1024, "rope_scale": 0.5, "kv_dtype": "fp8"}


def test_this_machine_tells_free_memory_from_the_whole():
    machine, here, notes = place_of("This machine")
    assert here
    assert notes == ()
    assert 0 < machine.memory_free_bytes <= machine.memory_total_bytes


@pytest.mark.parametrize("engine", ["llama.cpp", "vllm", "sglang", "transformers"])
def test_every_engine_answers(engine):
    (case, *_) = variants(
        FitOptions(engine=engine, quantizations=("BF16",)), SERVER, catalog("Qwen/Qwen3-8B"), load_of(FitOptions(), None, None)
    )
    result = fit_case(case, Purse(price_per_hour=2.0))
    assert result.fits == "yes"
    assert not isinstance(result.memory, Unknown)
    # llama.cpp keeps the input table, 151,936 rows of 4,096, in the host's memory.
    table = 2 * 151_936 * 4096 if engine == "llama.cpp" else 0
    assert result.memory.weights_bytes.value == pytest.approx(2 * 8.19e9 - table, rel=0.005)
    assert sum(line.bytes.value for line in result.memory.lines) == pytest.approx(result.memory.total_bytes.value, rel=0.05)
    assert (result.memory.kv_pool_bytes is not None) == (engine in ("vllm", "sglang"))
    assert result.engine_options


def test_a_model_of_which_only_the_size_is_known_is_bounded():
    sized = Blueprint("x", "facts", "safetensors", "BF16", None, (TensorGroup("other", "BF16", 10**9, 2 * 10**9),), None, Source("card"))
    case = Case(sized, CARD, deployment_of(FitOptions(), "llama.cpp"), load_of(FitOptions(), None, None), 512)
    result = fit_case(case, Purse())
    assert not isinstance(result.memory, Unknown)
    assert result.memory.kv_cache_bytes.low == 0 < result.memory.kv_cache_bytes.high
    assert result.fits == "yes"  # even with the most that a model of this size keeps
    tight = fit_case(
        replace(case, place=CARD._replace(device=replace(CARD.device, memory_free_bytes=int(result.memory.total_bytes.value)))), Purse()
    )
    assert (tight.fits, tight.fits_probability) == ("unknown", None)
    assert "layers are not known" in tight.reasons[0]


def test_nothing_known_is_a_refusal_with_its_reason():
    nothing = Blueprint("x", "facts", "safetensors", "BF16", None, (), None, Source("card"))
    result = fit_case(Case(nothing, CARD, deployment_of(FitOptions(), "llama.cpp"), load_of(FitOptions(), None, None), 512), Purse())
    assert isinstance(result.memory, Unknown)
    assert result.fits == "unknown"


def test_judging_without_an_estimate():
    assert judge(Unknown("x"), 10, whole=True)[:2] == (None, "unknown")


@pytest.fixture(scope="module")
def outlook():
    return outlook_on(FitOptions(), None, CARD, load_of(FitOptions(), None, None))[0]


def test_ten_thousand_configurations_take_less_than_a_second(outlook):
    assert sum(outlook.configurations.values()) >= 10_000
    seconds = [outlook_on(FitOptions(), None, CARD, load_of(FitOptions(), None, None))[0].seconds for _ in range(3)]
    assert min(seconds) < 1.0


def test_the_pass_says_the_same_as_one_configuration_at_a_time(outlook):
    """To 0.2%: what a quantisation leaves wide is counted by role in the pass, and by tensor one at a time."""
    checked = [one for one in outlook.models if one.quantization and one.fits != "unknown"][::7]
    assert len(checked) > 20
    for one in checked:
        blueprint = catalog(one.model)
        stored, spread = stored_as(blueprint, find_quantization(one.quantization or ""))
        load = load_of(FitOptions(), None, blueprint.context_tokens)
        case = Case(stored, CARD, outlook.deployment, load, prompt_of(FitOptions(), load), spread)
        alone = fit_case(case, Purse())
        assert not isinstance(alone.memory, Unknown)
        assert not isinstance(one.total_bytes, Unknown)
        for name in ("value", "low", "high"):
            assert getattr(one.total_bytes, name) == pytest.approx(getattr(alone.memory.total_bytes, name), rel=0.002), one.model
        assert (one.fits, one.fits_probability) == (alone.fits, pytest.approx(alone.fits_probability, abs=0.01))
        if not isinstance(one.decode_tokens_per_s, Unknown) and not isinstance(alone.speed.decode_tokens_per_s, Unknown):
            assert one.decode_tokens_per_s.value == pytest.approx(alone.speed.decode_tokens_per_s.value, rel=0.01)


def test_each_model_of_the_catalog_is_there_once_with_a_reason_or_foremost(outlook):
    assert sorted(one.model for one in outlook.models) == sorted(FACTS)
    assert all(one.foremost != bool(one.reasons) for one in outlook.models)


def test_the_foremost_stand_first_and_surely_fit(outlook):
    foremost = [one.foremost for one in outlook.models]
    assert foremost == sorted(foremost, reverse=True)
    assert all(one.fits == "yes" and one.bits_per_weight >= 4 for one in outlook.models if one.foremost)


def test_more_memory_rules_nothing_out_that_fitted(outlook):
    larger = outlook_on(FitOptions(), None, place_of("RTX 5090"), load_of(FitOptions(), None, None))[0]
    fitted = {one.model for one in outlook.models if one.fits == "yes"}
    assert fitted <= {one.model for one in larger.models if one.fits == "yes"}


def test_a_longer_context_takes_more_and_fits_no_more_often(outlook):
    longer = outlook_on(FitOptions(), None, CARD, load_of(FitOptions(context_tokens=32768), None, None))[0]
    assert sum(one.fits == "yes" for one in longer.models) <= sum(one.fits == "yes" for one in outlook.models)
    assert np.isfinite(longer.seconds)


def test_without_a_model_only_one_device_is_looked_at():
    with pytest.raises(InputError, match="one device"):
        fit(FitOptions(devices=("RTX 3090", "RTX 4090")), {})
