"""`llmpick race`: parse, call the workflow, show the answer."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from llmpick.cli.amounts import Page
from llmpick.cli.budget import budget
from llmpick.cli.fit import Share

if TYPE_CHECKING:
    from rich.console import Console

    from llmpick.decide.race_answer import RaceAnswer

T = TypeVar("T")
Guarantee = Literal["anytime", "bayes"]

FILE = click.Path(path_type=Path)
COUNT = click.IntRange(min=1)

ONLY_FOR_SCORES = ("costs", "metric", "leave_out", "repeats", "drawn_models", "drawn_rows", "spend_by")
NOT_FOR_SCORES = ("models", "directories", "cost_by", "call_timeout_s", "as_of")
ONLY_FOR_TEXT = ("engines",)
NOT_FOR_TEXT = ("guarantee", "max_expected_loss", "call_timeout_s", "as_of")
NOT_FOR_CASCADE = ("guarantee", "max_expected_loss", "cost_by", "draw_labels")


@click.command(short_help="Who wins on your rows, by how much, how sure, with the fewest calls.")
@click.argument("task", type=FILE, required=False)
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    help="A GGUF file or folder, org/name@revision, ollama:tag, or URL#model; with ?thinking=on behind it, it thinks first. Repeatable.",
)
@click.option("--directory", "directories", multiple=True, type=FILE, help="Also look for models here.")
@click.option(
    "--guarantee",
    type=click.Choice(["anytime", "bayes"]),
    help="anytime: the error of this very race is bounded; bayes: that of such races on average, with fewer calls.  [default: anytime]",
)
@click.option("--confidence", type=Share(0.5, 1, max_open=True), help="How sure the answer must be.  [default: the task's, or 0.95]")
@click.option(
    "--tolerance",
    type=Share(0, 1),
    help="The winner may lie so far below the best: 0.02 is 2 points, of --text 2% of the bits.  [default: the task's, or 0.02; 0.01]",
)
@click.option(
    "--max-expected-loss",
    type=Share(0, 1),
    help="Stop once the leader is expected to lie no further below the best: 0.01 is a point. Implies bayes.",
)
@click.option(
    "--cost-by",
    type=click.Choice(["money", "memory", "seconds"]),
    help="By what the cheaper of those that tie is taken.  [default: the task's; of --text memory]",
)
@click.option(
    "--budget", multiple=True, callback=budget, help="Spend at most so much: 500calls, 200000tokens, 10minutes, 5money. Repeatable."
)
@click.option(
    "--call-timeout",
    "call_timeout_s",
    type=Share(0, min_open=True),
    metavar="SECONDS",
    help="Give up a call that takes longer; its row is missing then, and not wrong.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the order of rows and of every other random choice.")
@click.option("--scores", type=FILE, help="Race on recorded scores instead: an item column and a column per model, or another tool's log.")
@click.option("--costs", type=FILE, help="What each call of --scores cost, in the same form.")
@click.option("--metric", help="Which score of --scores counts, where a log has several.")
@click.option(
    "--leave-out", multiple=True, metavar="COLUMN", help="Do not read this column of --scores: it is no model's score. Repeatable."
)
@click.option("--repeat", "repeats", type=COUNT, help="Race so many times on --scores, to see what racing costs and how often it errs.")
@click.option(
    "--models", "drawn_models", type=click.IntRange(min=2), metavar="K", help="Draw K of the recorded models at random for each race."
)
@click.option("--rows", "drawn_rows", type=COUNT, metavar="N", help="Draw N of the recorded rows at random for each race.")
@click.option(
    "--spend-by",
    type=click.Choice(["calls", "cost"]),
    help="Count a call of --scores as one, or as what it cost.  [default: cost if known]",
)
@click.option("--text", type=FILE, help="Rank models by bits per byte on your own text instead; it needs no labels.")
@click.option(
    "--engine",
    "engines",
    multiple=True,
    type=click.Choice(["llama.cpp", "transformers"]),
    help="Read --text with each of these that can. Repeatable.  [default: the model's usual one]",
)
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Answer with the models and facts known on that day.")
@click.option("--html", type=Page(), metavar="FILE.html", help="Also write the answer as one self-contained page.")
@click.option(
    "--cascade",
    is_flag=True,
    help="Buy cheaper evidence (the task's [[stage]]s) on many rows and its own score on few, as far as one --budget goes.",
)
@click.option(
    "--draw-labels", type=FILE, help="Write rows for people to label to this CSV file; their labels then correct the task's [judge]."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def race(task: Path | None, scores: Path | None, text: Path | None, as_json: bool, cascade: bool, **given: Any) -> int:
    """Race models on the rows of TASK (a task.toml), or on recorded scores, or on a text."""
    sources = {"TASK": task, "--scores": scores, "--text": text}
    named = [word for word, value in sources.items() if value is not None]
    if len(named) != 1:
        both = f", not {' and '.join(named)}" if named else ""
        raise click.UsageError(f"name one of a task file, --scores and --text{both}")
    _refuse(given, () if scores else ONLY_FOR_SCORES, f"concerns --scores, not {named[0]}")
    _refuse(given, () if text else ONLY_FOR_TEXT, f"concerns --text, not {named[0]}")
    _refuse(given, NOT_FOR_SCORES if scores else NOT_FOR_TEXT if text else (), f"has no effect with {named[0]}")
    if cascade:
        if task is None:
            raise click.UsageError(f"--cascade concerns a task, not {named[0]}")
        _refuse(given, NOT_FOR_CASCADE, "has no effect with --cascade")
        return _cascade(task, given, as_json=as_json)
    sheet = given.pop("draw_labels")
    if sheet and task is None:
        raise click.UsageError(f"--draw-labels concerns a task, not {named[0]}")
    if text:
        return _on_text(text, given, as_json=as_json)
    if sheet:
        return _draw_labels(task or Path(), sheet, given, as_json=as_json)
    guarantee = _guarantee(given.pop("guarantee"), given["max_expected_loss"])
    return _on_scores(scores, guarantee, given, as_json=as_json) if scores else _on_task(task or Path(), guarantee, given, as_json=as_json)


def _refuse(given: dict[str, Any], names: tuple[str, ...], why: str) -> None:
    """An option that would be without effect is a misunderstanding."""
    parameters = {parameter.name: parameter.opts[-1] for parameter in race.params}
    for name in names:
        if given[name] not in (None, ()):
            raise click.UsageError(f"{parameters[name]} {why}")


def _guarantee(asked: Guarantee | None, max_expected_loss: float | None) -> Guarantee:
    """An expected loss is an average over tasks, so only the rule that works with averages can stop on it."""
    if max_expected_loss is not None and asked == "anytime":
        raise click.UsageError("--max-expected-loss is an average over tasks: use it with --guarantee bayes")
    return asked or ("anytime" if max_expected_loss is None else "bayes")


def _on_task(task: Path, guarantee: Guarantee, given: dict[str, Any], *, as_json: bool) -> int:
    from llmpick.cli.progress import shown_progress
    from llmpick.report.race import answer_to_json
    from llmpick.workflow.race import RaceOptions, race

    html, day = given.pop("html"), given.pop("as_of")
    given["as_of"] = day.date() if day else None
    wanted = {name: value for name, value in given.items() if name not in (*ONLY_FOR_SCORES, *ONLY_FOR_TEXT)}
    with shown_progress(lines=not as_json) as watch:
        answer = race(RaceOptions(task, guarantee=guarantee, **wanted), environ=os.environ, to_document=answer_to_json, watch=watch)
    _show_race(answer, html, as_json=as_json)
    if answer.stop == "interrupted":
        return 130
    return 3 if answer.verdict == "none_fits" else int(answer.leader is None or answer.unopposed)


def _cascade(task: Path, given: dict[str, Any], *, as_json: bool) -> int:
    from llmpick.cli.progress import shown_progress
    from llmpick.report.cascade import cascade_to_json, exit_code, print_cascade, write_cascade
    from llmpick.workflow.cascade.race import cascade
    from llmpick.workflow.survey import PickOptions

    names = ("models", "directories", "seed", "confidence", "tolerance", "budget", "call_timeout_s")
    options = PickOptions(task, **{name: given[name] for name in names}, as_of=given["as_of"].date() if given["as_of"] else None)
    with shown_progress(lines=not as_json) as watch:
        answer = cascade(options, environ=os.environ, to_document=cascade_to_json, watch=watch)
    _show(answer, cascade_to_json, print_cascade, as_json=as_json, page=(write_cascade, given["html"]))
    return exit_code(answer)


def _draw_labels(task: Path, sheet: Path, given: dict[str, Any], *, as_json: bool) -> int:
    from dataclasses import asdict

    from llmpick.cli.progress import shown_progress
    from llmpick.report.judge import print_sheet
    from llmpick.workflow.judged.label_sheet import draw_labels
    from llmpick.workflow.survey import PickOptions

    wanted = {name: given[name] for name in ("models", "directories", "seed", "budget")}
    with shown_progress(lines=not as_json) as watch:
        drawn = draw_labels(PickOptions(task, **wanted), sheet, environ=os.environ, watch=watch)
    _show(drawn, asdict, lambda it, console: print_sheet(it.file, it.rows, it.of_rows, it.answers, it.spent, console), as_json=as_json)
    return 0


def _on_scores(scores: Path, guarantee: Guarantee, given: dict[str, Any], *, as_json: bool) -> int:
    from llmpick.report.race.replay import print_replay, replay_document
    from llmpick.workflow.replay import ReplayOptions, race_recorded, replay_recorded

    wanted = {name: given[name] for name in ("costs", "metric", "leave_out", "max_expected_loss", "budget")}
    set_ = {name: given[name] for name in ("seed", "confidence", "tolerance", "repeats", "spend_by") if given[name] is not None}
    options = ReplayOptions(scores, models=given["drawn_models"], rows=given["drawn_rows"], guarantee=guarantee, **wanted, **set_)
    if options.repeats == 1:
        _show_race(race_recorded(options), given["html"], as_json=as_json)
    else:
        for name, why in (("budget", "every race goes on until it is decided"), ("html", "a page shows one race")):
            if given[name]:
                raise click.UsageError(f"--{name} has no effect with --repeat: {why}")
        document = replay_document(*replay_recorded(options))
        _show(document, dict, print_replay, as_json=as_json)
    return 0


def _on_text(text: Path, given: dict[str, Any], *, as_json: bool) -> int:
    from llmpick.cli.progress import shown_progress
    from llmpick.report.race_text import exit_code, print_text_race, text_race_to_json, write_text_race
    from llmpick.workflow.text.race import TextRaceOptions, race_text

    if given["cost_by"] == "money":
        raise click.UsageError("--cost-by money has no effect with --text: nothing is known of prices")
    names = ("models", "directories", "seed", "confidence", "tolerance", "cost_by", "budget", "engines")
    with shown_progress(lines=not as_json) as watch:
        answer = race_text(TextRaceOptions(text, **{name: given[name] for name in names}), environ=os.environ, watch=watch)
    _show(answer, text_race_to_json, print_text_race, as_json=as_json, page=(write_text_race, given["html"]))
    return exit_code(answer)


def _show_race(answer: "RaceAnswer", html: Path | None, *, as_json: bool) -> None:
    from llmpick.report.race import answer_to_json, print_answer, write_page

    _show(answer, answer_to_json, print_answer, as_json=as_json, page=(write_page, html))


def _show(
    answer: T,
    to_json: Callable[[T], dict[str, Any]],
    show: Callable[[T, "Console"], None],
    *,
    as_json: bool,
    page: tuple[Callable[[T, Path], None], Path | None] | None = None,
) -> None:
    write, file = page or (None, None)
    if write and file:
        write(answer, file)
    if as_json:
        click.echo(json.dumps(to_json(answer), allow_nan=False, indent=2))
        return
    from rich.console import Console

    show(answer, Console())
    if file:
        print(f"The page is at {file}", file=sys.stderr)
