"""Baselines must not see the answers they are tested on, and must say how they were made."""

import random
from dataclasses import replace
from typing import Any

import pytest

from llmpick.evidence.task import Example, Metric, Prompt, Task, TaskKind
from llmpick.measure.baselines import BaselineResult, learning_curve, run_baselines

WORDS = {"refund": "money back please", "cancel": "stop the order", "退货": "我要退货"}


def choice(labels: list[str], texts: list[str], **values: Any) -> Task:
    rows = tuple(Example(str(i), {"text": text}, label, "") for i, (label, text) in enumerate(zip(labels, texts, strict=True)))
    return Task(
        "t", TaskKind.CHOICE, ("en",), rows, Prompt("{{ text }}"), Metric("accuracy"), "", labels=tuple(sorted(set(labels))), **values
    )


def separable(rows_per_label: int) -> Task:
    labels = [label for label in WORDS for _ in range(rows_per_label)]
    return choice(labels, [f"{WORDS[label]} {i}" for i, label in enumerate(labels)])


def by_name(task: Task) -> dict[str, BaselineResult]:
    return {result.name: result for result in run_baselines(task)}


def mean(result: BaselineResult) -> float:
    return sum(result.scores.values()) / len(result.scores)


def test_words_that_give_the_label_away_are_learned() -> None:
    results = by_name(separable(6))
    assert mean(results["tfidf"]) == 1
    assert mean(results["majority"]) <= 1 / 3
    assert results["tfidf"].note == "five stratified folds"
    assert results["tfidf"].seconds > 0


def test_no_row_helps_to_answer_itself() -> None:
    """Every text is unlike all others, so whoever has seen a row's own label can be right, and nobody else."""
    generator = random.Random(0)
    labels = ["a", "b"] * 30
    texts = ["".join(chr(0x4E00 + 97 * i + generator.randrange(97)) for _ in range(8)) for i in range(60)]
    generator.shuffle(labels)
    results = by_name(choice(labels, texts))
    assert mean(results["tfidf"]) < 0.75
    assert mean(results["majority"]) <= 0.5


def test_majority_follows_the_other_rows() -> None:
    results = by_name(choice(["a"] * 15 + ["b"] * 5, ["x"] * 20))
    assert set(results["majority"].outputs.values()) == {"a"}
    assert mean(results["majority"]) == 0.75


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (["a", "b"] * 2, "4 plain folds, since there are 4 rows only"),
        (["a", "b"], "2 plain folds, since a label has one row only"),
        (["a"] * 11 + ["b"], "5 plain folds, since a label has one row only"),
        (["a"] * 10 + ["b"] * 3, "3 folds, since the rarest label has 3 rows"),
    ],
)
def test_few_rows_degrade_and_say_so(labels: list[str], note: str) -> None:
    results = by_name(choice(labels, [f"text {label}" for label in labels]))
    assert set(results) == {"majority", "tfidf"}
    for result in results.values():
        assert result.note == note
        assert set(result.outputs) == set(result.scores) == {str(i) for i in range(len(labels))}


def test_one_row_has_no_baseline() -> None:
    assert run_baselines(choice(["a"], ["x"])) == ()


def test_fewshot_rows_may_be_learned_from() -> None:
    fewshot = tuple(Example(f"f{i}", {"text": f"unique {label}"}, label, "") for i, label in enumerate(["b"] * 9))
    task = choice(["a"] * 6 + ["b"] * 6, ["x"] * 12)
    shown = replace(task, prompt=replace(task.prompt, fewshot=fewshot))
    assert set(by_name(shown)["majority"].outputs.values()) == {"b"}


def test_the_same_seed_gives_the_same_answers() -> None:
    task = choice(["a", "b", "c"] * 8, [f"{i % 5} {i % 7}" for i in range(24)])
    first, second = by_name(task), by_name(task)
    assert {name: result.outputs for name, result in first.items()} == {name: result.outputs for name, result in second.items()}


def test_rules_read_the_row_and_leave_out_what_they_do_not_find() -> None:
    rows = (
        Example("1", {"text": "order A-12345, lamp"}, {"order": "A-12345", "item": "lamp"}, ""),
        Example("2", {"text": "my lamp"}, {"order": "B-1", "item": "lamp"}, ""),
        Example("3", {"text": "nothing"}, {"order": "B-1", "item": "mug"}, ""),
    )
    schema = {"type": "object", "properties": {"order": {"type": "string"}, "item": {"type": "string"}}, "required": ["order", "item"]}
    rules = {"order": r"[A-Z]-\d+", "item": r"(?:my|,) (\w+)"}
    task = Task("t", TaskKind.EXTRACT, ("en",), rows, Prompt("{{ text }}"), Metric("json-fields"), "", schema=schema, rules=rules)
    (result,) = run_baselines(task)
    assert result.outputs == {"1": '{"order": "A-12345", "item": "lamp"}', "2": '{"item": "lamp"}', "3": ""}
    assert result.scores == {"1": 1.0, "2": 0.5, "3": 0.0}
    assert result.note == "a rule for every field"
    (partly,) = run_baselines(replace(task, rules={"order": rules["order"]}))
    assert partly.note == "no rule for item"
    assert run_baselines(replace(task, rules={})) == ()


def test_number_and_short_answer_have_majority_and_rules() -> None:
    rows = tuple(Example(str(i), {"text": f"price {value}.00 net"}, value, "") for i, value in enumerate([5] * 8 + [7] * 4))
    task = Task("t", TaskKind.NUMBER, ("en",), rows, Prompt("{{ text }}"), Metric("number"), "", rules={"answer": r"price (\S+)"})
    results = by_name(task)
    assert mean(results["majority"]) == pytest.approx(8 / 12)
    assert mean(results["rules"]) == 1
    texts = replace(task, kind=TaskKind.SHORT_ANSWER, metric=Metric("exact-match"), rules={})
    texts = replace(texts, examples=tuple(replace(row, reference=str(row.reference)) for row in rows))
    assert list(by_name(texts)) == ["majority"]


def test_generate_has_no_baseline() -> None:
    rows = tuple(Example(str(i), {"text": "x"}, "long text", "") for i in range(12))
    task = Task("t", TaskKind.GENERATE, ("en",), rows, Prompt("{{ text }}"), Metric("rouge-l"), "")
    assert run_baselines(task) == ()
    assert learning_curve(task) == ()


def test_learning_curve_rises_where_there_is_something_to_learn() -> None:
    curve = learning_curve(separable(12))
    assert [point.rows for point in curve] == [3, 6, 12]
    assert all(len(point.scores) == 5 and 0 <= min(point.scores) <= point.mean <= max(point.scores) <= 1 for point in curve)
    assert curve[-1].mean > 0.95


def test_learning_curve_stands_rare_labels_and_given_sizes() -> None:
    task = choice(["a"] * 19 + ["b"], [f"text {i}" for i in range(20)])
    curve = learning_curve(task, sizes=(1, 2, 19), repeats=3)
    assert [point.rows for point in curve] == [1, 2, 19]
    assert learning_curve(choice(["a", "b"], ["x", "y"])) == ()
