"""`llmpick export`: the calls of a run for other programs. The store is imported when the command runs, so that its help is fast."""

from pathlib import Path
from typing import Literal

import click

_FORMS = ["jsonl", "csv", "parquet", "inspect", "lm-eval"]


@click.command()
@click.argument("run")
@click.option("--format", "form", type=click.Choice(_FORMS), default="jsonl", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE, not to standard output; for logs, the folder.")
def export(run: str, form: Literal["jsonl", "csv", "parquet", "inspect", "lm-eval"], out: Path | None) -> None:
    """Write all calls of a run, one per line or row. RUN is its id or the beginning of it (see `llmpick runs`).

    `inspect` and `lm-eval` write a run as logs of these tools, one for each candidate, into the folder that --out names. Rows keep their
    ids, so that `llmpick compare` reads them back against any run of the same rows.
    """
    if form in ("inspect", "lm-eval"):
        if out is None or out.is_file():
            raise click.UsageError("A run becomes several logs: name a folder with --out.")
        _write_logs(run, form, out)
        return
    from llmpick.workflow.export import export_run

    if form == "parquet" and out is None:
        raise click.UsageError("Parquet is not text: name a file with --out.")
    if out is not None and out.is_dir():
        raise click.UsageError(f"{out} is a folder: name a file with --out.")
    content = export_run(run, form)
    if out is None:
        click.echo(content, nl=False)
        return
    out.write_bytes(content)
    click.echo(f"wrote {len(content):,} bytes to {out}", err=True)


def _write_logs(run: str, form: Literal["inspect", "lm-eval"], folder: Path) -> None:
    from llmpick.workflow.export_logs import export_logs

    files = export_logs(run, form)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    click.echo(f"wrote {len(files)} files to {folder}", err=True)
