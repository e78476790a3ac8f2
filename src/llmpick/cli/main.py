"""The command `llmpick`: finds the verb, and turns every way to end into an exit code and a message that helps.

0 done, 1 failed, 2 wrong usage or input, 3 no candidate satisfies the limits, 130 interrupted. With `--json` every one of them leaves
exactly one JSON document on stdout. A verb's module is imported when it is called, so that `--help` stays fast.
"""

import importlib
import json
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from llmpick import __version__
from llmpick.evidence.errors import LlmpickError

VERBS = {
    "pick": "Choose a model for a task, measured on your own examples.",
    "race": "Who wins on your rows, by how much, how sure, with the fewest calls.",
    "plan": "Before spending: how many rows and calls a decision will probably need.",
    "screen": "The first filter over the catalog: what deserves a look, and why the rest does not.",
    "expect": "How good models should be at a kind of task, before one has run.",
    "need": "The smallest size of model that clears a target, with a probability.",
    "fit": "Will it run, how fast, at what price: any model on any device.",
    "scale": "Scaling laws: predict a loss, split a budget, fit a law, and what training would take.",
    "init": "Write a first task file from a table of examples.",
    "calibrate": "Measure this machine's engine, so that estimates of speed are its own.",
    "devices": "What this machine has, and the devices of the catalog.",
    "info": "All that is known of one model, with source and date.",
    "runs": "List the runs that are kept.",
    "show": "Show one run: what was run, on what, with which result.",
    "compare": "Compare two finished runs row by row, or the logs of any tool.",
    "export": "Write the calls of a run as JSONL, CSV, Parquet or logs of other tools.",
}


class _Verbs(click.Group):
    """A group whose commands are modules of `llmpick.cli`, imported only when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        return getattr(importlib.import_module(f"llmpick.cli.{cmd_name}"), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="llmpick")
def cli() -> None:
    """Choose the large language model for your task, with evidence, at the lowest cost."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs one command and exits the process."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(words))


def run(words: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    as_json = "--json" in words
    try:
        result = cli.main(list(words), prog_name="llmpick", standalone_mode=False)
    except LlmpickError as error:
        return _fail(error.what, error.where, error.remedy, code=error.exit_code, as_json=as_json)
    except click.ClickException as error:
        return _usage(error, as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", "by Ctrl-C", "run the same command again: what was measured is kept", code=130, as_json=as_json)
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone; nothing more can be said to it, and the interpreter must not try at exit
        return 1
    except OSError as error:
        where = str(error.filename or "while reading or writing")
        return _fail(error.strerror or str(error), where, "make room or check the permissions, then run it again", code=1, as_json=as_json)
    except Exception as error:
        traceback.print_exc()
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename}, line {place.lineno}"
        remedy = "this is a defect of llmpick: please report it with the lines above"
        return _fail(f"{type(error).__name__}: {error}", where, remedy, code=1, as_json=as_json)
    return result if isinstance(result, int) else 0


def _usage(error: click.ClickException, *, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "llmpick"
    if not as_json and context is not None:
        click.echo(context.get_usage(), err=True)
    return _fail(error.format_message(), command, f"see {command} --help", code=2, as_json=as_json)


def _fail(what: str, where: str, remedy: str, *, code: int, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps({"error": {"what": what, "where": where, "remedy": remedy}}))
    click.echo(f"error: {what}\n  where: {where}\n  what to do: {remedy}", err=True)
    return code
