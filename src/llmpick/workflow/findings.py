"""What `pick` has found out on the way down the funnel, as its stages hand it on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from llmpick.decide.answer import Fetch, LearningPoint
from llmpick.evidence.device import Device
from llmpick.evidence.errors import LlmpickError
from llmpick.evidence.model import Candidate
from llmpick.evidence.task import CostBy, Task
from llmpick.evidence.values import Estimate, Interval, Unknown
from llmpick.workflow.fit.inputs import TASK_CONTEXT_TOKENS
from llmpick.workflow.lanes import Course, Identity

DEFAULT_CONTEXT_TOKENS = TASK_CONTEXT_TOKENS
"""The context that a local model is given when the task asks for none."""
NOT_ASKED = Unknown("the prior was not asked")
NOT_LOADED = Unknown("it is not loaded on this machine")


@dataclass(frozen=True, slots=True)
class Entry:
    """A model with what is estimated of it, and the reasons that keep it from running, if there are any.

    `memory` and `speed` are as served; `room` is what its engine takes on this machine while it is measured, nothing for a served model.
    `fetch` says how a model that is not here could be had, `error` why one that is here cannot be read.
    """

    candidate: Candidate
    memory: Estimate | Unknown
    speed: Estimate | Unknown
    excluded: tuple[str, ...] = ()
    fetch: Fetch | None = None
    identity: Identity | None = None
    error: LlmpickError | None = None
    expected: Interval | Unknown = NOT_ASKED
    """The score that published ones lead to expect of it before it runs."""
    room: Estimate | Unknown = NOT_LOADED


@dataclass(frozen=True, slots=True)
class Findings:
    """The task in race order, and all models: `entries` are on this machine (or served), `absent` known from the catalog only.

    `device` is what the limits speak of, `machine` where models run to be measured; mostly they are the same.
    """

    task: Task
    course: Course
    device: Device
    machine: Device
    cost_by: CostBy
    entries: tuple[Entry, ...]
    absent: tuple[Entry, ...]
    as_of: date | None
    notes: tuple[str, ...]
    bench: tuple[Entry, Entry] | None = None
    """Judge and opponent of a task that a judge scores; they are no candidates, unless they are named as such too."""
    learning_curve: tuple[LearningPoint, ...] = field(default=())
    call_timeout_s: float | None = None
    """Seconds that one call of a candidate may take, None for what its engine thinks right."""


def runnable(entries: Sequence[Entry]) -> list[Entry]:
    """Those that nothing keeps from running."""
    return [entry for entry in entries if not entry.excluded and not entry.error]
