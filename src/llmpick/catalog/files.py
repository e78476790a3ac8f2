"""Reads one YAML file of the catalog into its shape, or says which entry and key of which file is wrong."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from llmpick.catalog.facts import as_source
from llmpick.catalog.schema import Shape, SourceEntry
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Source

CATALOG = Path(__file__).parent

S = TypeVar("S", bound=Shape)

# The C parser is several times faster; PyYAML is built without it where libyaml is missing.
_FastestLoader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StrictLoader(_FastestLoader):
    """Refuses a key that is written twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} is written twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_file(path: Path, shape: type[S]) -> S:
    """Raises `InputError` for text that is no YAML and for an entry that does not have the shape."""
    try:
        # The loader is a SafeLoader: it builds plain data only.
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        line = f"{path} line {error.problem_mark.line + 1}" if error.problem_mark else str(path)
        raise InputError(f"not readable as YAML: {error.problem}", where=line, remedy="correct the line") from error
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        raise _wrong_entry(path, data, error) from error


def named_source(sources: Mapping[str, SourceEntry], key: str, where: str) -> Source:
    """The source that an entry names. Raises `InputError` for a name that the file does not explain."""
    if key not in sources:
        raise InputError(f"the source {key!r} is not among the file's sources", where=where, remedy="add it under sources")
    return as_source(sources[key])


def _wrong_entry(path: Path, data: Any, error: ValidationError) -> InputError:
    first = error.errors(include_url=False, include_context=False)[0]
    entry, key = _named(data, first["loc"])
    where = ", ".join(part for part in (str(path), entry, key and f"key {key}") if part)
    more = f" ({error.error_count() - 1} more in this file)" if error.error_count() > 1 else ""
    return InputError(f"{first['msg']}{more}", where=where, remedy="correct the entry; models.schema.json lists the keys of a model file")


def _named(data: Any, location: tuple[int | str, ...]) -> tuple[str, str]:
    """The list entry on the way to `location` by its own name (id or name), and the rest of the way as a dotted key."""
    entry, key = "", list[str]()
    for step in location:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            data = None
        if isinstance(step, int) and isinstance(data, dict) and not entry and ("id" in data or "name" in data):
            entry, key = str(data.get("id", data.get("name"))), []
        else:
            key.append(str(step))
    return entry, ".".join(key)
