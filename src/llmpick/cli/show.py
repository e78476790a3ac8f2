"""`llmpick show`: one run. The store and rich are imported when the command runs, so that its help is fast."""

import click


@click.command()
@click.argument("run")
@click.option("--calls", "with_calls", is_flag=True, help="Also every call with its output.")
@click.option("--row", metavar="ID", help="Only the calls of this row, each in full.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def show(run: str, with_calls: bool, row: str | None, as_json: bool) -> None:
    """Show one run: what was run, on what, with which result. RUN is its id or the beginning of it (see `llmpick runs`)."""
    from rich.console import Console

    from llmpick.report import show as report
    from llmpick.store.columns import to_json
    from llmpick.workflow.show import show_run

    whole = show_run(run, row=row)
    if as_json:
        click.echo(to_json(report.show_document(whole, calls=with_calls or row is not None), indent=2))
    elif row is not None:
        report.print_calls_in_full(whole.calls, Console())
    else:
        report.print_run(whole, Console())
        if with_calls:
            report.print_calls(whole.calls, Console())
