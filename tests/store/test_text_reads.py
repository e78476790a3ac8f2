"""What a model was seen to make of a text is kept and found again exactly, on both databases."""

from dataclasses import replace
from typing import Any

import pytest

from llmpick.evidence.call import EngineInfo
from llmpick.evidence.likelihood import TextRead, TextScore
from llmpick.store.store import Store

READ = TextRead(
    TextScore(-(0.1 + 0.2) * 1000, 321, 1456, first_token_scored=False, processed_tokens=322),
    1 / 3,
    EngineInfo("llama.cpp", "xllamacpp 0.2", "cpu", {"n_ctx": 4096, "beginning": [1]}, note="订单"),
    max_tokens=1024,
    split="ab12",
)


def test_a_reading_comes_back_as_it_was(store: Store) -> None:
    bare = replace(READ, max_tokens=None, split=None, score=replace(READ.score, first_token_scored=True))
    store.record_text_read("a", READ)
    store.record_text_read("b", bare)
    assert store.text_reads(["a", "b", "c"]) == {"a": READ, "b": bare}
    assert store.text_reads([]) == {}


def test_many_keys_are_found_at_once(store: Store) -> None:
    store.record_text_read("1499", READ)
    assert store.text_reads([str(i) for i in range(1500)]) == {"1499": READ}


def test_of_two_readings_under_one_key_the_first_stands(store: Store) -> None:
    store.record_text_read("a", READ)
    store.record_text_read("a", replace(READ, seconds=9.0))
    assert store.text_reads(["a"])["a"].seconds == READ.seconds


@pytest.mark.parametrize("wrong", [{"seconds": float("nan")}, {"score": replace(READ.score, nats=float("-inf"))}])
def test_a_number_that_is_none_is_refused(store: Store, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        store.record_text_read("a", replace(READ, **wrong))
    assert store.text_reads(["a"]) == {}
