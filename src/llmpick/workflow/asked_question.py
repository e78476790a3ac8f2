"""What `expect` and `need` are asked, and what is said beside every answer of the prior."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from llmpick.decide.expected_answer import PRIOR, Question
from llmpick.estimate.ability import AbilityEvidence
from llmpick.estimate.family_benchmarks import benchmarks_of
from llmpick.evidence.ability import AbilityFacts, TaskFamily
from llmpick.evidence.errors import InputError
from llmpick.evidence.languages import language_code
from llmpick.evidence.task import Task
from llmpick.workflow.prior import AS_OF, question_of

FEW, WORTH_TELLING = 10, 0.1
"""A family whose benchmarks fewer models were scored on says little of models unlike them; that of a less likely one is not told."""


def asked_question(task: Task | None, family: TaskFamily | None, language: str | None, evidence: AbilityEvidence) -> Question:
    """With the benchmarks in the task's languages alone. Raises `InputError` for a language of the task that is none."""
    question = question_of(task, family, language)
    try:
        languages = tuple(dict.fromkeys(language_code(one) for one in question.languages))
    except ValueError as error:
        where = "--language" if language else f"languages of the task {question.task}"
        raise InputError(str(error).partition("; ")[0], where=where, remedy=str(error).partition("; ")[2]) from error
    return replace(question, languages=languages, stands_for={one: benchmarks_of(evidence, one, languages) for one in question.families})


def prior_notes(question: Question, listed: Iterable[AbilityFacts], evidence: AbilityEvidence, as_of: date | None) -> tuple[str, ...]:
    """What the figures are worth: `listed` are the models that the answer names."""
    return (PRIOR, *_few(question, evidence), *newer_note(listed, evidence), *([AS_OF] if as_of else []))


def newer_note(listed: Iterable[AbilityFacts], evidence: AbilityEvidence) -> Iterator[str]:
    """Says up to when models were scored, where a listed one came later."""
    scored = {score.model for score in evidence.scores}
    days = [one.released for one in evidence.facts if one.id in scored and one.released is not None]
    if days and any(one.released is not None and one.released > max(days) for one in listed):
        yield f"The prior has learnt from models up to {max(days):%B %Y}: what it expects of newer ones is the trend carried on."


def _few(question: Question, evidence: AbilityEvidence) -> Iterator[str]:
    thin = list[str]()
    for family, names in question.stands_for.items():
        count = len({score.model for score in evidence.scores if score.benchmark in names})
        if names and count < FEW and question.families[family] >= WORTH_TELLING:
            thin.append(f"{family.value} ({count})")
    if thin:
        yield (
            f"Few models were scored on {_and(thin)}. A model unlike them may score anything in its wide interval: the middle of it is no "
            "reason to prefer one model to another."
        )


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
