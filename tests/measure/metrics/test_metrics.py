"""Every metric as a table: output, reference, options, score."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Metric
from llmpick.measure import metrics
from llmpick.measure.metrics import metric_names, resolve
from llmpick.measure.metrics.rouge_l import common_subsequence

Options = dict[str, Any]

CASES: list[tuple[str, Any, Any, Options, float]] = [
    ("accuracy", "refund", "refund", {}, 1),
    ("accuracy", "refund", "cancel", {}, 0),
    ("exact-match", "“Paris.”", "paris", {}, 1),
    ("exact-match", "北京。", "北京", {}, 1),
    ("exact-match", "１２３", "123", {}, 1),
    ("exact-match", "Paris", "paris", {"ignore_case": False}, 0),
    ("exact-match", "paris.", "paris", {"ignore_punctuation": False}, 0),
    ("exact-match", "in Paris", "Paris", {}, 0),
    ("exact-match", "", "", {}, 1),
    ("exact-match", "", "x", {}, 0),
    ("number", 3.0, 3, {}, 1),
    ("number", 3.01, 3, {"tolerance": 0.01}, 1),
    ("number", 3.02, 3, {"tolerance": 0.01}, 0),
    ("number", 104.0, 100, {"relative_tolerance": 0.05}, 1),
    ("number", 0.0, 0, {"relative_tolerance": 0.05}, 1),
    # "the cat sat" / "the cat ran": 2 of 3 words common, P = R = 2/3
    ("token-f1", "the cat sat", "the cat ran", {}, 2 / 3),
    # repeats count once each: "a a b" / "a b b" have a, b in common: 2·2/6
    ("token-f1", "a a b", "a b b", {}, 2 / 3),
    # order is nothing to token F1
    ("token-f1", "款退", "退款", {}, 1),
    # 退款 and 退货: one of two characters
    ("token-f1", "退款", "退货", {}, 1 / 2),
    ("token-f1", "", "", {}, 1),
    ("token-f1", "?!", "", {}, 1),
    ("token-f1", "", "word", {}, 0),
    # LCS("police kill the gunman", "police killed the gunman") = police the gunman = 3; P = R = 3/4 (Lin 2004, example of section 3.1)
    ("rouge-l", "police kill the gunman", "police killed the gunman", {}, 3 / 4),
    # the other sentence of that example: "the gunman kill police", LCS = the gunman = 2; 2/4
    ("rouge-l", "the gunman kill police", "police killed the gunman", {}, 2 / 4),
    # "a b c d" / "a c": LCS 2, P = 1/2, R = 1, F = 2·2/6
    ("rouge-l", "a b c d", "a c", {}, 2 / 3),
    # 我要退货 / 我想退款: LCS = 我退 = 2 of 4 and 4 characters
    ("rouge-l", "我要退货", "我想退款", {}, 1 / 2),
    ("rouge-l", "款退", "退款", {}, 1 / 2),
    ("rouge-l", "", "", {}, 1),
    ("rouge-l", "。", "退款", {}, 0),
    ("regex", "The order is AB-12.", r"\bAB-?12\b", {}, 1),
    ("regex", "The order is AB-13.", r"\bAB-?12\b", {}, 0),
    ("regex", "so #### 42", "42", {"pattern": r"#### (\d+)"}, 1),
    ("regex", "so 42", "42", {"pattern": r"#### (\d+)"}, 0),
    ("regex", "答案:北京。", "北京", {"pattern": r"(?<=:).+"}, 1),
    ("regex", "no", "yes", {"pattern": r"no|(yes)"}, 0),  # the group took no part
    ("regex", "", "", {}, 1),
    ("json-fields", {"a": "X 1", "b": 2}, {"a": "x 1.", "b": 2}, {}, 1),
    ("json-fields", {"a": "台灯", "b": "杯子"}, {"a": "台灯", "b": "壶"}, {}, 1 / 2),
    ("json-fields", {"a": "台灯", "b": "杯子"}, {"a": "台灯", "b": "壶"}, {"require": "all"}, 0),
    ("json-fields", {"a": "台灯", "b": "壶"}, {"a": "台灯", "b": "壶"}, {"require": "all"}, 1),
    ("json-fields", {}, {"a": ""}, {}, 0),  # a missing field is not an empty one
    ("json-fields", {"a": None}, {"a": None}, {}, 1),
    ("json-fields", {"a": 0}, {"a": None}, {}, 0),
    ("json-fields", {"a": 1}, {"a": True}, {}, 0),
    ("json-fields", {"a": True}, {"a": 1}, {}, 0),
    ("json-fields", {"a": "1"}, {"a": 1}, {}, 0),
    ("json-fields", {"a": 9.99}, {"a": 10}, {"tolerance": 0.01}, 1),
    ("json-fields", {"a": ["x", "y"]}, {"a": ["X", "Y"]}, {}, 1),
    ("json-fields", {"a": ["x"]}, {"a": ["x", "y"]}, {}, 0),
    ("json-fields", {"a": {"b": "x"}}, {"a": {"b": "X"}}, {}, 1),
    ("json-fields", {"a": {"b": "x", "c": 1}}, {"a": {"b": "x"}}, {}, 0),
]


@pytest.mark.parametrize(("name", "output", "reference", "options", "expected"), CASES)
def test_score(name: str, output: Any, reference: Any, options: Options, expected: float) -> None:
    assert resolve(Metric(name, options))(output, reference) == pytest.approx(expected)


def test_every_metric_has_cases() -> None:
    assert metric_names() == ("accuracy", "exact-match", "json-fields", "number", "regex", "rouge-l", "token-f1")
    assert {case[0] for case in CASES} == set(metric_names())


texts = st.text(alphabet="ab c退货,.", max_size=12)


@given(texts, texts)
@settings(max_examples=100)
def test_overlaps_are_symmetric_and_bounded(output: str, reference: str) -> None:
    for name in ("token-f1", "rouge-l"):
        score = resolve(Metric(name))
        assert 0 <= score(output, reference) <= 1
        assert score(output, reference) == score(reference, output)
        assert score(output, output) == 1
    assert resolve(Metric("rouge-l"))(output, reference) <= resolve(Metric("token-f1"))(output, reference) + 1e-12


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abc"), max_size=6))
@settings(max_examples=60)
def test_common_subsequence_equals_brute_force(first: list[str], second: list[str]) -> None:
    def subsequences(items: list[str]) -> set[tuple[str, ...]]:
        found: set[tuple[str, ...]] = {()}
        for item in items:
            found |= {(*some, item) for some in found}
        return found

    assert common_subsequence(first, second) == max(map(len, subsequences(first) & subsequences(second)))


@pytest.mark.parametrize(
    ("metric", "what", "remedy"),
    [
        (Metric("rouge"), "no metric 'rouge'", "did you mean 'rouge-l'?"),
        (Metric("__init__"), "no metric '__init__'", "there are: accuracy"),
        (Metric("../secrets"), "no metric", "there are:"),
        (Metric("number", {"tolerence": 1}), "no option 'tolerence'", "did you mean 'tolerance'?"),
        (Metric("accuracy", {"x": 1}), "no option 'x'", "has no options"),
        (Metric("number", {"tolerance": "0.1"}), "cannot be '0.1'", "number"),
        (Metric("json-fields", {"require": "both"}), "cannot be 'both'", "'share' or 'all'"),
    ],
)
def test_wrong_metric_is_refused_with_a_remedy(metric: Metric, what: str, remedy: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        resolve(metric)
    assert remedy in caught.value.remedy
    assert "[metric]" in caught.value.where


def test_regex_refuses_a_bad_pattern() -> None:
    with pytest.raises(InputError, match="not a regular expression"):
        resolve(Metric("regex", {"pattern": "("}))("x", "x")


def test_json_fields_refuses_a_reference_without_fields() -> None:
    with pytest.raises(ValueError, match="without fields"):
        resolve(Metric("json-fields"))({}, {})


def test_other_packages_add_metrics_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint(name="length-ratio-test", value="operator:eq", group="llmpick.metrics")
    monkeypatch.setattr(metrics, "entry_points", lambda group, name=None: [entry] if name in (None, entry.name) else [])
    assert "length-ratio-test" in metric_names()
    assert resolve(Metric("length-ratio-test"))(1, 1) == 1
