"""`llmpick compare`: two finished runs, row by row. Everything heavy is imported when the command runs, so that its help is fast."""

import click


@click.command()
@click.argument("run_a")
@click.argument("run_b")
@click.option("--confidence", type=click.FloatRange(0.5, 0.9999), help="Of all intervals.  [default: the runs', else 0.95]")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Differences below it do not matter (0.02 is 2 points).  [default: the runs']",
)
@click.option(
    "--cluster", metavar="COLUMN", help="Rows with the same value here belong together (one document). Default: as a run's task says."
)
@click.option("--by", multiple=True, metavar="COLUMN", help="Also compare within each value of this column. Default: every short column.")
@click.option("--metric", metavar="NAME", help="Which score of a log: a scorer of Inspect, a metric of lm-eval (acc, or acc,none).")
@click.option(
    "--leave-out", multiple=True, metavar="COLUMN", help="Do not read this column of a table: it is no model's score. Repeatable."
)
@click.option(
    "--leave-out-rows",
    multiple=True,
    metavar="ROW|COLUMN=VALUE",
    help="Do not count these rows: one by name, or all with a value. Repeatable.",
)
@click.option("--rows", type=click.IntRange(min=0), default=10, show_default=True, metavar="N", help="Show N rows that differ.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def compare(
    run_a: str,
    run_b: str,
    confidence: float | None,
    tolerance: float | None,
    cluster: str | None,
    by: tuple[str, ...],
    metric: str | None,
    leave_out: tuple[str, ...],
    leave_out_rows: tuple[str, ...],
    rows: int,
    as_json: bool,
) -> None:
    """Compare two finished runs on the rows that both have: those of the same name, as far as it is known that they are the same question.

    Each RUN is the id of a run (see `llmpick runs`), a table of scores, an Inspect log, lm-eval's samples or results, or a folder of logs;
    of several candidates in it RUN:CANDIDATE names one (for a table, the column).
    """
    from rich.console import Console

    from llmpick.report.compare import compare_document, print_comparison
    from llmpick.store.columns import to_json
    from llmpick.workflow.compare import CompareOptions, compare_runs

    options = CompareOptions(confidence, tolerance, cluster, by, metric, leave_out, leave_out_rows)
    compared = compare_runs(run_a, run_b, options)
    if as_json:
        click.echo(to_json(compare_document(compared), indent=2))
    else:
        print_comparison(compared, Console(), rows=rows)
