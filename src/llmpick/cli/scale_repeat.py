"""`llmpick scale repeat`: parse, call the workflow, show the answer."""

from typing import Any

import click

from llmpick.cli.amounts import QUANTITY
from llmpick.cli.fit import Share
from llmpick.cli.scale_show import show


@click.command(short_help="What seeing the same tokens several times is worth.")
@click.option("--params", type=QUANTITY, required=True, help="Parameters, with embeddings.")
@click.option("--unique-tokens", type=QUANTITY, required=True, help="Tokens that differ.")
@click.option("--epochs", type=Share(min=1), required=True, help="How often each is seen.")
@click.option("--confidence", type=Share(0.5, 1, max_open=True), default=0.9, show_default=True, help="Of the interval.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def repeat(as_json: bool, **given: Any) -> None:
    """What --epochs over --unique-tokens are worth in tokens that all differ, and the loss (Muennighoff's law)."""
    from llmpick.workflow.scale.repeat import RepeatOptions, repeated

    show(repeated(RepeatOptions(**given)), as_json=as_json)
