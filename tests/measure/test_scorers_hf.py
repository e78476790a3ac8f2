"""Likelihoods on transformers: a real, tiny model, held to transformers' own loss and to its logits token by token."""

import runpy
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from llmpick.evidence.errors import EngineError, InputError, ModelFileError
from llmpick.evidence.model import Baseline, Endpoint, Weights
from llmpick.measure.scorers import hf, open_scorer
from llmpick.measure.scorers.hf import HfScorer

torch = pytest.importorskip("torch", reason="the extra hf is not installed (make test installs it)")

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_hf.py")))
TEXT = "where is my parcel? refund status: delivery.\nThanks! Ünïcode 😀 and numbers 12,345. " * 4


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return tiny["make_tiny_hf"](tmp_path_factory.mktemp("base"), chat=False)


@pytest.fixture(scope="module")
def scorer(weights: Weights) -> Iterator[HfScorer]:
    with HfScorer(weights) as opened:
        yield opened


@pytest.fixture(scope="module")
def model(weights: Weights) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(weights.path).eval()


def log_probabilities(model: Any, tokens: list[int]) -> list[float]:
    """Of every token but the first, from the whole matrix of logits."""
    with torch.inference_mode():
        table = torch.log_softmax(model(torch.tensor([tokens])).logits[0].double(), dim=-1)
    return [table[i, token].item() for i, token in enumerate(tokens[1:])]


def test_bits_per_byte_is_transformers_own_loss(scorer: HfScorer, model: Any) -> None:
    """The model adds no BOS, so the first token has no loss in either."""
    ids = torch.tensor([scorer.tokens(TEXT)])
    assert len(ids[0]) < 500
    with torch.inference_mode():
        loss = model(ids, labels=ids).loss.item()
    found = scorer.score_document(TEXT, window=512)
    assert found.tokens == len(ids[0]) - 1
    assert (found.first_token_scored, found.text_bytes) == (False, len(TEXT.encode()) - len(scorer._decode((ids[0, 0].item(),))))
    assert -found.nats / found.tokens == pytest.approx(loss, rel=1e-5)


def test_windows_give_each_token_the_context_that_they_promise(scorer: HfScorer, model: Any) -> None:
    tokens = scorer.tokens(TEXT)[:100]
    text = scorer._decode(tuple(tokens))
    assert scorer.tokens(text) == tokens
    expected = sum(log_probabilities(model, tokens[:20]))
    for start in range(8, 100 - 12, 8):
        expected += sum(log_probabilities(model, tokens[start : start + 20])[11:])
    assert scorer.score_document(text, window=20, stride=8).nats == pytest.approx(expected, rel=1e-5)


def test_a_continuation_is_scored_after_its_context(scorer: HfScorer, model: Any) -> None:
    whole, context = scorer.tokens("Message: where is my parcel?"), scorer.tokens("Message: where is")
    assert whole[: len(context)] == context
    expected = sum(log_probabilities(model, whole)[len(context) - 1 :])
    assert scorer.score("Message: where is", " my parcel?").nats == pytest.approx(expected, rel=1e-5)


def test_scores_do_not_depend_on_what_was_scored_before(weights: Weights, scorer: HfScorer) -> None:
    pairs = [("Message:", " refund"), ("Message:", " thanks"), ("Other: a", " thanks"), ("Message:", " refund")]
    first = [scorer.score(*pair) for pair in pairs]
    assert first[0] == first[3]
    with HfScorer(weights) as fresh:
        assert [fresh.score(*pair) for pair in reversed(pairs)] == first[::-1]


def test_a_prepared_prefix_changes_what_is_read_and_not_what_is_found(weights: Weights) -> None:
    solved = "Message: where is my parcel?\nIntent: delivery\n\n"
    groups = [[f"{solved}Message: {text}\nIntent:" for text in ("hello", "thanks a lot", "my refund")], ["Other: a", "Other: b c"]]
    contexts = [context for group in groups for context in group]
    labels = [" refund status", " delivery", " thanks"]
    with HfScorer(weights) as scorer:
        plain = [scorer.score_all(context, labels) for context in contexts]
        scorer.prepare(groups)
        one_way = [scorer.score_all(context, labels) for context in contexts]
        other_way = [scorer.score_all(context, labels) for context in reversed(contexts)][::-1]
    assert one_way == other_way
    for a, b in zip(list(chain.from_iterable(plain)), list(chain.from_iterable(one_way)), strict=True):
        assert b.nats == pytest.approx(a.nats, abs=1e-3)
    shared = [a[0].processed_tokens - b[0].processed_tokens for a, b in zip(plain, one_way, strict=True)]
    assert shared[0] == shared[1] == shared[2] > len(solved) // 8
    assert [score.processed_tokens for score in one_way[0][1:]] == [score.tokens for score in one_way[0][1:]]


def test_logits_in_pieces_change_nothing_but_rounding(scorer: HfScorer, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = scorer.score_document(TEXT, window=256, stride=64), scorer.score("Message:", TEXT)
    monkeypatch.setattr(hf, "LOGITS_BYTES", 4 * scorer._model.config.vocab_size * 50)
    pieces = scorer.score_document(TEXT, window=256, stride=64), scorer.score("Message:", TEXT)
    for a, b in zip(whole, pieces, strict=True):
        assert b.nats == pytest.approx(a.nats, rel=1e-5)


def test_a_beginning_is_added_where_the_tokenizer_adds_it(weights: Weights, model: Any, tmp_path: Path) -> None:
    import shutil

    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    folder = Path(shutil.copytree(weights.path, tmp_path / "bos"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    bos = tokenizer.bos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", bos)])
    tokenizer.save_pretrained(folder)
    with HfScorer(tiny["weights_of"](folder, chat=False)) as scorer:
        found = scorer.score_document("where is my parcel?")
        expected = log_probabilities(model, [bos, *scorer.tokens("where is my parcel?")])
        assert scorer.engine.options["beginning"] == [bos]
        assert (found.tokens, found.text_bytes, found.first_token_scored) == (len(expected), 19, True)
        assert found.nats == pytest.approx(sum(expected), rel=1e-5)


def test_errors_are_clear(weights: Weights, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at most 512"):
        HfScorer(weights, context_tokens=513)
    with pytest.raises(EngineError, match="the limit is"):
        HfScorer(weights, memory_limit_bytes=1)
    with pytest.raises(ModelFileError, match="cannot load this folder"):
        HfScorer(tiny["weights_of"](tmp_path, chat=False))
    scorer = HfScorer(weights, context_tokens=16)
    with pytest.raises(InputError, match="reads at most 16 at once"):
        scorer.score("Message: where is my parcel?", " It is on its way to you, we hope")
    scorer.close()
    with pytest.raises(EngineError, match="closed"):
        scorer.score("a", " b")


def test_each_candidate_gets_the_engine_that_reads_it(weights: Weights) -> None:
    with open_scorer(weights) as opened:
        assert isinstance(opened, HfScorer)
    with pytest.raises(InputError, match=r"'llama\.cpp' cannot score"):
        open_scorer(weights, engine="llama.cpp")
    with pytest.raises(InputError, match="this candidate cannot score"):
        open_scorer(Baseline("majority"))
    with pytest.raises(InputError, match="this candidate cannot score"):
        open_scorer(None)
    with pytest.raises(EngineError, match="no server answers"):
        open_scorer(Endpoint("http://127.0.0.1:9/v1", "m"))
