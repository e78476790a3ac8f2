"""What all scorers share: windows, boundaries, bytes. The engine is a table: token t has log-probability -(t + 1) anywhere."""

import math
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.evidence.call import EngineInfo
from llmpick.evidence.errors import EngineError, InputError
from llmpick.evidence.likelihood import TextScore
from llmpick.measure.likelihood import Placed, TextScorer, Tokens, TokenScorer, Window, placed, tokenizer_warning, unscorable, windows
from llmpick.measure.windows import led

WORDS = re.compile(r" ?\w+| ?[^\w\s]+|\s+?(?= \S)|\s+")


class Words(TokenScorer):
    """Cuts as GPT-2 does: a word takes the space before it along. Ids count the words in the order of their first sight."""

    engine = EngineInfo("words", "1", "cpu")
    load_seconds = 0.0
    _where = "a table"

    def __init__(self, *, beginning: Tokens = (), max_tokens: int | None = None, nats: float | None = None) -> None:
        self._beginning, self.max_tokens, self._fixed = beginning, max_tokens, nats
        self.words: list[str] = []
        self.read: list[Window] = []

    def close(self) -> None:
        self._closed = True

    def _tokenize(self, text: str) -> Tokens:
        found = WORDS.findall(text)
        self.words += [word for word in dict.fromkeys(found) if word not in self.words]
        return tuple(map(self.words.index, found))

    def _decode(self, tokens: Tokens) -> str:
        return "".join(self.words[token] for token in tokens)

    def _nats(self, cut: Sequence[Window]) -> float:
        self.read += cut
        return -float(sum(token + 1 for window in cut for token in window.scored)) if self._fixed is None else self._fixed


@given(
    length=st.integers(1, 60),
    beginning=st.sampled_from([(), (900,), (900, 901)]),
    window=st.integers(2, 20),
    stride=st.integers(1, 20),
)
def test_windows_score_every_token_once_with_the_promised_context(length: int, beginning: Tokens, window: int, stride: int) -> None:
    room = window - len(beginning)
    if room < 1 or stride > window - max(len(beginning), 1):
        return
    text = tuple(range(length))
    cut = list(windows(text, beginning, window=window, stride=stride, unscored=0 if beginning else 1))
    assert [token for part in cut for token in part.scored] == list(text)[0 if beginning else 1 :]
    for i, part in enumerate(cut):
        assert part.tokens[: len(beginning)] == beginning
        assert len(part.tokens) <= window
        assert part.scored_from >= (window - stride if i else 1)
        inside = part.tokens[len(beginning) :]
        assert inside == text[inside[0] : inside[-1] + 1]


@pytest.mark.parametrize(
    ("context", "text", "before", "scored", "text_bytes"),
    [
        ("The answer is", " yes", ["The", " answer", " is"], [" yes"], 4),
        ("The answer is ", "yes", ["The", " answer", " is"], [" yes"], 4),  # the space belongs to the word that follows
        ("The answer is ", "!", ["The", " answer", " is"], [" !"], 2),
        ("Line\n", "yes", ["Line", "\n"], ["yes"], 3),  # nothing is joined to a line break
        ("Line\n ", "yes", ["Line"], ["\n", " yes"], 5),
        ("The answ", "er", ["The", " answ"], ["er"], 2),  # joined all the same: the text by itself
        ("", "two words", [], ["two", " words"], 9),
        ("   ", "yes", [], ["  ", " yes"], 6),
        ("The answer is", " é", ["The", " answer", " is"], [" é"], 3),
    ],
)
def test_a_text_is_tokenised_in_its_place(context: str, text: str, before: list[str], scored: list[str], text_bytes: int) -> None:
    scorer = Words()
    found = placed(context, text, scorer._tokenize)
    assert [scorer.words[token] for token in found.before] == before
    assert [scorer.words[token] for token in found.scored] == scored
    assert found == Placed(found.before, found.scored, text_bytes)


@pytest.mark.parametrize("answer", ["yes", "5", "(a)", "é", " indented"])
def test_all_answers_to_one_question_follow_the_same_tokens(answer: str) -> None:
    scorer = Words()
    assert placed("Which one? ", answer, scorer._tokenize).before == placed("Which one? ", "no", scorer._tokenize).before


@pytest.mark.parametrize(
    ("text", "pieces", "expected"),
    [
        ("two words", [b"two", b" words"], (1, 3)),
        ("éa", [b"\xc3\xa9", b"a"], (1, 2)),
        ("😀a", [b"\xf0\x9f", b"\x98", b"\x80", b"a"], (3, 4)),  # a character in three tokens
        (" two words", [b"two", b" words"], (1, 4)),  # a tokenizer that does not show the first space
        ("  a", [b"  ", b"a"], (1, 2)),
        ("ﬁne", [b"fi", b"ne"], (1, 2)),  # one that rewrites text
    ],
)
def test_what_cannot_be_scored_is_the_first_character_or_token(text: str, pieces: list[bytes], expected: tuple[int, int]) -> None:
    def decode(tokens: Tokens) -> str:
        return b"".join(pieces[token] for token in tokens).decode(errors="replace")

    assert unscorable(text, tuple(range(len(pieces))), decode) == expected


def test_a_document_with_and_without_a_beginning() -> None:
    text = "one two three four five six"
    without, with_one = Words(), Words(beginning=(99,))
    assert without.score_document(text) == TextScore(-20.0, 5, len(text) - 3, False, 6)
    assert with_one.score_document(text) == TextScore(-21.0, 6, len(text), True, 7)
    assert with_one.score_document(text, window=4, stride=2) == TextScore(-21.0, 6, len(text), True, 4 + 4 + 3)
    assert isinstance(with_one, TextScorer)


@pytest.mark.parametrize("beginning", [(), (900,)])
def test_a_document_after_a_context_is_scored_on_its_own_bytes(beginning: Tokens) -> None:
    """Wherever the windows end, and whether or not the model has a mark for the start: the context is read, and no token of it scored."""
    scorer = Words(beginning=beginning)
    whole = scorer.score_document(" b c d e f g", context="a", window=50)
    cut = scorer.score_document(" b c d e f g", context="a", window=4, stride=2)
    assert (whole.nats, whole.tokens, whole.text_bytes, whole.first_token_scored) == (-27.0, 6, 12, True)
    assert (cut.nats, cut.tokens, cut.text_bytes) == (whole.nats, whole.tokens, whole.text_bytes)
    assert scorer.read[0] == Window((*beginning, *range(7)), len(beginning) + 1)
    with pytest.raises(InputError, match="fills a window"):
        scorer.score_document(" c", context="a b c d", window=4, stride=1)


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        ("The river was high.", "The"),
        ("\n\n  (The river", "\n\n  (The"),
        ("extraordinarilylongwords go on", "extraordinarilyl"),
        ("河水很高，中午以前谁也过不了河，船家坐在岸上等着天黑", "河水很高"),
        ("一二三四五六七八九十百千万亿兆京垓", "一二三四五六七八九十百千万亿兆京"),
    ],
)
def test_a_text_is_led_by_its_first_word(text: str, lead: str) -> None:
    assert led(text) == (lead, text[len(lead) :])


@pytest.mark.parametrize("text", ["", " \n", "Hey", " Hey \n"])
def test_of_a_single_word_nothing_is_left(text: str) -> None:
    assert led(text)[1] == ""


def test_a_beginning_that_stands_in_the_text_already_is_not_doubled() -> None:
    scorer = Words()
    scorer._beginning = scorer._tokenize("begin")
    scorer.score("begin here", " now")
    scorer.score_document("begin here now")
    assert [window.tokens for window in scorer.read] == [(0, 1, 2), (0, 1, 2)]


def test_scores_become_bits_and_perplexity() -> None:
    score = Words(beginning=(99,)).score_document("one two")
    assert score.bits_per_byte == pytest.approx(3 / math.log(2) / 7)
    assert score.perplexity == pytest.approx(math.exp(1.5))


@pytest.mark.parametrize(
    ("scorer", "call", "said"),
    [
        (Words(), lambda scorer: scorer.score("a", ""), "no text"),
        (Words(), lambda scorer: scorer.score_document(""), "no text"),
        (Words(), lambda scorer: scorer.score_document("one"), "single token"),
        (Words(), lambda scorer: scorer.score("", "one"), "single token"),
        (Words(), lambda scorer: scorer.score_document("\ud800 lone"), "not Unicode"),
        (Words(max_tokens=3), lambda scorer: scorer.score("one two", " three four"), "have 4 tokens, the engine reads at most 3"),
        (Words(max_tokens=3), lambda scorer: scorer.score_document("one two", window=4), "the engine reads 3 at once"),
        (Words(), lambda scorer: scorer.score_document("one two", window=4, stride=4), "4 tokens, 4 apart"),
        (Words(), lambda scorer: scorer.score_document("one two", window=4, stride=0), "4 tokens, 0 apart"),
        (Words(), lambda scorer: scorer.score_document("one two", window=1), "1 tokens"),
    ],
)
def test_what_cannot_be_scored_is_said(scorer: Words, call: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        call(scorer)  # type: ignore[operator]


@pytest.mark.parametrize("nats", [math.nan, -math.inf, math.inf])
def test_a_likelihood_that_is_no_number_is_the_engines_failure(nats: float) -> None:
    with pytest.raises(EngineError, match="as log-likelihood"):
        Words(nats=nats).score_document("one two")


def test_a_closed_scorer_says_so() -> None:
    with Words(beginning=(99,)) as scorer:
        assert scorer.tokens("one two") == [0, 1]
    for call in (lambda: scorer.tokens("one"), lambda: scorer.score("one", "two"), lambda: scorer.score_document("one")):
        with pytest.raises(EngineError, match="closed"):
            call()


def test_rounding_does_not_make_a_likelihood_positive() -> None:
    assert Words(nats=1e-9).score_document("one two").nats == 0.0


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        ({}, None),
        ({"a": [1, 2]}, None),
        ({"a": [1, 2], "b": [1, 2]}, None),
        ({"a": [1, 2, 3], "b": [1, 4]}, "tokenizers of a and b disagree on this text from token 2 on (a: 3, b: 2 tokens)"),
        (
            {"a": [1, 2], "b": [1, 2], "c": [1, 2, 3]},
            "tokenizers of a and c disagree on this text from token 3 on (a: 2, b: 2, c: 3 tokens)",
        ),
    ],
)
def test_engines_that_cut_a_text_differently_are_told(tokens: dict[str, list[int]], said: str | None) -> None:
    found = tokenizer_warning(tokens)
    assert found is None if said is None else said in (found or "")
