"""From what a model wrote to a score: the answer is found in the text, then a metric compares it with the reference.

An answer that is cut off, empty, or cannot be read is the model's own fault: it scores 0 and is counted apart. An answer that was
complete before the limit struck (a whole label, a closed object, a number with something after it) is not cut off.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from llmpick.evidence.call import Completion, Outcome
from llmpick.evidence.task import Example, Task, TaskKind
from llmpick.measure.compare import normalise
from llmpick.measure.metrics import resolve
from llmpick.measure.thinking import split

_CUE = re.compile(r"answer|答案|####", re.IGNORECASE)
_NUMBER = re.compile(r"(?:(?<![A-Za-z0-9.])[-+−])?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")


def score(task: Task, example: Example, completion: Completion) -> tuple[Outcome, Any, float]:
    """How the call ended, the parsed answer (None where there is none), and its score in [0, 1]."""
    cut_off = completion.finish == "length"
    answer = parse(task, completion.text, cut_off=cut_off)
    if answer is None:
        empty = not _said(completion.text)
        return (Outcome.CUT_OFF if cut_off else Outcome.EMPTY if empty else Outcome.UNPARSED), None, 0.0
    return Outcome.ANSWERED, answer, resolve(task.metric)(answer, example.reference)


def parse(task: Task, text: str, *, cut_off: bool = False) -> Any:
    """The answer of the task's kind in `text`: a label, an object, a number or a text; None if there is no complete one."""
    text = _said(text)
    match task.kind:
        case TaskKind.CHOICE:
            return parse_label(text, task.labels)
        case TaskKind.EXTRACT:
            return parse_object(text, task.schema or {})
        case TaskKind.NUMBER:
            return parse_number(text, cut_off=cut_off)
        case _:
            return None if cut_off or not text else text


def parse_label(text: str, labels: Sequence[str]) -> str | None:
    """The label that the text is: as it stands, else whatever its case, else whatever punctuation is around it too.

    The first of these readings that fits some labels must fit exactly one. A label inside a sentence is no answer.
    """
    readings: tuple[dict[str, bool], ...] = (
        {"ignore_case": False, "ignore_punctuation": False},
        {"ignore_case": True, "ignore_punctuation": False},
        {"ignore_case": True, "ignore_punctuation": True},
    )
    for reading in readings:
        fitting = [label for label in labels if normalise(label, **reading) == normalise(text, **reading)]
        if fitting:
            return fitting[0] if len(fitting) == 1 else None
    return None


def parse_object(text: str, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first JSON object in the text (code fences and talk around it do no harm), if it satisfies the schema."""
    from jsonschema.validators import validator_for  # jsonschema takes 0.1 s to load, and only `extract` needs it
    from referencing import Registry  # an empty one: without it jsonschema would fetch what a schema refers to

    found = _first_object(text)
    if found is None or not validator_for(schema)(schema, registry=Registry()).is_valid(found):
        return None
    return found


def parse_number(text: str, *, cut_off: bool = False) -> float | None:
    """The first number after the last cue (`answer`, `答案`, `####`), else the last number: where worked solutions put their result.

    Full-width digits and commas between thousands are read; words, percent signs and units are not. None if the number ends
    where the answer was cut off, since more digits may have followed.
    """
    plain = normalise(text, ignore_case=False, ignore_punctuation=False)
    cues = list(_CUE.finditer(plain))
    after_cue = _NUMBER.search(plain, cues[-1].end()) if cues else None
    found = after_cue or next(iter(reversed(list(_NUMBER.finditer(plain)))), None)
    if found is None or (cut_off and found.end() == len(plain)):
        return None
    value = float(found[0].replace(",", "").replace("−", "-"))
    return value if math.isfinite(value) else None


def _first_object(text: str) -> dict[str, Any] | None:
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    start = text.find("{")
    while start >= 0:
        try:
            return decoder.raw_decode(text, start)[0]
        except ValueError:  # no object starts here
            start = text.find("{", start + 1)
        except RecursionError:  # nested without end
            return None
    return None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _said(text: str) -> str:
    """The text without the reasoning before it, which some servers leave in the answer; "" while the reasoning has not ended."""
    return split(text).answer
