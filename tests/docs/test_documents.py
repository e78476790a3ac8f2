"""Every code block of the documents works as it stands there."""

import re
import tomllib
from pathlib import Path

import click
import pytest
from pytest_examples import CodeExample, EvalExample, find_examples

from llmpick.catalog.loader import read_models
from llmpick.cli.main import VERBS, cli
from llmpick.sources.task.model import TaskFile

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/task.md",
    "docs/architecture.md",
    "docs/json.md",
    "docs/pick.md",
    "docs/race.md",
    "docs/compare.md",
    "docs/training.md",
    "docs/expect.md",
    "docs/scale.md",
)


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("example", list(find_examples(*(str(ROOT / document) for document in DOCUMENTS))), ids=str)
def test_python(example: CodeExample, eval_example: EvalExample) -> None:
    eval_example.run_print_check(example)


@pytest.mark.parametrize("text", blocks("README.md", "toml"))
def test_task_files(text: str) -> None:
    assert TaskFile.model_validate(tomllib.loads(text)).name


@pytest.mark.parametrize("text", blocks("CONTRIBUTING.md", "yaml"))
def test_catalog_entries(text: str, tmp_path: Path) -> None:
    file = tmp_path / "example.yaml"
    file.write_text(text)
    assert len(read_models([file])) == 1


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_and_options_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for verb, rest in re.findall(r"llmpick (\w+)((?: [^\n`|#]*)?)", text):
        if verb not in VERBS:
            continue
        command = cli.get_command(None, verb)  # pyright: ignore
        if isinstance(command, click.Group) and (word := rest.split(maxsplit=1)[:1]):
            command = command.get_command(None, word[0])  # pyright: ignore
        assert command is not None, f"{document}: llmpick {verb}{rest}"
        known = {option for parameter in command.params for option in parameter.opts}
        for option in re.findall(r"(?<!\S)(--[a-z-]+)", rest):
            assert option in known, f"{document}: llmpick {verb} has no {option}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    paths = re.findall(r"`((?:src|tests|docs|examples|benchmarks)/[\w./-]+)`", text)
    inside = [
        f"src/llmpick/{path}" for path in re.findall(r"`((?:cli|workflow|measure|sources|stats|decide|report|catalog)/[a-z_/]+\.py)`", text)
    ]
    missing = [name for name in links if not (ROOT / document).parent.joinpath(name).exists()]
    missing += [name for name in (*paths, *inside) if not (ROOT / name).exists()]
    assert missing == []


def test_every_verb_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [verb for verb in VERBS if f"llmpick {verb}" not in text] == []
