"""The bundled rows are what the README says of them: balanced, no two alike, no answer leaked, no label that the rows contradict."""

import re
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

from llmpick.evidence.task import Example, Task
from llmpick.measure.baselines import run_baselines
from llmpick.measure.compare import words
from llmpick.measure.metrics import resolve
from llmpick.measure.prompt import build_requests
from llmpick.sources.task import load_task

EXAMPLES = Path(__file__).parents[2] / "examples"
MOST_ALIKE = 0.3
"""Jaccard similarity of character trigrams; a message with one word in ten exchanged still has more than 0.6 with the old one."""
MOST_PROMPT_WORDS = 400
ORDER_NUMBER = re.compile(r"[A-Z0-9]+([-/][A-Z0-9]+)*")
NAMED_ORDER = re.compile(
    r"(?:\b[Oo]rder(?: number| no\.?)?(?: is| was)?|订单(?:号|编号)?(?:是|为)?)[\s:：,，]*#?([A-Z0-9][A-Z0-9/-]{4,}[A-Z0-9])"
)


@pytest.fixture(scope="module")
def facts() -> Task:
    return load_task(EXAMPLES / "order-facts" / "task.toml")


@pytest.fixture(scope="module")
def intents() -> Task:
    return load_task(EXAMPLES / "support-intents" / "task.toml")


@pytest.fixture(params=["facts", "intents"])
def task(request: pytest.FixtureRequest) -> Task:
    return request.getfixturevalue(request.param)


def message(row: Example) -> str:
    return row.fields["message"]


def trigrams(row: Example) -> set[str]:
    text = "".join(message(row).lower().split())
    return {text[i : i + 3] for i in range(len(text) - 2)}


def counts(task: Task, key: Callable[[Example], object]) -> set[int]:
    return set(Counter(map(key, task.examples)).values())


def test_size_and_balance_of_order_facts(facts: Task) -> None:
    assert len(facts.examples) >= 300
    assert counts(facts, lambda row: row.language) == {len(facts.examples) // 2}
    channels = counts(facts, lambda row: (row.language, row.fields["channel"]))
    assert len(facts.examples) // 6 in channels
    assert max(channels) - min(channels) <= 2


def test_size_and_balance_of_support_intents(intents: Task) -> None:
    assert len(intents.examples) >= 360
    assert len(intents.labels) == 8
    assert counts(intents, lambda row: row.language) == {len(intents.examples) // 2}
    assert counts(intents, lambda row: (row.language, row.reference)) == {len(intents.examples) // 16}
    assert Counter(row.reference for row in intents.prompt.fewshot) == dict.fromkeys(intents.labels, 1)


def test_the_language_column_tells_the_truth(task: Task) -> None:
    for row in (*task.examples, *task.prompt.fewshot):
        has_han = re.search("[\u4e00-\u9fff]", message(row)) is not None
        assert has_han == (row.language == "zh"), row.place
    assert Counter(row.language for row in task.prompt.fewshot) == dict.fromkeys(("en", "zh"), len(task.prompt.fewshot) // 2)


def test_no_two_messages_are_alike(task: Task) -> None:
    """Few-shot rows included: a shown row that nearly repeats an example would leak its answer."""
    for language in task.languages:
        rows = [(row, trigrams(row)) for row in (*task.examples, *task.prompt.fewshot) if row.language == language]
        for (first, first_grams), (second, second_grams) in combinations(rows, 2):
            common = len(first_grams & second_grams)
            similarity = common / (len(first_grams) + len(second_grams) - common)
            assert similarity < MOST_ALIKE, (first.place, second.place)


def test_nothing_of_the_fewshot_rows_is_asked(task: Task) -> None:
    assert not {row.id for row in task.prompt.fewshot} & {row.id for row in task.examples}
    assert not {message(row) for row in task.prompt.fewshot} & {message(row) for row in task.examples}


def test_no_fact_of_the_fewshot_rows_is_asked(facts: Task) -> None:
    for field in ("order_number", "item"):
        shown = {row.reference[field] for row in facts.prompt.fewshot}
        assert not shown & {row.reference[field] for row in facts.examples}
        assert not [row.place for row in facts.examples for fact in shown if fact in message(row)]
    numbers = [row.reference["order_number"] for row in facts.examples]
    assert len(set(numbers)) == len(numbers)


def test_each_fact_stands_once_in_its_message(facts: Task) -> None:
    for row in (*facts.examples, *facts.prompt.fewshot):
        for field, fact in row.reference.items():
            assert message(row).lower().count(fact.lower()) == 1, (row.place, field)
            assert fact in message(row), (row.place, field)
            assert fact == fact.strip()
        assert ORDER_NUMBER.fullmatch(row.reference["order_number"]), row.place
        assert sum(map(str.isdigit, row.reference["order_number"])) >= 5, row.place


def test_what_a_message_calls_its_order_is_the_order(facts: Task) -> None:
    named = [(row, found[1]) for row in facts.examples for found in NAMED_ORDER.finditer(message(row))]
    assert len(named) > 60
    assert [row.place for row, number in named if number != row.reference["order_number"]] == []


def test_no_label_is_contradicted_by_all_other_rows(intents: Task) -> None:
    """Confident learning (Northcutt et al. 2021, https://arxiv.org/abs/1911.00068): who has learnt from the other rows never says
    with confidence that a row has another label and not its own. That the check finds planted errors is checked as well."""
    rows = [message(row) for row in intents.examples]
    labels = [row.reference for row in intents.examples]
    assert _contradicted(rows, labels) == []
    copies = [f"{text}!" for text in rows[:20]]
    planted = [intents.labels[(intents.labels.index(label) + 1) % 8] for label in labels[:20]]
    found = _contradicted([*rows, *copies, *copies], [*labels, *labels[:20], *planted])
    assert sum(row >= len(rows) + len(copies) for row in found) >= 10


def _contradicted(texts: list[str], labels: list[str]) -> list[int]:
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
    model = make_pipeline(vectors, LogisticRegression(C=5, solver="newton-cg"))
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    probabilities = cross_val_predict(model, texts, labels, cv=folds, method="predict_proba")
    own = probabilities[np.arange(len(texts)), np.searchsorted(np.unique(labels), labels)]
    return np.flatnonzero((own < 0.1) & (probabilities.max(axis=1) > 0.6)).tolist()


def test_the_prompts_are_short_and_answer_themselves(task: Task) -> None:
    """Small models on a CPU must get through hundreds of them; and a model that answered with the reference would score 1."""
    score = resolve(task.metric)
    for row, request in zip(task.examples, build_requests(task), strict=True):
        assert len(words(request.completion)) < MOST_PROMPT_WORDS, row.place
        assert score(row.reference, row.reference) == 1


def test_the_order_rule_is_good_but_gives_one_field_of_two(facts: Task) -> None:
    (rules,) = run_baselines(facts)
    found = [rules.outputs[row.id] == f'{{"order_number": "{row.reference["order_number"]}"}}' for row in facts.examples]
    assert sum(found) / len(found) > 0.95
    assert set(rules.scores.values()) == {0.0}
    assert rules.note == "no rule for item"


def test_the_learned_baseline_beats_the_majority(intents: Task) -> None:
    results = {result.name: result for result in run_baselines(intents)}
    means = {name: sum(result.scores.values()) / len(result.scores) for name, result in results.items()}
    assert means["majority"] <= 1 / 8
    assert means["tfidf"] > 0.4
