"""`llmpick race`: parse, call the workflow, show the answer."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from llmpick.cli.budget import budget
from llmpick.cli.fit import Share

if TYPE_CHECKING:
    from rich.console import Console

    from llmpick.decide.race_answer import RaceAnswer

T = TypeVar("T")
Guarantee = Literal["anytime", "bayes"]

FILE = click.Path(path_type=Path)
COUNT = click.IntRange(min=1)

ONLY_FOR_SCORES = ("costs", "metric", "repeats", "drawn_models", "drawn_rows", "spend_by")
NOT_FOR_SCORES = ("models", "directories", "cost_by", "call_timeout_s", "as_of")
ONLY_FOR_TEXT = ("engines",)
NOT_FOR_TEXT = ("guarantee", "max_expected_loss", "call_timeout_s", "as_of", "html")
NOT_FOR_CASCADE = ("guarantee", "max_expected_loss", "cost_by", "html", "draw_labels")


@click.command(short_help="Who wins on your rows, by how much, how sure, with the fewest calls.")
@click.argument("task", type=FILE, required=False)
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    help="A GGUF file or folder, org/name@revision, ollama:tag, or URL#model; ?thinking=on behind it. Repeatable.",
)
@click.option("--directory", "directories", multiple=True, type=FILE, help="Also look for models here.")
@click.option(
    "--guarantee", type=click.Choice(["anytime", "bayes"]), help="Bound the error of this race, or on average.  [default: anytime]"
)
@click.option("--confidence", type=Share(0.5, 1, max_open=True), help="How sure the answer must be.  [default: the task's, 0.95]")
@click.option("--tolerance", type=Share(0, 1), help="What the winner may lie below the best.  [default: the task's, 0.02]")
@click.option("--max-expected-loss", type=Share(0, 1), help="Stop when stopping is expected to lose no more. Implies bayes.")
@click.option("--cost-by", type=click.Choice(["money", "memory", "seconds"]), help="What makes one of two equals the cheaper.")
@click.option("--budget", multiple=True, callback=budget, help="At most so much: 500calls, 200000tokens, 10minutes, 5money. Repeatable.")
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
@click.option("--metric", help="Which of several scores of a log.")
@click.option("--repeat", "repeats", type=COUNT, help="So many races on --scores: what racing costs, and how often it errs.")
@click.option("--models", "drawn_models", type=click.IntRange(min=2), metavar="K", help="Draw K of the recorded models for each race.")
@click.option("--rows", "drawn_rows", type=COUNT, metavar="N", help="Draw N of the recorded rows for each race.")
@click.option(
    "--spend-by", type=click.Choice(["calls", "cost"]), help="Weigh calls by number or by recorded cost.  [default: cost if known]"
)
@click.option("--text", type=FILE, help="Rank models by bits per byte on your own text instead; it needs no labels.")
@click.option(
    "--engine",
    "engines",
    multiple=True,
    type=click.Choice(["llama.cpp", "transformers"]),
    help="Read --text with each of these. Repeatable.",
)
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Answer with the models and facts known on that day.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Also write the answer as one self-contained page.")
@click.option("--cascade", is_flag=True, help="Cheapest evidence first: the task's [[stage]]s, and one interval at the end of the budget.")
@click.option("--draw-labels", type=FILE, help="Draw rows for people to label, which corrects a [judge], and write them to this CSV file.")
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
    return 3 if answer.verdict == "none_fits" else int(answer.unopposed)


def _cascade(task: Path, given: dict[str, Any], *, as_json: bool) -> int:
    from llmpick.cli.progress import shown_progress
    from llmpick.report.cascade import cascade_to_json, exit_code, print_cascade
    from llmpick.workflow.cascade import cascade
    from llmpick.workflow.survey import PickOptions

    names = ("models", "directories", "seed", "confidence", "tolerance", "budget", "call_timeout_s")
    options = PickOptions(task, **{name: given[name] for name in names}, as_of=given["as_of"].date() if given["as_of"] else None)
    with shown_progress(lines=not as_json) as watch:
        answer = cascade(options, environ=os.environ, to_document=cascade_to_json, watch=watch)
    _show(answer, cascade_to_json, print_cascade, as_json=as_json)
    return exit_code(answer)


def _draw_labels(task: Path, sheet: Path, given: dict[str, Any], *, as_json: bool) -> int:
    from dataclasses import asdict

    from llmpick.cli.progress import shown_progress
    from llmpick.report.judge import print_sheet
    from llmpick.workflow.label_sheet import draw_labels
    from llmpick.workflow.survey import PickOptions

    wanted = {name: given[name] for name in ("models", "directories", "seed", "budget")}
    with shown_progress(lines=not as_json) as watch:
        drawn = draw_labels(PickOptions(task, **wanted), sheet, environ=os.environ, watch=watch)
    _show(drawn, asdict, lambda it, console: print_sheet(it.file, it.rows, it.of_rows, it.answers, it.spent, console), as_json=as_json)
    return 0


def _on_scores(scores: Path, guarantee: Guarantee, given: dict[str, Any], *, as_json: bool) -> int:
    from llmpick.report.race.replay import print_replay, replay_document
    from llmpick.workflow.replay import ReplayOptions, race_recorded, replay_recorded

    wanted = {name: given[name] for name in ("costs", "metric", "max_expected_loss", "budget")}
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
    from llmpick.report.race_text import print_text_race, text_race_to_json
    from llmpick.workflow.race_text import TextRaceOptions, race_text

    if given["cost_by"] == "money":
        raise click.UsageError("--cost-by money has no effect with --text: nothing is known of prices")
    names = ("models", "directories", "seed", "confidence", "tolerance", "cost_by", "budget", "engines")
    with shown_progress(lines=not as_json) as watch:
        answer = race_text(TextRaceOptions(text, **{name: given[name] for name in names}), environ=os.environ, watch=watch)
    _show(answer, text_race_to_json, print_text_race, as_json=as_json)
    return 130 if answer.stop == "interrupted" else 0


def _show_race(answer: "RaceAnswer", html: Path | None, *, as_json: bool) -> None:
    from llmpick.report.race import answer_to_json, print_answer, write_page

    if html:
        write_page(answer, html)
    _show(answer, answer_to_json, print_answer, as_json=as_json)
    if html and not as_json:
        print(f"The page is at {html}", file=sys.stderr)


def _show(answer: T, to_json: Callable[[T], dict[str, Any]], show: Callable[[T, "Console"], None], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(to_json(answer), allow_nan=False, indent=2))
    else:
        from rich.console import Console

        show(answer, Console())
