"""`llmpick fit`: parse, call the workflow, show the answer."""

import math
import re
from pathlib import Path
from typing import Any

import click

COUNT = click.IntRange(min=1)


class Share(click.FloatRange):
    """A finite number in the range: "nan" lies in none, and no bound stops "inf"."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = super().convert(value, param, ctx)
        except click.BadParameter as error:
            raise _with_the_share(error, value, self.max) from error
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number", param, ctx)
        return number


def _with_the_share(error: click.BadParameter, value: Any, highest: float | None) -> click.BadParameter:
    """95 was probably meant as 95%; what 1.5 was meant as is not plain, so an example must do."""
    try:
        given = float(value) if highest == 1 else 0.0
    except ValueError:
        given = 0.0
    if not 1 < given < 100:
        return error
    percent = given if given >= 2 else 43.0
    return click.BadParameter(f"{error.message} It is a share: write {percent / 100:g} for {percent:g}%.", error.ctx, error.param)


class Tokens(click.ParamType):
    """A number of tokens from 1: 8192, or 8k and 1M in units of 1,024 and 1,024 x 1,024."""

    name = "tokens"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"(\d{1,9})([kKmM]?)", str(value).strip())
        if found is None or int(found[1]) == 0:
            self.fail(f"{value!r} is no number of tokens; write 8192, 8k (8 x 1,024) or 1M (1,024 x 1,024)", param, ctx)
        return int(found[1]) * {"": 1, "k": 2**10, "m": 2**20}[found[2].lower()]


@click.command(short_help="Will it run, how fast, at what price: any model on any device.")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("-d", "--device", "devices", multiple=True, help="A device (llmpick devices; 4090 will do), or 'this machine'. Repeatable.")
@click.option("--task", "task_file", type=click.Path(path_type=Path), help="A task.toml: its limits, context, users and languages count.")
@click.option("--engine", metavar="NAME[==VERSION]", help="llama.cpp, vllm, sglang or transformers.")
@click.option(
    "--context", "context_tokens", type=Tokens(), help="Tokens of context of each sequence (8k is 8192).  [default: 8k, or as trained]"
)
@click.option("--sequences", type=COUNT, help="Sequences at once.  [default: the task's users, or 1]")
@click.option("--prompt-tokens", type=COUNT, help="Length of the prompt for prefill and time to first token.  [default: 512]")
@click.option("-q", "--quantization", "quantizations", multiple=True, help="Q4_K_M, BF16, int8, fp8, awq-4bit-g128... Repeatable.")
@click.option("--kv-type", default="auto", show_default=True, help="Data type of the KV cache, by the engine's name (q8_0, fp8).")
@click.option("--tensor-parallel", type=COUNT, default=1, show_default=True, help="Devices that share each layer.")
@click.option("--pipeline-parallel", type=COUNT, default=1, show_default=True, help="Groups of devices that take the layers in turn.")
@click.option("--gpu-memory-utilization", "memory_utilization", type=Share(0, 1, min_open=True), help="Share that vLLM, SGLang claim.")
@click.option("--gpu-layers", type=click.IntRange(min=0), help="Layers that llama.cpp keeps on the GPU.  [default: all]")
@click.option(
    "--cpu-expert-layers", type=click.IntRange(min=0), default=0, help="Layers whose experts llama.cpp keeps in the host's memory."
)
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="A load option by the engine's own name. Repeatable.")
@click.option("--price-per-hour", type=Share(min=0), help="US dollars per hour of one device.")
@click.option("--input-share", type=Share(0, 1), help="Part of all tokens that is read, for the price.")
@click.option("--confirm", is_flag=True, help="Also ask llama.cpp's own allocator (a local GGUF file; no weights are loaded).")
@click.option("--explain", is_flag=True, help="Every term of the memory, with its formula and source.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def fit(models: tuple[str, ...], explain: bool, as_json: bool, **given: Any) -> int:
    """Memory, speed and price of MODEL (a GGUF file or folder, a config.json, org/name@revision, ollama:tag) on a device.

    Without a MODEL: what of the catalog fits the device best, and why not the rest. Without a device: this machine.
    """
    import os

    from llmpick.report.fit import answer_to_json, print_answer
    from llmpick.workflow.fit.fit import fit
    from llmpick.workflow.fit.inputs import FitOptions

    answer = fit(FitOptions(models=models, full=as_json or explain, **given), environ=os.environ)
    if as_json:
        import json

        click.echo(json.dumps(answer_to_json(answer), allow_nan=False, indent=2))
    else:
        from rich.console import Console

        print_answer(answer, Console(), explain=explain)
    return 3 if answer.nothing_fits else 0
