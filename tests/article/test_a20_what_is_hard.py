"""A20: "What is hard? GPT-4 does worst on Codeforces, AP English Literature and Language, AMC 10: code, mathematics, and literature."

Holds by percentiles among people, in this order: Codeforces, AMC 10, AP English Literature, AP English Language. Does not hold for the
subjects: AMC 12, the harder contest, went far better than AMC 10; SAT Math and GRE Verbal are among the best; without vision AMC 12 falls
and AMC 10 rises. A percentile says how people fare, not how hard a task is for a model: GPT-3.5 has the same grade in both English exams.
Today: contest mathematics and code are where reasoning models gained most, and judged literature is still hard to score.
"""

import csv

import pytest
from tests.shared_data import shared_data

from llmpick.estimate.task_family import Asked, guess_family
from llmpick.evidence.ability import TaskFamily

WORST = ["Codeforces Rating", "AMC 10", "AP English Literature and Composition", "AP English Language and Composition"]


def table() -> dict[str, dict[str, str]]:
    with shared_data("published/gpt4_exams_table1.csv").open(encoding="utf-8") as file:
        return {row["exam"]: row for row in csv.DictReader(file)}


def ranked() -> list[str]:
    """Exams with a percentile, the worst first, by the middle of the range."""
    known = {exam: (float(row["gpt4_pct_lo"]) + float(row["gpt4_pct_hi"])) / 2 for exam, row in table().items() if row["gpt4_pct_lo"]}
    return sorted(known, key=known.__getitem__)


def test_the_four_worst():
    assert ranked()[:4] == WORST
    assert len(ranked()) == 26


def test_code_is_worse_the_harder_it_is():
    """Leetcode has no percentile; the shares solved are 76%, 26% and 7%."""
    solved = [eval_share(table()[f"Leetcode ({level})"]["gpt4"]) for level in ("easy", "medium", "hard")]
    assert solved == pytest.approx([0.756, 0.2625, 0.0667], abs=0.001)


def eval_share(printed: str) -> float:
    right, of = printed.split("/")
    return float(right) / float(of)


def test_a_subject_is_not_hard_as_such():
    low = {exam: float(row["gpt4_pct_lo"]) for exam, row in table().items() if row["gpt4_pct_lo"]}
    assert low["AMC 12"] > 3 * float(table()["AMC 10"]["gpt4_pct_hi"])
    assert low["SAT Math"] == 89
    assert low["GRE Verbal"] == 99


def test_pictures_decide_about_amc():
    row, other = table()["AMC 12"], table()["AMC 10"]
    assert eval_share(row["gpt4_no_vision"]) < eval_share(row["gpt4"])
    assert eval_share(other["gpt4_no_vision"]) > eval_share(other["gpt4"])


def test_the_kinds_are_families_of_tasks():
    """What the article calls hard is what the guesser of families tells apart."""
    problem = Asked("Solve the problem. Give the number.", (("How many integers below 100 are prime?", "25"),))
    contest = Asked("Write a program that solves this competitive programming problem, reading stdin.", (("Input: n. Output: n!", ""),))
    assert guess_family(problem).likeliest is TaskFamily.MATH
    assert guess_family(contest).likeliest in (TaskFamily.CODE, TaskFamily.CONTEST_CODE)
