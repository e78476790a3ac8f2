"""The answer as one HTML page: the same sentences as in the terminal, with charts, and with every detail that a table cannot hold."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmpick.decide.answer import Answer, CandidateAnswer, Disagreement, Verdict
from llmpick.evidence.call import EngineInfo, Outcome
from llmpick.evidence.values import Estimate, Interval, Measurement, Unknown
from llmpick.report import numbers
from llmpick.report.charts import colours
from llmpick.report.html import render, write_file
from llmpick.report.pick import wording
from llmpick.report.pick.charts import charts
from llmpick.report.pick.headline import headline
from llmpick.report.pick.view import LISTED_UNSEEN, SliceTable, View, view
from llmpick.report.spent import spending
from llmpick.report.text import one_line

_INTERVAL = re.compile(r"\[[^\]\[]{1,24}, [^\]\[]{1,24}\]")
VERDICTS = {
    Verdict.CHOSEN: "Chosen",
    Verdict.TIE: "Tie",
    Verdict.BASELINE: "No LLM needed",
    Verdict.UNDECIDED: "Undecided",
    Verdict.NONE_FITS: "Nothing fits",
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure at the top of the page."""

    title: str
    value: str
    note: str = ""


def write(answer: Answer, path: Path) -> None:
    """Writes the page whole or not at all. Raises `LlmpickError` where the disk refuses."""
    write_file(path, page(answer))


def page(answer: Answer) -> str:
    """The text of the page."""
    shown = view(answer)
    drawn = charts(shown)
    context = {
        "answer": answer,
        "view": shown,
        "say": wording,
        "num": numbers,
        "line": one_line,
        "keep": keep_intervals,
        "charts": drawn,
        "colour": colours([shown.name(one) for one in shown.measured]),
        "verdict": VERDICTS[answer.verdict],
        "headline": headline(shown),
        "tiles": _tiles(shown),
        "details": details,
        "first_unseen": LISTED_UNSEEN,
        "unseen_speeds": any(not isinstance(one.decode_tokens_per_s, Unknown) for one in shown.unseen),
        "slice_cell": slice_cell,
        "graded_answers": graded_answers,
    }
    return render("page.html.j2", context, charts={chart.id: chart.spec for chart in drawn.values()})


def _tiles(shown: View) -> list[Tile]:
    answer, best = shown.answer, shown.best
    tiles: list[Tile] = []
    if best and isinstance(best.score, Interval):
        value, bounds = wording.interval_parts(best.score, best.score_n)
        tiles.append(Tile("Score", value, bounds))
    if best and not isinstance(best.memory_bytes, Unknown):
        tiles.append(Tile("Memory", numbers.memory_cell(best.memory_bytes), _basis(best.memory_bytes)))
    if best and not isinstance(best.decode_tokens_per_s, Unknown):
        tiles.append(Tile("Speed", numbers.rate_cell(best.decode_tokens_per_s), "tokens per second"))
    if answer.spent.calls:
        tiles.append(Tile("Spent", numbers.count(answer.spent.calls), f"calls in {numbers.seconds(answer.spent.seconds)}"))
    if answer.saved.calls:
        tiles.append(Tile("Saved", numbers.count(answer.saved.calls), f"calls and {numbers.seconds(answer.saved.seconds)}"))
    return tiles


def _basis(quantity: Estimate | Measurement) -> str:
    return "measured" if isinstance(quantity, Measurement) else "estimated"


def keep_intervals(sentence: str) -> str:
    """The sentence with its intervals unbroken: "[75.6, 84.3]" stays on one line."""
    return _INTERVAL.sub(lambda found: found[0].replace(" ", "\u00a0"), sentence)


def details(shown: View, one: CandidateAnswer) -> list[tuple[str, str]]:
    """What is recorded of one candidate, as (name, value); what is not known is told with its reason."""
    facts: list[tuple[str, str]] = [("id", one_line(one.candidate.id)), ("status", wording.status(one)), ("why", wording.why(shown, one))]
    facts.append(("score on new inputs", _score(one.score, one)))
    facts.append(("score on your own rows", _score(one.score_on_rows, one)))
    if one.difference:
        facts.append((f"difference to {shown.name(shown.measured[0])}", f"{numbers.points(one.difference)} points"))
    facts.append(("memory to serve it", _quantity(one.memory_bytes, numbers.memory)))
    facts.append(("memory seen here", _quantity(one.resident_bytes, numbers.memory)))
    facts.append(("speed of writing", _quantity(one.decode_tokens_per_s, lambda x: f"{numbers.rate(x)} tokens/s")))
    facts.append(("time to the first token", _quantity(one.ttft_s, numbers.seconds)))
    if one.load_seconds is not None:
        facts.append(("time to load", numbers.seconds(one.load_seconds)))
    if one.spent.calls:
        facts.append(("spent", spending(one.spent)))
    if one.outcomes:
        told = ", ".join(f"{numbers.count(one.outcomes[outcome])} {outcome.value}" for outcome in Outcome if one.outcomes.get(outcome))
        facts.append(("answers", told or "none"))
    return [*facts, *what_ran(one.engine, one.quantization, one.file_sha256)]


def what_ran(engine: EngineInfo | None, quantization: str | None, file_sha256: str | None) -> list[tuple[str, str]]:
    """The engine and the file behind a candidate, as far as they are known."""
    facts: list[tuple[str, str]] = []
    if engine:
        facts.append(("engine", one_line(f"{engine.name} {engine.version} on {engine.device}")))
    if engine and engine.options:
        facts.append(("options", one_line(", ".join(f"{key}={value}" for key, value in engine.options.items()))))
    if quantization:
        facts.append(("quantisation", one_line(quantization)))
    if file_sha256:
        facts.append(("SHA-256 of the file", one_line(file_sha256)))
    return facts


def _score(score: Interval | Unknown, one: CandidateAnswer) -> str:
    if isinstance(score, Unknown):
        return one_line(score.reason)
    return f"{numbers.score(score, one.score_n)} ({numbers.counted(one.score_n, 'row')})"


def _quantity(quantity: Estimate | Measurement | Unknown, write_out: Any) -> str:
    if isinstance(quantity, Unknown):
        return f"unknown: {one_line(quantity.reason)}"
    i = quantity.interval
    bounds = "" if i.low == i.high else f" [{write_out(i.low)} to {write_out(i.high)}]"
    return f"{write_out(i.value)}{bounds}, {_basis(quantity)} ({one_line(quantity.source.title)})"


def slice_cell(table: SliceTable, value: str, one: CandidateAnswer) -> tuple[str, str]:
    """The score of one candidate on one slice as (value, range and rows)."""
    part = table.cells.get((value, one.candidate.id))
    if part is None:
        return ("-", "")
    short, bounds = wording.interval_parts(part.score, part.n)
    return (short, f"{bounds} n={part.n}" if bounds else "")


def graded_answers(shown: View, row: Disagreement) -> list[tuple[str, str, str]]:
    """(candidate, right or wrong, what it answered) for each candidate."""
    return [(shown.names.get(who, one_line(who)), wording.graded(score), one_line(output)) for who, (output, score) in row.answers.items()]
