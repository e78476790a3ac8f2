"""How every sub-command of `scale` shows its answer."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from llmpick.report.scale import ScaleAnswer


def show(answer: "ScaleAnswer", *, as_json: bool) -> None:
    """JSON on stdout, or text for a person."""
    from llmpick.report.scale import answer_to_json, print_answer

    if as_json:
        import json

        click.echo(json.dumps(answer_to_json(answer), allow_nan=False, ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        print_answer(answer, Console())
