"""From the computed grid to one entry per model: its best configuration, whether it is worth a look, and why not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from llmpick.catalog.tables import CommercialUse, load_licences
from llmpick.decide.foremost import Standing, in_order, surpassed_by
from llmpick.decide.screen import broken_by_facts, unnamed_languages
from llmpick.evidence.fit import ModelOutlook
from llmpick.evidence.model import Candidate, ModelFacts
from llmpick.evidence.quantization import Quantization
from llmpick.evidence.task import Limits
from llmpick.evidence.values import Interval, Unknown
from llmpick.workflow.fit.catalog import Array, Grid, Known
from llmpick.workflow.fit.one import CONFIDENCE, HARDLY, SURELY, fits_word
from llmpick.workflow.fit.variants import PUBLISHED

FEWEST_BITS = 4.0
"""At equal bytes more parameters are better down to 4 bits per weight and worse below (arXiv:2212.09720, sections 1 and 5)."""
ORDER = (
    "by the compute of training (6 x active parameters x tokens, doubled for every 8 months that a model is newer, arXiv:2403.05812) among "
    "those that no other surpasses in training and size; this is no prior of the score on a task"
)
GIB = 2**30


def ranked(
    facts: Sequence[ModelFacts],
    known: Sequence[Known],
    quantizations: Sequence[Quantization],
    wanted: Array,
    grid: Grid,
    limits: Limits,
    languages: tuple[str, ...],
) -> tuple[ModelOutlook, ...]:
    """All models of the catalog: first those worth a look in order, then the others that fit, then the rest."""
    of_model = np.searchsorted(grid.models, np.arange(len(known) + 1))
    entries = {
        one.facts.id: _entry(one, int(wanted[n]), quantizations, grid, slice(*of_model[n : n + 2]), limits) for n, one in enumerate(known)
    }
    everyone = [_screened(entries.get(one.id) or _sizeless(one), one, limits) for one in facts]
    everyone = _without_bases(everyone, facts)
    return _by_standing(everyone, {one.id: one for one in facts}, languages)


def _entry(one: Known, context: int, quantizations: Sequence[Quantization], grid: Grid, rows: slice, limits: Limits) -> ModelOutlook:
    """The widest quantisation that surely fits at `context`, else the one that comes nearest."""
    stored, contexts, probability = grid.stored[rows], grid.contexts[rows], grid.probability[rows]
    here = np.flatnonzero((contexts == context) & _choosable(quantizations)[stored])
    sure = here[(probability[here] >= SURELY) & ~grid.bounded[rows][here]]
    best = int(sure[0]) if sure.size else _nearest(here, probability, np.asarray(grid.total.value)[rows])
    longest = contexts[(stored == stored[best]) & (probability >= SURELY)]
    row = rows.start + best
    total = Interval(*(float(np.asarray(part)[row]) for part in tuple(grid.total)), confidence=CONFIDENCE)
    unknown = bool(grid.bounded[row])
    chance = None if unknown else float(grid.probability[row])
    entry = ModelOutlook(
        model=one.facts.id,
        tuning=one.facts.tuning,
        parameters_total=one.blueprint.parameters,
        parameters_active=one.blueprint.active_parameters,
        training_tokens=one.facts.training_tokens.value if one.facts.training_tokens else None,
        released=one.facts.released.value if one.facts.released else None,
        quantization=quantizations[int(stored[best])].name,
        bits_per_weight=8 * float(grid.weights[row]) / one.blueprint.parameters,
        longest_context_tokens=int(longest.max()) if longest.size else None,
        total_bytes=total,
        decode_tokens_per_s=_decode(grid, row),
        fits="unknown" if chance is None else fits_word(chance),
        fits_probability=chance,
        foremost=False,
    )
    return replace(entry, reasons=_reasons(entry, float(grid.available[row]), context, limits))


def _choosable(quantizations: Sequence[Quantization]) -> Array:
    """Of the GGUF types those in which models are commonly published, if they are among them; else all."""
    common = np.array([one.format != "gguf" or one.name in PUBLISHED for one in quantizations])
    return common if common.any() else ~common


def _nearest(here: Array, probability: Array, total: Array) -> int:
    """The configuration that most likely fits; where none can, the smallest."""
    likely = here[np.argmax(probability[here])]
    return int(likely if probability[likely] > HARDLY else here[np.argmin(total[here])])


def _decode(grid: Grid, row: int) -> Interval | Unknown:
    if isinstance(grid.decode, Unknown):
        return grid.decode
    value, low, high = (float(np.broadcast_to(np.asarray(part), grid.models.shape)[row]) for part in tuple(grid.decode))
    return Interval(value, low, high, CONFIDENCE)


def _reasons(entry: ModelOutlook, available: float, context: int, limits: Limits) -> tuple[str, ...]:
    """Why its memory or its speed rules it out, or the bits that it fits in."""
    total, speed = entry.total_bytes, entry.decode_tokens_per_s
    at = f"at {context:,} tokens in {entry.quantization}"
    if entry.fits == "unknown":
        return ("its layers are not known, so it cannot be told whether it fits",)
    if entry.fits == "no" and isinstance(total, Interval):
        return (f"does not fit: {total.value / GIB:.1f} GiB {at}, {available / GIB:.1f} GiB are there",)
    found = list[str]()
    if entry.fits == "marginal" and isinstance(total, Interval):
        found.append(f"may not fit: {total.value / GIB:.1f} GiB {at}, {available / GIB:.1f} GiB are there")
    elif entry.bits_per_weight is not None and entry.bits_per_weight < FEWEST_BITS:
        found.append(f"fits only in {entry.bits_per_weight:.1f} bits per weight, below the {FEWEST_BITS:g} that are worth it")
    wanted = limits.decode_tokens_per_s
    if wanted is not None and isinstance(speed, Interval) and speed.high < wanted:
        found.append(f"writes {speed.value:.1f} tokens/s, the task needs {wanted:g}")
    return tuple(found)


def _sizeless(facts: ModelFacts) -> ModelOutlook:
    unknown = Unknown("its number of parameters is not known")
    return ModelOutlook(
        model=facts.id, tuning=facts.tuning, parameters_total=None, parameters_active=None, training_tokens=None, released=None,
        quantization=None, bits_per_weight=None, longest_context_tokens=None, total_bytes=unknown, decode_tokens_per_s=unknown,
        fits="unknown", fits_probability=None, foremost=False, reasons=(unknown.reason,),
    )  # fmt: skip


def _screened(entry: ModelOutlook, facts: ModelFacts, limits: Limits) -> ModelOutlook:
    """With the reasons that its facts give, before those of its memory."""
    candidate = Candidate(facts.id, None, facts)
    return replace(entry, reasons=(*broken_by_facts(candidate, limits=limits, as_of=None, commercial_use=_commercial_use), *entry.reasons))


def _commercial_use(licence: str) -> CommercialUse | None:
    known = load_licences().get(licence)
    return known.commercial_use if known else None


def _without_bases(entries: Sequence[ModelOutlook], facts: Sequence[ModelFacts]) -> list[ModelOutlook]:
    """A base model is passed over where an instruct model that was made from it is worth a look."""
    usable = {entry.model for entry in entries if not entry.reasons}
    tuned = {one.derived_from: one.id for one in facts if one.derived_from and one.tuning == "instruct" and one.id in usable}
    return [
        replace(entry, reasons=("it is the base of an instruct model that fits too",))
        if not entry.reasons and entry.tuning == "base" and entry.model in tuned
        else entry
        for entry in entries
    ]


def _by_standing(entries: Sequence[ModelOutlook], facts: Mapping[str, ModelFacts], languages: tuple[str, ...]) -> tuple[ModelOutlook, ...]:
    """The foremost first; models whose makers leave out a language of the task after those who name it."""
    by_id = {entry.model: entry for entry in entries}
    missing = {name: unnamed_languages(Candidate(name, None, facts[name]), languages) for name in by_id}
    standings = {name: _standing(entry) for name, entry in by_id.items()}
    usable = [standings[name] for name, entry in by_id.items() if not entry.reasons]
    better = {one.model: surpassed_by(one, [o for o in usable if len(missing[o.model]) <= len(missing[one.model])]) for one in usable}
    order = [one.model for one in in_order(list(standings.values()))]
    rank = {name: number for number, name in enumerate(order)}

    def key(name: str) -> tuple[int, int, int]:
        entry = by_id[name]
        group = 0 if name in better and better[name] is None else 1 if name in better else 2 if entry.fits in ("yes", "marginal") else 3
        return group, len(missing[name]), rank[name]

    return tuple(_finished(by_id[name], better.get(name), name in better, missing[name]) for name in sorted(by_id, key=key))


def _finished(entry: ModelOutlook, better: str | None, usable: bool, missing: tuple[str, ...]) -> ModelOutlook:
    notes = (f"its makers do not name {', '.join(missing)}",) if missing else ()
    if better is not None:
        return replace(entry, reasons=("another that fits surpasses it in training and size",), notes=(f"surpassed by {better}", *notes))
    return replace(entry, foremost=usable, notes=notes)


def _standing(entry: ModelOutlook) -> Standing:
    return Standing(entry.model, entry.parameters_total, entry.parameters_active, entry.training_tokens, entry.released)
