"""A13: "LLaMA is trained mainly on languages in Latin script and has few Chinese tokens, yet after instruction tuning Vicuna-13B does well
in Chinese: models transfer across languages."

Half of it holds. On questions translated from English Vicuna-13B has 93% of GPT-4 when its English answers are compared, and 79% when it
is asked in Chinese; a LLaMA tuned on English answers alone (Alpaca) has 33%: what transfers is brought out by users' multilingual
conversations. It does not hold for what is special to Chinese: on idioms, couplets and classical texts (SuperCLUE, 9 May 2023) it is last
of all that were examined, and on Chinese exams ChatGLM-6B, of half its size, is level with it. Today: open models are trained on Chinese,
and nobody need rely on transfer.
"""

import csv
from datetime import date

import pytest
from tests.article.replay import DAY
from tests.shared_data import shared_data

from llmpick.catalog.ability import ability_evidence, ability_facts
from llmpick.catalog.loader import find_model
from llmpick.estimate.ability import expected_abilities
from llmpick.evidence.ability import TaskFamily
from llmpick.workflow.prior import evidence_on

VICUNA, CHATGLM = "lmsys/vicuna-13b-v1.1", "THUDM/chatglm-6b"


def relative() -> dict[tuple[str, str], dict[str, str]]:
    """Figures 4 and 5 of arXiv:2304.03277 by figure and model."""
    with shared_data("published/instruction_tuning_with_gpt4_relative.csv").open(encoding="utf-8") as file:
        return {(row["figure"], row["model"]): row for row in csv.DictReader(file)}


def published(benchmark: str) -> dict[str, float]:
    return {score.model: score.score for score in ability_evidence().scores if score.benchmark == benchmark}


def test_93_percent_translated_79_percent_when_asked_in_chinese():
    table = relative()
    translated, asked = table["5a", "Vicuna 13B"], table["5c", "Vicuna 13B"]
    assert round(100 * float(translated["model_total"]) / float(translated["opponent_total"])) == 93 == float(translated["relative_pct"])
    assert float(asked["relative_pct"]) == 79
    assert published("Vicuna questions (Chinese)")[VICUNA] == 0.79


def test_tuning_in_english_alone_does_not_carry_over():
    table = relative()
    english, chinese = float(table["4d", "Alpaca 13B"]["relative_pct"]), float(table["5c", "Alpaca 13B"]["relative_pct"])
    assert (english, chinese) == (80, 33)
    own = table["5c", "LLaMA-GPT4-CN 7B"], table["5c", "LLaMA-GPT4 7B"]
    chinese_data, english_data = (round(100 * float(row["model_total"]) / float(row["opponent_total"])) for row in own)
    assert (chinese_data, english_data) == (64, 35)


def test_what_is_special_to_chinese_does_not_transfer():
    basic, special = published("SuperCLUE basic"), published("SuperCLUE Chinese")
    assert min(special, key=special.__getitem__) == min(basic, key=basic.__getitem__) == VICUNA
    assert basic[CHATGLM] - basic[VICUNA] == pytest.approx(0.076, abs=0.001)
    assert special[CHATGLM] - special[VICUNA] == pytest.approx(0.230, abs=0.001)


def lead(family: TaskFamily, language: str, day: date | None) -> float:
    """By how much the prior expects Vicuna-13B ahead of ChatGLM-6B, from scores of models that were out on that day."""
    models = [ability_facts(model) for name in (VICUNA, CHATGLM) if (model := find_model(name))]
    vicuna, chatglm = expected_abilities(models, family, evidence_on(day), language=language).mean
    return float(vicuna - chatglm)


def test_the_prior_has_both():
    """In chat Vicuna-13B is expected ahead in either language, but by less in Chinese; at Chinese exams it is behind."""
    assert lead(TaskFamily.CHAT, "en", DAY) > lead(TaskFamily.CHAT, "zh", DAY) > 0
    assert lead(TaskFamily.KNOWLEDGE, "zh", DAY) < 0


def test_what_it_underrated_on_that_day():
    """Its only exam by then was in Chinese, and it was expected to be level in English; MMLU, that summer, said that it is ahead."""
    assert lead(TaskFamily.KNOWLEDGE, "en", DAY) == pytest.approx(0.0, abs=0.02)
    assert lead(TaskFamily.KNOWLEDGE, "en", None) > 0.03
    assert lead(TaskFamily.KNOWLEDGE, "zh", None) < 0
