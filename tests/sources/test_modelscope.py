"""The ModelScope cache, in its older and its newer layout."""

from pathlib import Path

from llmpick.sources.modelscope import CachedModel, cached_models


def test_both_layouts_are_found_and_dots_restored(tmp_path: Path):
    hub = tmp_path / ".cache/modelscope/hub"
    for folder in (
        "models/Qwen/Qwen2___5-0___5B-Instruct",
        "iic/old-model",
        "models/._____temp/Qwen/half",
        "datasets/org/data",
        "temp/x/y",
    ):
        (hub / folder).mkdir(parents=True)
    assert cached_models({"HOME": str(tmp_path)}) == (
        CachedModel("Qwen/Qwen2.5-0.5B-Instruct", hub / "models/Qwen/Qwen2___5-0___5B-Instruct"),
        CachedModel("iic/old-model", hub / "iic/old-model"),
    )


def test_the_variable_moves_the_cache(tmp_path: Path):
    for folder in ("a/models/o/new", "b/hub/models/o/newer", "c/o/old"):
        (tmp_path / folder).mkdir(parents=True)
    found = {root: [model.id for model in cached_models({"MODELSCOPE_CACHE": str(tmp_path / root)})] for root in "abcd"}
    assert found == {"a": ["o/new"], "b": ["o/newer"], "c": ["o/old"], "d": []}
