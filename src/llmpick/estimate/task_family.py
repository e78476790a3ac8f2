"""What family of tasks a user's task belongs to, from its kind, words, and the shapes of its inputs and answers; with uncertainty.

A naive Bayes classifier of few, documented cues (`task_cues.py`): a cue that is seen multiplies the odds of its families. One that is not
seen says nothing, else a task without any cue would be taken for the family that is least known by cues. No family is thought likelier
beforehand, but for what the task's kind admits.

Nothing is said of difficulty. How hard a text looks can be learnt from it, but what a larger model gains cannot: from the text of
AlpacaEval's prompts the win rate of 58 models is predicted with a correlation of 0.13, against a reliability of 0.80. Difficulty comes from
solve rates: the race, small models first, or scores that were kept (`llmpick need`).
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmpick.estimate.task_cues import CUES, SPECIAL, TEMPERATURE, Cue
from llmpick.evidence.ability import TaskFamily
from llmpick.evidence.task import Example, Task, TaskKind

ROWS = 60
"""Rows that are read, evenly spaced: a cue counts when half of them show it."""
UNUSUAL = 0.1
"""The probability of all families together that the kind of a task is not usual for: a strong sign, that may be odd. Not fitted, since the
labelled prompts have no kind."""
FAINT = 0.02
"""A family that is less likely does not count: 16 families of which nothing is known would blur every answer."""
EXAM = re.compile(r"\(?[A-Ja-j1-9]\)?[.)]?")
F = TaskFamily
USUAL: Mapping[TaskKind, frozenset[TaskFamily]] = {
    TaskKind.CHOICE: frozenset({F.CLASSIFY, F.KNOWLEDGE, F.SCIENCE, F.REASONING, F.LONG_CONTEXT}),
    TaskKind.NUMBER: frozenset({F.MATH, F.REASONING, F.SCIENCE}),
    TaskKind.SHORT_ANSWER: frozenset({F.KNOWLEDGE, F.EXTRACT, F.REASONING, F.MATH, F.SCIENCE, F.LONG_CONTEXT, F.TRANSLATE, F.CLASSIFY}),
    TaskKind.EXTRACT: frozenset({F.EXTRACT}),
    TaskKind.GENERATE: frozenset(F) - {F.CLASSIFY, F.EXTRACT},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is read of a task: its instructions, and some rows as (input, answer); the answer is "" where there is none."""

    instructions: str
    rows: tuple[tuple[str, str], ...]
    kind: TaskKind | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FamilyGuess:
    """`probabilities` of the families that are not faint, the likeliest first, sum 1. `cues` has what in the text speaks for the likeliest,
    words of it in quotes; `declared` says that the task itself names its family.
    """

    probabilities: Mapping[TaskFamily, float]
    cues: tuple[str, ...] = ()
    declared: bool = False

    @property
    def likeliest(self) -> TaskFamily:
        return next(iter(self.probabilities))


def family_of(task: Task) -> FamilyGuess:
    """The family that the task file names (`family = "code"`), else a guess from all that it holds."""
    if task.family is not None:
        return FamilyGuess({task.family: 1.0}, declared=True)
    return guess_family(asked_of(task))


def asked_of(task: Task) -> Asked:
    """The task's words: template without its placeholders, system text, and rows with their references."""
    spoken = re.sub(r"\{[{%#].*?[}%#]\}", " ", task.prompt.template, flags=re.DOTALL)
    step = max(1, len(task.examples) // ROWS)
    rows = tuple((_input(example), _answer(example.reference)) for example in task.examples[::step][:ROWS])
    return Asked(f"{task.prompt.system or ''}\n{spoken}", rows, task.kind, task.labels)


def guess_family(asked: Asked, cues: Sequence[Cue] = CUES, temperature: float = TEMPERATURE) -> FamilyGuess:
    """Naive Bayes over `cues`; never empty."""
    seen = cues_seen(asked, cues)
    signs = {cue.name for cue, one in zip(cues, seen, strict=True) if one}
    told = [family for family in F if family not in SPECIAL or SPECIAL[family] in signs]
    odds = dict.fromkeys(F, 0.0)
    odds |= {family: sum(_evidence(cue, one, family) for cue, one in zip(cues, seen, strict=True)) / temperature for family in told}
    odds = {family: value + math.log(_prior(asked, family)) for family, value in odds.items()}
    highest = max(odds.values())
    weights = {family: math.exp(value - highest) for family, value in odds.items()}
    kept = {family: value for family, value in weights.items() if value >= FAINT * sum(weights.values())}
    order = sorted(kept, key=lambda family: -kept[family])
    return FamilyGuess(
        {family: kept[family] / sum(kept.values()) for family in order},
        tuple(dict.fromkeys(one for cue, one in zip(cues, seen, strict=True) if one and order[0] in cue.families)),
    )


def cues_seen(asked: Asked, cues: Sequence[Cue] = CUES) -> list[str]:
    """What of the instructions, or of half of the rows, shows each cue; "" where nothing does."""
    return [cue.shown(asked.instructions, "") or _most(cue, asked.rows) for cue in cues]


def _most(cue: Cue, rows: Sequence[tuple[str, str]]) -> str:
    """What shows it most often; of what does as often, the first of the alphabet."""
    seen = Counter(shown for row in rows if (shown := cue.shown(*row)))
    return min(seen, key=lambda one: (-seen[one], one)) if seen and 2 * seen.total() >= len(rows) else ""


def _evidence(cue: Cue, seen: str, family: TaskFamily) -> float:
    """By how much a cue that is seen raises the log odds of its families."""
    if not seen or family not in cue.families:
        return 0.0
    return math.log(cue.present / (1 - cue.present)) - math.log(cue.elsewhere / (1 - cue.elsewhere))


def _prior(asked: Asked, family: TaskFamily) -> float:
    """Of the kind alone. A choice among letters is an exam, one among words a classification."""
    if asked.kind is None:
        return 1.0
    usual = USUAL[asked.kind]
    if asked.kind is TaskKind.CHOICE and asked.labels:
        exam = all(EXAM.fullmatch(label) for label in asked.labels)
        usual = usual - {F.CLASSIFY} if exam else frozenset({F.CLASSIFY, F.REASONING})
    return (1 - UNUSUAL) / len(usual) if family in usual else UNUSUAL / (len(F) - len(usual))


def _input(example: Example) -> str:
    if example.messages is not None:
        return "\n".join(message.content for message in example.messages)
    return "\n".join(str(value) for value in example.fields.values() if isinstance(value, str))


def _answer(reference: object) -> str:
    return reference if isinstance(reference, str) else "" if isinstance(reference, Mapping) else str(reference)
