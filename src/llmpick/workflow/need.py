"""`need`: the smallest size of model that clears a target on a task, with a probability, and which models of the catalog do.

Sizes are those of one recipe: the newest family that comes in several sizes, or a family that is named. Where the store has a run of the
task, its scores count as evidence: they say how hard the task is, which no text does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

import numpy as np

from llmpick.decide.expected_answer import PRIOR, Enough, Need, Point
from llmpick.estimate.expected_task import Measured, chance_above, given
from llmpick.estimate.need import LARGEST, Clearing, at_sizes, clearing, recipe_of, sizes
from llmpick.evidence.ability import AbilityFacts, TaskFamily
from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Task
from llmpick.sources.task import load_task
from llmpick.workflow.expect import intervals
from llmpick.workflow.prior import AS_OF, catalog_known, evidence_on, find_known, parts_of, question_of

DENSE_SIZES = 3
"""A family whose members follow instructions and come in so many dense sizes is one recipe at several sizes."""
LISTED = 12
EVEN = 0.5
"""A target that the largest size clears with less is called beyond reach."""
BEFORE_SCORES = "what is known cannot promise the target; scores of small models on the task itself (llmpick race) would say more"
CURVE_EVERY = 4
"""Every fourth of the sizes that are computed is shown, three per decade."""


@dataclass(frozen=True, slots=True)
class NeedOptions:
    """What the user asked for. `family_of` names the family whose recipe is taken, None the newest."""

    target: float
    task_file: Path | None = None
    family: TaskFamily | None = None
    language: str | None = None
    probability: float = 0.8
    family_of: str | None = None
    as_of: date | None = None
    store_url: str | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """Scores of the task that a run of the store measured: facts, mean score and rows of each model."""

    run: str | None = None
    models: tuple[AbilityFacts, ...] = ()
    scores: tuple[tuple[str, float, int], ...] = ()


def need(options: NeedOptions, *, environ: Mapping[str, str]) -> Need:
    """Raises `InputError` when neither a task nor a family is named, or for a family that the catalog does not know."""
    task = None if options.task_file is None else load_task(options.task_file)
    question = question_of(task, options.family, options.language)
    catalog = catalog_known(options.as_of)
    recipe = _recipe(catalog, options.family_of)
    kept = _Kept() if task is None else measured_before(task, options, environ)
    wanted = sizes()
    models = [*at_sizes(recipe, wanted), *catalog, *kept.models]
    parts = parts_of(models, question, evidence_on(options.as_of))
    seen = Measured(
        np.arange(len(wanted) + len(catalog), len(models)),
        np.array([score for _, score, _ in kept.scores], dtype=float),
        np.array([rows for _, _, rows in kept.scores], dtype=np.int64),
    )
    parts = given(parts, seen)
    ladder = [part.only(range(len(wanted))) for part in parts]
    found = clearing(ladder, wanted, options.target, options.probability)
    chances = chance_above([part.only(range(len(wanted), len(wanted) + len(catalog))) for part in parts], options.target)
    scores = intervals(ladder)
    return Need(
        question=question,
        target=options.target,
        probability=options.probability,
        recipe=recipe.family,
        params=None if found.flat else found.at,
        low=None if found.flat else found.low,
        high=None if found.flat else found.high,
        flat=found.flat,
        rise=found.rise,
        curve=tuple(Point(float(wanted[k]), scores[k], float(found.chance[k])) for k in range(0, len(wanted), CURVE_EVERY)),
        models=_enough(catalog, chances, options.probability),
        reasons=_reasons(found, options, recipe.family),
        measured=kept.scores,
        run=kept.run,
        notes=(PRIOR, *([AS_OF] if options.as_of else [])),
    )


def _recipe(catalog: Sequence[AbilityFacts], named: str | None) -> AbilityFacts:
    """Of the dense models of a family that follow instructions."""
    tuned = sorted((one for one in catalog if one.tuned and one.active in (None, one.parameters)), key=lambda one: one.family)
    families = {family: list(members) for family, members in groupby(tuned, key=lambda one: one.family)}
    if named is not None:
        if named.lower() not in families:
            several = [family for family, members in families.items() if len(members) >= DENSE_SIZES]
            raise InputError(
                f"the catalog has no family {named!r} of dense models that follow instructions",
                where="--family-of",
                remedy=f"name one of {', '.join(several)}",
            )
        return recipe_of(families[named.lower()])
    ladders = [members for members in families.values() if len({one.parameters for one in members}) >= DENSE_SIZES]
    if not ladders:
        raise InputError("no family of that day comes in several sizes", where="--as-of", remedy="name a family with --family-of")
    return recipe_of(max(ladders, key=lambda members: max(str(one.released or "") for one in members)))


def _enough(catalog: Sequence[AbilityFacts], chances: np.ndarray, probability: float) -> tuple[Enough, ...]:
    """The smallest models that clear the target with the wanted probability."""
    clear = [Enough(one.id, one.parameters, float(p)) for one, p in zip(catalog, chances, strict=True) if p >= probability]
    return tuple(sorted(clear, key=lambda one: (one.parameters, -one.probability))[:LISTED])


def _reasons(found: Clearing, options: NeedOptions, recipe: str) -> tuple[str, ...]:
    """What decides, in words."""
    target, wanted = f"{100 * options.target:g}%", f"{100 * options.probability:g}%"
    if found.flat:
        return (
            f"from 3B to 70B the expected score changes by {100 * found.rise.value:+.1f} points, less than published scores of one model "
            "differ among themselves: take a small model, and measure whether it clears the target",
        )
    if found.at is None:
        first = "the target is beyond reach" if found.chance[-1] < EVEN else BEFORE_SCORES
        return (
            f"{first}: no size of {recipe} up to {LARGEST / 1e12:g}T parameters clears {target} with {wanted}; "
            f"the largest does with {100 * float(found.chance[-1]):.0f}%",
        )
    return (f"the smallest size of {recipe} that clears {target} with {wanted}",)


def measured_before(task: Task, options: NeedOptions, environ: Mapping[str, str]) -> _Kept:
    """The scores of the latest finished run of the same rows, of models whose size is known; nothing where there is none."""
    from llmpick.store.store import Store  # SQLAlchemy takes half a second to load
    from llmpick.workflow.row_facts import rows_to_keep
    from llmpick.workflow.stored_scores import stored_scores

    rows = rows_to_keep(task)
    with Store.open(options.store_url) as store:
        titled = [run.id for run in store.runs() if run.title == task.name and run.status == "finished"]
        same = next((run for run in titled if store.run(run).inputs.get("rows") == rows), None)
        if same is None:
            return _Kept()
        matrix, _ = stored_scores(store.whole_run(same))
    found = list[tuple[AbilityFacts, tuple[str, float, int]]]()
    for name, row, seen in zip(matrix.models, matrix.scores, matrix.seen, strict=True):
        try:
            (known,) = find_known(name, options.as_of, environ=environ)
        except (InputError, ValueError):
            continue  # a baseline, a file that is gone, or a model of unknown size
        if seen.any():
            found.append((known.facts, (name, float(row[seen].mean()), int(seen.sum()))))
    return _Kept(same, tuple(facts for facts, _ in found), tuple(score for _, score in found))
