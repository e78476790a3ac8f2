"""`llmpick scale predict`: parse, call the workflow, show the answer."""

from typing import Any

import click

from llmpick.cli.amounts import QUANTITY
from llmpick.cli.fit import Share
from llmpick.cli.scale_show import show

COUNTS = {"total": "total", "without-embeddings": "without embeddings"}


@click.command(short_help="The loss of a model before it is trained, by one law and by the others.")
@click.option("--params", type=QUANTITY, required=True, help="Parameters.")
@click.option("--tokens", type=QUANTITY, required=True, help="Training tokens, all different (see scale repeat).")
@click.option("--law", metavar="NAME", help="hoffmann, kaplan, muennighoff, gadre, sardana...; an unknown one lists all.  [default: epoch]")
@click.option(
    "--params-count", type=click.Choice(list(COUNTS)), help="How --params is counted.  [default: total, or as the named --law does]"
)
@click.option(
    "--embedding-params", type=QUANTITY, help="Vocabulary x hidden size, twice if input and output differ: then both counts are known."
)
@click.option("--confidence", type=Share(0.5, 1, max_open=True), default=0.9, show_default=True, help="Of the intervals.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def predict(as_json: bool, params_count: str | None, **given: Any) -> None:
    """The loss that a model of --params reaches on --tokens, with its interval; what other laws say, and why they differ."""
    from llmpick.workflow.scale.predict import PredictOptions, predicted

    count: Any = COUNTS[params_count] if params_count else None
    show(predicted(PredictOptions(params_count=count, **given)), as_json=as_json)
