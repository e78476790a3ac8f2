"""Untrusted text and groups of sentences."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from llmpick.report.grouping import Group, group
from llmpick.report.text import joined, one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\nlines\tand  spaces ", "two lines and spaces"),
        ("\x1b[31mred\x1b[0m", "�[31mred�[0m"),
        ("\x9b2J", "�2J"),
        ("abc\u202egnp.exe", "abc�gnp.exe"),
        ("half a pair \ud83d", "half a pair �"),
        ("👩\u200d👩\u200d👧 نمی\u200cخواهم 蓝牙耳机", "👩\u200d👩\u200d👧 نمی\u200cخواهم 蓝牙耳机"),
        ("", ""),
    ],
)
def test_what_a_terminal_could_obey_is_taken_out(text, line):
    assert one_line(text) == line


@given(st.text())
def test_a_line_is_one_line_and_can_be_encoded(text):
    line = one_line(text)
    assert line.splitlines() in ([], [line])
    line.encode("utf-8")
    assert one_line(line) == line


def test_names_are_joined_as_in_a_sentence():
    assert [joined(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == snapshot(["a", "a and b", "a, b and c"])


def test_sentences_that_differ_in_numbers_only_become_one_with_ranges():
    sentences = [
        "needs 14.2 GiB of memory, the limit is 8 GiB",
        "needs 9.1 GiB of memory, the limit is 8 GiB",
        "needs 310 GiB of memory, the limit is 8 GiB",
        "its context is 2,048 tokens, the task needs 4,096",
        "its context is 1,024 tokens, the task needs 4,096",
        "released 2025-12-01, after 2025-06-01",
        "released 2025-07-11, after 2025-06-01",
        "no file in Q4_K_M",
        "no file in Q8_0",
    ]
    assert group(sentences) == snapshot(
        (
            Group(count=3, text="needs 9.1 to 310 GiB of memory, the limit is 8 GiB"),
            Group(count=2, text="its context is 1,024 to 2,048 tokens, the task needs 4,096"),
            Group(count=2, text="released 2025-07-11 to 2025-12-01, after 2025-06-01"),
            Group(count=1, text="no file in Q4_K_M"),
            Group(count=1, text="no file in Q8_0"),
        )
    )
    assert group([]) == ()


@given(st.lists(st.from_regex(r"(needs|has) \d{1,4}(\.\d)? GiB", fullmatch=True), max_size=12), st.randoms())
@settings(max_examples=25, deadline=None)
def test_every_sentence_is_counted_once_and_order_is_of_no_matter(sentences, random):
    shuffled = list(sentences)
    random.shuffle(shuffled)
    assert sum(one.count for one in group(sentences)) == len(sentences)
    assert [one.count for one in group(sentences)] == [one.count for one in group(shuffled)]
