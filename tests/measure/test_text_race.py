"""Models reading side by side: who reads what, who leaves, what a failure, a budget and Ctrl-C do. Scorers are scripted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.measure.scripted_scorer import ScriptedScorer, model

from llmpick.decide.race_answer import RaceStop
from llmpick.evidence.errors import EngineError
from llmpick.evidence.task import Budget
from llmpick.measure.text_chunk import COMPARED_CHUNKS
from llmpick.measure.text_race import Reader, TextLook, TextRaceEnd, run_text_race


@dataclass(frozen=True)
class Piece:
    text: str


TEXT = [Piece(f"Chapter {i}. The river was high that day, and nobody crossed it.\n" * 8) for i in range(100)]
WORSE = model(1.3, noise=0.02, seed=1)
BETTER = model(1.0, noise=0.02, seed=2)


class Stable:
    """Readers of scripted models, with every scorer that was opened for each."""

    def __init__(self, **models: Callable[[str, str], float]) -> None:
        self.opened: dict[str, list[ScriptedScorer]] = {name: [] for name in models}
        self.most_open = 0
        self.readers = [Reader(name, lambda name=name: self._open(name), lambda _: None, 100) for name in models]
        self._models = models
        self.settings: dict[str, dict[str, Any]] = {name: {} for name in models}

    def _open(self, name: str) -> ScriptedScorer:
        scorer = ScriptedScorer(self._models[name], load_seconds=2.0, **self.settings[name])
        self.opened[name].append(scorer)
        self.most_open = max(self.most_open, sum(not one.closed for all_of in self.opened.values() for one in all_of))
        return scorer

    def race(self, *, budget: Budget | None = None, capacity: int = 10_000, text: list[Piece] = TEXT) -> TextRaceEnd:
        self.looks: list[TextLook] = []
        return run_text_race(
            self.readers,
            text,
            tolerance=0.01,
            confidence=0.95,
            budget=budget or Budget(),
            capacity_bytes=capacity,
            on_look=self.looks.append,
        )

    def read(self) -> dict[str, int]:
        return {reader.candidate: len(reader.scores) for reader in self.readers}


def test_a_clear_race_ends_early_and_the_loser_reads_no_more() -> None:
    stable = Stable(worse=WORSE, better=BETTER, close=model(1.015, noise=0.05, seed=3))
    end = stable.race()
    assert end.stop is RaceStop.DECIDED
    assert end.chosen is stable.readers[1]
    assert stable.readers[0].beaten_by in ("better", "close")
    assert stable.read()["worse"] == 8
    assert 8 < stable.read()["better"] < 100
    assert all(scorer.closed for scorers in stable.opened.values() for scorer in scorers)


def test_all_have_read_the_same_chunks_at_every_look() -> None:
    stable = Stable(a=model(1.0, noise=0.1, seed=1), b=model(1.004, noise=0.1, seed=2), c=model(1.02, noise=0.1, seed=3))
    stable.race()
    assert len(stable.looks) > 3
    texts = [[lead + text for lead, text in scorers[0].asked] for scorers in stable.opened.values()]
    shortest = min(map(len, texts))
    assert all(text[:shortest] == [piece.text for piece in TEXT[:shortest]] for text in texts)


def test_equal_models_are_a_tie_at_the_end_and_it_is_exact() -> None:
    stable = Stable(a=model(1.0, noise=0.2, seed=1), b=model(1.0, noise=0.2, seed=1))
    end = stable.race()
    assert end.stop is RaceStop.DECIDED  # they differ in no chunk, and eight show it
    assert len(end.within) == 2
    noisy = Stable(a=model(1.0, noise=0.9, seed=1), b=model(1.0, noise=0.9, seed=2))
    assert noisy.race(text=TEXT[:30]).stop is RaceStop.ALL_ROWS
    assert noisy.looks[-1].ratios.exact


def test_models_that_do_not_fit_together_are_loaded_in_turn() -> None:
    stable = Stable(a=model(1.0, noise=0.1, seed=1), b=model(1.01, noise=0.1, seed=2))
    stable.race(capacity=150)
    assert stable.most_open == 1
    assert len(stable.opened["a"]) > 1
    assert stable.readers[0].load_seconds == 2.0 * len(stable.opened["a"])
    assert len(stable.opened["a"]) + len(stable.opened["b"]) <= len(stable.looks) + 1 + 1  # who is loaded reads on first


def test_a_failing_engine_loses_alone() -> None:
    stable = Stable(bad=BETTER, good=WORSE)
    stable.settings["bad"] = {"fails_at": 3}
    end = stable.race()
    assert (end.stop, end.left, end.chosen) == (RaceStop.ALONE, (stable.readers[1],), None)
    assert isinstance(stable.readers[0].gone, EngineError)
    assert stable.opened["bad"][0].closed
    assert len(stable.readers[0].scores) == 2


def test_when_all_fail_nobody_is_left() -> None:
    stable = Stable(a=BETTER, b=WORSE)
    stable.settings = {"a": {"fails_at": 1}, "b": {"fails_at": 2}}
    end = stable.race()
    assert (end.stop, end.left, end.chosen) == (RaceStop.STUCK, (), None)


@pytest.mark.parametrize("nats", [float("nan"), float("inf")])
def test_a_likelihood_that_is_no_number_is_a_failure(nats: float) -> None:
    stable = Stable(odd=lambda context, text: nats, good=WORSE)
    assert stable.race().left == (stable.readers[1],)
    assert "no likelihood" in str(stable.readers[0].gone)


@pytest.mark.parametrize(
    ("budget", "reads"),
    [(Budget(calls=40), 40), (Budget(calls=31), 30), (Budget(calls=1), 0), (Budget(tokens=40 * len(TEXT[0].text)), 40)],
)
def test_a_budget_is_kept_and_the_leader_named(budget: Budget, reads: int) -> None:
    stable = Stable(a=model(1.05, noise=0.2, seed=1), b=model(1.0, noise=0.2, seed=2))
    end = stable.race(budget=budget)
    assert end.stop is RaceStop.BUDGET
    assert end.chosen is None
    assert sum(stable.read().values()) == pytest.approx(reads, abs=2 if budget.tokens else 0)
    assert len(end.left) == 2


def test_ctrl_c_keeps_what_was_read() -> None:
    stable = Stable(a=model(1.2, noise=0.5, seed=1), b=model(1.0, noise=0.5, seed=2))
    stable.settings["b"] = {"interrupted_at": 6}
    end = stable.race()
    assert end.stop is RaceStop.INTERRUPTED
    assert stable.read() == {"a": 8, "b": 5}
    assert len(end.left) == 2
    assert all(scorer.closed for scorers in stable.opened.values() for scorer in scorers)


def test_a_model_alone_reads_until_its_figure_is_known() -> None:
    stable = Stable(only=model(1.0))
    end = stable.race()
    assert (end.stop, end.left, end.chosen) == (RaceStop.ALONE, (stable.readers[0],), None)
    figure = stable.looks[-1].ratios.interval(0, 0.95)
    assert figure.high <= 1.01 * figure.value
    assert len(stable.looks) > 1
    one_chunk = Stable(only=model(1.0))
    assert one_chunk.race(text=TEXT[:1]).stop is RaceStop.ALONE


def test_all_are_scored_on_the_same_bytes_with_and_without_a_mark_for_the_start() -> None:
    stable = Stable(marked=BETTER, unmarked=WORSE)
    stable.settings["unmarked"] = {"start_mark": False}
    stable.race(text=[Piece("\n Chapter one. The river was high."), Piece("一二三四五六七八九十百千万亿兆京垓，河水很高。")] * 8)
    marked, unmarked = stable.readers
    assert [score.text_bytes for score in marked.scores] == [score.text_bytes for score in unmarked.scores]
    assert {score.text_bytes for score in marked.scores} == {len(" one. The river was high."), len("垓，河水很高。".encode())}
    assert all(lead and not lead[-1].isspace() for lead, _ in stable.opened["unmarked"][0].asked)


def test_what_is_compared_later_is_kept() -> None:
    stable = Stable(short=BETTER, long=WORSE)
    stable.settings["short"] = {"max_tokens": 100}
    stable.race()
    short, long = stable.readers
    assert short.windowed == len(short.scores) > 0
    assert long.windowed == 0
    assert None not in short.splits
    assert short.splits == long.splits
    assert len(set(short.splits)) == len({piece.text for piece in TEXT[:COMPARED_CHUNKS]}) == COMPARED_CHUNKS


def test_what_was_kept_is_not_read_again_and_not_paid_from_the_budget() -> None:
    def stable() -> Stable:
        return Stable(a=model(1.05, noise=0.2, seed=1), b=model(1.0, noise=0.2, seed=2))

    first, kept = stable(), {"a": {}, "b": {}}
    for reader in first.readers:
        reader.keep = kept[reader.candidate].__setitem__
    first.race(budget=Budget(calls=40))
    assert {name: sorted(reads) for name, reads in kept.items()} == {"a": list(range(20)), "b": list(range(20))}
    del kept["b"][7]
    second = stable()
    for reader in second.readers:
        reader.kept = kept[reader.candidate]
    assert second.race(budget=Budget(calls=11)).stop is RaceStop.BUDGET
    assert second.read() == {"a": 25, "b": 25}
    assert [len(reader.new) for reader in second.readers] == [5, 6]
    assert [lead + text for lead, text in second.opened["b"][0].asked] == [TEXT[i].text for i in (7, *range(20, 25))]
    for before, now in zip(first.readers, second.readers, strict=True):
        assert before.scores == now.scores[:20]
        assert before.splits == now.splits
        assert (now.processed_tokens, now.new_seconds) < (sum(score.processed_tokens for score in now.scores), now.seconds)


def test_a_model_that_has_read_all_of_it_is_not_loaded() -> None:
    first, kept = Stable(a=WORSE, b=BETTER), {"a": {}, "b": {}}
    for reader in first.readers:
        reader.keep = kept[reader.candidate].__setitem__
    before = first.race()
    second = Stable(a=WORSE, b=BETTER)
    for reader in second.readers:
        reader.kept = kept[reader.candidate]
    after = second.race(budget=Budget(calls=0, tokens=0, minutes=0))
    assert second.opened == {"a": [], "b": []}
    assert second.read() == first.read()
    assert before.chosen is not None
    assert after.chosen is not None
    assert after.chosen is second.readers[1]
    assert after.chosen.engine == before.chosen.engine
