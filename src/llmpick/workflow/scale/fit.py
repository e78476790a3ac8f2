"""`llmpick scale fit`: the constants of a law for one's own runs, with what the runs cannot tell."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from llmpick.estimate.scaling.amounts import amount
from llmpick.estimate.scaling.amounts import flops as flops_text
from llmpick.estimate.scaling.answers import FitLawAnswer, FittedSplit, Foretold
from llmpick.estimate.scaling.fitting import DELTA, Bootstrap, Fit, as_law, bootstrap, fit, foretell, held_out_residuals, straight_residuals
from llmpick.estimate.scaling.forms import NAMES
from llmpick.estimate.scaling.laws import AdditiveLaw
from llmpick.estimate.scaling.optimal import compute_optimal, optimal_params_of
from llmpick.estimate.scaling.outliers import report_outliers
from llmpick.estimate.scaling.profile import Profile, profile
from llmpick.evidence.values import Interval, Source
from llmpick.sources.scores.tables import read_table
from llmpick.workflow.scale.columns import Asked, ReadRuns, read_runs
from llmpick.workflow.scale.notes import LARGEST_LOSS, range_notes
from llmpick.workflow.scale.predict import as_interval

FOUND = Asked()
LITTLE_EXPLAINED = 0.5
NO_SPLIT = "the best one has less than one parameter or token, which says that these runs do not tell"
FEW_RUNS = 20
"""Below it a bootstrap of five constants is rough: many resamples hold hardly more distinct runs than constants."""


@dataclass(frozen=True, slots=True)
class FitOptions:
    """`leave_out` are rows of the file from 1; `at` are (parameters, tokens) to foretell, `flops` budgets to split; `tied` makes both
    exponents one.
    """

    file: Path
    columns: Asked = FOUND
    leave_out: tuple[int, ...] = ()
    resamples: int = 4000
    seed: int = 0
    confidence: float = 0.95
    tied: bool = False
    delta: float = DELTA
    at: tuple[tuple[float, float], ...] = ()
    flops: tuple[float, ...] = ()


def fitted(options: FitOptions) -> FitLawAnswer:
    """Raises `InputError` for a table or a column that cannot be used, or runs that do not determine the constants."""
    read = read_runs(read_table(options.file), options.columns, options.leave_out)
    found = fit(read.runs, tied=options.tied, delta=options.delta)
    resampled = bootstrap(found, options.resamples, seed=options.seed)
    profiles = tuple(profile(found, name) for name in NAMES)
    law = as_law(found, resampled, name=options.file.name, source=Source(f"a fit to {options.file.name}"))
    outliers = report_outliers(found)
    forecaster = Forecaster(found, resampled, law, replace(law, **outliers.without.constants), options.confidence)
    foretold = tuple(forecaster.run(params, tokens) for params, tokens in options.at)
    splits = tuple(forecaster.split(flops) for flops in options.flops)
    notes = _notes(read, found, profiles)
    notes += [
        f"No split of {flops_text(one.flops)} FLOPs follows: {NO_SPLIT}." for one in splits if min(one.params.value, one.tokens.value) < 1.0
    ]
    for one in (*foretold, *splits):
        notes += range_notes("this law", law.fitted, one.decades_outside, of=asked(one))
    return FitLawAnswer(
        str(options.file),
        read.columns,
        tuple(sorted(set(options.leave_out))),
        read.rows,
        found,
        constant_intervals(found, resampled, options.confidence),
        profiles,
        _holding(found.compute_exponent, resampled.exponent_interval(options.confidence), options.confidence),
        float(np.sqrt((held_out_residuals(found) ** 2).mean())),
        float(np.sqrt((straight_residuals(found.runs) ** 2).mean())),
        outliers,
        options.resamples,
        options.seed,
        foretold,
        splits,
        tuple(dict.fromkeys(notes)),
    )


@dataclass(frozen=True, slots=True)
class Forecaster:
    """Foretells by the fit to all runs, and beside it by `cleaned`, the law without the runs that stand out."""

    found: Fit
    resampled: Bootstrap
    law: AdditiveLaw
    cleaned: AdditiveLaw
    confidence: float

    def run(self, params: float, tokens: float) -> Foretold:
        each = foretell(self.found, self.resampled, self.law, params, tokens, confidence=self.confidence)
        return Foretold(params, tokens, as_interval(each), float(each.decades_outside), float(self.cleaned.at(params, tokens)))

    def split(self, flops: float) -> FittedSplit:
        """Resamples with a negative exponent have no best split, and are left out of the percentiles."""
        best, cleaned = compute_optimal(self.law, flops), compute_optimal(self.cleaned, flops)
        params, tail = float(best.params), 50.0 * (1.0 - self.confidence)
        low, high = (float(value) for value in np.nanpercentile(optimal_params_of(self.resampled.constants, flops), [tail, 100.0 - tail]))
        reached = self.run(params, float(best.tokens))
        return FittedSplit(
            flops,
            _holding(params, (low, high), self.confidence),
            _holding(float(best.tokens), (flops / 6.0 / high, flops / 6.0 / low), self.confidence),
            reached.loss,
            reached.decades_outside,
            (float(cleaned.params), float(cleaned.tokens), float(cleaned.loss)),
        )


def asked(one: Foretold | FittedSplit) -> str:
    """What was asked for, in words."""
    if isinstance(one, Foretold):
        return f"{amount(one.params)} parameters on {amount(one.tokens)} tokens"
    return f"the best split of {flops_text(one.flops)} FLOPs"


def constant_intervals(found: Fit, resampled: Bootstrap, confidence: float) -> dict[str, Interval]:
    """Each constant with its percentile interval."""
    intervals = resampled.interval(confidence)
    return {name: _holding(value, intervals[name], confidence) for name, value in found.constants.items()}


def _holding(value: float, bounds: tuple[float, float], confidence: float) -> Interval:
    """An interval of percentiles need not hold the estimate where resamples are few or alike; then it is widened to."""
    return Interval(value, min(value, bounds[0]), max(value, bounds[1]), confidence)


def _notes(read: ReadRuns, found: Fit, profiles: tuple[Profile, ...]) -> list[str]:
    notes = [f"Parameters are counted as {read.columns.params!r} counts them: the constants hold for that count only."]
    if read.columns.flops:
        notes.append(f"Tokens are {read.columns.flops!r} / (6 x {read.columns.params!r}): right where FLOPs are counted as 6 N D.")
    if float(found.runs.loss.max()) > LARGEST_LOSS:
        notes.append(
            f"A loss of {found.runs.loss.max():.3g} is more than guessing would have in nats per token: if {read.columns.loss!r} is a "
            "perplexity, fit its logarithm."
        )
    if found.r2 < LITTLE_EXPLAINED:
        notes.append(f"R2 is {found.r2:.2f}: parameters and tokens explain little of these losses, and the law is worth as little.")
    open_ones = [each.name for each in profiles if each.is_open]
    if open_ones:
        notes.append(f"These runs do not bound {', '.join(open_ones)}: other values fit them about as well. Vary sizes and tokens more.")
    if len(found.optima) > 1:
        worse = found.optima_objectives[1] / found.objective - 1.0
        notes.append(f"The fit has {len(found.optima)} minima; the next best is worse by {100 * worse:.2g} % of the objective.")
    if len(found.runs) < FEW_RUNS:
        notes.append(f"With {len(found.runs)} runs the bootstrap is rough; from {FEW_RUNS} on its intervals can be relied on more.")
    return notes
