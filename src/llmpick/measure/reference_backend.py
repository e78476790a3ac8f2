"""A scorer of texts as an engine that tells how probable a model finds the right answer of a row, and writes nothing."""

import math
import time

from llmpick.evidence.call import CallRequest, Completion, OneLabel
from llmpick.evidence.errors import InputError
from llmpick.measure.scorer_backend import ScorerBackend


class ReferenceBackend(ScorerBackend):
    """For requests whose only label is the row's right answer.

    `label_probabilities` then holds that answer with the geometric mean of its bytes' probabilities, which compares answers of different
    length. The plain text of a request is read, as by a base model.
    """

    def complete(self, request: CallRequest) -> Completion:
        reference = _reference(request)
        started = time.perf_counter()
        with self._lock:
            found = self._scorer.score(self._context(request), f" {reference}")
        probability = math.exp(found.nats / found.text_bytes)
        seconds = time.perf_counter() - started
        return Completion(reference, "stop", found.processed_tokens, 0, seconds, label_probabilities={reference: probability})

    def _context(self, request: CallRequest) -> str:
        _reference(request)
        return request.completion.rstrip()


def _reference(request: CallRequest) -> str:
    if not isinstance(request.answer, OneLabel) or len(request.answer.labels) != 1 or not request.answer.labels[0].strip():
        remedy = "fill in the reference of the row"
        raise InputError("there is no right answer whose likelihood could be told", where=f"row {request.row}", remedy=remedy)
    return request.answer.labels[0]
