"""The family of a task from its words, kind, inputs and answers: what is told, what stays uncertain, and what is not looked at."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.estimate.task_cues import CUES
from llmpick.estimate.task_family import Asked, family_of, guess_family
from llmpick.evidence.ability import TaskFamily as F
from llmpick.evidence.task import Example, Metric, Prompt, Task, TaskKind
from llmpick.sources.task.model import Family

RECORDS = [("Order 5512 of Li Wei: 3 chairs for 120 dollars, to arrive on Friday the 3rd.", '{"name": "Li Wei"}')] * 5
TASKS = {
    F.EXTRACT: Asked("", tuple(RECORDS), TaskKind.EXTRACT),
    F.CLASSIFY: Asked("Which category is this message?", (("my card was eaten", "card"),), TaskKind.CHOICE, ("card", "loan")),
    F.MATH: Asked("Solve the equation.", (("x + 3 = 10, find the value of x", "7"),), TaskKind.NUMBER),
    F.CODE: Asked("Write a Python function that does what is asked.", (("Reverse a list", "def f(x):\n    return x[::-1]"),)),
    F.SUMMARIZE: Asked("请总结下面的文章。", (("文章" * 90, "一句话"),), TaskKind.GENERATE),
    F.TRANSLATE: Asked("Translate into English.", (("我喜欢夏天。", "I like the summer."),), TaskKind.GENERATE),
    F.REWRITE: Asked("请将下面的句子改写得更正式。", (("咱明儿见", "我们明天见面"),), TaskKind.GENERATE),
    F.WRITING: Asked("写一首关于春天的诗。", (), TaskKind.GENERATE),
    F.LONG_CONTEXT: Asked("", (("word " * 4000, "blue"),), TaskKind.SHORT_ANSWER),
    F.TOOLS: Asked('Answer with a function call; "parameters" as in the schema. Available tools:', (("Book it", ""),), TaskKind.GENERATE),
}


def task(asked: Asked, family: F | None = None) -> Task:
    rows = tuple(Example(str(n), {"text": text}, answer, f"row {n}") for n, (text, answer) in enumerate(asked.rows))
    kind = asked.kind or TaskKind.GENERATE
    prompt = Prompt(asked.instructions + "\n{{ text }}")
    return Task("t", kind, ("en",), rows, prompt, Metric("rouge-l"), "hash", labels=asked.labels, family=family)


@pytest.mark.parametrize("family", TASKS)
def test_a_clear_task_is_told(family: F) -> None:
    guess = guess_family(TASKS[family])
    assert guess.likeliest is family, guess.probabilities
    assert guess.likeliest is family_of(task(TASKS[family])).likeliest


def test_nothing_seen_is_nothing_known() -> None:
    guess = guess_family(Asked("", (("zzz", ""),)))
    assert guess.cues == ()
    assert set(guess.probabilities) == set(F)
    assert max(guess.probabilities.values()) == pytest.approx(1 / len(F))


TOLD = {
    F.CODE: (Asked("Write the SQL query.", (("How many singers?", "SELECT count(*) FROM singer"),)), ('"SQL"', "answers are code")),
    F.CHAT: (Asked("你是一家网店的客服。请回答顾客的问题。", (("怎么退货？", "您可以在订单页面申请退货。"),)), ('"你是一家网店的客服"',)),
    F.CONTEST_CODE: (
        Asked("Solve this on LeetCode.", (("Sum a list.", "def f(x):\n    return sum(x)"),)),
        ('"LeetCode"', "answers are code"),
    ),
    F.EXTRACT: (
        Asked("Answer from the document.", (("The tower is tall. " * 20, "It is tall, as all of them are."),)),
        ('"from the document"', "inputs are passages"),
    ),
}


@pytest.mark.parametrize("family", TOLD)
def test_what_is_told_as_seen_stands_in_the_task(family: F) -> None:
    asked, seen = TOLD[family]
    guess = guess_family(asked)
    assert guess.likeliest is family, guess.probabilities
    assert guess.cues == seen
    text = asked.instructions + "".join(question for question, _ in asked.rows)
    assert all(word.strip('"') in text for word in guess.cues if word.startswith('"'))


@pytest.mark.parametrize(
    ("special", "usual", "words"), [(F.CONTEST_CODE, F.CODE, "Write a Python program."), (F.SCIENCE, F.KNOWLEDGE, "Who was it?")]
)
def test_a_special_case_needs_a_sign_of_its_own(special: F, usual: F, words: str) -> None:
    guess = guess_family(Asked(words, ()))
    assert guess.likeliest is usual
    assert guess.probabilities.get(special, 0.0) < guess.probabilities[usual] / 3


def test_a_letter_is_no_quotation() -> None:
    exam = guess_family(Asked("", (("A town", "A"),) * 3, TaskKind.CHOICE, ("A", "B")))
    assert not exam.cues
    assert exam.likeliest is F.KNOWLEDGE


def test_letters_are_an_exam_and_words_are_classes() -> None:
    rows = (("zzz", "A"), ("yyy", "B"))
    exam = guess_family(Asked("", rows, TaskKind.CHOICE, ("A", "B", "C", "D")))
    classes = guess_family(Asked("", rows, TaskKind.CHOICE, ("refund", "delivery")))
    assert F.CLASSIFY not in exam.probabilities or exam.probabilities[F.CLASSIFY] < exam.probabilities[F.KNOWLEDGE]
    assert F.KNOWLEDGE not in classes.probabilities
    assert F.CLASSIFY in classes.probabilities


def test_a_task_that_says_its_family_is_believed() -> None:
    guess = family_of(task(TASKS[F.MATH], family=F.CHAT))
    assert dict(guess.probabilities) == {F.CHAT: 1.0}
    assert guess.declared


def test_one_odd_row_among_many_changes_nothing() -> None:
    asked = TASKS[F.EXTRACT]
    odd = replace(asked, rows=(*asked.rows, ("Write a Python program", "def f(): pass")))
    assert guess_family(odd).probabilities == guess_family(asked).probabilities


texts = st.text(max_size=60)


@given(st.lists(st.tuples(texts, texts), max_size=6), texts, st.sampled_from([None, *TaskKind]), st.randoms())
def test_probabilities_sum_to_one_in_any_order_of_rows(rows, instructions, kind, random) -> None:
    guess = guess_family(Asked(instructions, tuple(rows), kind))
    assert sum(guess.probabilities.values()) == pytest.approx(1)
    assert guess.likeliest in guess.probabilities
    mixed = random.sample(rows, len(rows))
    assert guess_family(Asked(instructions, tuple(mixed), kind)) == guess


def test_every_cue_is_evidence_for_its_families() -> None:
    assert all(0 < cue.elsewhere < cue.present < 1 for cue in CUES)
    assert len({cue.name for cue in CUES}) == len(CUES)


def test_the_task_key_takes_every_family() -> None:
    from llmpick.cli.expect import FAMILIES

    assert {*get_args(Family)} == {*FAMILIES} == {family.value for family in F}
