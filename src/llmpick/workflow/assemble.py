"""Puts the findings and the end of the race together into the one record that reports show."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from llmpick.decide.answer import Answer, CandidateAnswer, ChosenRun, Spending, Status, Trace, Verdict
from llmpick.decide.choose import Choice, Judged, choose
from llmpick.decide.race_intervals import itself
from llmpick.decide.screen import context_of, unnamed_languages
from llmpick.evidence.model import Baseline, Candidate, Weights
from llmpick.evidence.values import Unknown
from llmpick.measure.lane import Lane
from llmpick.measure.race import RaceEnd
from llmpick.stats.betting import mean_interval
from llmpick.stats.classification import confusion, macro_f1
from llmpick.stats.clustered import new_input_interval
from llmpick.workflow.accounts import answered, paid_for, saved, seconds_of, total
from llmpick.workflow.bought import what_thinking_bought
from llmpick.workflow.breakdown import disagreements, label_pairs, slices
from llmpick.workflow.findings import DEFAULT_CONTEXT_TOKENS, Entry, Findings, runnable
from llmpick.workflow.judged.notes import OPPONENT, sitting
from llmpick.workflow.lanes import decode_speed, peak_memory, ttft
from llmpick.workflow.ledger import RunLedger
from llmpick.workflow.serving import how_to_serve, told_in_words

NOT_RUN = Unknown("not run")


@dataclass(frozen=True, slots=True)
class _Raced:
    """A lane, who ran in it, and what was known before the race; a baseline has no entry."""

    lane: Lane
    candidate: Candidate
    entry: Entry | None


def assemble(findings: Findings, *, run: str, lanes: Sequence[Lane], end: RaceEnd, traces: tuple[Trace, ...], ledger: RunLedger) -> Answer:
    """The answer after a race of `lanes`, baselines included."""
    entries = {entry.candidate.id: entry for entry in findings.entries}
    everyone = [_raced(lane, entries) for lane in lanes]
    to_the_end = [raced for raced in everyone if raced.lane in end.look.lanes]
    choice = _choice(to_the_end, findings, end) if to_the_end else None
    parts = [_judged(raced, choice.entrants[k], findings, ledger) for k, raced in enumerate(to_the_end)] if choice else []
    if not _has_model(to_the_end):
        parts = [_unopposed(part) for part in parts]
    parts += [_dropped(raced, findings, ledger) for raced in everyone if raced not in to_the_end]
    models = [(raced.lane, raced.candidate) for raced in everyone if raced.entry]
    rows = len(findings.course.examples)
    spent = total(part.spent for part in parts)
    verdict, reasons = _verdict(choice, to_the_end, findings)
    winner = choice.chosen if choice and verdict not in _WITHOUT_CHOICE else None
    chosen = None if winner is None else to_the_end[winner].candidate
    return replace(
        _blank(findings, run),
        verdict=verdict,
        basis="measured",
        reasons=reasons,
        chosen=chosen.id if chosen else None,
        chosen_run=_how_to_serve(chosen, findings) if chosen else None,
        candidates=(*parts, *_not_raced(findings)),
        spent=spent,
        saved=saved(models, spent, rows),
        learning_curve=findings.learning_curve,
        traces=traces,
        disagreements=disagreements(findings.course, [raced.lane for raced in to_the_end]),
        thinking=what_thinking_bought(models, confidence=findings.task.confidence, rows=rows),
        notes=(*findings.notes, *([note] if chosen and (note := told_in_words(chosen)) else [])),
    )


def assemble_plan(findings: Findings) -> Answer:
    """The answer of a dry run: who would run, and who would not and why. Nothing was called."""
    would = f"would be run on up to {len(findings.course.examples):,} rows"
    ready = runnable(findings.entries)
    plan = [_unrun(entry, Status.UNMEASURED, (would,)) for entry in ready]
    none_fits = bool(findings.entries) and not ready and not any(entry.error for entry in findings.entries)
    return replace(
        _blank(findings, None),
        verdict=Verdict.NONE_FITS if none_fits else Verdict.UNDECIDED,
        reasons=("no model satisfies the task's limits" if none_fits else "a dry run makes no calls",),
        candidates=(*plan, *_not_raced(findings)),
    )


_WITHOUT_CHOICE = (Verdict.UNDECIDED, Verdict.NONE_FITS)


def _blank(findings: Findings, run: str | None) -> Answer:
    """The answer before anything was measured: the task, its settings, and nothing else."""
    task = findings.task
    return Answer(
        task=task.name,
        kind=task.kind,
        verdict=Verdict.UNDECIDED,
        basis="expected",
        reasons=(),
        chosen=None,
        chosen_run=None,
        candidates=(),
        spent=Spending(),
        saved=Spending(),
        rows=len(findings.course.examples),
        confidence=task.confidence,
        tolerance=task.tolerance,
        cost_by=findings.cost_by,
        metric=task.metric.name,
        seed=task.seed,
        run=run,
        device=findings.device.name,
        context_tokens=task.limits.context_tokens or DEFAULT_CONTEXT_TOKENS,
        as_of=findings.as_of,
        notes=findings.notes,
    )


def _raced(lane: Lane, entries: Mapping[str, Entry]) -> _Raced:
    entry = entries.get(lane.candidate)
    return _Raced(lane, entry.candidate if entry else Candidate(lane.candidate, Baseline(lane.candidate.partition(":")[2])), entry)


def _choice(to_the_end: Sequence[_Raced], findings: Findings, end: RaceEnd) -> Choice:
    opponent = sitting(findings, OPPONENT)
    return choose(
        [raced.candidate.id for raced in to_the_end],
        [raced.entry is None for raced in to_the_end],
        end.look.progress,
        end.look.standing,
        tolerance=findings.task.tolerance,
        confidence=findings.task.confidence,
        undecided_because=end.undecided_because,
        clusters=findings.course.clusters,
        opponent=next((k for k, raced in enumerate(to_the_end) if raced.candidate.id == opponent), None),
    )


def _verdict(choice: Choice | None, to_the_end: Sequence[_Raced], findings: Findings) -> tuple[Verdict, tuple[str, ...]]:
    """What the race shows. Baselines alone decide nothing: without a model in it, either none fits or none could be run here."""
    if choice and _has_model(to_the_end):
        return choice.verdict, choice.reasons
    if any(not entry.excluded for entry in findings.absent):
        return Verdict.UNDECIDED, ("no model on this machine could be run: fetch one of those listed, or name one with --model",)
    known = (*findings.entries, *findings.absent)
    if any(not entry.error for entry in known):
        return Verdict.NONE_FITS, ("no model satisfies the task's limits",)
    return Verdict.UNDECIDED, ("no model could be run: name one with --model",)


def _has_model(racers: Sequence[_Raced]) -> bool:
    return any(raced.entry for raced in racers)


def _unopposed(part: CandidateAnswer) -> CandidateAnswer:
    """The best of the baselines is no choice when no language model took part."""
    return replace(part, status=Status.OPEN, reasons=("no language model took part",)) if part.status is Status.CHOSEN else part


def _judged(raced: _Raced, judged: Judged, findings: Findings, ledger: RunLedger) -> CandidateAnswer:
    """A candidate that was in the race to its end, or left it by its score."""
    gone = raced.lane.gone
    return replace(
        _measured(raced, findings, ledger),
        status=judged.status,
        reasons=(*judged.reasons, *([f"its engine failed: {gone.what} ({gone.where})"] if gone else [])),
        score=judged.score,
        score_on_rows=judged.score_on_rows,
        score_n=judged.n,
        difference=judged.difference,
    )


def _dropped(raced: _Raced, findings: Findings, ledger: RunLedger) -> CandidateAnswer:
    """A model that cannot be the answer: its engine failed before the first row, or it was seen to break a limit."""
    gone = raced.lane.gone
    if gone:
        reasons = (f"{gone.what} ({gone.where}); {gone.remedy}",)
        return replace(_measured(raced, findings, ledger), status=Status.FAILED, reasons=reasons)
    part = replace(_measured(raced, findings, ledger), status=Status.EXCLUDED, reasons=raced.lane.broken)
    known = np.array([record.score is not None for record in raced.lane.records], dtype=bool)
    values = np.array([record.score for record in raced.lane.records if record.score is not None])
    if not len(values):
        return part
    confidence, rows, clusters = findings.task.confidence, len(findings.course.examples), findings.course.clusters
    of = None if clusters is None else clusters[: len(known)][known]
    return replace(
        part,
        score=mean_interval(values, confidence=confidence) if of is None else new_input_interval(values, of, confidence=confidence),
        score_on_rows=mean_interval(values, confidence=confidence, population=rows),
        score_n=len(values),
    )


def _measured(raced: _Raced, findings: Findings, ledger: RunLedger) -> CandidateAnswer:
    """All that was observed of a candidate, but for what the race concludes from it."""
    lane, entry, course = raced.lane, raced.entry, findings.course
    part = _unrun(entry, Status.UNMEASURED, ()) if entry else _baseline(raced.candidate)
    seen = answered(lane.records)
    pairs = label_pairs(course, lane.records)
    parts = slices(course, lane.records)
    if entry and lane.candidate == sitting(findings, OPPONENT):
        parts = tuple(replace(one, score=itself(findings.task.confidence)) for one in parts)
    speed = decode_speed(lane.records)
    return replace(
        part,
        memory_bytes=peak_memory(lane) if isinstance(part.memory_bytes, Unknown) else part.memory_bytes,
        resident_bytes=peak_memory(lane) if entry else part.resident_bytes,
        decode_tokens_per_s=part.decode_tokens_per_s if isinstance(speed, Unknown) else speed,
        ttft_s=ttft(lane.records) if entry else part.ttft_s,
        spent=paid_for(lane, raced.candidate),
        engine=ledger.engine(lane.candidate) if entry else None,
        load_seconds=lane.load_seconds if lane.loads else None,
        seconds_per_call=seconds_of(seen) / len(seen) if seen else None,
        macro_f1=macro_f1(pairs),
        outcomes=Counter(record.outcome for record in lane.records),
        slices=parts,
        confusion=confusion(pairs),
    )


def _not_raced(findings: Findings) -> list[CandidateAnswer]:
    """The models that never started: unreadable, ruled out, or not on this machine."""
    here = [_kept_out(entry) for entry in findings.entries if entry.error or entry.excluded]
    return here + [_kept_out(entry) if entry.excluded else _absent(entry, findings) for entry in findings.absent]


def _absent(entry: Entry, findings: Findings) -> CandidateAnswer:
    if entry.fetch is None:
        return _unrun(entry, Status.EXCLUDED, ("not on this machine, and where to fetch it from is not known",))
    reasons = ["worth fetching: not on this machine, and nothing that is known rules it out"]
    unnamed = unnamed_languages(entry.candidate, findings.task.languages)
    if unnamed:
        reasons.append(f"its makers do not name the language {', '.join(unnamed)}")
    return _unrun(entry, Status.UNMEASURED, tuple(reasons))


def _kept_out(entry: Entry) -> CandidateAnswer:
    if entry.error:
        return _unrun(entry, Status.FAILED, (f"{entry.error.what} ({entry.error.where}); {entry.error.remedy}",))
    return _unrun(entry, Status.EXCLUDED, entry.excluded)


def _unrun(entry: Entry, status: Status, reasons: tuple[str, ...]) -> CandidateAnswer:
    weights = entry.candidate.run if isinstance(entry.candidate.run, Weights) else None
    return CandidateAnswer(
        candidate=entry.candidate,
        status=status,
        reasons=reasons,
        score=NOT_RUN,
        score_on_rows=NOT_RUN,
        score_n=0,
        memory_bytes=entry.memory,
        decode_tokens_per_s=entry.speed,
        ttft_s=NOT_RUN,
        spent=Spending(),
        quantization=weights.quantization if weights else entry.fetch.quantization if entry.fetch else None,
        file_sha256=entry.identity.sha256 if entry.identity else None,
        fetch=entry.fetch,
        expected=entry.expected,
    )


def _baseline(candidate: Candidate) -> CandidateAnswer:
    inside = Unknown("a baseline runs in llmpick itself")
    return CandidateAnswer(candidate, Status.UNMEASURED, (), NOT_RUN, NOT_RUN, 0, inside, inside, inside, Spending(), resident_bytes=inside)


def _how_to_serve(candidate: Candidate, findings: Findings) -> ChosenRun | None:
    limits = findings.task.limits
    known = context_of(candidate) or DEFAULT_CONTEXT_TOKENS
    return how_to_serve(candidate, limits.context_tokens or min(DEFAULT_CONTEXT_TOKENS, known), users=limits.users)
