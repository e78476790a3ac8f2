"""JSON fields: how many fields of an extracted object are right, or whether all are."""

from collections.abc import Mapping
from typing import Any, Literal

from llmpick.measure.compare import close, normalise


def score(
    output: Mapping[str, Any], reference: Mapping[str, Any], *, require: Literal["share", "all"] = "share", tolerance: float = 0.0
) -> float:
    """The share of the reference's fields that the output has right; with `require="all"` 1 only if all are right, else 0.

    Texts are compared as `exact-match` does, numbers within `tolerance`, lists item by item, objects field by field. Fields that the
    reference does not have are not looked at. Raises `ValueError` for a reference without fields.
    """
    if not reference:
        raise ValueError("a reference without fields has no score")
    right = [name in output and _same(output[name], wanted, tolerance) for name, wanted in reference.items()]
    return float(all(right)) if require == "all" else sum(right) / len(right)


def _same(value: Any, wanted: Any, tolerance: float) -> bool:
    match wanted:
        case bool() | None:
            return value is wanted
        case str():
            return isinstance(value, str) and normalise(value) == normalise(wanted)
        case int() | float():
            return isinstance(value, int | float) and not isinstance(value, bool) and close(value, wanted, tolerance=tolerance)
        case list() | tuple():
            return isinstance(value, list) and len(value) == len(wanted) and all(map(_same, value, wanted, [tolerance] * len(wanted)))
        case Mapping():
            return (
                isinstance(value, Mapping) and value.keys() == wanted.keys() and all(_same(value[k], wanted[k], tolerance) for k in wanted)
            )
        case _:
            return False
