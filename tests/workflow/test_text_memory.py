"""What a model is expected to take while it reads a text, against the most that its process was seen to hold."""

import sys
from pathlib import Path

import pytest

from llmpick.evidence.model import Weights
from llmpick.measure.scorers.llamacpp_logits import LogitsScorer
from llmpick.workflow.models.gather import gather
from llmpick.workflow.text.memory import reading_bytes

TEXT = (Path(__file__).parents[1] / "data/plain_text/ferry.txt").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize(("model", "context_tokens"), [("smollm2_path", 3080), ("smollm2_path", 1024), ("gemma_path", 1024)])
def test_it_is_what_the_process_takes(model: str, context_tokens: int, request: pytest.FixtureRequest) -> None:
    """Never less, for else models that do not fit together are loaded together; and not much more."""
    candidate = gather((str(request.getfixturevalue(model)),), as_of=None, environ={}).candidates[0]
    assert isinstance(candidate.run, Weights)
    with LogitsScorer(candidate.run, context_tokens=context_tokens) as scorer:
        scorer.score_document(TEXT * 2, window=context_tokens)
        status = Path(f"/proc/{scorer._process.pid}/status").read_text()
    peak = 1024 * int(status.split("VmHWM:")[1].split()[0])
    assert peak <= reading_bytes(candidate, "llama.cpp", context_tokens) <= 1.25 * peak
