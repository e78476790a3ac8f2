"""The page: self-contained, closed to hostile text, and drawn by a real Chromium without a word on its console."""

import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest
from tests.report import answers

from llmpick.decide.answer import Answer
from llmpick.evidence.errors import LlmpickError
from llmpick.report.html import CHART_LIBRARY, script_json
from llmpick.report.pick import write_page
from llmpick.report.pick.charts import charts
from llmpick.report.pick.page import page
from llmpick.report.pick.view import view

EVIL = "</script><script>document.title='owned'</script><!-- <img src=x onerror=\"document.title='owned'\"> {{ 7*7 }} \u2028 & '\""
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def hostile() -> Answer:
    """The fullest answer, with a script in every text that comes from outside."""
    answer = answers.baseline()
    rows = tuple(replace(row, text=EVIL, reference=EVIL, place=EVIL, answers={EVIL: (EVIL, 0.0)}) for row in answer.disagreements)
    mixed = tuple(
        replace(
            one,
            candidate=replace(one.candidate, id=one.candidate.id if one.candidate.id == answer.chosen else f"{EVIL}{i}"),
            reasons=(EVIL,),
            quantization=EVIL,
            confusion={(EVIL, EVIL): 7, (EVIL, "b"): 3, ("b", "b"): 5} if one.confusion else {},
            slices=tuple(replace(part, column=EVIL, value=part.value + EVIL) for part in one.slices),
        )
        for i, one in enumerate(answer.candidates)
    )
    return replace(
        answer, task=EVIL, metric=EVIL, device=EVIL, notes=(EVIL,), reasons=(EVIL,), disagreements=rows, candidates=mixed, traces=()
    )


class Tags(HTMLParser):
    """Every tag with its attributes, and whether all that was opened was closed."""

    VOID = frozenset({"meta", "br", "img", "hr", "link", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def tags(text: str) -> Tags:
    parser = Tags()
    parser.feed(text)
    parser.close()
    return parser


@pytest.mark.parametrize("make", [*answers.ALL.values(), hostile])
def test_the_page_is_well_formed_and_refers_to_nothing_outside(make):
    parser = tags(page(make()))
    assert parser.open == []
    assert {tag for tag, _ in parser.seen}.isdisjoint({"link", "img", "iframe", "object", "embed", "base", "form", "a"})
    for _, attributes in parser.seen:
        assert {name for name in attributes if name in ("src", "href", "srcset", "action") or name.startswith("on")} == set()


def test_the_policy_admits_the_scripts_of_the_page_and_no_other():
    text = page(answers.chosen())
    policy = next(a["content"] or "" for tag, a in tags(text).seen if tag == "meta" and "http-equiv" in a)
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    assert len(scripts) == len(CHART_LIBRARY) + 1
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    assert policy.count("sha256-") == len(scripts)
    assert text.index("Content-Security-Policy") < text.index("<style>") < text.index("<script>")


def test_hostile_text_stays_text():
    text = page(hostile())
    assert EVIL not in text
    assert "document.title='owned'</script>" not in text
    assert "&lt;img src=x onerror" in text
    assert "{{ 7*7 }}" in text
    data = re.search(r'<script type="application/json" id="chart-data">(.*?)</script>', text, flags=re.DOTALL)
    assert data is not None
    assert not set(data[1]) & set("<>&\u2028")
    assert json.loads(data[1]).keys() == charts(view(hostile())).keys()


def test_data_survives_its_escaping_and_nan_is_refused():
    value = {"a": [EVIL, "</SCRIPT>", 1.5, None], EVIL: "蓝牙"}
    assert json.loads(script_json(value)) == value
    with pytest.raises(ValueError, match="Out of range"):
        script_json(float("nan"))


def test_a_page_without_charts_carries_no_script():
    text = page(answers.none_fits())
    assert "<script" not in text
    assert "script-src 'none'" in unescape(text)
    assert len(text) < 30_000


def test_every_measured_number_stands_in_a_table_too():
    text = page(answers.baseline())
    for number in ("84.4%", "[80.3, 87.8]", "-45.8", "[-57.9, -33.7]", "~0.34 GiB", "310 ms", "86.7%"):
        assert f">{number}" in text


def test_the_file_is_replaced_whole_and_a_refusal_is_a_clear_error(tmp_path: Path):
    target = tmp_path / "new" / "answer.html"
    write_page(answers.none_fits(), target)
    write_page(answers.tie(), target)
    assert target.read_text("utf-8") == page(answers.tie())
    assert [path.name for path in target.parent.iterdir()] == ["answer.html"]
    with pytest.raises(LlmpickError) as refused:
        write_page(answers.tie(), target / "under-a-file.html")
    assert refused.value.where == str(target / "under-a-file.html")


def test_the_chart_library_is_the_one_its_readme_names():
    assets = files("llmpick.report").joinpath("assets")
    readme = assets.joinpath("README.md").read_text("utf-8")
    for name in CHART_LIBRARY:
        content = assets.joinpath(name).read_bytes()
        assert f"`{hashlib.sha256(content).hexdigest()}`" in readme
        assert b"</script" not in content.lower()
        assert "Redistribution" in assets.joinpath(name.replace(".min.js", ".LICENSE")).read_text("utf-8")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed here, so the page cannot be opened")
@pytest.mark.parametrize("make", [answers.chosen, hostile])
def test_chromium_draws_every_chart_and_says_nothing(make, tmp_path: Path):
    answer = make()
    path = tmp_path / "answer.html"
    write_page(answer, path)
    dom, console = opened(path)
    assert console == []
    drawn = charts(view(answer))
    assert len(drawn) >= 4
    assert "<title>owned" not in dom
    for id_ in drawn:
        assert re.search(rf'id="chart-{id_}"[^>]*>.{{0,200}}<svg', dom, flags=re.DOTALL), f"{id_} is empty"


def opened(path: Path) -> tuple[str, list[str]]:
    """The document after its scripts ran, and what Chromium wrote to its console."""
    quiet = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
    command = [str(BROWSER), *quiet.split(), "--disable-sync", f"--user-data-dir={path.parent / 'profile'}"]
    command += ["--enable-logging=stderr", "--v=0", "--virtual-time-budget=5000", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_the_page_says_what_thinking_bought():
    answer = replace(answers.chosen(), thinking=(answers.thinking_bought("<b>m</b>?thinking=on", "m"),))
    text = page(answer)
    assert "Thinking bought &lt;b&gt;m&lt;/b&gt;?thinking=on +12.5 points" in text
