"""Likelihoods on llama.cpp: one pass over the hidden states against forced tokens, for every kind of output matrix, and what is refused.

The models are real and tiny; SmolLM2 stands for those that people use. What the code rests on is held here, so that a new version of the
wheel that changes it fails a test.
"""

import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmpick.evidence.errors import EngineError, InputError
from llmpick.evidence.model import Weights
from llmpick.measure.likelihood import Window
from llmpick.measure.llamacpp import head as llamacpp_head
from llmpick.measure.llamacpp.head import NotUnderstoodError, OutputHead, read_head, rounded_by_32, rounded_to_bf16
from llmpick.measure.scorers import llamacpp, open_scorer
from llmpick.measure.scorers.llamacpp import LlamaCppScorer

gguf = pytest.importorskip("gguf", reason="gguf is not installed (make test installs it)")
tiny = runpy.run_path(str(Path(__file__).with_name("tiny_gguf.py")))

TEXT = "A parcel that was sent on Monday, and the 3 others: where are they? Ünïcode 😀, 日本語.\n"


def weights_of(path: Path, context_tokens: int = 512) -> Weights:
    return Weights(path, "gguf", path.stat().st_size, "F32", None, context_tokens, None)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return weights_of(tiny["make_tiny_gguf"](tmp_path_factory.mktemp("plain") / "tiny.gguf"))


@pytest.fixture(scope="module")
def smollm2(smollm2_path: Path) -> Iterator[LlamaCppScorer]:
    with LlamaCppScorer(weights_of(smollm2_path, 8192), context_tokens=512) as opened:
        yield opened


@pytest.mark.parametrize(
    ("architecture", "output_type", "tied", "keys"),
    [
        ("llama", "F32", False, {}),
        ("llama", "F16", False, {}),
        ("llama", "BF16", True, {}),
        ("llama", "Q4_0", False, {}),
        ("llama", "Q5_0", True, {}),
        ("llama", "Q4_K", False, {}),
        ("llama", "Q6_K", True, {}),
        ("gemma2", "Q8_0", True, {"final_logit_softcapping": 5.0, "attn_logit_softcapping": 50.0}),
        ("command-r", "Q8_0", True, {"logit_scale": 0.25}),
        ("granite", "Q8_0", False, {"logit_scale": 8.0, "attention.scale": 0.1, "residual_scale": 1.0, "embedding_scale": 1.0}),
    ],
)
def test_one_pass_is_what_forced_tokens_say(
    architecture: str, output_type: str, tied: bool, keys: dict[str, float], tmp_path: Path
) -> None:
    made = tiny["make_tiny_gguf"](tmp_path / "tiny.gguf", architecture=architecture, output_type=output_type, tied=tied, keys=keys)
    with LlamaCppScorer(weights_of(made)) as scorer:
        assert scorer.engine.options["likelihood"].startswith("one pass: hidden states times " + ("token_embd" if tied else "output"))
        assert scorer.engine.note is None
        tokens = scorer._beginning + scorer._tokenize(TEXT)
        # Whole groups of eight rows, which llama.cpp computes in the same order whatever follows.
        for place in range(8, 40, 8):
            window = Window(tokens[: place + 1], place)
            assert scorer._nats((window,)) == pytest.approx(scorer._forced(window), abs=1e-3)


def test_a_real_model_in_one_pass_agrees_with_its_forced_tokens(smollm2: LlamaCppScorer, smollm2_path: Path) -> None:
    """One prompt for each token, so that llama.cpp computes both in the same order."""
    tokens = smollm2._tokenize(TEXT)
    places = range(8, len(tokens) - 1, 8)
    windows = [Window(tokens[: place + 1], place) for place in places]
    differences = [smollm2._nats((window,)) - smollm2._forced(window) for window in windows]
    assert len(differences) >= 3
    assert max(map(abs, differences)) < 1e-3


def test_the_forced_way_scores_characters_in_pieces_and_tokens_that_end_an_answer(plain: Weights) -> None:
    """The tiny vocabulary is one of bytes, so that a grammar can ask for few tokens of this text."""
    text = " ü日a</s>b th"
    with LlamaCppScorer(plain) as fast, LlamaCppScorer(plain, one_pass=False) as slow:
        assert slow.engine.options["likelihood"] == "forced tokens: asked for"
        assert slow.engine.note is not None
        a, b = fast.score("The answer is", text), slow.score("The answer is", text)
        assert (a.tokens, a.text_bytes) == (b.tokens, b.text_bytes) == (11, 15)
        assert b.nats == pytest.approx(a.nats, abs=1e-3 * a.tokens)


def test_a_document_is_scored_in_windows(plain: Weights) -> None:
    text = TEXT * 9
    with LlamaCppScorer(plain) as scorer:
        assert scorer.max_tokens == 512
        whole = scorer.score_document(text, window=128, stride=64)
        tokens = scorer.tokens(text)
        assert (whole.tokens, whole.text_bytes) == (len(tokens), len(text.encode()))
        assert whole.processed_tokens > len(tokens) > 512
        assert whole == scorer.score_document(text, window=128, stride=64)
        first = scorer.score_document(text[:20])
        assert scorer.score("", text[:20]) == first
        rest = scorer.score(text[:20], text[20:60])
        assert first.nats + rest.nats == pytest.approx(scorer.score_document(text[:60]).nats, rel=1e-6)


def test_what_is_longer_than_one_pass_is_forced(plain: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    with LlamaCppScorer(plain) as scorer:
        expected = scorer.score(TEXT, " th ")
        assert expected.processed_tokens > 64
    monkeypatch.setattr(llamacpp, "MOST_STATES", 64)
    with LlamaCppScorer(plain) as scorer:
        assert scorer.max_tokens == 64
        assert scorer.score(TEXT, " th ").nats == pytest.approx(expected.nats, abs=1e-3 * expected.tokens)
        with pytest.raises(InputError, match="reads at most 512 at once"):
            scorer.score(TEXT * 9, " th ")


def test_one_pass_is_not_trusted_when_it_disagrees(plain: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose logits are scaled without a key that says so: the probe finds out."""
    monkeypatch.setattr(llamacpp, "read_head", lambda path: replace(read_head(path), scale=1.1))
    with LlamaCppScorer(plain) as scorer:
        said = scorer.engine.options["likelihood"]
        assert said.startswith("forced tokens: hidden states times output.weight, Q8_0 are ")
        assert said.endswith("nats off forced tokens on a probe")


@pytest.mark.parametrize(
    ("keys", "said"),
    [({"logit_scale": 0.5}, "the key logit_scale of llama is not understood"), ({}, None)],
)
def test_keys_that_are_not_understood_are_refused(keys: dict[str, float], said: str | None, tmp_path: Path) -> None:
    made = tiny["make_tiny_gguf"](tmp_path / "tiny.gguf", keys=keys)
    if said is None:
        assert read_head(made).name == "output.weight, Q8_0"
        return
    with pytest.raises(NotUnderstoodError, match=said):
        read_head(made)
    with LlamaCppScorer(weights_of(made)) as scorer:
        assert scorer.engine.options["likelihood"] == f"forced tokens: {said}"


@pytest.mark.parametrize("cut", [0, 3, 30, 500, 3000])
def test_a_damaged_header_is_not_understood(cut: int, plain: Weights, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(plain.path.read_bytes()[:cut])
    with pytest.raises(NotUnderstoodError):
        read_head(damaged)


def test_without_the_reader_of_tensors_tokens_are_forced(plain: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(llamacpp_head, "import_module", missing)
    with pytest.raises(NotUnderstoodError, match="the package gguf is not installed"):
        read_head(plain.path)


def test_logits_are_biased_scaled_and_capped_in_that_order(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    matrix, bias = random.standard_normal((50, 8)).astype(np.float32), random.standard_normal(50).astype(np.float32)
    states, targets = random.standard_normal((20, 8)).astype(np.float32), random.integers(0, 50, 20)
    head = OutputHead(lambda start, end: matrix[start:end], 50, 8, lambda x: x, "a matrix", bias, scale=0.5, soft_cap=3.0)
    logits = 3 * np.tanh((states.astype(np.float64) @ matrix.T + bias) * 0.5 / 3)
    expected = (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))[np.arange(20), targets]
    assert head.log_probabilities(states, targets) == pytest.approx(expected, abs=1e-5)
    assert head.engine_log_probability(states[3], int(targets[3])) == pytest.approx(expected[3], abs=1e-5)
    # In pieces of seven tokens, and dequantised anew for every pass.
    monkeypatch.setattr(llamacpp_head, "CHUNK_BYTES", 4 * 20 * 7)
    monkeypatch.setattr(llamacpp_head, "KEPT_BYTES", 0)
    assert replace(head, _kept=None).log_probabilities(states, targets) == pytest.approx(expected, abs=1e-5)


def test_activations_are_rounded_as_the_formats_say() -> None:
    """Held to the library's own Q8_0 and BF16; ties, which it rounds the other way, do not occur in random numbers."""
    states = np.random.default_rng(2).standard_normal((5, 64)).astype(np.float32)
    states[0, :32] = 0
    for rounded, kind in ((rounded_by_32, gguf.GGMLQuantizationType.Q8_0), (rounded_to_bf16, gguf.GGMLQuantizationType.BF16)):
        expected = gguf.quants.dequantize(gguf.quants.quantize(states, kind), kind)
        assert np.array_equal(rounded(states), expected)


def test_both_engines_read_one_file_alike(plain: Weights, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra hf is not installed (make test installs it)")
    text = "A parcel that was sent on Monday, and the 3 others: where are they?"
    weights = weights_of(tiny["make_tiny_gguf"](tmp_path / "tiny.gguf", output_type="F32"))
    found = {}
    for engine in ("llama.cpp", "transformers"):
        with open_scorer(weights, engine=engine) as scorer:
            found[engine] = scorer.tokens(text), scorer.score_document(text)
    (a_tokens, a), (b_tokens, b) = found.values()
    assert a_tokens == b_tokens
    assert a.bits_per_byte == pytest.approx(b.bits_per_byte, rel=1e-3)


def test_errors_are_clear(plain: Weights) -> None:
    with pytest.raises(InputError, match="at most 512"):
        LlamaCppScorer(plain, context_tokens=1000)
    scorer = LlamaCppScorer(plain, context_tokens=64)
    assert scorer._process.pid is not None
    scorer.close()
    with pytest.raises(EngineError, match="closed"):
        scorer.score_document("a text")
    scorer.close()
