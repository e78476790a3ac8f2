"""`llmpick need`: parse, call the workflow, show the answer."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from llmpick.cli.expect import FAMILIES
from llmpick.cli.fit import Share
from llmpick.cli.languages import LanguageCode


@click.command(short_help="The smallest size of model that clears a target, with a probability.")
@click.option("--task", "task_file", type=click.Path(path_type=Path), help="A task.toml; scores that the store has of it count.")
@click.option("--target", required=True, type=Share(0, 1, min_open=True, max_open=True), help="The mean score to clear: 0.9.")
@click.option("--family", type=click.Choice(FAMILIES), help="What the task asks of a model.  [default: as the task shows]")
@click.option("--language", type=LanguageCode(), metavar="CODE", help="The language of the task: en, zh, ...  [default: the task's, or en]")
@click.option(
    "--probability", type=Share(0, 1, min_open=True, max_open=True), default=0.8, show_default=True, help="How surely it is to be cleared."
)
@click.option("--family-of", metavar="NAME", help="The model family whose recipe the sizes follow: qwen3.  [default: the newest]")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Answer with the models that were out on that day.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def need(family: str | None, as_of: datetime | None, as_json: bool, **given: Any) -> int:
    """The smallest number of parameters that clears --target on a task, by published scores and what was measured of the task before.

    No model is run. How hard a task is cannot be read off its text: run small models on it (llmpick race), and ask again.
    """
    import os

    from llmpick.cli.waiting import waiting
    from llmpick.evidence.ability import TaskFamily
    from llmpick.workflow.need import NeedOptions
    from llmpick.workflow.need import need as needed

    options = NeedOptions(family=TaskFamily(family) if family else None, as_of=as_of.date() if as_of else None, **given)
    with waiting("Learning from published scores"):
        found = needed(options, environ=os.environ)
    if as_json:
        import json

        from llmpick.report.need_json import need_document

        click.echo(json.dumps(need_document(found), allow_nan=False, ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        from llmpick.report.need import print_need

        print_need(found, Console())
    return 0 if found.met else 3
