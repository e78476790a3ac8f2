"""How long a text must be before two models compare on it: what their difference does from passage to passage.

    python benchmarks/short_texts.py examples/models/SmolLM2-135M-Instruct.Q4_1.gguf examples/models/gemma-3-270m-q4_k_m.gguf

For passages of several lengths of the documents of tests/data/plain_text the standard deviation of the logarithm of the ratio of the two
models' bits, within English and within Chinese. `LEAST_BYTES` of `workflow/text/race.py` is the length from which two standard
deviations are about a tenth.
"""

import math
import sys
from pathlib import Path

import numpy as np

from llmpick.measure.scorers import open_scorer
from llmpick.measure.windows import led
from llmpick.sources.corpus import read_corpus
from llmpick.workflow.models.gather import gather

DOCUMENTS = Path(__file__).parents[1] / "tests/data/plain_text"
LENGTHS = (512, 256, 128)


def main(models: tuple[str, ...]) -> None:
    candidates = gather(models, as_of=None, environ={}).candidates
    scorers = [open_scorer(candidate.run, context_tokens=1024) for candidate in candidates]
    print("bytes  passages  sd English  sd Chinese")
    for length in LENGTHS:
        ratios: dict[bool, list[float]] = {True: [], False: []}
        for chunk in read_corpus(DOCUMENTS, chunk_bytes=length).chunks:
            lead, rest = led(chunk.text)
            if rest:
                first, second = (scorer.score_document(rest, context=lead).bits_per_byte for scorer in scorers)
                ratios[chunk.document.isascii()].append(math.log(first / second))
        spread = [f"{100 * np.std(ratios[english], ddof=1):10.1f}%" for english in (True, False)]
        print(f"{length:5}  {sum(map(len, ratios.values())):8}  {'  '.join(spread)}", flush=True)
    for scorer in scorers:
        scorer.close()


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
