"""`llmpick init TABLE`: writes a first task file and says what was guessed."""

import json
from pathlib import Path

import click


@click.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("task.toml"), show_default=True, help="The task file to write.")
@click.option("--force", is_flag=True, help="Replace the task file if there is one.")
@click.option("--json", "as_json", is_flag=True, help="Print what was guessed as JSON.")
def init(table: Path, out: Path, force: bool, as_json: bool) -> None:
    """Write a first task file from TABLE (.jsonl, .csv or .parquet) by looking at its columns."""
    from llmpick.workflow.init import write_first_task  # only now: this verb alone needs it

    guess = write_first_task(table, out, replace=force)
    if as_json:
        names = ("kind", "reference", "inputs", "reason", "cluster", "others")
        found = {"task_file": str(out), **{name: getattr(guess, name) for name in names}}
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    click.echo(str(out))
    others = f" Others that could be meant: {', '.join(guess.others)}." if guess.others else ""
    click.echo(f"kind {guess.kind}, right answers in {', '.join(guess.reference)}: {guess.reason}.{others}", err=True)
    if guess.cluster:
        click.echo(f"several rows have the same {guess.cluster}: if new inputs bring new ones, take the # from the line cluster", err=True)
    click.echo(f"Check it, then: llmpick pick {out}", err=True)
