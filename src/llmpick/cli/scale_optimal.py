"""`llmpick scale optimal`: parse, call the workflow, show the answer."""

from typing import Any

import click

from llmpick.cli.amounts import QUANTITY, Amount
from llmpick.cli.fit import Share
from llmpick.cli.scale_show import show

COUNTS = {"6nd": "6ND", "6nd-without-embeddings": "6ND without embeddings", "counted": "counted"}


@click.command(short_help="The best split of a budget, also when the model will be served or data are few.")
@click.option("--flops", type=QUANTITY, help="The budget of training alone, without serving: 5.76e23.")
@click.option("--params", type=QUANTITY, help="Instead: the budget whose best model has so many parameters.")
@click.option("--loss", type=Amount(), help="Instead: the least budget that reaches this loss.")
@click.option("--inference-tokens", type=QUANTITY, help="Tokens that will be served: the smaller model that is cheapest with serving.")
@click.option("--unique-tokens", type=QUANTITY, help="Only so many tokens exist: how often to repeat them. With --flops.")
@click.option("--law", metavar="NAME", help="[default: epoch; hoffmann with --inference-tokens, muennighoff with --unique-tokens]")
@click.option("--flops-count", type=click.Choice(list(COUNTS)), help="How --flops is counted.  [default: as the law does, mostly 6nd]")
@click.option("--confidence", type=Share(0.5, 1, max_open=True), default=0.9, show_default=True, help="Of the interval.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def optimal(as_json: bool, flops_count: str | None, **given: Any) -> None:
    """How many parameters on how many tokens: for training alone (Chinchilla), with serving in mind (LLaMA), or with few data."""
    from llmpick.workflow.scale.optimal import OptimalOptions, optimum

    count: Any = COUNTS[flops_count] if flops_count else None
    show(optimum(OptimalOptions(flops_count=count, **given)), as_json=as_json)
