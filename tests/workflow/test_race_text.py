"""`race --text` from a text and names of models to its answer and report: real models on a little text, scripted ones for the rest."""

import json
import math
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.measure.scripted_scorer import ScriptedScorer, model
from tests.report.pick.test_page import tags

from llmpick.decide.race_answer import Place, RaceStop, RaceVerdict
from llmpick.decide.text_answer import TextFigures, TextRaceAnswer
from llmpick.evidence.errors import EngineError, InputError
from llmpick.evidence.likelihood import TextScore
from llmpick.evidence.model import Weights
from llmpick.evidence.task import Budget
from llmpick.evidence.values import Interval
from llmpick.measure.likelihood import TextScorer
from llmpick.measure.scorers import open_scorer
from llmpick.measure.windows import led
from llmpick.report.race_text import exit_code, print_text_race, text_race_to_json, write_text_race
from llmpick.workflow.models.gather import gather
from llmpick.workflow.text.kept import reader_identity, text_keys
from llmpick.workflow.text.race import LEAST_BYTES, TextRaceOptions, race_text

PLAIN_TEXT = Path(__file__).parents[1] / "data/plain_text"


def documents(folder: Path, count: int) -> Path:
    for i in range(count):
        text = "".join(f"Day {i}.{j}: the river was high, and nobody crossed it before noon.\n\n" for j in range(20 + i % 7))
        (folder / f"{i:03}.txt").write_text(text)
    return folder


class Scripts:
    """An opener of scripted scorers, by a word in the path of the model that is asked for."""

    def __init__(self, scorers: Mapping[str, Callable[[], ScriptedScorer] | Exception]) -> None:
        self._scorers = scorers

    def __call__(self, run: Weights, *, engine: str | None = None, context_tokens: int | None = None) -> ScriptedScorer:
        made = next(made for word, made in self._scorers.items() if word in f"{run.path} on {engine}")
        if isinstance(made, Exception):
            raise made
        return made()


@pytest.fixture
def race(smollm2_path: Path, gemma_path: Path, tmp_path: Path) -> Callable[..., TextRaceAnswer]:
    """Races scripts under the names of the two real models on 30 documents of a sentence each day."""

    text_folder, stores = tmp_path / "text", count()
    text_folder.mkdir()

    def run(smollm2: Any, gemma: Any, **options: Any) -> TextRaceAnswer:
        # Unless told otherwise every race has a store of its own: scripts change while the files that name them stay.
        options = {"store_url": str(tmp_path / f"{next(stores)}.db"), **options}
        text = options.pop("text", None) or documents(text_folder, 30)
        scripts = Scripts({"SmolLM2": smollm2, "gemma": gemma})
        models = (str(smollm2_path), str(gemma_path))
        return race_text(TextRaceOptions(text, models=models, **{"chunk_bytes": 500, **options}), environ={}, opener=scripts)

    return run


def scripted(rate: float, noise: float = 0.05, seed: int = 0, **settings: Any) -> Callable[[], ScriptedScorer]:
    return lambda: ScriptedScorer(model(rate, noise=noise, seed=seed), load_seconds=1.0, **settings)


def figures(answer: TextRaceAnswer, word: str) -> TextFigures:
    found = next(racer.figures for racer in answer.racers if word in racer.candidate)
    assert isinstance(found, TextFigures)
    return found


def shown(answer: TextRaceAnswer, width: int = 100) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        print_text_race(answer, console)
    return captured.get()


def test_real_models_on_english_and_chinese(
    smollm2_path: Path, gemma_path: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The figure is all bits over all bytes of what the scorers say of the documents after their first words. SmolLM2 has no mark for the
    start of a text, Gemma has one: both are scored on the same bytes.
    """
    texts = [(PLAIN_TEXT / name).read_bytes().decode()[:length] for name, length in (("ferry.txt", 400), ("茶馆.txt", 80))]
    for i, text in enumerate(texts):
        (tmp_path / f"{i}.txt").write_text(text)
    said: dict[str, list[TextScore]] = {}

    def opener(run: Weights, **options: Any) -> TextScorer:
        scorer = open_scorer(run, **options)
        score_document = scorer.score_document

        def kept(text: str, **how: Any) -> TextScore:
            assert how["context"] + text in texts
            said.setdefault(str(run.path), []).append(score_document(text, **how))
            return said[str(run.path)][-1]

        scorer.score_document = kept
        return scorer

    options = TextRaceOptions(
        tmp_path, models=(str(smollm2_path), str(gemma_path)), store_url=str(tmp_path_factory.mktemp("store") / "a.db")
    )
    answer = race_text(options, environ={}, opener=opener)
    assert answer.verdict is RaceVerdict.WON
    assert answer.stop is RaceStop.ALL_ROWS
    assert answer.winner == str(gemma_path)
    for path, scores in said.items():
        figure = figures(answer, path).on_text
        assert isinstance(figure, Interval)
        bits = -sum(score.nats for score in scores) / math.log(2) / sum(score.text_bytes for score in scores)
        assert figure.low == figure.value == figure.high == pytest.approx(bits)
        assert 0.8 < bits < 3
    assert figures(answer, "gemma").bytes == figures(answer, "SmolLM2").bytes == sum(len(led(text)[1].encode()) for text in texts)
    assert figures(answer, "gemma").bytes > 0.9 * sum(len(text.encode()) for text in texts)
    document = json.loads(json.dumps(text_race_to_json(answer), allow_nan=False))
    assert document["winner"] == str(gemma_path)
    assert document["candidates"][1]["difference"]["on_text"]["value"] > 0.1

    def never(*_: Any, **__: Any) -> TextScorer:
        raise AssertionError("a model is loaded that has nothing to read")

    again = text_race_to_json(race_text(options, environ={}, opener=never))
    assert (again["spent"]["reads"], again["spent"]["reused"], again["spent"]["load_seconds"]) == (0, 4, 0)
    for now, before in zip(again["candidates"], document["candidates"], strict=True):
        assert {**now, "spent": None} == {**before, "spent": None}


def test_a_clear_winner_early(race: Callable[..., TextRaceAnswer]) -> None:
    answer = race(scripted(1.0, seed=1), scripted(1.4, seed=2))
    assert (answer.verdict, answer.stop) == (RaceVerdict.WON, RaceStop.DECIDED)
    assert [racer.place for racer in answer.racers] == [Place.CHOSEN, Place.BEATEN]
    assert answer.spent.reads < 2 * answer.chunks / 4
    difference = answer.racers[1].difference
    assert difference is not None
    assert isinstance(difference.on_text, Interval)
    assert isinstance(difference.on_new_text, Interval)
    assert difference.on_text.low > 0.3
    assert difference.more_units == 0
    assert "SmolLM2-135M-Instruct.Q4_1 needs the fewest bits" in shown(answer)


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_report_fits_and_breaks_no_name(race: Callable[..., TextRaceAnswer], width: int) -> None:
    text = shown(race(scripted(1.0, seed=1), scripted(1.4, seed=2)), width)
    assert all(len(line) <= width for line in text.splitlines())
    assert any(line.startswith("SmolLM2-135M-Instruct.Q4_1 ") for line in text.splitlines())
    assert ("KB/s" in text) == (width >= 118)


def test_of_a_tie_the_smaller_model_is_taken(race: Callable[..., TextRaceAnswer], smollm2_path: Path) -> None:
    answer = race(scripted(1.004, 0.0), scripted(1.0, 0.0))
    assert answer.verdict is RaceVerdict.TIE
    assert answer.winner == str(smollm2_path)
    assert len(answer.tie) == 2
    assert "A tie" in shown(answer)


def test_a_spent_budget_leaves_it_undecided_and_says_how_much_more(race: Callable[..., TextRaceAnswer]) -> None:
    answer = race(scripted(1.0, 0.9, 1), scripted(1.02, 0.9, 2), budget=Budget(calls=40))
    assert answer.verdict is RaceVerdict.UNDECIDED
    assert answer.stop is RaceStop.BUDGET
    assert answer.winner is not None
    assert {racer.place for racer in answer.racers} == {Place.LEADER, Place.OPEN}
    assert answer.more_chunks is not None
    assert 0 < answer.more_chunks <= answer.chunks - 20
    assert text_race_to_json(answer)["decided"] is False
    assert "Undecided: the budget is spent." in shown(answer)
    assert "would decide" in shown(answer)


def test_ctrl_c_names_who_leads_and_before_the_first_chunk_nobody(race: Callable[..., TextRaceAnswer]) -> None:
    answer = race(scripted(1.0, 0.9, 1), scripted(1.02, 0.9, 2, interrupted_at=5))
    assert (answer.verdict, answer.stop) == (RaceVerdict.UNDECIDED, RaceStop.INTERRUPTED)
    assert answer.winner is not None
    with pytest.raises(KeyboardInterrupt):
        race(scripted(1.0, interrupted_at=1), scripted(1.0, interrupted_at=1))


def without_spending(document: dict[str, Any]) -> dict[str, Any]:
    """What is left has to be the same whether chunks were read now or before, but for how fast they were read."""
    return {**document, "spent": None, "candidates": [{**one, "spent": None} for one in document["candidates"]]}


def test_after_ctrl_c_the_same_command_goes_on(race: Callable[..., TextRaceAnswer], tmp_path: Path) -> None:
    store = {"store_url": str(tmp_path / "one.db")}
    slow = {"smollm2": (1.0, 0.9, 1), "gemma": (1.02, 0.9, 2)}
    stopped = race(scripted(*slow["smollm2"]), scripted(*slow["gemma"], interrupted_at=5), **store)
    assert (stopped.stop, stopped.spent.reads, stopped.spent.reused) == (RaceStop.INTERRUPTED, 8 + 4, 0)
    went_on = race(scripted(*slow["smollm2"]), scripted(*slow["gemma"]), **store)
    alone = race(scripted(*slow["smollm2"]), scripted(*slow["gemma"]))
    assert went_on.spent.reused == 12
    assert went_on.spent.reads == alone.spent.reads - 12
    assert "12 further reads were kept from earlier races" in " ".join(shown(went_on).split())
    assert without_spending(text_race_to_json(went_on)) == without_spending(text_race_to_json(alone))
    finished = race(EngineError("read again", where="", remedy=""), EngineError("read again", where="", remedy=""), **store)
    assert (finished.spent.reads, finished.spent.reused) == (0, alone.spent.reads)
    assert without_spending(text_race_to_json(finished)) == without_spending(text_race_to_json(alone))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process that is killed has to be forked")
def test_after_kill_the_same_command_goes_on(race: Callable[..., TextRaceAnswer], tmp_path: Path) -> None:
    store = {"store_url": str(tmp_path / "one.db")}

    def deadly() -> ScriptedScorer:
        scorer = ScriptedScorer(model(1.02, noise=0.9, seed=2))
        score_document = scorer.score_document

        def killed(text: str, **how: Any) -> TextScore:
            if len(scorer.asked) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return score_document(text, **how)

        scorer.score_document = killed
        return scorer

    child = multiprocessing.get_context("fork").Process(target=race, args=(scripted(1.0, 0.9, 1), deadly), kwargs=store)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    answer = race(scripted(1.0, 0.9, 1), scripted(1.02, 0.9, 2), **store)
    assert answer.spent.reused == 8 + 3
    assert answer.verdict is not RaceVerdict.UNDECIDED


def test_what_is_kept_belongs_to_the_model_the_engine_and_the_text(smollm2_path: Path) -> None:
    candidate = gather((str(smollm2_path),), directories=(), as_of=None, environ={}).candidates[0]
    names = [
        reader_identity(candidate, "llama.cpp", file_hash=lambda _: "ab"),
        reader_identity(candidate, "llama.cpp", file_hash=lambda _: "cd"),
        reader_identity(candidate, "transformers", file_hash=lambda _: "ab"),
    ]
    keys = [text_keys(name, ["one", "two"], context_tokens=context) for name in names for context in (512, 1024)]
    assert len({key for pair in keys for key in pair}) == 12
    assert keys[0] == text_keys(names[0], ["one", "two"], context_tokens=512)


def test_a_file_that_cannot_be_hashed_fails_alone(race: Callable[..., TextRaceAnswer], smollm2_path: Path, gemma_path: Path) -> None:
    published = "0" * 64
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("llmpick.workflow.models.content.published_sha256", lambda path: published if path == smollm2_path else None)
        answer = race(scripted(0.5), scripted(1.0))
    assert answer.winner == str(gemma_path)
    assert "the hub published" in answer.racers[-1].reasons[0]


def test_an_engine_that_cannot_score_text_fails_alone(race: Callable[..., TextRaceAnswer], gemma_path: Path) -> None:
    cannot = InputError("the server tells no likelihoods", where="http://somewhere", remedy="use another")
    answer = race(cannot, scripted(1.0))
    assert answer.winner == str(gemma_path)
    failed = answer.racers[-1]
    assert failed.place is Place.FAILED
    assert failed.reasons == ("the server tells no likelihoods (http://somewhere); use another",)
    assert text_race_to_json(answer)["candidates"][-1]["bits_per_byte"] is None
    assert "the server tells no likelihoods" in shown(answer)


def test_when_nothing_was_read_the_first_failure_is_raised(race: Callable[..., TextRaceAnswer]) -> None:
    with pytest.raises(EngineError, match="first"):
        race(EngineError("first", where="", remedy=""), EngineError("second", where="", remedy=""))
    with pytest.raises(InputError, match="budget does not reach"):
        race(scripted(1.0), scripted(1.0), budget=Budget(calls=1))
    with pytest.raises(InputError, match="prices"):
        race(scripted(1.0), scripted(1.0), budget=Budget(money=1.0))


def test_unequal_terms_are_told(race: Callable[..., TextRaceAnswer]) -> None:
    answer = race(scripted(1.0), scripted(1.4, max_tokens=100))
    notes = "\n".join(answer.notes)
    assert "Q4_1.gguf has a chat template" in notes
    assert "all models are scored on the same bytes" in notes
    assert "reads 100 tokens at once (a limit of the engine, not of the model" in notes
    assert "had less context than those of the models that read a chunk as a whole" in notes
    assert "says nothing about following instructions" in notes
    plain = "\n".join(race(scripted(1.0), scripted(1.4)).notes)
    assert "at once" not in plain


def test_models_that_are_both_cut_short_are_not_each_worse_than_the_other(race: Callable[..., TextRaceAnswer], gemma_path: Path) -> None:
    notes = race(scripted(1.0, max_tokens=100), scripted(1.4, max_tokens=90)).notes
    assert sum("overlapping windows" in note for note in notes) == 2
    assert [note for note in notes if "context" in note][-1] == f"Of the models read in windows, {gemma_path} had the least context."
    assert not any("as a whole" in note for note in notes)


@pytest.mark.parametrize(("smollm2_at", "gemma_at"), [(None, 1), (None, 2)])
def test_interrupted_before_all_have_read_enough_nobody_leads(
    smollm2_at: int | None, gemma_at: int, race: Callable[..., TextRaceAnswer]
) -> None:
    answer = race(scripted(1.0, interrupted_at=smollm2_at), scripted(1.1, interrupted_at=gemma_at))
    text = " ".join(shown(answer).split())
    assert answer.winner is None
    assert {racer.place for racer in answer.racers} == {Place.OPEN}
    assert "Undecided: it was interrupted. Too few chunks were read for a model to lead." in text
    assert "an unknown number" not in text
    assert f"{answer.spent.reads} of {2 * answer.chunks} reads" in text
    for name in ("SmolLM2-135M-Instruct.Q4_1", "gemma-3-270m-q4_k_m"):
        assert f"{name} " in text
    assert f"{gemma_at - 1} of {answer.chunks}" in text
    document = json.loads(json.dumps(text_race_to_json(answer), allow_nan=False))
    assert document["unknown"]["winner"] == "too few chunks were read for a model to lead"
    assert {one["unknown"]["difference"] for one in document["candidates"]} <= {"nobody leads", "it read nothing"}


def test_two_engines_that_split_one_model_differently_are_told(gemma_path: Path, tmp_path: Path) -> None:
    text_folder = tmp_path / "text"
    text_folder.mkdir()

    def opened(split: Callable[[str], list[int]]) -> Callable[[], ScriptedScorer]:
        return lambda: ScriptedScorer(model(1.0), name="an engine", split=split)

    stores = count()

    def notes(other: Callable[[str], list[int]], store: str | None = None) -> str:
        scripts = Scripts({"llama.cpp": opened(lambda text: [1] * len(text)), "transformers": opened(other)})
        text, store = documents(text_folder, 30), store or f"{next(stores)}.db"
        options = TextRaceOptions(text, models=(str(gemma_path),), engines=("llama.cpp", "transformers"), store_url=str(tmp_path / store))
        answer = race_text(options, environ={}, opener=scripts)
        assert [racer.candidate.rpartition(" on ")[2] for racer in answer.racers] == ["llama.cpp", "transformers"]
        return "\n".join(answer.notes)

    assert "split" not in notes(lambda text: [1] * len(text))
    unlike = notes(lambda text: [1] * len(text) + [2], "kept.db")
    assert "split 8 of the first 8 chunks differently" in unlike
    assert notes(lambda text: [1] * len(text), "kept.db") == unlike  # told again of what was kept


@pytest.mark.parametrize("text", ["Hey", "Hey there, you. " * 10, "word\n\n" * 3000])
def test_a_text_that_is_too_short_is_refused_before_a_model_is_loaded(
    text: str, race: Callable[..., TextRaceAnswer], tmp_path: Path
) -> None:
    """Of many documents of one word each nothing is left either."""
    folder = tmp_path / "short"
    folder.mkdir()
    for i, piece in enumerate(text.split("\n\n") if "\n" in text else [text]):
        (folder / f"{i}.txt").write_text(piece)

    def never() -> ScriptedScorer:
        raise AssertionError("a model is loaded")

    with pytest.raises(InputError, match="too few to tell models apart") as refused:
        race(never, never, text=folder)
    assert f"at least {LEAST_BYTES} bytes" in refused.value.remedy


def test_a_model_alone_was_compared_with_nothing(smollm2_path: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    options = TextRaceOptions(
        documents(tmp_path, 30), models=(str(smollm2_path),), chunk_bytes=500, store_url=str(tmp_path_factory.mktemp("store") / "a.db")
    )
    answer = race_text(options, environ={}, opener=Scripts({"SmolLM2": scripted(1.0)}))
    assert (answer.verdict, answer.stop, answer.tie, exit_code(answer)) == (RaceVerdict.ALONE, RaceStop.ALONE, (), 0)
    assert [racer.place for racer in answer.racers] == [Place.LEADER]
    document = text_race_to_json(answer)
    assert document["decided"] is False
    assert "it was compared with nothing" in document["reasons"][0]
    said = " ".join(shown(answer).split())
    assert "Nothing was compared: only SmolLM2-135M-Instruct.Q4_1 took part, with " in said
    assert "difference" not in said


def test_the_page_says_what_the_terminal_says(race: Callable[..., TextRaceAnswer], tmp_path: Path) -> None:
    answer = race(scripted(1.0, seed=1), scripted(1.4, seed=2))
    write_text_race(answer, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert tags(page).open == []
    assert shown(answer, 200).splitlines()[1] in page
    assert "On new text like this" in page
    assert "KB/s" in page


def test_the_same_seed_gives_the_same_answer(race: Callable[..., TextRaceAnswer]) -> None:
    def run(seed: int) -> dict[str, Any]:
        return text_race_to_json(race(scripted(1.0, 0.3, 1), scripted(1.05, 0.3, 2), seed=seed))

    def without_time(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without_time(part) for key, part in value.items() if "seconds" not in key}
        return [without_time(part) for part in value] if isinstance(value, list) else value

    assert without_time(run(1)) == without_time(run(1))
    assert without_time(run(1)) != without_time(run(2))


def test_one_document_is_compared_by_its_sections_and_one_chunk_says_nothing_of_others(
    race: Callable[..., TextRaceAnswer], tmp_path: Path
) -> None:
    file = tmp_path / "one.txt"
    file.write_text("".join(f"Line {i} of the only document.\n" for i in range(400)))
    answer = race(scripted(1.0, 0.02, 1), scripted(1.4, 0.02, 2), text=file)
    assert (answer.documents, answer.unit) == (1, "section")
    assert "All text is one document" in "\n".join(answer.notes)
    file.write_text("A single passage of the only document. " * 15)
    single = text_race_to_json(race(scripted(1.0), scripted(1.4), text=file))
    assert single["candidates"][0]["bits_per_byte"] is None
    assert "says nothing of how far others differ" in single["candidates"][0]["unknown"]["bits_per_byte"]
    assert single["candidates"][0]["bits_per_byte_on_text"]["value"] > 0
