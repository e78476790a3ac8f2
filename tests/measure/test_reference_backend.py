"""The likelihood of a row's right answer, as an engine of a race: per byte, after the row's plain text, and nothing is written."""

import pytest
from tests.measure.scripted_scorer import ScriptedScorer

from llmpick.evidence.call import CallRequest, FreeText, OneLabel
from llmpick.evidence.errors import InputError
from llmpick.measure.backend import Backend
from llmpick.measure.reference_backend import ReferenceBackend


def request(*labels: str) -> CallRequest:
    return CallRequest("r1", (), "Which colour has the sky? ", OneLabel(labels))


def test_it_is_the_geometric_mean_of_the_bytes_probabilities() -> None:
    scorer = ScriptedScorer(lambda context, text: 2.0 * len(text.encode()), load_seconds=1.5)
    with ReferenceBackend(scorer) as backend:
        assert isinstance(backend, Backend)
        assert backend.load_seconds == 1.5
        backend.prepare([request("blue"), request("light blue, 蓝")])
        for reference in ("blue", "light blue, 蓝"):
            found = backend.complete(request(reference))
            assert found.label_probabilities == {reference: pytest.approx(0.25)}, "two bits for each byte, however long it is"
            assert (found.text, found.finish, found.output_tokens) == (reference, "stop", 0)
            assert found.prompt_tokens > 0
    assert scorer.asked == [("Which colour has the sky?", " blue"), ("Which colour has the sky?", " light blue, 蓝")]
    assert scorer.closed == 1


@pytest.mark.parametrize("wrong", [request("a", "b"), request(" "), CallRequest("r1", (), "?", FreeText(5))])
def test_a_row_without_one_right_answer_is_refused(wrong: CallRequest) -> None:
    with pytest.raises(InputError, match="no right answer"):
        ReferenceBackend(ScriptedScorer(lambda context, text: 1.0)).prepare([wrong])
