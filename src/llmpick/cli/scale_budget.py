"""`llmpick scale budget`: parse, call the workflow, show the answer."""

from typing import Any

import click

from llmpick.cli.amounts import QUANTITY, HourlyPrice
from llmpick.cli.fit import COUNT, Share, Tokens

METHODS = ("pretrain", "continue", "full", "lora", "qlora")
OPTIMIZERS = ("adam", "adam-8bit", "sgd-momentum")


@click.command(short_help="What training takes: hours, days, money, energy, carbon, memory.")
@click.option("--params", type=QUANTITY, help="Parameters that a token passes: 6.7e9, 6.7B.")
@click.option("--params-total", type=QUANTITY, help="All parameters of a mixture of experts, for the memory.  [default: as --params]")
@click.option("--model", help="Instead of --params: a model of the catalog, org/name, a file or a config.json.")
@click.option("--tokens", type=QUANTITY, required=True, help="Tokens that pass the model, repeats counted each time: 1e12, 1T.")
@click.option("-d", "--device", required=True, help="A device of the catalog (llmpick devices).")
@click.option("--gpus", type=COUNT, default=1, show_default=True, help="How many of it.")
@click.option("--method", type=click.Choice(METHODS), default="pretrain", show_default=True, help="What is trained, and on what.")
@click.option(
    "--mfu",
    type=Share(0, 1, min_open=True),
    help="Share of the rated FLOPs that 6 N D is, at 2,048 tokens of context.  [default: what finished trainings reached]",
)
@click.option(
    "--price", type=HourlyPrice(), metavar="2/h", help="US dollars per hour of one device.  [default: the middle of the catalog's offers]"
)
@click.option("--pue", type=Share(min=1), default=1.1, show_default=True, help="The building's power over that of its devices.")
@click.option("--carbon", type=Share(min=0), default=0.385, show_default=True, help="kg of CO2 equivalent per kWh.")
@click.option("--context", type=Tokens(), default=2048, show_default=True, help="Tokens of each sequence: attention grows with it.")
@click.option("--micro-batch", type=COUNT, default=1, show_default=True, help="Sequences at once on each data-parallel group.")
@click.option("--optimizer", type=click.Choice(OPTIMIZERS), default="adam", show_default=True, help="What keeps states beside the weights.")
@click.option("--lora-rank", type=COUNT, help="Rank of the adapters on every matrix.  [default: 64]")
@click.option("--zero", type=click.IntRange(0, 3), help="ZeRO stage.  [default: the least that fits]")
@click.option("--tensor-parallel", type=COUNT, help="Devices that share each layer.  [default: the fewest that fit, up to 8]")
@click.option("--pipeline-parallel", type=COUNT, default=1, show_default=True, help="Groups of devices that take the layers in turn.")
@click.option("--recompute", type=click.Choice(("none", "selective", "full")), help="Activations.  [default: none if that fits, else full]")
@click.option("--batch-tokens", type=QUANTITY, help="Tokens of a batch: says whether it fills the devices, and how long pipelines idle.")
@click.option("--explain", is_flag=True, help="Every line with its formula and source, the memory term by term.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def budget(explain: bool, as_json: bool, **given: Any) -> None:
    """What a training takes on a device of the catalog, and whether its states fit the devices.

    For example LLaMA-7B: llmpick scale budget --params 6.7e9 --tokens 1e12 --device A100-80GB --gpus 128 --mfu 0.434
    """
    import os

    from llmpick.workflow.scale.budget import training_budget
    from llmpick.workflow.scale.budget_options import BudgetOptions

    answer = training_budget(BudgetOptions(**given), environ=os.environ)
    if as_json:
        import json

        from llmpick.report.scale.budget_json import budget_document

        click.echo(json.dumps(budget_document(answer), allow_nan=False, ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        from llmpick.report.scale.budget import print_budget

        print_budget(answer, Console(), explain=explain)
