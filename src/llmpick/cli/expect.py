"""`llmpick expect`: parse, call the workflow, show the answer."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from llmpick.cli.languages import LanguageCode

FAMILIES = (
    *("knowledge", "science", "math", "code", "contest-code", "instructions", "chat", "writing", "summarize", "rewrite", "extract"),
    *("translate", "tools", "long-context", "reasoning", "classify"),
)  # the values of TaskFamily, whose module need not be loaded for --help


@click.command(short_help="How good models should be at a kind of task, before one has run.")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--task", "task_file", type=click.Path(path_type=Path), help="A task.toml; its family is read off its kind, text and rows.")
@click.option("--family", type=click.Choice(FAMILIES), help="What the task asks of a model.  [default: as the task shows]")
@click.option("--language", type=LanguageCode(), metavar="CODE", help="The language of the task: en, zh, ...  [default: the task's, or en]")
@click.option("--top", type=click.IntRange(1, 1000), default=20, show_default=True, help="So many of the catalog, where no MODEL is named.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Answer with the models that were out on that day.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def expect(models: tuple[str, ...], family: str | None, as_of: datetime | None, as_json: bool, **given: Any) -> None:
    """What score to expect of each MODEL at a task, or at a family of tasks, from published scores of it and of models like it.

    A MODEL is a name of the catalog, org/name, org/name:Q4_K_M, ollama:tag, a GGUF file, a folder or a config.json. Without one, the best
    of the catalog. It is a prior: published benchmarks of the family, not your task. No model is run.
    """
    import os

    from llmpick.cli.waiting import waiting
    from llmpick.evidence.ability import TaskFamily
    from llmpick.workflow.expect import ExpectOptions
    from llmpick.workflow.expect import expect as expected

    meant = TaskFamily(family) if family else None
    options = ExpectOptions(models, family=meant, as_of=as_of.date() if as_of else None, **given)
    with waiting("Learning from published scores"):
        found = expected(options, environ=os.environ)
    if as_json:
        import json

        from llmpick.report.expect_json import expect_document

        click.echo(json.dumps(expect_document(found), allow_nan=False, ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        from llmpick.report.expect import print_expectations

        print_expectations(found, Console())
