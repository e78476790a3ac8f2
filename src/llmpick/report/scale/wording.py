"""The sentences and cells of `scale`, shared by the terminal and the page."""

import math
from pathlib import Path

from llmpick.estimate.scaling.amounts import amount, flops
from llmpick.estimate.scaling.answers import Allocation, FitLawAnswer, OptimalAnswer, PredictAnswer, RepeatAnswer
from llmpick.estimate.scaling.profile import Profile
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.text import one_line

QUESTIONS = {"flops": "that budget", "params": "a training-optimal model of that size", "loss": "that loss"}


def loss(value: Interval) -> str:
    """2.084 [2.034, 2.135]."""
    high = f"{value.high:.3f}" if value.high < 1000.0 else flops(value.high)
    return f"{value.value:.3f} [{value.low:.3f}, {high}]"


def ratio(value: float) -> str:
    """0.474, 20.5, 1,510, 2.4e07: three digits that count, thousands in full."""
    return f"{value:,.0f}" if 999.5 <= value < 1e6 else flops(value)


def constant(value: Interval) -> str:
    """Four digits that count, and the interval."""
    return f"{_digits(value.value)} [{_digits(value.low)}, {_digits(value.high)}]"


def predicted(answer: PredictAnswer) -> list[str]:
    """The loss first, then what it is worth."""
    law = answer.law
    assert isinstance(law.loss, Interval)
    what = f"{amount(answer.params)} parameters ({answer.counted}) on {amount(answer.tokens)} tokens"
    sure = f"with {numbers.probability(law.loss.confidence)} confidence, on text like {law.corpus}"
    said = [f"{what} reach a loss of {loss(law.loss)} nats per token, by {law.law}, {sure}."]
    passed = answer.overtrained
    if not isinstance(passed, Unknown):
        best = f"where the best split of the same FLOPs has {ratio(passed.optimal_tokens_per_param)}"
        cost = f"{ratio(passed.compute_ratio)} times the least FLOPs that reach this loss"
        said.append(
            f"It sees {ratio(passed.tokens_per_param)} tokens per parameter, {best}: it costs {cost}, and is "
            f"{ratio(passed.params_ratio)} times the size of the model that does."
        )
    if not isinstance(answer.downstream_error, Unknown):
        said.append(f"Mean top-1 error over Gadre's 17 tasks: {numbers.percent(answer.downstream_error)}.")
    return said


GROWTH = (
    "A straight line in the logarithm takes off as much with each tenfold as with the last. It touches the law here and soon promises too "
    "much: a power law takes off less each time, and never goes below what the other thing and the text leave."
)


def optimal(answer: OptimalAnswer) -> list[str]:
    """The split, and what serving or few data make of it."""
    split, served = answer.split, answer.served
    what = f"{amount(split.params)} parameters ({split.counted}) on {amount(split.tokens)} tokens"
    said = [f"Train {what}: {flops(split.flops)} training FLOPs, loss {loss(answer.loss)} nats per token, by {split.law}."]
    if served:
        best = f"the training-optimal {amount(served.optimal_params)} on {amount(served.optimal_tokens)}"
        more = f"{ratio(served.tokens_ratio)} times the tokens and {ratio(served.training_ratio)} times the training FLOPs"
        serving = f"Serving {amount(served.tokens)} tokens adds {flops(served.total_flops - split.flops)} FLOPs"
        total = f"{flops(served.total_flops)} in all, {100.0 * (served.total_ratio - 1.0):+.1f} % beside that model"
        said.append(f"It reaches the loss of {best} with {more}. {serving}: {total}.")
    elif answer.unique_tokens is not None and answer.epochs is not None:
        said.append(_epochs(answer.unique_tokens, answer.epochs))
    else:
        said.append(f"That is the best split of {QUESTIONS[answer.question]}; {ratio(split.tokens / split.params)} tokens per parameter.")
    return said


def _epochs(unique: float, epochs: float) -> str:
    if epochs == 1.0:
        return f"The {amount(unique)} tokens that differ are more than it takes: none is seen twice."
    return f"The {amount(unique)} tokens that differ are seen {epochs:.3g} times."


def allocation(one: Allocation) -> tuple[str, ...]:
    """Cells: law, parameters, tokens, tokens per parameter, FLOPs, loss."""
    reached = "-" if isinstance(one.loss, Unknown) else f"{one.loss:.3f}"
    mark = "" if one.counted == "total" else " *"
    return (one.law, amount(one.params) + mark, amount(one.tokens), ratio(one.tokens / one.params), flops(one.flops), reached)


def repeated(answer: RepeatAnswer) -> list[str]:
    """What the tokens are worth, the loss, and what one more epoch would add."""
    at, (low, high) = answer.at, answer.effective_range
    worth = f"{amount(at.effective_tokens)} tokens that all differ, of {amount(at.tokens)} seen"
    verb, next_ = "is" if at.epochs == 1 else "are", 100.0 * answer.next_epoch
    next_ = f"{next_:.0f} %" if next_ >= 1.0 else "less than 1 %"
    share = f"{100.0 * at.effective_tokens / at.tokens:.1f} %; {amount(low)} to {amount(high)} by constants that fit as well"
    said = [
        f"{at.epochs:g} epoch{'s' * (at.epochs != 1)} over {amount(answer.unique_tokens)} tokens {verb} worth {worth} ({share}).",
        f"{amount(answer.params)} parameters reach a loss of {loss(answer.loss)} nats per token ({answer.all_unique:.3f} if all differed).",
        f"A token of one more epoch is worth {next_} of a new one.",
    ]
    if answer.effective_params < 0.9995 * answer.params:
        said.append(f"The parameters are more than the unique tokens need, and are worth {amount(answer.effective_params)}.")
    return said


def fitted(answer: FitLawAnswer) -> list[str]:
    """The law, what follows for budgets, and how well it describes the runs."""
    found, a = answer.fit, answer.compute_exponent
    c = {name: _digits(value) for name, value in found.constants.items()}
    law = f"L(N, D) = {c['E']} + {c['A']} / N^{c['alpha']} + {c['B']} / D^{c['beta']}"
    return [
        f"{law}, fitted to {numbers.counted(len(found.runs), 'run')} of {one_line(Path(answer.file).name)}.",
        f"The best number of parameters grows as FLOPs^{a.value:.3f} [{a.low:.3f}, {a.high:.3f}]{_without(answer, _exponent(answer))}.",
        f"R2 {found.r2:.4f}; Huber sum {found.objective:.6g} (delta {found.delta:g}, log loss).",
        f"Runs left out of the fit in ten folds of neighbouring FLOPs are missed by {percent(answer.held_out)} (root mean square); a "
        f"straight line in the logarithms of N and D misses them by {percent(answer.straight_held_out)}.",
    ]


def foretold(answer: FitLawAnswer) -> list[str]:
    """The runs and the budgets that were asked for."""
    said = [
        f"{amount(one.params)} parameters on {amount(one.tokens)} tokens: {loss(one.loss)}{_without(answer, f'{one.without_outliers:.3f}')}"
        for one in answer.foretold
    ]
    for one in answer.splits:
        params, tokens = (f"{amount(each.value)} [{amount(each.low)}, {amount(each.high)}]" for each in (one.params, one.tokens))
        n, d, reached = one.without_outliers
        without = _without(answer, f"{amount(n)} on {amount(d)}, {reached:.3f}")
        said.append(f"{flops(one.flops)} FLOPs: best {params} parameters on {tokens} tokens: {loss(one.loss)}{without}")
    return said


def _exponent(answer: FitLawAnswer) -> str:
    return f"{answer.outliers.without.compute_exponent:.3f}"


def _without(answer: FitLawAnswer, value: str) -> str:
    """What the same would be without the runs that stand out; nothing where none do."""
    n = len(answer.outliers.outliers)
    return f" (without the {numbers.counted(n, 'run')} that {'stands' if n == 1 else 'stand'} out: {value})" if n else ""


def outliers(answer: FitLawAnswer) -> list[str]:
    """Each run that stands out, and what leaving them out would change."""
    found = answer.outliers.outliers
    if not found:
        return []
    said = [f"row {answer.rows[one.row]}: {one.reason}" for one in found]
    rows = ",".join(str(row) for row in sorted((*answer.left_out, *(answer.rows[one.row] for one in found))))
    before, after = answer.fit.constants, answer.outliers.without.constants
    changes = ", ".join(f"{name} {_digits(before[name])} → {_digits(after[name])}" for name in before)
    return [*said, f"They are in the fit. Without them: {changes}. If they are wrong: --leave-out {rows}"]


def fit_legend(answer: FitLawAnswer) -> str:
    """What the two intervals of a constant are."""
    confidence = numbers.probability(answer.compute_exponent.confidence)
    return (
        f"interval: the middle {confidence} of {answer.resamples:,} bootstraps, seed {answer.seed}; profile: how far the constant may move "
        "while the others adapt (95% by profile likelihood, open where nothing stops it); it is narrower, since it takes residuals for "
        "independent and Laplace"
    )


def profile_bounds(one: Profile) -> str:
    low = "open" if one.low == 0.0 else _digits(one.low)
    high = "open" if math.isinf(one.high) else _digits(one.high)
    return f"{low} to {high}"


def percent(share: float) -> str:
    """3 %, 0.52 %, 240 %."""
    return f"{100.0 * share:.2g} %" if share < 0.995 else f"{100.0 * share:,.0f} %"


def _digits(value: float) -> str:
    """477.8, 12,846, 0.3473, 2.43e7."""
    return f"{value:.4g}" if value < 1e4 else f"{value:,.0f}" if value < 1e6 else flops(value)
