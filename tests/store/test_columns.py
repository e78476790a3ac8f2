"""Any text and any moment comes back as it was given."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from llmpick.store.columns import AnyText, Moment, to_json

DIALECT = sqlite.dialect()
NASTY = ["", "订单 A-17", '"quoted"', '"', "nul\0nul", "\ud800 lone", "\\u0000", "\x1b[31m", "null", '"\\ud800"']
any_text = st.text(st.characters(exclude_categories=[])) | st.sampled_from(NASTY)


@given(any_text)
@settings(max_examples=100)
def test_any_text_comes_back_from_what_both_databases_can_hold(value: str) -> None:
    kept = AnyText().process_bind_param(value, DIALECT)
    assert kept is not None
    assert "\0" not in kept
    kept.encode()
    assert AnyText().process_result_value(kept, DIALECT) == value


@pytest.mark.parametrize("value", ["plain", "订单 A-17", "two\nlines", '{"order": 1}'])
def test_ordinary_text_is_kept_readable(value: str) -> None:
    assert AnyText().process_bind_param(value, DIALECT) == value


leaves = st.none() | st.booleans() | st.integers() | any_text


@given(st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(any_text, inner), max_leaves=5))
@settings(max_examples=50)
def test_json_comes_back_and_can_be_written_as_utf_8(value: object) -> None:
    written = to_json(value)
    written.encode()
    assert json.loads(written) == value


def test_json_keeps_chinese_readable_and_takes_paths_and_read_only_mappings() -> None:
    assert to_json(MappingProxyType({"名": Path("a.gguf")})) == '{"名": "a.gguf"}'


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_json_has_no_number_for_what_is_not_known(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"score": number})


def test_moments_are_kept_in_utc_and_sort_as_text() -> None:
    beijing = datetime(2026, 11, 24, 8, 0, tzinfo=timezone(timedelta(hours=8)))
    kept = Moment().process_bind_param(beijing, DIALECT)
    assert kept == "2026-11-24T00:00:00.000000+00:00"
    assert Moment().process_result_value(kept, DIALECT) == beijing
    later = Moment().process_bind_param(datetime(2026, 11, 24, 0, 0, 0, 1, tzinfo=UTC), DIALECT)
    assert later is not None
    assert later > kept


def test_a_moment_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Moment().process_bind_param(datetime(2026, 11, 24), DIALECT)
