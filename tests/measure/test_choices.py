"""Multiple choice by likelihood: the four measures worked out by hand, and the same answers from real models by other means."""

import math
from pathlib import Path

import pytest
from tests.measure.scripted_scorer import ScriptedScorer

from llmpick.evidence.call import CallRequest, FreeText, OneLabel
from llmpick.evidence.errors import InputError
from llmpick.evidence.likelihood import TextScore
from llmpick.evidence.task import Message, Normalisation
from llmpick.measure.backend import Backend
from llmpick.measure.choice_backend import ChoiceBackend
from llmpick.measure.choices import ChoiceScores, score_alone, score_choices
from llmpick.measure.scorers import open_scorer
from llmpick.sources.gguf import read_gguf

SCORES = ChoiceScores(
    ("no", "perhaps so", "也许"),
    (TextScore(-4.0, 1, 2), TextScore(-9.0, 3, 10), TextScore(-6.0, 4, 6)),
    (TextScore(-3.0, 1, 2), TextScore(-20.0, 3, 10), TextScore(-5.5, 4, 6)),
)


@pytest.mark.parametrize(
    ("normalise", "values", "best"),
    [
        ("none", [-4.0, -9.0, -6.0], "no"),
        ("tokens", [-4.0, -3.0, -1.5], "也许"),
        ("bytes", [-2.0, -0.9, -1.0], "perhaps so"),
        ("calibrated", [-1.0, 11.0, -0.5], "perhaps so"),
    ],
)
def test_four_measures_of_the_same_calls(normalise: Normalisation, values: list[float], best: str) -> None:
    assert SCORES.values(normalise) == pytest.approx(values)
    assert SCORES.best(normalise) == best
    probabilities = SCORES.probabilities(normalise)
    assert sum(probabilities.values()) == pytest.approx(1)
    assert max(probabilities, key=probabilities.__getitem__) == best


def test_probabilities_of_very_unlikely_answers_are_still_probabilities() -> None:
    scores = ChoiceScores(("a", "b"), (TextScore(-5000.0, 1, 1), TextScore(-5001.0, 1, 1)), SCORES.alone[:2])
    assert scores.probabilities("none")["a"] == pytest.approx(1 / (1 + math.exp(-1)))


def test_a_choice_is_asked_once_after_the_question_and_once_alone() -> None:
    scorer = ScriptedScorer(lambda context, text: len(text))
    score_choices(scorer, "Is it so?  \n", ("yes", "no"))
    assert scorer.asked == [("Is it so?", " yes"), ("Is it so?", " no"), ("", " yes"), ("", " no")]


def test_what_is_known_of_the_empty_context_is_not_asked_again() -> None:
    scorer = ScriptedScorer(lambda context, text: len(text))
    score_choices(scorer, "Why?", ("yes", "no"), alone=score_alone(scorer, ("yes", "no")))
    assert len(scorer.asked) == 4


def test_a_model_without_a_start_mark_scores_whole_answers_after_a_new_line() -> None:
    alone = score_alone(ScriptedScorer(lambda context, text: len(text), start_mark=False), ("yes", "no"))
    assert all(score.first_token_scored for score in alone.values())
    assert [score.text_bytes for score in alone.values()] == [4, 3]


def request(row: str, question: str) -> CallRequest:
    return CallRequest(row, (Message("user", question),), question, OneLabel(("cat", "elephant")))


def likes(context: str, text: str) -> float:
    """Bits: a cat is likely anywhere, and the elephant after a trunk."""
    return {" cat": 2.0, " elephant": 8.0 if "trunk" in context else 20.0}[text]


def test_as_an_engine_it_answers_with_a_label_and_writes_nothing() -> None:
    scorer = ScriptedScorer(likes, load_seconds=1.5)
    with ChoiceBackend(scorer, "bytes") as backend:
        assert isinstance(backend, Backend)
        backend.prepare([request("1", "It has a trunk:")])
        completion = backend.complete(request("1", "It has a trunk:"))
    assert completion.text == "cat"  # 2 bits in 4 bytes, against 8 in 9
    assert completion.output_tokens == 0
    assert completion.prompt_tokens == 2 * len("It has a trunk:") + len(" cat elephant")
    assert backend.load_seconds == 1.5
    assert scorer.closed == 1
    assert len(scorer.asked) == 2


def test_calibration_asks_for_the_empty_context_once_for_all_rows() -> None:
    scorer = ScriptedScorer(likes)
    backend = ChoiceBackend(scorer, "calibrated")
    answers = [backend.complete(request(str(i), question)).text for i, question in enumerate(["It has a trunk:", "It has a tail:"])]
    assert answers == ["elephant", "cat"]
    assert [context for context, _ in scorer.asked].count("") == 2
    assert len(scorer.asked) == 6


def test_another_answer_than_a_label_is_refused() -> None:
    backend = ChoiceBackend(ScriptedScorer(likes), "bytes")
    with pytest.raises(InputError, match="only a choice"):
        backend.prepare([CallRequest("7", (), "Say something.", FreeText(5))])


def test_real_models_know_simple_things(gemma_path: Path) -> None:
    """Raw and per byte after a question; and the parts of the same text add up, whichever of them is the context."""
    questions = [("The capital of France is", "Paris"), ("The capital of Italy is", "Rome"), ("法国的首都是", "Paris")]
    with open_scorer(read_gguf(gemma_path), context_tokens=128) as scorer:
        alone = score_alone(scorer, ("Paris", "Rome", "London"))
        for question, right in questions:
            scores = score_choices(scorer, question, ("Paris", "Rome", "London"), alone=alone)
            assert scores.best("none") == right
            assert scores.best("calibrated") == right
        whole = scorer.score("", questions[0][0] + " Paris").nats
        parts = scorer.score("", questions[0][0]).nats + scorer.score(questions[0][0], " Paris").nats
    assert whole == pytest.approx(parts, abs=0.01)
