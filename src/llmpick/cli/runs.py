"""`llmpick runs`: the runs that are kept. The store and rich are imported when the command runs, so that its help is fast."""

import click


@click.command()
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the N newest runs.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def runs(limit: int | None, as_json: bool) -> None:
    """List the runs that are kept, newest first."""
    from rich.console import Console

    from llmpick.report.runs import print_runs, runs_document
    from llmpick.store.columns import to_json
    from llmpick.workflow.runs import list_runs

    found = list_runs(limit)
    if as_json:
        click.echo(to_json(runs_document(found), indent=2))
    else:
        print_runs(found, Console())
