"""`llmpick pick --fetch N`: shows what would be downloaded, asks, downloads."""

from collections.abc import Mapping

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from llmpick.evidence.errors import InputError, LlmpickError
from llmpick.workflow.models.download import DownloadPlan, plan_download, run_download
from llmpick.workflow.models.fetch import hub_source
from llmpick.workflow.pick import worth_fetching
from llmpick.workflow.survey import PickOptions


def fetch_best(options: PickOptions, count: int, *, environ: Mapping[str, str], sure: bool) -> None:
    """Downloads the first `count` models that are worth fetching and that the hub has. Nothing is downloaded before the user agrees."""
    console = Console(stderr=True)
    plans = _plans(options, count, environ, console)
    for plan in plans:
        console.print(f"{plan.repository} {plan.quantization}: {len(plan.files)} files, {plan.bytes / 1e9:.2f} GB", highlight=False)
    total = sum(plan.bytes for plan in plans)
    if not sure and not _agreed(f"Download {total / 1e9:.2f} GB?"):
        raise InputError("nothing was downloaded: nobody agreed to it", where="--fetch", remedy="answer y, or give --yes")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        for plan in plans:
            bar = bars.add_task(plan.repository, total=plan.bytes)
            run_download(plan, environ=environ, progress=lambda done, _, bar=bar: bars.update(bar, completed=done))


def _agreed(question: str) -> bool:
    """False also where nobody can be asked."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        return False


def _plans(options: PickOptions, count: int, environ: Mapping[str, str], console: Console) -> list[DownloadPlan]:
    """One plan per model, in the order of the answer; a model that the hub does not have is named and passed over."""
    plans: list[DownloadPlan] = []
    failures: list[LlmpickError] = []
    for facts in worth_fetching(options, environ=environ):
        source = hub_source(facts)
        if source is None:
            continue
        try:
            plans.append(plan_download(source.repository, source.quantization, environ=environ))
        except LlmpickError as error:
            console.print(f"{facts.id}: {error.what}", style="dim", highlight=False)
            failures.append(error)
            if len(failures) == count + 2:
                break
        if len(plans) == count:
            return plans
    if not plans:
        raise (
            failures[0]
            if failures
            else InputError(
                "no model is worth fetching", where="--fetch", remedy="loosen the task's limits, or see the reasons with --dry-run"
            )
        )
    return plans
