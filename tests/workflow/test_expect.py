"""`expect` and `need` on the catalog as it is: names, what evidence adds, and the findings that the prior must have."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from llmpick.estimate.need import Clearing, sizes
from llmpick.evidence.ability import TaskFamily as F
from llmpick.evidence.call import CallRecord, Outcome
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Interval
from llmpick.sources.task import load_task
from llmpick.store.store import Store
from llmpick.workflow.expect import ExpectOptions, expect, intervals
from llmpick.workflow.models.named_models import find_named
from llmpick.workflow.need import NeedOptions, need
from llmpick.workflow.prior import evidence_on, family_named, only, parts_of, question_of
from llmpick.workflow.row_facts import rows_to_keep

SMALL, LARGE = "Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-7B-Instruct"
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HOME": "/nonexistent", "OLLAMA_HOST": "http://127.0.0.1:9"}
TASK = """
name = "sums"
kind = "number"
languages = ["en"]
[examples]
file = "rows.jsonl"
reference = "answer"
[prompt]
template = "Solve: {{ question }}"
"""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    rows = [{"question": f"How many apples are {n} and {n + 1} apples together?", "answer": 2 * n + 1} for n in range(40)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "task.toml").write_text(TASK)
    return tmp_path / "task.toml"


def expected(*models: str, **more):
    return expect(ExpectOptions(models, **more), environ=OFFLINE)


def test_what_was_scored_itself_is_known_best() -> None:
    (model,) = expected(LARGE, family=F.CODE).models
    assert model.published
    assert {one.model for one in model.published} == {LARGE}
    assert model.siblings
    assert LARGE not in model.siblings
    widths = [says.score.high - says.score.low for says in model.says]
    assert len(widths) == 3
    assert widths == sorted(widths, reverse=True)
    assert model.says[-1].score == model.score


def test_a_larger_sibling_is_expected_to_be_better() -> None:
    small, large = expected(SMALL, LARGE, family=F.MATH).models
    assert small.score.high < large.score.low
    alone = expected(LARGE, family=F.MATH).models[0].score
    assert (alone.low, alone.high) == pytest.approx((large.score.low, large.score.high))  # whoever else is asked about


def test_a_task_is_less_certain_than_its_family(task: Path) -> None:
    of_family, of_task = expected(LARGE, family=F.MATH).models[0], expected(LARGE, task_file=task).models[0]
    assert F.MATH in of_task.families
    mine = of_task.families[F.MATH]
    assert mine.high - mine.low > of_family.score.high - of_family.score.low


def test_the_catalog_stands_in_where_nothing_is_named() -> None:
    found = expected(family=F.SCIENCE, top=7)
    scores = [model.score.value for model in found.models]
    assert len(scores) == 7
    assert scores == sorted(scores, reverse=True)
    assert found.left_out > 50
    assert not any(model.says for model in found.models)


def test_as_of_a_day_later_models_are_not_known() -> None:
    found = expected(family=F.KNOWLEDGE, top=500, as_of=date(2023, 5, 15))
    names = {model.model for model in found.models}
    assert names
    assert LARGE not in names
    assert any("on that day" in note for note in found.notes)
    with pytest.raises(InputError, match="no published score"):
        expected(family=F.KNOWLEDGE, as_of=date(2018, 1, 1))


def test_a_model_in_fewer_bits_is_expected_to_do_worse() -> None:
    published, four, two = expected("Qwen/Qwen3-8B", "Qwen/Qwen3-8B:Q4_K_M", "Qwen/Qwen3-8B:IQ2_M", family=F.CODE).models
    assert published.bits_per_weight is None
    assert four.bits_per_weight is not None
    assert published.score.value > four.score.value > two.score.value + 0.01
    assert all(four.says[k].score.value < published.says[k].score.value for k in range(len(four.says)))


def test_what_a_score_is_the_mean_of_is_in_the_language_that_is_asked(task: Path) -> None:
    english, chinese, swahili = (
        expected(LARGE, family=F.KNOWLEDGE, language=language).question.stands_for[F.KNOWLEDGE] for language in ("en", "zh", "sw")
    )
    assert "MMLU" in english
    assert "C-Eval" in chinese
    assert not set(english) & set(chinese)
    assert swahili == ("Multi-Exam",)
    task.write_text(TASK.replace('["en"]', '["ZH", "zh-CN", "en-GB"]'))
    assert expected(LARGE, task_file=task).question.languages == ("zh", "en")
    task.write_text(TASK.replace('["en"]', '["chinese"]'))
    with pytest.raises(InputError, match="no code of a language") as refused:
        expected(LARGE, task_file=task)
    assert refused.value.remedy == "Chinese is zh"


@pytest.mark.parametrize(
    ("name", "family"),
    [("facebook/opt-125m", F.SUMMARIZE), ("microsoft/Phi-4-reasoning", F.SUMMARIZE), ("facebook/opt-125m", F.CODE), (LARGE, F.CODE)],
)
def test_evidence_of_other_benchmarks_is_called_so(name: str, family: F) -> None:
    """What is called its own scores, or its siblings', is listed, or it is said what they are of."""
    (model,) = expected(name, family=family).models
    told = {says.what for says in model.says}
    assert ("its own scores" in told) == bool(model.published)
    assert ("scores of its siblings" in told) == bool(model.siblings)
    for what in told - {"its facts, and scores of other lines", "its own scores", "scores of its siblings"}:
        assert "on other benchmarks (" in what


def test_where_newer_models_are_named_it_is_said_up_to_when_the_prior_has_learnt() -> None:
    newer, older = (expected(name, family=F.CODE).notes for name in ("Qwen/Qwen3-8B", "huggyllama/llama-7b"))
    assert any("learnt from models up to" in note for note in newer)
    assert not any("learnt from models up to" in note for note in older)
    assert any("learnt from models up to" in note for note in need(NeedOptions(0.7, family=F.CODE), environ=OFFLINE).notes)


def test_a_family_of_few_scores_says_so() -> None:
    few, many = (expected(LARGE, family=family).notes for family in (F.SUMMARIZE, F.KNOWLEDGE))
    assert any("summarize (3)" in note for note in few)
    assert not any("Few models" in note for note in many)


def test_what_is_learnt_without_some_scores_is_what_is_learnt_from_the_others_alone() -> None:
    """The known abilities are only where the search begins."""
    (model,) = expected(LARGE, family=F.MATH).models
    evidence = evidence_on(None)
    others = only(evidence, {one.id for one in evidence.facts} - {LARGE})
    asked = question_of(None, F.MATH, None)
    (without,) = intervals(parts_of([find_named(LARGE, None, environ=OFFLINE)[0].facts], asked, others))
    said = model.says[1].score
    assert (said.value, said.low, said.high) == pytest.approx((without.value, without.low, without.high), abs=2e-3)


def test_a_model_known_by_its_config_alone(tmp_path: Path) -> None:
    config = {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 2048, "intermediate_size": 5632, "vocab_size": 32000,
        "num_hidden_layers": 22, "num_attention_heads": 32, "num_key_value_heads": 4, "max_position_embeddings": 2048,
        "torch_dtype": "bfloat16",
    }  # fmt: skip
    folder = tmp_path / "mystery-chat"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (model,) = expected(str(folder), family=F.MATH).models
    assert 1.0e9 < model.parameters < 1.2e9
    assert "tokens not known" in model.facts
    assert "Not in the catalog" in model.notes[0]
    (known,) = expected(LARGE, family=F.MATH).models
    assert model.score.high - model.score.low > known.score.high - known.score.low


def test_a_scored_model_that_the_catalog_lacks_is_known_by_its_name() -> None:
    (model,) = expected("qwen1.5-7b", family=F.KNOWLEDGE).models
    assert model.model == "Qwen/Qwen1.5-7B"
    assert model.published


def test_in_chinese_the_model_that_was_trained_on_chinese_is_expected_to_be_better() -> None:
    llama, qwen = expected("meta-llama/Llama-2-7b-hf", "Qwen/Qwen-7B", family=F.KNOWLEDGE, language="zh").models
    assert llama.score.high < qwen.score.low


@pytest.mark.parametrize(
    ("name", "family"),
    [("qwen3-8b-finance", "qwen3"), ("qwen2.5-coder-7b-sql", "qwen2.5-coder"), ("acme-13b-chat", "acme"), ("qwen3000-8b", "qwen3000")],
)
def test_families_by_name(name: str, family: str) -> None:
    assert family_named(name) == family


@pytest.mark.parametrize("words", [{}, {"family": F.CODE, "models": ("no-such-model",)}])
def test_what_is_refused(words) -> None:
    with pytest.raises(InputError):
        expect(ExpectOptions(**words), environ=OFFLINE)


@pytest.mark.parametrize("family", [F.REWRITE, F.SUMMARIZE])
def test_flat_tasks_are_not_upsized(family: F) -> None:
    found = need(NeedOptions(0.9, family=family), environ=OFFLINE)
    assert found.flat
    assert found.params is None
    assert "small model" in found.reasons[0]


@pytest.mark.parametrize(("chance", "met"), [(0.0002, False), (0.9, True)])
def test_where_size_does_not_matter_a_target_is_met_by_all_or_by_none(chance: float, met: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the prior of today holds for flat."""
    level = Clearing(sizes(), np.full(len(sizes()), chance), None, None, None, Interval(0.001, -0.1, 0.1, 0.9))
    monkeypatch.setattr("llmpick.workflow.need.clearing", lambda *_: level)
    found = need(NeedOptions(0.9, family=F.SUMMARIZE), environ=OFFLINE)
    assert found.flat
    assert found.met == met
    assert "small model" in found.reasons[0]
    assert any("the best does with less than 1%" in reason for reason in found.reasons) != met


def test_a_size_of_the_recipe_and_a_model_of_that_size_are_expected_to_do_about_the_same() -> None:
    sized = need(NeedOptions(0.4, family=F.SUMMARIZE, family_of="gemma-4"), environ=OFFLINE)
    (model,) = expected("google/gemma-4-12B-it", family=F.SUMMARIZE).models
    logs, scores = zip(*((np.log(point.parameters), point.score.value) for point in sized.curve), strict=True)
    assert np.interp(np.log(model.parameters), logs, scores) == pytest.approx(model.score.value, abs=0.02)


@pytest.mark.parametrize("probability", [0.03, 0.5, 0.8, 0.97, 0.99])
def test_the_answer_lies_between_its_low_and_its_high(probability: float) -> None:
    found = need(NeedOptions(0.7, family=F.KNOWLEDGE, probability=probability), environ=OFFLINE)
    assert found.low is not None
    assert found.params is not None
    assert found.high is not None
    assert found.low <= found.params <= found.high


def test_a_task_of_which_nothing_was_measured_is_not_called_beyond_reach(task: Path, tmp_path: Path) -> None:
    asked = NeedOptions(0.99, task_file=task, probability=0.95, store_url=f"sqlite:///{tmp_path}/none.db")
    found = need(asked, environ=OFFLINE)
    assert not found.met
    assert not found.difficulty_known
    told = " ".join(found.reasons)
    assert f"llmpick race {task} -m " in told
    assert "beyond reach" not in told
    (small,) = expected(told.split(" -m ")[1].split()[0], family=F.MATH).models
    assert small.parameters <= 2e9
    kept_run(task, f"sqlite:///{tmp_path}/kept.db", 1)
    known = need(replace(asked, store_url=f"sqlite:///{tmp_path}/kept.db"), environ=OFFLINE)
    assert known.difficulty_known
    assert "llmpick race" not in " ".join(known.reasons)


def test_of_a_day_without_a_family_of_several_sizes_the_others_are_named() -> None:
    early = date(2023, 5, 15)
    with pytest.raises(InputError, match="dense sizes") as refused:
        need(NeedOptions(0.9, family=F.MATH, as_of=early), environ=OFFLINE)
    assert "vicuna" in refused.value.remedy
    for name in refused.value.remedy.partition(": ")[2].split(", ")[:2]:
        assert need(NeedOptions(0.9, family=F.MATH, as_of=early, family_of=name), environ=OFFLINE).recipe == name


def test_contest_code_does_not_go_to_a_small_model() -> None:
    found = need(NeedOptions(0.5, family=F.CONTEST_CODE, family_of="qwen2.5"), environ=OFFLINE)
    assert not found.flat
    assert found.params is None or found.params > 14e9


def test_grade_school_math_needs_less_than_expert_science() -> None:
    math, science = (need(NeedOptions(0.6, family=family, family_of="qwen2.5"), environ=OFFLINE) for family in (F.MATH, F.SCIENCE))
    assert math.params is not None
    assert math.low is not None
    assert math.high is not None
    assert math.low <= math.params <= math.high < 20e9
    assert science.params is None or science.params > 3 * math.params


def test_the_curve_grows_and_models_that_clear_are_the_smallest_first() -> None:
    found = need(NeedOptions(0.7, family=F.CODE), environ=OFFLINE)
    chances = [point.probability for point in found.curve]
    assert chances == sorted(chances)
    assert found.models
    parameters = [model.parameters for model in found.models]
    assert parameters == sorted(parameters)
    assert all(model.probability >= 0.8 for model in found.models)


def test_a_family_that_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InputError, match="nonesuch") as refused:
        need(NeedOptions(0.7, family=F.CODE, family_of="nonesuch"), environ=OFFLINE)
    assert "qwen2.5" in refused.value.remedy


def kept_run(task: Path, store: str, right: int, name: str = SMALL) -> str:
    """A finished run of the task, in which the model was right on `right` of 40 rows."""
    loaded = load_task(task)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with Store.open(store) as kept:
        run = kept.begin(fingerprint=f"f{right}", verb="pick", title=loaded.name, seed=0, inputs={"rows": rows_to_keep(loaded)}, now=now)
        for n, row in enumerate(loaded.examples):
            score = float(n < right)
            kept.record(run.id, CallRecord(f"{right}{n}", name, row.id, "p", Outcome.ANSWERED, "1", score, 9, 1, 0.1, 0), paid=True)
        kept.finish(run.id, status="finished", answer=None, now=now)
    return run.id


def test_scores_of_a_small_model_say_how_hard_the_task_is(task: Path, tmp_path: Path) -> None:
    asked = {"target": 0.8, "task_file": task, "family_of": "qwen2.5"}
    nothing = need(NeedOptions(**asked, store_url=f"sqlite:///{tmp_path}/none.db"), environ=OFFLINE)
    assert nothing.measured == ()
    assert nothing.run is None
    chances = {}
    for right in (1, 36):
        store = f"sqlite:///{tmp_path}/{right}.db"
        run = kept_run(task, store, right)
        found = need(NeedOptions(**asked, store_url=store), environ=OFFLINE)
        assert (found.run, found.measured) == (run, ((SMALL, right / 40, 40),))
        chances[right] = [point.probability for point in found.curve]
    before = [point.probability for point in nothing.curve]
    middle = len(before) // 2
    assert chances[1][middle] < before[middle] < chances[36][middle]


def test_a_later_run_without_scores_does_not_hide_an_earlier_one(task: Path, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/two.db"
    scored = kept_run(task, store, 36)
    kept_run(task, store, 12, name="a model that nobody knows")
    with Store.open(store) as kept:
        inputs, now = {"rows": rows_to_keep(load_task(task))}, datetime(2026, 1, 2, tzinfo=UTC)
        empty = kept.begin(fingerprint="none", verb="pick", title="sums", seed=0, inputs=inputs, now=now)
        kept.finish(empty.id, status="finished", answer=None, now=now)
    found = need(NeedOptions(0.8, task_file=task, store_url=store), environ=OFFLINE)
    assert (found.run, found.measured) == (scored, ((SMALL, 36 / 40, 40),))


def test_runs_of_other_rows_say_nothing(task: Path, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/other.db"
    kept_run(task, store, 36)
    (tmp_path / "rows.jsonl").write_text(json.dumps({"question": "How many are 1 and 1?", "answer": 2}) + "\n")
    found = need(NeedOptions(0.8, task_file=task, store_url=store), environ=OFFLINE)
    assert found.measured == ()
