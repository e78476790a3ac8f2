"""`need`: the smallest size of model that clears a target on a task, with a probability, and which models of the catalog do.

Sizes are those of one recipe: the newest family that comes in several sizes, or a family that is named. Where the store has a run of the
task, its scores count as evidence: they say how hard the task is, which no text does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from pathlib import Path
from shlex import quote

import numpy as np

from llmpick.decide.expected_answer import Enough, Need, Point
from llmpick.estimate.expected_task import Measured, chance_above, given
from llmpick.estimate.need import LARGEST, at_sizes, clearing, recipe_of, sizes
from llmpick.evidence.ability import AbilityFacts, TaskFamily
from llmpick.evidence.errors import InputError, LlmpickError
from llmpick.evidence.scores import ScoreMatrix
from llmpick.evidence.task import Task
from llmpick.sources.task import load_task
from llmpick.workflow.asked_question import asked_question, prior_notes
from llmpick.workflow.expect import intervals
from llmpick.workflow.models.named_models import find_named
from llmpick.workflow.prior import catalog_known, evidence_on, parts_of

DENSE_SIZES = 3
"""A family whose members follow instructions and come in so many dense sizes is one recipe at several sizes."""
LISTED = 12
SMALL = (0.5e9, 2e9)
"""Parameters of a model that runs on any machine and can do something; the newest is named where one should be measured."""
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
    evidence = evidence_on(options.as_of)
    question = asked_question(task, options.family, options.language, evidence)
    catalog = catalog_known(options.as_of)
    recipe = _recipe(catalog, options.family_of)
    kept = _Kept() if task is None else measured_before(task, options, environ)
    wanted = sizes()
    models = [*at_sizes(recipe, wanted), *catalog, *kept.models]
    parts = parts_of(models, question, evidence)
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
    enough = _enough(catalog, chances, options.probability)
    listed = [recipe, *(one for one in catalog if one.id in {model.model for model in enough})]
    answer = Need(
        question=question,
        target=options.target,
        probability=options.probability,
        recipe=recipe.family,
        params=None if found.flat else found.at,
        low=None if found.flat else found.low,
        high=None if found.flat else found.high,
        flat=found.flat,
        rise=found.rise,
        best=float(found.chance[-1]),
        curve=tuple(Point(float(wanted[k]), scores[k], float(found.chance[k])) for k in range(0, len(wanted), CURVE_EVERY)),
        models=enough,
        reasons=(),
        measured=kept.scores,
        run=kept.run,
        notes=prior_notes(question, listed, evidence, options.as_of),
    )
    return replace(answer, reasons=tuple(_reasons(answer, options.task_file, catalog)))


def _recipe(catalog: Sequence[AbilityFacts], named: str | None) -> AbilityFacts:
    """Of the dense models of a family that follow instructions."""
    tuned = sorted((one for one in catalog if one.tuned and one.active in (None, one.parameters)), key=lambda one: one.family)
    families = {family: list(members) for family, members in groupby(tuned, key=lambda one: one.family)}
    if named is not None:
        if named.lower() not in families:
            several = [family for family, members in families.items() if len(members) >= DENSE_SIZES] or list(families)
            raise InputError(
                f"the catalog has no family {named!r} of dense models that follow instructions",
                where="--family-of",
                remedy=f"name one of {', '.join(several)}" if several else "name a later day with --as-of",
            )
        return recipe_of(families[named.lower()])
    ladders = [members for members in families.values() if len({one.parameters for one in members}) >= DENSE_SIZES]
    if not ladders:
        raise InputError(
            f"no family of that day comes in {DENSE_SIZES} dense sizes that follow instructions",
            where="--as-of",
            remedy=f"name one of those that there are with --family-of: {', '.join(families)}" if families else "name a later day",
        )
    return recipe_of(max(ladders, key=lambda members: max(str(one.released or "") for one in members)))


def _enough(catalog: Sequence[AbilityFacts], chances: np.ndarray, probability: float) -> tuple[Enough, ...]:
    """The smallest models that clear the target with the wanted probability."""
    clear = [Enough(one.id, one.parameters, float(p)) for one, p in zip(catalog, chances, strict=True) if p >= probability]
    return tuple(sorted(clear, key=lambda one: (one.parameters, -one.probability))[:LISTED])


def _reasons(found: Need, task_file: Path | None, catalog: Sequence[AbilityFacts]) -> Iterator[str]:
    """What decides, in words, and what to do about it."""
    target, wanted, best = f"{100 * found.target:g}%", f"{100 * found.probability:g}%", _percent(found.best)
    if found.params is not None:
        yield f"the smallest size of {found.recipe} that clears {target} with {wanted}"
        return
    if not found.met and not found.difficulty_known:
        yield (
            "nothing was measured of this task, and how hard it is cannot be read off its text: for a task of its kind whose difficulty is "
            f"not known, the largest size of {found.recipe} clears {target} with {best}"
        )
        yield f"to know more, run a small model on it and ask again: llmpick race {quote(str(task_file))} -m {_small(found, catalog)}"
    if found.flat:
        yield (
            f"from 3B to 70B the expected score changes by {100 * found.rise.value:+.1f} points, less than published scores of one model "
            "differ among themselves: take a small model, and measure it"
        )
    if not found.met and found.difficulty_known:
        yield f"no size of {found.recipe} up to {LARGEST / 1e12:g}T parameters clears {target} with {wanted}; the best does with {best}"


def _percent(share: float) -> str:
    return "less than 1%" if share < 0.01 else f"{100 * share:.0f}%"


def _small(found: Need, catalog: Sequence[AbilityFacts]) -> str:
    """A small model to measure: the newest that follows instructions and speaks the task's languages; without one, the smallest."""
    tuned = [one for one in catalog if one.tuned and not one.code]
    fit = [one for one in tuned if SMALL[0] <= one.parameters <= SMALL[1]]
    spoken = [one for one in fit if one.languages and set(found.question.languages) <= set(one.languages)] or fit
    if spoken:
        return max(spoken, key=lambda one: (str(one.released or ""), one.parameters)).id
    return min(tuned or catalog, key=lambda one: one.parameters).id


def measured_before(task: Task, options: NeedOptions, environ: Mapping[str, str]) -> _Kept:
    """The scores of the latest finished run of the same rows that has some of models whose size is known; nothing where there is none."""
    from llmpick.store.store import Store  # SQLAlchemy takes half a second to load
    from llmpick.workflow.row_facts import rows_to_keep
    from llmpick.workflow.stored_scores import stored_scores

    rows = rows_to_keep(task)
    with Store.open(options.store_url) as store:
        titled = [run.id for run in store.runs() if run.title == task.name and run.status == "finished"]
        for run in (run for run in titled if store.run(run).inputs.get("rows") == rows):
            try:
                matrix, _ = stored_scores(store.whole_run(run))
            except InputError:  # all its calls failed, or none was made
                continue
            if (kept := _of_known_size(run, matrix, options.as_of, environ)).models:
                return kept
    return _Kept()


def _of_known_size(run: str, matrix: ScoreMatrix, as_of: date | None, environ: Mapping[str, str]) -> _Kept:
    found = list[tuple[AbilityFacts, tuple[str, float, int]]]()
    for name, row, seen in zip(matrix.models, matrix.scores, matrix.seen, strict=True):
        try:
            (known,) = find_named(name, as_of, environ=environ)
        except (LlmpickError, ValueError):
            continue  # a baseline, a file that is gone, or a model of unknown size
        if seen.any():
            found.append((known.facts, (name, float(row[seen].mean()), int(seen.sum()))))
    return _Kept(run, tuple(facts for facts, _ in found), tuple(score for _, score in found))
