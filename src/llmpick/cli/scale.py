"""`llmpick scale`: its sub-commands, each in a module of its own that is imported when it is called."""

import importlib

import click

SUBCOMMANDS = {
    "predict": ("llmpick.cli.scale_predict", "predict"),
    "optimal": ("llmpick.cli.scale_optimal", "optimal"),
    "fit": ("llmpick.cli.scale_fit", "fit"),
    "repeat": ("llmpick.cli.scale_repeat", "repeat"),
    "budget": ("llmpick.cli.scale_budget", "budget"),
    "verdict": ("llmpick.cli.scale_verdict", "verdict"),
}


class _SubCommands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in SUBCOMMANDS:
            return None
        module, function = SUBCOMMANDS[cmd_name]
        return getattr(importlib.import_module(module), function)


@click.group(
    cls=_SubCommands,
    short_help="Scaling laws: predict a loss, split a budget, fit a law, value repeats; what training costs, and whether it pays.",
)
def scale() -> None:
    """Scaling laws as a tool, what training would take, and whether it would pay. Numbers may be written 7e9, 7B or 1T."""
