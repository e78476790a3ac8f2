"""`llmpick screen`: parse, call the workflow, show the answer."""

from datetime import datetime
from typing import Any

import click

from llmpick.cli.amounts import QUANTITY
from llmpick.cli.fit import Tokens
from llmpick.cli.languages import LanguageCodes


class Size(click.ParamType):
    """Bytes: `24GB` is 24 x 10^9, `24GiB` 24 x 2^30."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from llmpick.sources.task.model import parse_bytes

        try:
            return parse_bytes(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Words(click.ParamType):
    """`mit,apache-2.0` → ("mit", "apache-2.0")."""

    name = "list"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        words = tuple(dict.fromkeys(word.strip().lower() for word in str(value).split(",") if word.strip()))
        if not words:
            self.fail(f"{value!r} names nothing; write for example mit,apache-2.0", param, ctx)
        return words


@click.command(short_help="The first filter over the catalog: what deserves a look, and why the rest does not.")
@click.option("--min-training-tokens", type=QUANTITY, help="Least number of tokens seen in training: 1e12, 1T.")
@click.option(
    "--languages", type=LanguageCodes(), metavar="en,zh", help="Languages that the makers should name. Only --strict drops for them."
)
@click.option("--tuning", type=click.Choice(("base", "instruct")), help="A base model, or one tuned to follow instructions.")
@click.option("--licence", type=Words(), metavar="ID,...", help="'commercial', or the ids of accepted licences.")
@click.option("--context", "context_tokens", type=Tokens(), help="Least tokens of context: 8192 or 8k.")
@click.option("--max-memory", "max_memory_bytes", type=Size(), help="Most memory of the weights alone: 24GB (10^9), 24GiB (2^30).")
@click.option("-q", "--quantization", default="int4", show_default=True, help="How the weights are stored, for --max-memory.")
@click.option("--strict", is_flag=True, help="Drop what is not known to meet a demand, too.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Answer with the models and facts known on that day.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def screen(languages: tuple[str, ...] | None, licence: tuple[str, ...] | None, as_of: datetime | None, as_json: bool, **given: Any) -> int:
    """What of the catalog deserves a look by published facts alone; every other model with the reason why not.

    No model is loaded and nothing is estimated but the size of the weights. Facts that nobody published are named: such models are
    neither kept nor dropped unless --strict.
    """
    from llmpick.decide.first_filter import Demands
    from llmpick.workflow.screen import screen_catalog

    accepted = "commercial" if licence == ("commercial",) else licence
    screening = screen_catalog(Demands(languages=languages or (), licence=accepted, **given), as_of.date() if as_of else None)
    if as_json:
        import json

        from llmpick.report.screen_json import screen_document

        click.echo(json.dumps(screen_document(screening), allow_nan=False, ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        from llmpick.report.screen import print_screening

        print_screening(screening, Console())
    return 0 if screening.placed("kept") else 3
