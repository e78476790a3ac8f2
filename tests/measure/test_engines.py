"""Which engine opens what, and how an outside package adds one."""

from pathlib import Path

import pytest

from llmpick.evidence.errors import InputError
from llmpick.evidence.model import Endpoint, Weights
from llmpick.measure import engines
from llmpick.measure.engines import ENGINES, missing_engine, open_backend


@pytest.mark.parametrize("key", ENGINES)
def test_every_row_names_a_class_that_exists(key: str) -> None:
    engine = ENGINES[key]
    module = Path(engines.__file__).parents[2] / (engine.module.replace(".", "/") + ".py")
    assert f"class {engine.name}:" in module.read_text(encoding="utf-8")


def test_a_context_beyond_the_models_is_refused_by_the_engine_that_the_format_chose(tmp_path: Path) -> None:
    weights = Weights(tmp_path / "m.gguf", "gguf", 1, "Q4_0", None, 512, None)
    with pytest.raises(InputError, match="at most 512"):
        open_backend(weights, context_tokens=10**6)


def test_an_unknown_server_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no engine serves 'abacus'"):
        open_backend(Endpoint("http://127.0.0.1:9", "m", server="abacus"))


def test_an_outside_package_adds_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "abacus_engine.py").write_text(
        "from llmpick.measure.backends.scripted import ScriptedBackend\n"
        "def open_abacus(run, *, context_tokens, memory_limit_bytes):\n"
        "    return ScriptedBackend({}, name=f'{run.model} with {context_tokens} tokens')\n"
    )
    (tmp_path / "abacus_engine-1.0.dist-info").mkdir()
    (tmp_path / "abacus_engine-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: abacus-engine\nVersion: 1.0\n")
    (tmp_path / "abacus_engine-1.0.dist-info" / "entry_points.txt").write_text(f"[{engines.GROUP}]\nabacus = abacus_engine:open_abacus\n")
    monkeypatch.syspath_prepend(tmp_path)
    endpoint = Endpoint("http://127.0.0.1:9", "m", server="abacus")
    assert missing_engine(endpoint) is None
    with open_backend(endpoint, context_tokens=64) as backend:
        assert backend.engine.name == "m with 64 tokens"


def test_an_engine_whose_package_is_absent_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    told = missing_engine(Weights(Path("m"), "safetensors", 1, "BF16", None, None, None))
    assert told is not None
    assert "torch and transformers" in told
    assert "pip install 'llmpick[hf]'" in told
    assert missing_engine(Endpoint("http://127.0.0.1:9", "m")) is None
