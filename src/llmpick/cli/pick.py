"""`llmpick pick`: parse, call the workflow, show the answer."""

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from llmpick.cli.amounts import Page
from llmpick.cli.budget import budget
from llmpick.cli.fit import Share


@click.command(short_help="Choose a model for a task, measured on your own examples.")
@click.argument("task", type=click.Path(path_type=Path))
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    help="A GGUF file or folder, org/name@revision, ollama:tag, or URL#model; ?thinking=on behind it. Repeatable.",
)
@click.option("--directory", "directories", multiple=True, type=click.Path(path_type=Path), help="Also look for models here.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Answer with the models and facts known on that day.")
@click.option("--seed", type=int, help="Seed of the order of rows and of every other random choice.")
@click.option("--confidence", type=click.FloatRange(0.5, 1, max_open=True), help="How sure the answer must be.")
@click.option("--tolerance", type=click.FloatRange(0, 1), help="Scores closer than this are a tie, and the cheaper model wins.")
@click.option("--cost-by", type=click.Choice(["money", "memory", "seconds"]), help="What 'cheaper' means.")
@click.option("--budget", multiple=True, callback=budget, help="At most so much: 500calls, 200000tokens, 10minutes, 5money. Repeatable.")
@click.option(
    "--call-timeout",
    "call_timeout_s",
    type=Share(0, min_open=True),
    metavar="SECONDS",
    help="Give up a call that takes longer; its row is missing then, and not wrong.",
)
@click.option("--dry-run", is_flag=True, help="Everything but calls: who would run, and who would not and why.")
@click.option("--no-calls", is_flag=True, help="Choose from the catalog by what published scores lead to expect; nothing is called.")
@click.option("--fetch", type=click.IntRange(min=1), metavar="N", help="First download the N best models worth fetching, after asking.")
@click.option("--yes", is_flag=True, help="Do not ask before a download.")
@click.option("--html", type=Page(), metavar="FILE.html", help="Also write the answer as one self-contained page.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def pick(task: Path, html: Path | None, as_json: bool, fetch: int | None, yes: bool, as_of: datetime | None, **given: Any) -> int:
    """Choose a model for TASK (a task.toml), measured on your own examples."""
    from llmpick.cli.progress import shown_progress
    from llmpick.report.pick import answer_to_json, print_answer, write_page
    from llmpick.workflow.pick import pick
    from llmpick.workflow.survey import PickOptions

    if given["no_calls"] and (fetch or given["dry_run"] or given["models"] or given["directories"]):
        raise click.UsageError("--no-calls chooses from the catalog: leave out --model, --directory, --fetch and --dry-run")
    options = PickOptions(task, as_of=as_of.date() if as_of else None, **given)
    if fetch:
        from llmpick.cli.fetching import fetch_best

        fetch_best(options, fetch, environ=os.environ, sure=yes)
    with shown_progress(lines=not as_json) as watch:
        answer = pick(options, environ=os.environ, to_document=answer_to_json, watch=watch)
    if html:
        write_page(answer, html)
    if as_json:
        click.echo(json.dumps(answer_to_json(answer), allow_nan=False, indent=2))
    else:
        from rich.console import Console

        print_answer(answer, Console())
        if html:
            print(f"The page is at {html}", file=sys.stderr)
    return 3 if answer.verdict == "none_fits" else 0
