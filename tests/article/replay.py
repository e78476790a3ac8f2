"""The choice of May 2023, asked again: the task files of this folder, `llmpick pick --no-calls`, and the catalog of a day."""

from datetime import date
from functools import lru_cache
from pathlib import Path

from llmpick.decide.answer import Answer, CandidateAnswer
from llmpick.evidence.values import Interval
from llmpick.report.pick import answer_to_json
from llmpick.workflow.pick import pick
from llmpick.workflow.survey import PickOptions

HERE = Path(__file__).parent
DAY = date(2023, 5, 15)
"""Falcon and Guanaco came later that month."""


@lru_cache(maxsize=16)
def asked(task: str, as_of: date | None = DAY) -> Answer:
    """No model on this machine takes part: HOME and the caches are empty."""
    nowhere = dict.fromkeys(("HOME", "HF_HOME", "MODELSCOPE_CACHE", "OLLAMA_MODELS"), "/nonexistent")
    options = PickOptions(HERE / f"{task}.toml", as_of=as_of, no_calls=True)
    return pick(options, environ=nowhere | {"OLLAMA_HOST": "http://127.0.0.1:9"}, to_document=answer_to_json)


def part(answer: Answer, model: str) -> CandidateAnswer:
    return next(one for one in answer.candidates if one.candidate.id == model)


def expected(answer: Answer, model: str) -> float:
    score = part(answer, model).expected
    assert isinstance(score, Interval)
    return score.value


def released(answer: Answer) -> date:
    """When the chosen model was released."""
    facts = part(answer, answer.chosen or "").candidate.facts
    assert facts is not None
    assert facts.released is not None
    return facts.released.value
