"""A4: "From the same base, GPT-4's answers train a far better model than GPT-3's; Vicuna's makers cleaned their conversations carefully."

Holds for what an answer is worth to its reader: LLaMA-7B tuned on GPT-4's answers is called more helpful than on text-davinci-003's
(Alpaca), and gets nearer to ChatGPT than an Alpaca of twice its size. Does not hold for honesty and harmlessness, in which people
preferred Alpaca. Vicuna against Alpaca changes more than the teacher (real users' questions, several turns), so that cleaning alone is not
shown by it. Today: teachers are as good as their pupils' licences allow, and which data to keep is measured
(`tests/article/test_a5_throwing_data_away.py`).
"""

import csv

import pytest
from scipy.stats import binomtest
from tests.article.test_a9_vicuna_and_chatgpt import BLOG, reviews
from tests.shared_data import shared_data

from llmpick.stats.pairwise import relative_score, win_rate


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(shared_data(f"published/{name}").read_text(encoding="utf-8").splitlines()))


def judged() -> dict[str, tuple[float, float]]:
    """People's preference by criterion: per cent for the model tuned on GPT-4's answers, and for Alpaca."""
    table = rows("instruction_tuning_with_gpt4_hhh.csv")
    return {
        row["criterion"]: (float(row["llama_gpt4_pct"]), float(row["other_pct"])) for row in table if row["pair"] == "LLaMA-GPT4 vs Alpaca"
    }


def test_more_helpful_in_more_than_half_of_the_answers():
    new, old = judged()["Helpfulness"]
    assert new / (new + old) == pytest.approx(0.733, abs=0.001)
    assert new > 50


def test_but_neither_more_honest_nor_more_harmless():
    for criterion in ("Honesty", "Harmlessness"):
        new, old = judged()[criterion]
        assert new < old


def test_seven_billion_on_better_data_pass_thirteen_on_worse():
    """Relative to ChatGPT; the printed percentages follow from the printed totals."""
    table = {row["model"]: row for row in rows("instruction_tuning_with_gpt4_relative.csv") if row["figure"] in ("4a", "4c")}
    row = table["LLaMA-GPT4 7B baseline"]
    assert round(100 * float(row["model_total"]) / float(row["opponent_total"])) == float(row["relative_pct"]) == 91
    assert float(table["Alpaca 13B"]["relative_pct"]) == 83 < 91
    assert float(table["LLaMA 13B"]["relative_pct"]) < 83


def test_vicuna_and_alpaca_from_the_same_base():
    """Both are LLaMA-13B. On 80 questions GPT-4 gives Vicuna 21% more, and prefers it in nearly all that it decides."""
    alpaca, vicuna = reviews(BLOG, "alpaca-13b_vicuna-13b")
    ratio = relative_score(vicuna, alpaca, confidence=0.95)
    assert ratio.value == pytest.approx(704 / 583, abs=5e-4)
    assert ratio.low > 1.1
    rate = win_rate(((vicuna > alpaca) * 1.0 + (vicuna == alpaca) * 0.5), confidence=0.95)
    assert binomtest(rate.wins, rate.wins + rate.losses).pvalue < 1e-6
