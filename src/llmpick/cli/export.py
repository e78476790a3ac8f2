"""`llmpick export`: the calls of a run for other programs. The store is imported when the command runs, so that its help is fast."""

from pathlib import Path
from typing import Literal

import click


@click.command()
@click.argument("run")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv", "parquet"]), default="jsonl", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to FILE, not to standard output.")
def export(run: str, form: Literal["jsonl", "csv", "parquet"], out: Path | None) -> None:
    """Write all calls of a run, one per line or row. RUN is its id or the beginning of it (see `llmpick runs`)."""
    from llmpick.workflow.export import export_run

    if form == "parquet" and out is None:
        raise click.UsageError("Parquet is not text: name a file with --out.")
    content = export_run(run, form)
    if out is None:
        click.echo(content, nl=False)
        return
    out.write_bytes(content)
    click.echo(f"wrote {len(content):,} bytes to {out}", err=True)
