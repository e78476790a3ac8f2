"""Writes all that is made from the reports and kept in the repository: golden outputs, JSON Schemas, and the tables of the docs.

Run it from the root of the repository after a wanted change, and read the difference: `python -m tests.report.regenerate`
"""

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from rich.console import Console
from tests.report import answers as pick_answers
from tests.report.fit import results as fit_results
from tests.report.race import answers as race_answers
from tests.report.scale import answers as scale_answers

from llmpick.cli.scale_budget import budget
from llmpick.cli.scale_verdict import verdict
from llmpick.decide.training_verdict import Threshold, tokens_text
from llmpick.report import expect_json, fit, need_json, pick, race, scale, screen_json
from llmpick.report.fit import schema as fit_schema
from llmpick.report.pick import schema as pick_schema
from llmpick.report.race import schema as race_schema
from llmpick.report.scale import budget_json, verdict_json
from llmpick.report.scale import schema as scale_schema
from llmpick.workflow.scale.verdict import training_verdict
from llmpick.workflow.scale.verdict_options import VerdictOptions

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
AGAIN = "python -m tests.report.regenerate"
SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "pick": pick_schema.json_schema,
    "race": race_schema.json_schema,
    "fit": fit_schema.json_schema,
    "scale": scale_schema.json_schema,
    "scale_budget": budget_json.json_schema,
    "scale_verdict": verdict_json.json_schema,
    "screen": screen_json.json_schema,
    "expect": expect_json.json_schema,
    "need": need_json.json_schema,
}
# the page of each document, and its objects in the order in which a reader meets them
PAGES = {
    "json": ("pick",),
    "race": ("race",),
    "fit": ("fit",),
    "scale": ("scale",),
    "training": ("scale_budget", "scale_verdict", "screen"),
    "expect": ("expect", "need"),
}
SHOWN = {
    "budget": (budget, ("--params", "6.7e9", "--tokens", "1e12", "--device", "A100-80GB", "--gpus", "128", "--price", "2/h")),
    "verdict": (verdict, ("--money", "50000", "--language", "zh")),
}


def shown(print_answer: Callable[..., None], answer: Any, width: int, *, explain: bool = False, **console: Any) -> str:
    """What the terminal shows of `answer`, as text without colour unless `console` asks for it."""
    out = io.StringIO()
    print_answer(answer, Console(file=out, width=width, **{"no_color": True, **console}), **({"explain": True} if explain else {}))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def goldens() -> dict[Path, str]:
    """Every golden file with its text."""
    verbs = (
        (HERE / "golden", pick.print_answer, pick_answers.ALL),
        (HERE / "race/golden", race.print_answer, race_answers.ALL),
        (HERE / "fit/golden", fit.print_answer, fit_results.ALL),
        (HERE / "scale/golden", scale.print_answer, scale_answers.ALL),
    )
    plain = {folder / f"{name}.txt": shown(show, make(), 100) for folder, show, every in verbs for name, make in every.items()}
    return plain | {HERE / "fit/golden/explained.txt": shown(fit.print_answer, fit_results.fitting(), 100, explain=True)}


def schema_path(name: str) -> Path:
    return ROOT / f"src/llmpick/report/{name}.schema.json"


def schemas() -> dict[Path, str]:
    return {schema_path(name): json.dumps(make(), indent=2) + "\n" for name, make in SCHEMAS.items()}


def docs() -> dict[Path, str]:
    """Every page with its tables, and its output, made anew."""
    pages = {ROOT / f"docs/{page}.md": {"tables": "\n\n".join(tables(names))} for page, names in PAGES.items()}
    pages[ROOT / "docs/training.md"] |= {mark: console_block(*asked) for mark, asked in SHOWN.items()} | {"that-day": that_day()}
    return {path: with_blocks(path.read_text("utf-8"), blocks) for path, blocks in pages.items()}


def tables(names: tuple[str, ...]) -> Iterator[str]:
    """One table for each object of the documents, in the order in which a reader meets them; the error, which all have, comes last."""
    schemas = [SCHEMAS[name]() for name in names]
    known = {name: definition for schema in schemas for name, definition in schema["$defs"].items()}
    waiting = [name for schema in schemas for name in _named(schema["anyOf"])]
    waiting.sort(key=lambda name: name == "ErrorAnswer")
    for name in waiting:
        waiting += [one for one in _named(known[name]) if one not in waiting]
    for name in sorted(dict.fromkeys(waiting), key=lambda name: name.startswith("Error")):
        if "properties" in known[name]:
            yield _table(name, known[name])


def _named(value: Any) -> list[str]:
    """The objects that a part of a schema refers to, in its order."""
    if isinstance(value, dict):
        here = [value["$ref"].rpartition("/")[2]] if "$ref" in value else []
        return here + [name for one in value.values() for name in _named(one)]
    return [name for one in value for name in _named(one)] if isinstance(value, list) else []


def _table(name: str, definition: Mapping[str, Any]) -> str:
    keys = [f"| `{key}` | {_type(value)} | {value['description']} |" for key, value in definition["properties"].items()]
    return "\n".join([f"### {name}", "", "| key | type | meaning |", "|---|---|---|", *keys])


def _type(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return "any JSON value" if name == "JsonValue" else f"[{name}](#{name.lower()})"
    if "anyOf" in value:
        return " or ".join(_type(one) for one in value["anyOf"])
    if "enum" in value:
        return ", ".join(f"`{one}`" for one in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if value.get("type") == "array":
        return f"list of {_type(value['items'])}"
    if value.get("type") == "object":
        return f"object of {_type(value['additionalProperties'])}"
    return value.get("format") or value.get("type", "any JSON value")


def console_block(command: Any, words: tuple[str, ...]) -> str:
    """The command says the same on every machine and day: it reads the catalog alone."""
    result = CliRunner().invoke(command, list(words), env={"COLUMNS": "100"}, catch_exceptions=False)
    said = "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())
    return f"```console\n$ llmpick scale {command.name} {' '.join(words)}\n{said}\n```"


def that_day() -> str:
    """What LLaMA-7B's hours would have bought on 15 May 2023, and from where on training would have paid."""
    rows = ["| task | own model of those hours | open model to beat | wins | training pays from |", "|---|---|---|---|---|"]
    for language, name in (("en", "English"), ("zh", "Chinese")):
        found = training_verdict(VerdictOptions(gpu_hours=82_432, device="A100-80GB", language=language, as_of=date(2023, 5, 15)))
        bought, best, pays = found.bought, found.rivals[0], found.threshold
        since = "no budget that was ever spent by then"
        if isinstance(pays, Threshold):
            since = f"{tokens_text(pays.tokens)} tokens, {pays.cost.gpu_hours.value / 82_432:.1f} times those hours"
        model = f"{tokens_text(bought.params)} on {tokens_text(bought.tokens)} tokens"
        rows.append(f"| knowledge, {name} | {model} | {best.model} | {bought.beats.value:.0%} | {since} |")
    return "82,432 hours of A100-80GB, those of LLaMA-7B, with the models of 15 May 2023:\n\n" + "\n".join(rows)


def with_blocks(text: str, blocks: Mapping[str, str]) -> str:
    for mark, block in blocks.items():
        begin, end = f"<!-- begin: {mark}, {AGAIN} -->", "<!-- end -->"
        assert begin in text, f"the page has no place for its {mark}"
        text = re.sub(f"{begin}.*?{end}", lambda _, new=f"{begin}\n{block}\n{end}": new, text, count=1, flags=re.DOTALL)
    return text


def everything() -> dict[Path, str]:
    return goldens() | schemas() | docs()


def main() -> None:
    for path, text in everything().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
