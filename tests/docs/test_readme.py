"""The README shows what `llmpick pick` really prints: it is run again on the real models, and compared with all figures masked."""

from pathlib import Path

import generate
import pytest

ROOT = Path(__file__).parents[2]


def test_the_first_runs_of_the_readme(tmp_path: Path) -> None:
    if not all((ROOT / word).exists() for word in generate.PICK if word.startswith("examples/models")):
        pytest.skip("the demo models are not in examples/models (make pick puts them there)")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for verb, ran in (("pick", generate.run_pick), ("race", generate.run_race)):
        begin = f"$ llmpick {verb} examples/order-facts/task.toml\n"
        told = readme[readme.index(begin) + len(begin) :].partition("\n```")[0]
        assert generate.masked(generate.shown(ran(store=str(tmp_path / "readme.db")))) == generate.masked(told)


def test_masking_keeps_words_and_drops_figures() -> None:
    assert generate.masked("it scores 48.4% [32.6, 59.2] on 93 rows, 1.9 s") == generate.masked("it scores 50% [1, 59.2] on 7\nrows, 21 ms")
    assert generate.masked("gemma wins") != generate.masked("smollm wins")
