"""`pick --no-calls`: the catalog's model and quantisation that the prior expects to do best on the device, of equals the cheapest.

The way of `pick` without its race: screen by facts (`decide/screen.py`), every model x quantisation in one pass of the memory formulas
(`fit/catalog.py`), the prior of each that fits with what rounding its weights costs (`prior.py`), and `decide/unseen.py`.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from llmpick.catalog.ability import ability_facts
from llmpick.catalog.tables import load_licences, load_quantizations
from llmpick.decide.answer import Answer, CandidateAnswer, Spending, Status, Verdict
from llmpick.decide.expected_answer import Question
from llmpick.decide.screen import broken_by_facts, unnamed_languages
from llmpick.decide.unseen import Unseen, choose_unseen, standing_for
from llmpick.estimate.expected_draws import drawn_scores
from llmpick.estimate.expected_task import Weighed, mixed
from llmpick.evidence.ability import TaskFamily
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Load
from llmpick.evidence.model import Candidate
from llmpick.evidence.quantization import Quantization
from llmpick.evidence.task import Limits
from llmpick.evidence.values import Estimate, Interval, Source, Unknown
from llmpick.workflow.asked_question import newer_note
from llmpick.workflow.assemble import assemble_plan
from llmpick.workflow.expect import intervals
from llmpick.workflow.findings import Entry, Findings
from llmpick.workflow.fit.catalog import Grid, Known, compute, known_model
from llmpick.workflow.fit.inputs import Place
from llmpick.workflow.fit.one import CONFIDENCE, SURELY
from llmpick.workflow.fit.ranking import FEWEST_BITS
from llmpick.workflow.fit.variants import PUBLISHED
from llmpick.workflow.prior import AS_OF, evidence_on, parts_of, question_of

Array = NDArray[np.float64]
GIB = 2**30
DEPLOYMENT = Deployment("llama.cpp")
NOT_RUN = Unknown("nothing was called")
PRIOR_ONLY = "Nothing was called: the scores are expected from published ones. llmpick race measures those that tie on your own rows."
FLATTENS = (
    "Instruction data flattens style: people who write with a tuned model write more alike, with its base they do not (arXiv:2309.05196). "
    'For literary text let base models compete (tuning = "base"), compare them by bits per byte on samples of your own '
    "(llmpick race --text), and train on text of that kind rather than on instructions."
)


@dataclass(frozen=True, slots=True)
class _Field:
    """The models whose facts break no limit, and every quantisation of each, with those that surely fit (`rows`)."""

    entries: tuple[Entry, ...]
    known: tuple[Known, ...]
    stored: tuple[Quantization, ...]
    grid: Grid
    rows: NDArray[np.int64]


def choose_without_calls(findings: Findings, load: Load) -> Answer:
    """The answer of the prior alone. Raises `InputError` when no score was published by the task's day."""
    task = findings.task
    everyone = _catalog(findings)
    broken = {id(entry): _broken(entry.candidate, task.limits, findings) for entry in everyone}
    out = [_part(entry, Status.EXCLUDED, why) for entry in everyone if (why := broken[id(entry)])]
    field = _field([entry for entry in everyone if not broken[id(entry)]], findings, load)
    if field is None or not field.rows.size:
        return replace(
            assemble_plan(findings),
            verdict=Verdict.NONE_FITS,
            reasons=("no model of the catalog satisfies the task's limits",),
            candidates=(*(_unfit(field) if field else ()), *out),
        )
    question = question_of(task, None, None)
    answers = _chosen(field, question, findings)
    newer = newer_note((ability_facts(one.facts) for one in field.known), evidence_on(findings.as_of))
    tied = any(one.status is Status.TIED for one in answers)
    return replace(
        assemble_plan(findings),
        verdict=Verdict.TIE if tied else Verdict.CHOSEN,
        reasons=(_story(answers),),
        chosen=next(one.candidate.id for one in answers if one.status is Status.CHOSEN),
        candidates=(*answers, *_unfit(field), *out),
        cost_by="seconds" if _by_seconds(field, findings) else "memory",
        notes=(PRIOR_ONLY, *newer, *_notes(question, findings)),
    )


def _catalog(findings: Findings) -> list[Entry]:
    """The catalog's models, as nobody has them: those that are here too."""
    known = [entry for entry in (*findings.absent, *findings.entries) if entry.candidate.facts is not None]
    by_id = {entry.candidate.facts.id: entry for entry in reversed(known) if entry.candidate.facts}
    return [replace(entry, candidate=Candidate(name, None, entry.candidate.facts)) for name, entry in reversed(by_id.items())]


def _broken(candidate: Candidate, limits: Limits, findings: Findings) -> tuple[str, ...]:
    licences = load_licences()
    return broken_by_facts(
        candidate,
        limits=limits,
        as_of=findings.as_of,
        commercial_use=lambda licence: licences[licence].commercial_use if licence in licences else None,
    )


def _field(entries: list[Entry], findings: Findings, load: Load) -> _Field | None:
    pairs = [(entry, one) for entry in entries if entry.candidate.facts and (one := known_model(entry.candidate.facts))]
    if not pairs:
        return None
    limits, device = findings.task.limits, findings.device
    device = replace(device, memory_free_bytes=min(device.memory_free_bytes, limits.memory_bytes or device.memory_free_bytes))
    known = [one for _, one in pairs]
    stored = [one for one in load_quantizations().values() if one.name in PUBLISHED and one.bits_per_weight >= FEWEST_BITS]
    wanted = np.array([min(load.context_tokens, one.blueprint.context_tokens or load.context_tokens) for one in known])
    place = Place(device, here=findings.device == findings.machine)
    grid = compute(known, stored, (), wanted, place, DEPLOYMENT, load, load.context_tokens)
    sure = (grid.probability >= SURELY) & ~grid.bounded
    if limits.decode_tokens_per_s is not None and not isinstance(grid.decode, Unknown):
        sure &= np.asarray(grid.decode.high) >= limits.decode_tokens_per_s
    return _Field(tuple(entry for entry, _ in pairs), tuple(known), tuple(stored), grid, np.flatnonzero(sure))


def _chosen(field: _Field, question: Question, findings: Findings) -> list[CandidateAnswer]:
    """Every model that fits in the quantisation that stands for it, the best first."""
    rows, models = field.rows, field.grid.models[field.rows]
    facts = [ability_facts(field.known[models[k]].facts, _bits(field, int(row))) for k, row in enumerate(rows)]
    parts = parts_of(facts, question, evidence_on(findings.as_of))
    mean = mixed(parts)[0]
    standing, chosen = standing_for(models, mean, _cost(field, findings), findings.task.tolerance)
    few = [part.only(standing.tolist()) for part in parts]
    found = choose_unseen(standing, chosen, mean, *drawn_scores(few, findings.task.seed), findings.task.tolerance)
    return _answers(field, found, few, findings)


def _bits(field: _Field, row: int) -> float:
    return 8 * float(field.grid.weights[row]) / field.known[field.grid.models[row]].blueprint.parameters


def _by_seconds(field: _Field, findings: Findings) -> bool:
    return findings.task.cost_by == "seconds" and not isinstance(field.grid.decode, Unknown)


def _cost(field: _Field, findings: Findings) -> Array:
    """Of each configuration that fits: seconds per token where the task counts them and they are known, else bytes."""
    grid = field.grid
    if _by_seconds(field, findings) and not isinstance(grid.decode, Unknown):
        return 1 / np.broadcast_to(np.asarray(grid.decode.value), grid.models.shape)[field.rows]
    return np.asarray(grid.total.value)[field.rows]


def _answers(field: _Field, found: Unseen, parts: list[Weighed], findings: Findings) -> list[CandidateAnswer]:
    expected, answers = intervals(parts), list[CandidateAnswer]()
    leader = field.entries[field.grid.models[field.rows[found.row[found.chosen]]]].candidate.id
    for k, at in enumerate(found.row):
        row = int(field.rows[at])
        entry = field.entries[field.grid.models[row]]
        part = _part(entry, found.status[k], _reasons(found, k, leader, entry, findings))
        decode = field.grid.decode
        speed = decode if isinstance(decode, Unknown) else Estimate(_at(decode, field, row), "tokens/s", _SOURCE)
        answers.append(
            replace(
                part,
                expected=expected[k],
                difference=None if k == found.chosen else found.difference[k],
                memory_bytes=Estimate(_at(field.grid.total, field, row), "bytes", _SOURCE),
                decode_tokens_per_s=speed,
                quantization=field.stored[int(field.grid.stored[row])].name,
            )
        )
    return sorted(answers, key=lambda one: one.status is not Status.CHOSEN)


_SOURCE = Source("llmpick's formulas of llama.cpp, from published facts (llmpick fit --explain)")


def _at(parts: tuple[object, ...], field: _Field, row: int) -> Interval:
    value, low, high = (float(np.broadcast_to(np.asarray(part), field.grid.models.shape)[row]) for part in parts)
    return Interval(value, low, high, CONFIDENCE)


def _reasons(found: Unseen, k: int, leader: str, entry: Entry, findings: Findings) -> tuple[str, ...]:
    points, share = f"{100 * findings.task.tolerance:g} points", f"a probability of {100 * found.better[k]:.0f}%"
    unnamed = unnamed_languages(entry.candidate, findings.task.languages)
    said = (f"its makers do not name the language {', '.join(unnamed)}",) if unnamed else ()
    if found.status[k] is Status.CHOSEN:
        return (f"the cheapest of those expected to be within {points} of the best", *said)
    if found.equal[k]:
        return (f"expected to be within {points} of the best, and no cheaper than {leader}; better than it with {share}", *said)
    return (f"expected to be more than {points} worse than the best; better than {leader} with {share}", *said)


def _unfit(field: _Field) -> list[CandidateAnswer]:
    """The models of which no quantisation surely fits, or is fast enough, with the one that comes nearest."""
    grid, fits = field.grid, set(field.grid.models[field.rows].tolist())
    answers = list[CandidateAnswer]()
    for number, entry in enumerate(field.entries):
        if number in fits:
            continue
        mine = np.flatnonzero(grid.models == number)
        row = int(mine[np.argmin(np.asarray(grid.total.value)[mine])])
        name, total = field.stored[int(grid.stored[row])].name, float(np.asarray(grid.total.value)[row])
        there = f"{float(grid.available[row]) / GIB:.1f} GiB are there"
        slow = grid.probability[row] >= SURELY and not grid.bounded[row]
        guess = "about " if grid.bounded[row] else ""
        unsure = "not known to fit, as its layers are not" if grid.bounded[row] else "does not surely fit"
        why = "too slow for the task" if slow else f"{unsure}: {guess}{total / GIB:.1f} GiB in {name}, {there}"
        answers.append(_part(entry, Status.EXCLUDED, (why,)))
    return answers


def _part(entry: Entry, status: Status, reasons: tuple[str, ...]) -> CandidateAnswer:
    return CandidateAnswer(
        entry.candidate, status, reasons, NOT_RUN, NOT_RUN, 0, entry.memory, entry.speed, NOT_RUN, Spending(), fetch=entry.fetch
    )


def _story(answers: list[CandidateAnswer]) -> str:
    count = Counter(one.status for one in answers)
    return (
        f"of {len(answers)} models that fit, {count[Status.ELIMINATED]} are expected to be worse with 95%; of {count[Status.TIED]} others "
        "the prior cannot tell"
    )


def _notes(question: Question, findings: Findings) -> tuple[str, ...]:
    families = ", ".join(f"{family.value} {100 * p:.0f}%" for family, p in question.families.items())
    taken = f"The task is taken for: {families} ({question.because})."
    writing = question.families.get(TaskFamily.WRITING, 0.0) >= 0.5
    return (taken, *([AS_OF] if findings.as_of else []), *([FLATTENS] if writing else []), *findings.notes)
