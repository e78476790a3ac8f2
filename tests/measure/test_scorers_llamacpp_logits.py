"""Likelihoods from llama.cpp's own logits: held to its server, and to themselves whatever was read before."""

import runpy
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from llmpick.evidence.errors import EngineError, InputError, ModelFileError
from llmpick.evidence.model import Weights
from llmpick.measure.likelihood import TokenScorer, Window
from llmpick.measure.llamacpp import logits as llamacpp_logits
from llmpick.measure.llamacpp.logits import BATCH, GROUP, LogitsReader
from llmpick.measure.scorers import llamacpp_logits as opening
from llmpick.measure.scorers import open_scorer
from llmpick.measure.scorers.llamacpp import LlamaCppScorer
from llmpick.measure.scorers.llamacpp_logits import LogitsScorer
from llmpick.sources.gguf import read_gguf

pytest.importorskip("gguf", reason="gguf is not installed (make test installs it)")
pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")
tiny = runpy.run_path(str(Path(__file__).with_name("tiny_gguf.py")))

TEXT = "A parcel that was sent on Monday, and the 3 others: where are they? Ünïcode 😀, 日本語.\n"
SOLVED = "Message: where is my parcel?\nIntent: delivery\n\n"
CONTEXTS = [f"{SOLVED}Message: {text}\nIntent:" for text in ("hello", "I was charged twice for one pair of shoes", "我要退款")]
LABELS = [" delivery", " refund status", " a wrong charge"]


def weights_of(path: Path, context_tokens: int = 1024) -> Weights:
    return Weights(path, "gguf", path.stat().st_size, "F32", None, context_tokens, None)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return weights_of(tiny["make_tiny_gguf"](tmp_path_factory.mktemp("plain") / "tiny.gguf", output_type="F32"))


@pytest.fixture(scope="module", params=["smollm2_path", "gemma_path"])
def real(request: pytest.FixtureRequest) -> Weights:
    return read_gguf(request.getfixturevalue(request.param))


def nats(scorer: TokenScorer, contexts: Sequence[str]) -> list[float]:
    return [score.nats for context in contexts for score in scorer.score_all(context, LABELS)]


def test_real_models_are_scored_as_by_the_slow_way(real: Weights) -> None:
    with LogitsScorer(real, context_tokens=256) as fast, LlamaCppScorer(real, context_tokens=256) as slow:
        assert fast.tokens(TEXT) == slow.tokens(TEXT)
        assert fast._beginning == slow._beginning
        fast.prepare([CONTEXTS])
        found = nats(fast, CONTEXTS)
        windows = [fast._in_place(context, label)[0] for context in CONTEXTS for label in LABELS]
        assert found == pytest.approx([by_server(slow, window) for window in windows], abs=1e-3)


def by_server(slow: LlamaCppScorer, window: Window) -> float:
    """In one pass of whole groups: llama.cpp computes the rows that fill no group in another order, and rounds them otherwise."""
    assert slow._way.head is not None
    filled = window.tokens + window.tokens[-1:] * (-len(window.tokens) % GROUP)
    states = slow._states(filled)[window.scored_from - 1 : len(window.tokens) - 1]
    return slow._way.head.log_probabilities(states, np.array(window.scored)).sum()


def test_what_was_read_before_changes_nothing(plain: Weights) -> None:
    other = [f"Others: {letter}" for letter in "abc"]
    with LogitsScorer(plain) as scorer:
        unprepared = nats(scorer, [*CONTEXTS, *other])
        scorer.prepare([CONTEXTS, other])
        assert len(scorer._prefixes) == 2
        one_way = nats(scorer, [*CONTEXTS, *other])
        other_way = [nats(scorer, [context]) for context in [*other[::-1], *CONTEXTS[::-1]]]
        scorer.score_document(TEXT * 3)
        assert nats(scorer, CONTEXTS[:1]) == one_way[:3]
    assert one_way == list(chain.from_iterable(other_way[::-1]))
    assert one_way == unprepared, "filled-up batches make it the same wherever a text is divided"


def test_only_what_is_new_is_read(plain: Weights) -> None:
    with LogitsScorer(plain) as scorer:
        alone = [scorer.score(CONTEXTS[0], label).processed_tokens for label in LABELS]
        scorer.prepare([CONTEXTS])
        shared = len(scorer._prefixes[0])
        assert shared >= len(SOLVED) // 2
        first, *rest = [score.processed_tokens for score in scorer.score_all(CONTEXTS[0], LABELS)]
        assert first == alone[0] - shared
        assert rest == [score.tokens for score in scorer.score_all(CONTEXTS[0], LABELS)][1:]


def test_a_text_fills_the_whole_context_in_one_window(plain: Weights) -> None:
    text = (TEXT * 12)[:900]
    with LogitsScorer(plain) as scorer:
        assert scorer.max_tokens == 1024
        whole = scorer.score_document(text, window=1024)
        assert whole.tokens > BATCH
        assert whole.processed_tokens == whole.tokens + len(scorer._beginning)
        parts = scorer.score_document(text[:450]).nats + scorer.score(text[:450], text[450:]).nats
        assert whole.nats == pytest.approx(parts, rel=1e-6)
        with pytest.raises(InputError, match="reads at most 1024 at once"):
            scorer.score(TEXT * 20, " th ")


def test_a_recurrent_model_goes_back_by_kept_states(plain: Weights) -> None:
    """The states of the plain model, kept and restored as a recurrent one's are, which cannot be cut."""
    reader, kept = (LogitsReader(str(plain.path), 512, 1) for _ in range(2))
    kept._recurrent = True
    kept._cut = lambda length: pytest.fail(f"cut to {length}")  # pyright: ignore[reportAttributeAccessIssue]
    tokens = reader.tokens(TEXT * 4, special=True)
    asked = [(tokens[: 40 + i] + tokens[:i], tokens[60 : 60 + n], 32) for i in range(7) for n in (1, 3, 9)]
    expected = [reader.nats(*one) for one in asked]
    found = [kept.nats(*one) for one in asked]
    assert list(chain.from_iterable(found)) == pytest.approx(list(chain.from_iterable(expected)), abs=1e-4)
    assert [kept.nats(*one) for one in asked[::-1]] == found[::-1]
    assert tuple(tokens[:32]) in kept._states


def test_another_layout_of_the_library_goes_through_the_server(plain: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    words = llamacpp_logits._Params()
    words.words[:4] = [512, 2048, 512, 1]
    with pytest.raises(llamacpp_logits.UnsupportedError, match="the layout of llama_context_params"):
        llamacpp_logits._context_params(words, 100)
    ready = SimpleNamespace(unsupported="the wheel does not export llama_decode", close=lambda: None)
    monkeypatch.setattr(opening, "LlamaCppProcess", lambda _: ready)
    with open_scorer(plain) as scorer:
        assert isinstance(scorer, LlamaCppScorer)


def test_a_child_that_dies_is_a_clear_end(plain: Weights) -> None:
    scorer = LogitsScorer(plain, context_tokens=64)
    assert scorer._process._process is not None
    scorer._process._process.kill()
    with pytest.raises(EngineError, match=r"llama.cpp is gone: .*SIGKILL") as caught:
        scorer.score_document("a text")
    assert caught.value.fatal
    scorer.close()
    scorer.close()
    with pytest.raises(EngineError, match="closed"):
        scorer.score_document("a text")


def test_an_answer_that_was_not_waited_for_is_not_taken_for_the_next(plain: Weights) -> None:
    with LogitsScorer(plain) as scorer:
        with pytest.raises(EngineError, match="took more than 0 s"):
            scorer._process.ask({"before": [1] * 900, "scored": [1], "prefix": 0}, 0.0)
        assert not scorer._process.alive()


def test_what_cannot_be_read_is_refused(plain: Weights, tmp_path: Path) -> None:
    with LogitsScorer(plain) as scorer:
        with pytest.raises(EngineError, match="cannot be read ahead"):
            scorer._ask({"before": [1, 2], "scored": [3], "prefix": 2})
        assert scorer.score("a", " b").nats < 0
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(plain.path.read_bytes()[:3000])
    with pytest.raises(ModelFileError, match=r"llama.cpp cannot load this file"):
        open_scorer(weights_of(damaged))
