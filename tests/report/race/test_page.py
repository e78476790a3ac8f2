"""The page of a race: self-contained, closed to hostile text, and drawn by a real Chromium without a word on its console."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.report.pick.test_page import BROWSER, EVIL, opened, tags
from tests.report.race import answers

from llmpick.decide.race_answer import Passed, RaceAnswer
from llmpick.evidence.errors import LlmpickError
from llmpick.evidence.model import Candidate
from llmpick.report.pick.view import names
from llmpick.report.race import write_page
from llmpick.report.race.charts import charts
from llmpick.report.race.page import page


def hostile() -> RaceAnswer:
    """With a script in every text that comes from outside."""
    answer = answers.interrupted()
    first, *rest = answer.candidates
    leader = replace(first, candidate=Candidate(EVIL, None), quantization=EVIL, placed=replace(first.placed, reasons=(EVIL,)))
    others = tuple(replace(one, placed=replace(one.placed, reasons=(EVIL,))) for one in rest)
    alike = replace(answer.new_inputs, alike=(EVIL, rest[0].candidate.id))
    answer = replace(answer, new_inputs=alike)
    return replace(
        answer, task=EVIL, metric=EVIL, device=EVIL, notes=(EVIL,), reasons=(EVIL,), leader=EVIL, candidates=(leader, *others), run=EVIL
    )


@pytest.mark.parametrize("make", [*answers.ALL.values(), hostile])
def test_the_page_is_well_formed_and_refers_to_nothing_outside(make) -> None:
    parser = tags(page(make()))
    assert parser.open == []
    assert {tag for tag, _ in parser.seen}.isdisjoint({"link", "img", "iframe", "object", "embed", "base", "form", "a"})
    for _, attributes in parser.seen:
        assert {name for name in attributes if name in ("src", "href", "srcset", "action") or name.startswith("on")} == set()


def test_hostile_text_stays_text() -> None:
    text = page(hostile())
    assert EVIL not in text
    assert "&lt;img src=x onerror" in text
    data = re.search(r'<script type="application/json" id="chart-data">(.*?)</script>', text, flags=re.DOTALL)
    assert data is not None
    assert not set(data[1]) & set("<>&\u2028")
    assert json.loads(data[1]).keys() == {"scores", "differences", "way"}


def test_a_page_without_charts_carries_no_script() -> None:
    assert "<script" not in page(answers.none_fits())


def test_every_measured_number_stands_in_a_table_too() -> None:
    answer = answers.undecided()
    text = page(answer)
    for number in ("64.4%", "[49.0, 77.4]", "-8.3", "500 ms"):
        assert f">{number}" in text
    assert "Undecided: large leads against small" in text
    assert "on average over tasks like these" in text


def test_a_large_field_is_drawn_as_far_as_it_can_be_told_apart() -> None:
    answer = answers.recorded()
    drawn = charts(answer, names([one.candidate for one in answer.candidates]))
    assert len(drawn["way"].legend) == 8
    assert "6 more candidates are not drawn" in drawn["way"].description


def test_one_point_is_no_way() -> None:
    answer = answers.alone()
    (one,) = answer.candidates
    short = replace(answer, candidates=(replace(one, way=(Passed(1, 1.0),)),))
    assert charts(short, names([one.candidate])).keys() == {"scores"}


def test_the_file_is_replaced_whole_and_a_refusal_is_a_clear_error(tmp_path: Path) -> None:
    target = tmp_path / "new" / "race.html"
    write_page(answers.none_fits(), target)
    write_page(answers.tie(), target)
    assert target.read_text("utf-8") == page(answers.tie())
    with pytest.raises(LlmpickError):
        write_page(answers.tie(), target / "under-a-file.html")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed here, so the page cannot be opened")
@pytest.mark.parametrize("make", [answers.recorded, hostile])
def test_chromium_draws_every_chart_and_says_nothing(make, tmp_path: Path) -> None:
    path = tmp_path / "race.html"
    write_page(make(), path)
    dom, console = opened(path)
    assert console == []
    assert "<title>owned" not in dom
    for id_ in ("scores", "differences", "way"):
        assert re.search(rf'id="chart-{id_}"[^>]*>.{{0,200}}<svg', dom, flags=re.DOTALL), f"{id_} is empty"
