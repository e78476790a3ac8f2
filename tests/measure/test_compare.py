import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.measure.compare import close, normalise, words


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("  A   Lamp\n", "a lamp"),
        ("“Lamp.”", "lamp"),
        ("ＡＢ－１２", "ab-12"),  # full-width forms
        ("台灯。", "台灯"),
        ("《三体》", "三体"),
        ("Straße", "strasse"),
        ("...", "..."),  # nothing but punctuation stays
        ("", ""),
        ("C++", "c++"),  # + is a symbol, not punctuation
    ],
)
def test_normalise(text: str, same: str) -> None:
    assert normalise(text) == same


def test_normalise_keeps_what_it_is_told_to_keep() -> None:
    assert normalise(" C#. ", ignore_case=False) == "C"
    assert normalise(" C#. ", ignore_punctuation=False) == "c#."


@given(st.text(max_size=30))
@settings(max_examples=60)
def test_normalise_and_words_ignore_surroundings(text: str) -> None:
    assert normalise(f"  {text}\n") == normalise(text)
    assert words(f"({text})") == words(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cat, sat!", ["the", "cat", "sat"]),
        ("我要退货", ["我", "要", "退", "货"]),
        ("iPhone手机壳 2个", ["iphone", "手", "机", "壳", "2", "个"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),  # combining marks stay with their letters
        ("𠮷野家", ["𠮷", "野", "家"]),  # outside the basic plane
        ("?! …", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("value", "reference", "tolerance", "relative", "expected"),
    [
        (0.31, 0.30, 0.01, 0.0, True),  # binary floats alone would say no
        (0.311, 0.30, 0.01, 0.0, False),
        (42, 42.0, 0.0, 0.0, True),
        (-101.0, -100.0, 0.0, 0.01, True),
        (101.1, 100.0, 0.0, 0.01, False),
        (0.001, 0.0, 0.0, 0.5, False),  # a relative tolerance of zero is zero
    ],
)
def test_close(value: float, reference: float, tolerance: float, relative: float, expected: bool) -> None:
    assert close(value, reference, tolerance=tolerance, relative_tolerance=relative) is expected
