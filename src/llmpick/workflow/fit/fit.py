"""`llmpick fit`: will it run, how fast, at what price. Models named by the user, or all of the catalog.

`fit_inputs` turns what was typed into records, `fit_variants` chooses the configurations of one model, `fit_one` estimates one of them,
`fit_outlook` looks at all of the catalog.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from llmpick.evidence.errors import InputError
from llmpick.evidence.fit import FitAnswer, FitResult
from llmpick.evidence.model import Blueprint
from llmpick.evidence.task import Task
from llmpick.workflow.fit.inputs import FitOptions, Place, device_names, load_of, place_of, task_of
from llmpick.workflow.fit.one import fit_case, verdict_on
from llmpick.workflow.fit.price import Purse
from llmpick.workflow.fit.variants import Case, variants

FULL_RESULTS = 5
"""So many of the catalog's best are estimated in full."""


def fit(options: FitOptions, environ: Mapping[str, str]) -> FitAnswer:
    """The answer for every model, quantisation and device that was asked for. Raises `InputError` for what cannot be meant."""
    task = task_of(options)
    place, *others = (place_of(name) for name in device_names(options, task))
    if options.models:
        return FitAnswer(tuple(result for one in (place, *others) for result in _named(options, task, one, environ)))
    if others:
        raise InputError("without a model, one device is looked at", where="--device", remedy="name one device, or name models")
    return _best(options, task, place)


def _named(options: FitOptions, task: Task | None, place: Place, environ: Mapping[str, str]) -> Iterator[FitResult]:
    from llmpick.workflow.models.blueprints import find_blueprints

    for name in options.models:
        for blueprint in find_blueprints(name, environ=environ):
            yield from _of_blueprint(options, task, place, blueprint)


def _of_blueprint(options: FitOptions, task: Task | None, place: Place, blueprint: Blueprint) -> Iterator[FitResult]:
    cases = variants(options, place, blueprint, load_of(options, task, blueprint.context_tokens))
    if not options.quantizations:
        cases = [_most_faithful(cases)]
    purse = Purse(options.price_per_hour, options.input_share)
    yield from (fit_case(case, purse) for case in cases)


def _most_faithful(cases: Sequence[Case]) -> Case:
    """Where nobody asked for a quantisation: the widest that surely fits, else the one that comes nearest."""
    if len(cases) == 1:
        return cases[0]
    found = [verdict_on(case) for case in cases]
    sure = next((case for case, verdict in zip(cases, found, strict=True) if verdict.fits == "yes"), None)
    return sure or cases[max(range(len(cases)), key=lambda number: found[number].probability or 0.0)]


def _best(options: FitOptions, task: Task | None, place: Place) -> FitAnswer:
    """The outlook on the whole catalog, and where asked its best in full."""
    from llmpick.workflow.fit.outlook import outlook_on
    from llmpick.workflow.models.facts_blueprint import blueprint_of_facts  # the catalog is not needed where a file is named

    outlook, facts = outlook_on(options, task, place, load_of(options, task, None))
    best = [one for one in outlook.models if one.foremost and one.quantization][: FULL_RESULTS if options.full else 0]
    results = list[FitResult]()
    for one in best:
        chosen = replace(options, quantizations=(one.quantization or "",), engine=options.engine or outlook.deployment.engine)
        blueprint = blueprint_of_facts(facts[one.model])
        assert blueprint is not None
        results.extend(_of_blueprint(chosen, task, place._replace(device=outlook.device), blueprint))
    return FitAnswer(tuple(results), outlook)
