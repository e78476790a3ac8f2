"""`llmpick plan`: parse, call the workflow, show the plan."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from llmpick.cli.fit import Share


@click.command(short_help="Before spending: how many rows and calls a decision will probably need.")
@click.argument("task", required=False, type=click.Path(path_type=Path))
@click.option(
    "-m", "--model", "models", multiple=True, help="A GGUF file or folder, org/name@revision, ollama:tag, or URL#model. Repeatable."
)
@click.option("--directory", "directories", multiple=True, type=click.Path(path_type=Path), help="Also look for models here.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Answer with the models and facts known on that day.")
@click.option("--candidates", type=click.IntRange(2, 200), help="Plan for so many models in place of those found.")
@click.option("--rows", type=click.IntRange(2, 1_000_000), help="Plan for so many rows in place of the task's.")
@click.option(
    "--graded/--whole",
    "graded",
    default=None,
    help="A row scores anything between 0 and 1, or only 0 or 1.  [default: as the task's metric]",
)
@click.option("--tolerance", type=Share(0, 1), help="Scores closer than this are a tie: 0.02 is 2 points.  [default: the task's, or 0.02]")
@click.option("--confidence", type=Share(0.5, 1, max_open=True), help="How sure the answer must be.  [default: the task's, or 0.95]")
@click.option(
    "--guarantee",
    "guarantees",
    multiple=True,
    type=click.Choice(["anytime", "bayes"]),
    help="Which of race's two ways to be sure to plan for. Repeatable.  [default: both]",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the simulated races.  [default: the task's, or 0]")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan(task: Path | None, as_json: bool, as_of: datetime | None, guarantees: tuple[Any, ...], **given: Any) -> None:
    """How many calls a decision on TASK (a task.toml) will probably take, and what its rows can tell at all. No call is made.

    Without a TASK: llmpick plan --candidates 5 --rows 1000 --tolerance 0.02
    """
    import os

    from llmpick.workflow.plan import PlanOptions
    from llmpick.workflow.plan import plan as planned

    rules = {"guarantees": tuple(dict.fromkeys(guarantees))} if guarantees else {}
    answer = planned(PlanOptions(task, as_of=as_of.date() if as_of else None, **rules, **given), environ=os.environ)
    if as_json:
        import json

        from llmpick.report.plan import plan_document

        click.echo(json.dumps(plan_document(answer), allow_nan=False, ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        from llmpick.report.plan import print_plan

        print_plan(answer, Console())
