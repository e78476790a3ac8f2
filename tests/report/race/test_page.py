"""The page of a race: self-contained, closed to hostile text, and drawn by a real Chromium without a word on its console."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.report.pick.test_page import BROWSER, EVIL, opened, tags
from tests.report.race import answers

from llmpick.decide.race_answer import Passed, Place, RaceAnswer
from llmpick.evidence.errors import LlmpickError
from llmpick.evidence.model import Candidate
from llmpick.evidence.values import Interval
from llmpick.report.pick.view import names
from llmpick.report.race import write_page
from llmpick.report.race.cells import MOST_IN_FRONT, SHOWN, in_front
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


def many() -> RaceAnswer:
    """As 60 models of a matrix are told: most left early, and their names are long."""
    answer = answers.recorded()
    first, *others = answer.candidates
    rest = tuple(
        replace(
            others[k % len(others)],
            candidate=Candidate(f"an-organisation/a-model-with-a-long-name-{k:02d}", None),
            placed=replace(others[-1].placed, place=Place.BEATEN, rows_run=16 + k % 9),
        )
        for k in range(57)
    )
    return replace(answer, candidates=(first, *others[:2], *rest))


def test_those_of_a_large_field_who_left_early_are_folded_and_not_drawn() -> None:
    answer = many()
    short = names([one.candidate for one in answer.candidates])
    front = in_front(answer)
    assert [one.placed.place for one in front[:3]] == [Place.LEADER, Place.OPEN, Place.OPEN]
    assert len(front) == SHOWN
    drawn = charts(answer, short)
    for chart in drawn.values():
        assert "not drawn" in chart.description
    values = [each["value"] for each in drawn["scores"].spec["data"]["values"]]
    assert len(values) == SHOWN
    assert values == sorted(values, reverse=True), "the best stands at the top"
    text = page(answer)
    assert text.count("<summary>48 more candidates, with 16 to 24 rows run</summary>") == 2, "of the table, and of the details"
    assert all(f"a-model-with-a-long-name-{k:02d}" in text for k in range(57)), "nobody is lost"
    assert 'class="pair"' not in text, "long names need the whole width"
    assert 'class="pair"' in page(answers.undecided())


def test_who_could_still_win_is_never_folded_until_nobody_could_tell_them_apart() -> None:
    answer = many()
    open_ = tuple(replace(one, placed=replace(one.placed, place=Place.OPEN)) for one in answer.candidates[1:20])
    assert len(in_front(replace(answer, candidates=(answer.candidates[0], *open_, *answer.candidates[20:])))) == 20
    everybody = tuple(replace(one, placed=replace(one.placed, place=Place.OPEN)) for one in answer.candidates[1:])
    assert len(in_front(replace(answer, candidates=(answer.candidates[0], *everybody)))) == MOST_IN_FRONT


def test_a_score_of_the_posterior_and_the_means_of_the_chart_do_not_contradict_each_other() -> None:
    """The way ends at the plain mean; the score beside it says that it is another, and why."""
    answer = answers.expected_loss()
    leader = answer.candidates[0]
    mean = f"{100 * leader.way[-1].score:.1f}%"
    short = names([one.candidate for one in answer.candidates])
    assert isinstance(leader.placed.score_on_rows, Interval)
    assert mean != f"{100 * leader.placed.score_on_rows.value:.1f}%"
    text = page(answer)
    assert f"by the 90 that it ran ({mean} on these, drawn towards the others" in text
    assert "drawn towards each other where rows are few" in charts(answer, short)["way"].description
    assert "<dt>mean of the rows that it ran</dt>" in text
    assert "drawn towards" not in page(answers.undecided()), "bets tell the mean as it is"


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
