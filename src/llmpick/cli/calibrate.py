"""`llmpick calibrate`: parse, call the workflow, show the report."""

import json
import os

import click


@click.command(short_help="Measure this machine's engine, so that estimates of speed are its own.")
@click.option("-m", "--model", "models", multiple=True, help="A GGUF file, or any other name of a model that is here. Repeatable.")
@click.option("--engine", default="llama.cpp", show_default=True, help="Which engine to measure.")
@click.option("--seconds", type=click.FloatRange(min=5), default=80, show_default=True, help="How long it may take, for all models.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def calibrate(models: tuple[str, ...], engine: str, seconds: float, as_json: bool) -> None:
    """Measure this machine's engine, and keep what was found for `llmpick fit`.

    Without --model it takes two models that are here: the smallest and the largest that are quick to measure. Stopped with Ctrl-C, it
    goes on where it was when it is started again the same day.
    """
    from rich.console import Console

    from llmpick.report.calibrate import calibration_document, print_calibration
    from llmpick.workflow.calibrate import CalibrateOptions
    from llmpick.workflow.calibrate import calibrate as measure

    talk = Console(stderr=True)
    options = CalibrateOptions(models, engine, seconds)
    report = measure(options, os.environ, lambda text: talk.print(text, style="dim", highlight=False, markup=False))
    if as_json:
        click.echo(json.dumps(calibration_document(report), allow_nan=False, indent=2))
    else:
        print_calibration(report, Console())
