"""The page of a fit: self-contained, closed to hostile text, and drawn by a real Chromium without a word on its console."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.report.pick.test_page import BROWSER, EVIL, opened, tags
from tests.report.scale import answers

from llmpick.estimate.scaling.answers import FitLawAnswer
from llmpick.estimate.scaling.fitting import Runs, fit
from llmpick.estimate.scaling.published import EPOCH
from llmpick.evidence.errors import LlmpickError
from llmpick.report.scale import charts as drawing
from llmpick.report.scale import write_page
from llmpick.report.scale.page import page

IDS = ("fit", "residuals", "constants", "profiles")


def hostile() -> FitLawAnswer:
    answer = answers.fit()
    return replace(answer, file=f"{EVIL.replace('/', '')}.csv", notes=(EVIL,))


@pytest.mark.parametrize("make", [answers.fit, answers.few_runs, hostile])
def test_the_page_is_well_formed_and_refers_to_nothing_outside(make):
    parser = tags(page(make()))
    assert parser.open == []
    assert {tag for tag, _ in parser.seen}.isdisjoint({"link", "img", "iframe", "object", "embed", "base", "form", "a"})
    for _, attributes in parser.seen:
        assert {name for name in attributes if name in ("src", "href", "srcset", "action") or name.startswith("on")} == set()


def test_hostile_text_stays_text():
    text = page(hostile())
    assert EVIL not in text
    data = re.search(r'<script type="application/json" id="chart-data">(.*?)</script>', text, flags=re.DOTALL)
    assert data is not None
    assert json.loads(data[1]).keys() == set(IDS)


def test_every_constant_stands_in_a_table_and_every_outlier_in_the_list():
    answer = answers.fit()
    text = page(answer)
    for name, value in answer.constants.items():
        assert re.search(rf'<th scope="row">{name}</th><td>{value.value:.4g} \[', text) or value.value >= 1e4
    for one in answer.outliers.outliers:
        assert f"row {answer.rows[one.row]}: loss {one.loss:.3f}" in text


def test_the_axis_of_tokens_is_labelled_as_people_write_them():
    """1B and 1T; Vega's own format would write 1G."""
    axis = drawing.charts(answers.fit())["fit"].spec["layer"][0]["encoding"]["x"]["axis"]
    tokens = answers.fit().fit.runs.tokens
    assert axis["values"] == [
        value for value in (m * 10.0**p for p in range(8, 13) for m in (1, 2, 5)) if tokens.min() <= value <= tokens.max()
    ]
    assert [unit for unit in "TBMK" if f"+ '{unit}'" in axis["labelExpr"]] == ["T", "B", "M", "K"]


def test_residuals_are_those_of_the_fit_and_outliers_are_marked():
    answer = answers.fit()
    rows = drawing.charts(answer)["residuals"].spec["data"]["values"]
    by_row = {row["row"]: row for row in rows}
    assert len(by_row) == 50
    assert by_row[4]["missed"] == pytest.approx(0.15, abs=0.03)  # its loss was raised by 15 %
    assert {row for row, one in by_row.items() if one["kind"] == "stands out"} == {answer.rows[one.row] for one in answer.outliers.outliers}


def test_many_runs_are_thinned_without_losing_an_outlier():
    rng = np.random.default_rng(0)
    n, d = 10 ** rng.uniform(7.5, 10, 4000), 10 ** rng.uniform(9, 11.5, 4000)
    many = fit(Runs(n, d, EPOCH.at(n, d) * np.exp(0.004 * rng.laplace(size=4000))))
    answer = replace(answers.fit(), fit=many, rows=tuple(range(1, 4001)))
    rows = drawing._rows(answer)
    assert drawing.MOST <= len(rows) <= drawing.MOST + len(answer.outliers.outliers)
    assert {one.row + 1 for one in answer.outliers.outliers} <= {row["row"] for row in rows}


def test_a_refusal_of_the_disk_is_a_clear_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LlmpickError, match="cannot be written"):
        write_page(answers.fit(), tmp_path / "file" / "fit.html")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed here, so the page cannot be opened")
@pytest.mark.parametrize("make", [answers.few_runs, hostile])
def test_chromium_draws_every_chart_and_says_nothing(make, tmp_path: Path):
    path = tmp_path / "fit.html"
    write_page(make(), path)
    dom, console = opened(path)
    assert console == []
    for id_ in IDS:
        assert re.search(rf'id="chart-{id_}"[^>]*>.{{0,200}}<svg', dom, flags=re.DOTALL), f"{id_} is empty"
