"""Metrics: one file each, a pure function `score(output, reference, **options)` with a value in [0, 1].

A file `token_f1.py` is the metric `token-f1`: putting the file here is all it takes. Other packages add theirs through the entry
point group `llmpick.metrics`, each entry being such a function. The options of a metric are the keyword arguments of its function.
"""

import difflib
import importlib
import inspect
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib.metadata import entry_points
from importlib.resources import files
from typing import Any

from pydantic import TypeAdapter, ValidationError

from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Metric

Score = Callable[..., float]


def metric_names() -> tuple[str, ...]:
    """The names of all metrics, ours and those of other packages, sorted."""
    return tuple(sorted({*_own_names(), *(entry.name for entry in entry_points(group="llmpick.metrics"))}))


def resolve(metric: Metric) -> Callable[[Any, Any], float]:
    """The metric as a function of (output, reference), its options bound.

    Raises `InputError` for a name or an option that does not exist, and for an option's value of the wrong type.
    """
    function = _function(metric.name)
    options = {
        name: parameter
        for name, parameter in inspect.signature(function, eval_str=True).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for name, value in metric.options.items():
        if name not in options:
            raise InputError(
                f"the metric {metric.name!r} has no option {name!r}",
                where=f"[metric] {name}",
                remedy=_suggestion(name, tuple(options)) if options else f"remove it: {metric.name!r} has no options",
            )
        _check_type(name, value, options[name].annotation)
    return partial(function, **metric.options)


@cache
def _function(name: str) -> Score:
    if name in _own_names():
        return importlib.import_module(f"{__name__}.{name.replace('-', '_')}").score
    for entry in entry_points(group="llmpick.metrics", name=name):
        return entry.load()
    raise InputError(f"there is no metric {name!r}", where="[metric] name", remedy=_suggestion(name, metric_names()))


def _check_type(name: str, value: Any, annotation: Any) -> None:
    if annotation is inspect.Parameter.empty:
        return
    try:
        TypeAdapter(annotation).validate_python(value, strict=True)
    except ValidationError as error:
        raise InputError(
            f"the option {name!r} of the metric cannot be {value!r}", where=f"[metric] {name}", remedy=error.errors()[0]["msg"]
        ) from error


@cache
def _own_names() -> frozenset[str]:
    modules = (file.name for file in files(__name__).iterdir())
    return frozenset(name.removesuffix(".py").replace("_", "-") for name in modules if name.endswith(".py") and not name.startswith("_"))


def _suggestion(wrong: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(wrong, known, n=1)
    return (f"did you mean {near[0]!r}? " if near else "") + "there are: " + ", ".join(known)
