"""`llmpick scale fit`: parse, call the workflow, show the answer."""

from pathlib import Path
from typing import Any

import click

from llmpick.cli.amounts import QUANTITY, Page
from llmpick.cli.fit import Share
from llmpick.cli.scale_show import show


class RowNumbers(click.ParamType):
    """Rows of a file, from 1: "1,2,5"."""

    name = "rows"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        words = [word for word in str(value).split(",") if word.strip()]
        if not all(word.strip().isdecimal() for word in words):
            self.fail(f"{value!r} is no list of rows; write 1,2,5", param, ctx)
        return tuple(int(word) for word in words)


class Run(click.ParamType):
    """Parameters and tokens of one run: "7B,1T"."""

    name = "run"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        words = str(value).split(",")
        if len(words) != 2:
            self.fail(f"{value!r} is no run; write parameters and tokens as 7B,1T", param, ctx)
        first, second = (QUANTITY.convert(word, param, ctx) for word in words)
        return first, second


@click.command(short_help="Fit a law to your own training runs, with what they cannot tell.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--bootstrap", "resamples", type=click.IntRange(100, 100_000), default=4000, show_default=True, help="Resamples for the intervals."
)
@click.option("--plot", type=Page(), metavar="FILE.html", help="Also write a page with charts.")
@click.option("--params-column", metavar="NAME", help="Column of parameters.  [default: found by its name]")
@click.option("--tokens-column", metavar="NAME", help="Column of tokens.  [default: found by its name]")
@click.option("--flops-column", metavar="NAME", help="Column of training FLOPs (6 N D), in place of tokens.  [default: found by its name]")
@click.option("--loss-column", metavar="NAME", help="Column of final losses.  [default: found by its name]")
@click.option("--leave-out", type=RowNumbers(), default="", metavar="ROWS", help="Rows that are wrong, from 1 without the header: 1,2,5.")
@click.option("--at", type=Run(), multiple=True, metavar="PARAMS,TOKENS", help="Also foretell this run: 7B,1T. Repeatable.")
@click.option("--flops", type=QUANTITY, multiple=True, help="Also split this budget by the fitted law: 1e22. Repeatable.")
@click.option("--tied", is_flag=True, help="One exponent for parameters and tokens: four constants in place of five.")
@click.option(
    "--delta", type=Share(0, min_open=True), default=1e-3, show_default=True, help="Where the Huber loss turns linear, in log loss."
)
@click.option("--confidence", type=Share(0.5, 1, max_open=True), default=0.95, show_default=True, help="Of the intervals.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the bootstrap.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def fit(plot: Path | None, as_json: bool, **given: Any) -> None:
    """Fit L(N, D) = E + A / N^alpha + B / D^beta to the runs of FILE (CSV, TSV, JSON Lines or Parquet), one per row.

    A column may have its unit behind its name: params_B, Tokens (T).
    """
    from llmpick.workflow.scale.columns import Asked
    from llmpick.workflow.scale.fit import FitOptions, fitted

    columns = Asked(**{name: given.pop(f"{name}_column") for name in Asked._fields})
    answer = fitted(FitOptions(columns=columns, **given))
    show(answer, as_json=as_json)
    if plot:
        from llmpick.report.scale import write_page

        write_page(answer, plot)
        click.echo(f"wrote {plot}", err=True)
