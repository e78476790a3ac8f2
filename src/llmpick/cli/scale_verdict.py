"""`llmpick scale verdict`: parse, call the workflow, show the answer."""

from datetime import datetime
from typing import Any

import click

from llmpick.cli.amounts import QUANTITY, Amount, HourlyPrice, Money
from llmpick.cli.fit import Share
from llmpick.cli.languages import LanguageCode
from llmpick.evidence.ability import TaskFamily


@click.command(short_help="Train your own, continue or fine-tune an open model, or take one: what a budget should buy.")
@click.option("--money", type=Money(), help="The budget in US dollars: 50000, 50,000, $50k.")
@click.option("--gpu-hours", type=Amount(), help="Instead of --money: the budget in hours of one device.")
@click.option("-d", "--device", default="H100", show_default=True, help="A device of the catalog (llmpick devices).")
@click.option("--price", type=HourlyPrice(), metavar="2/h", help="US dollars per hour of one device.  [default: the catalog's rent]")
@click.option("--mfu", type=Share(0, 1, min_open=True), help="Share of the rated FLOPs.  [default: what finished trainings reached]")
@click.option("--language", type=LanguageCode(), metavar="CODE", default="en", show_default=True, help="Language of the task: en, zh, ...")
@click.option(
    "--family",
    type=click.Choice([family.value for family in TaskFamily]),
    default="knowledge",
    show_default=True,
    help="What the task asks.",
)
@click.option("--served-tokens", type=QUANTITY, help="Tokens that will be served: a smaller model, trained for longer.")
@click.option(
    "--max-params", type=QUANTITY, help="Most parameters per token that you can serve.  [default: as the own model, or 8B in all]"
)
@click.option("--own-tokens", type=QUANTITY, default=50e6, show_default="50M", help="Tokens of your own data for fine-tuning.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Answer with the models and trainings known on that day.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def verdict(family: str, as_of: datetime | None, as_json: bool, **given: Any) -> None:
    """What a training budget would buy, beside the open models that cost as little to serve, and from which budget on training pays.

    For example: llmpick scale verdict --money 50000 --language zh
    """
    from llmpick.cli.waiting import waiting
    from llmpick.workflow.scale.verdict import training_verdict
    from llmpick.workflow.scale.verdict_options import VerdictOptions

    options = VerdictOptions(family=TaskFamily(family), as_of=as_of.date() if as_of else None, **given)
    with waiting("Learning from published scores"):
        answer = training_verdict(options)
    if as_json:
        import json

        from llmpick.report.scale.verdict_json import verdict_document

        click.echo(json.dumps(verdict_document(answer), allow_nan=False, ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        from llmpick.report.scale.verdict import print_verdict

        print_verdict(answer, Console())
