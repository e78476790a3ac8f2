"""How a model reads one chunk of a text, so that what it makes of it compares with what others make of it."""

import hashlib
import json
import math
import time

from llmpick.evidence.errors import EngineError
from llmpick.evidence.likelihood import TextRead
from llmpick.measure.likelihood import TextScorer
from llmpick.measure.windows import led

COMPARED_CHUNKS = 8
"""Of so many chunks the token ids are asked for, to see whether two engines split one model's text alike."""
ROOM_FOR_MARKS = 8
"""No tokenizer makes more tokens of a text than it has bytes, but for the marks that it puts around it."""
UNTOLD_TOKENS = 2048
"""What a server's model is taken to hold where the server does not tell: none in use holds less."""


def read_chunk(scorer: TextScorer, text: str, i: int) -> TextRead:
    """A chunk is read in one window wherever the model can hold it, so that all models are given the same words before each word; its
    first word is only read, so that all are scored on the same bytes.

    Raises `EngineError` for a likelihood that is none, or not of these bytes.
    """
    lead, rest = led(text)
    most = scorer.max_tokens or UNTOLD_TOKENS
    started = time.perf_counter()
    score = scorer.score_document(rest, context=lead, window=min(most, len(text.encode()) + ROOM_FOR_MARKS))
    seconds = time.perf_counter() - started
    if not score.tokens or not math.isfinite(score.nats):
        raise EngineError("it gave a chunk no likelihood", where=f"chunk {i + 1}", remedy="try another engine or file")
    if score.text_bytes != len(rest.encode()):
        what = "its tokenizer makes nothing of the chunk's first word, so that it was not scored on the bytes of the others"
        raise EngineError(what, where=f"chunk {i + 1}", remedy="leave it out, or give a text without such words")
    ids = json.dumps(list(scorer.tokens(text))) if i < COMPARED_CHUNKS else None
    split = hashlib.sha256(ids.encode()).hexdigest() if ids else None
    return TextRead(score, seconds, scorer.engine, scorer.max_tokens, split)
