"""Fits of scaling laws: how long they take, what they give, and how far beyond their runs they hold.

    OMP_NUM_THREADS=1 python benchmarks/scaling_fit.py ../shared/data

1. The fit of Epoch's 240 points and 4,000 bootstraps, on one thread, beside the published figures; the limit is 60 s on 2 cores. Also the
   covariance that `published.CHINCHILLA_SPREAD` holds.
2. Extrapolation: laws fitted to the smaller runs of OLMo's ladder foretell its larger runs and OLMo-2 7B and 13B. The root mean square miss
   per decade outside the fitted range is `laws.PER_DECADE`; nothing of Chinchilla's runs enters it.
3. Coverage of the 90% intervals on the runs that step 2 used, and on Chinchilla's, which it did not: fitted to those of fewer FLOPs, asked
   for the rest.
"""

import csv
import re
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llmpick.estimate.scaling.conventions import ModelSize
from llmpick.estimate.scaling.fitting import Runs, as_law, bootstrap, checked_runs, fit
from llmpick.estimate.scaling.laws import PER_DECADE, Prediction, predict
from llmpick.estimate.scaling.profile import profile
from llmpick.estimate.scaling.published import EPOCH_PAPER

PUBLISHED = {
    "A": "477.84; 285.2 to 743.6",
    "alpha": "0.34731; 0.317 to 0.373",
    "B": "2143.86; 1042 to 5810",
    "beta": "0.36718; 0.331 to 0.415",
    "E": "1.8172; 1.769 to 1.871",
}
LIMIT_S = 60.0
SIZES = {"190M": 190_354_176, "370M": 371_262_464, "760M": 758_220_288, "1B": 1_279_395_840, "3B": 3_169_537_280}
OLMO_2 = ((6_887_575_552.0, 3.945e12, 2.4829), (13_202_396_160.0, 5e12, 2.4376))
CUTS = ((8e8, 11), (1.3e9, 11), (1.3e9, 6), (4e9, 11), (4e9, 6), (8e8, 6))
"""Largest parameters, and largest multiple of 20 tokens per parameter, of the ladder's runs that are fitted."""


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "scaling" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def chinchilla(folder: Path) -> Runs:
    """Without the five highest losses, as Epoch's fit."""
    table = rows(folder, "analyzing-chinchilla/svg_extracted_data.csv")
    params, flops, loss = (np.array([float(row[name]) for row in table]) for name in ("Model Size", "Training FLOP", "loss"))
    runs = checked_runs(params, loss, flops=flops)
    return runs.only(np.argsort(runs.loss)[:-5])


def ladder(folder: Path) -> Runs:
    found = list(OLMO_2)
    for row in rows(folder, "olmo-ladder/ladder_final_step.csv"):
        named = re.fullmatch(r"(\d+[MB])-(\d+(?:\.\d+)?)xC", row["run"])
        if named and float(named[2]) >= 1:
            params = SIZES[named[1]]
            found.append((params, 20 * params * float(named[2]), float(row["eval/c4_en-validation/CrossEntropyLoss"])))
    return Runs(*np.array(found).T)


def foretold(seen: Runs, rest: Runs) -> Prediction:
    found = fit(seen)
    law = as_law(found, bootstrap(found, 500, seed=0), name="part", source=EPOCH_PAPER)
    return predict(law, ModelSize(total=rest.params), rest.tokens, confidence=0.9)


def cut(every: Runs, top: float, multiple: float) -> tuple[Runs, Runs]:
    """The runs that are fitted, and the rest."""
    inside = (every.params < top) & (every.tokens / every.params < 20 * multiple)
    return every.only(inside), every.only(~inside)


def per_decade(guess: Prediction, rest: Runs) -> NDArray[np.float64]:
    """What each run well outside the fitted range is missed by, over its distance to it."""
    far = guess.decades_outside > 0.2
    return np.log(guess.value / rest.loss)[far] / guess.decades_outside[far]


def the_fit(runs: Runs) -> None:
    start = time.perf_counter()
    found = fit(runs)
    fitted = time.perf_counter()
    resampled = bootstrap(found, 4000, seed=1)
    bootstrapped = time.perf_counter()
    profiles = {name: profile(found, name) for name in PUBLISHED}
    end = time.perf_counter()
    took = f"{fitted - start:.2f} s, 4,000 bootstraps {bootstrapped - fitted:.2f} s, five profiles {end - bootstrapped:.2f} s"
    print(f"{len(runs)} runs: fit {took} (limit {LIMIT_S:g} s: ratio {(bootstrapped - start) / LIMIT_S:.3f})")
    print(f"objective {found.objective:.13f} (published 0.0010182740), R2 {found.r2:.4f}, a {found.compute_exponent:.4f} (0.513)")
    intervals, errors = resampled.interval(), resampled.standard_errors()
    for name, value in found.constants.items():
        low, high = intervals[name]
        held = f"profile {profiles[name].low:.4g} to {profiles[name].high:.4g}"
        print(f"  {name:5} {value:8.5g}; {low:.4g} to {high:.4g} (published {PUBLISHED[name]}), SE {errors[name]:.4g}, {held}")
    law = as_law(found, resampled, name="epoch", source=EPOCH_PAPER)
    assert law.spread is not None
    print(f"spread around {law.spread.params:.4e} parameters and {law.spread.tokens:.4e} tokens, scatter {law.scatter:.4f}:")
    for line in law.spread.covariance:
        print("  " + " ".join(f"{value:11.4e}" for value in line))


def extrapolation(every: Runs) -> None:
    rates, covered = [], []
    for top, multiple in CUTS:
        seen, rest = cut(every, top, multiple)
        guess = foretold(seen, rest)
        rates += per_decade(guess, rest).tolist()
        covered += ((guess.low <= rest.loss) & (rest.loss <= guess.high)).tolist()
        missed = np.round(100 * np.log(guess.value / rest.loss), 2)
        print(f"  {len(seen)} runs below {top:.1e} parameters, up to {multiple}x: misses of the rest % {missed}")
    print(f"per decade outside: {np.sqrt(np.mean(np.square(rates))):.4f} (PER_DECADE {PER_DECADE}); median {np.median(np.abs(rates)):.4f}")
    print(f"90 % intervals of the ladder cover {np.sum(covered)} of {len(covered)}")


def coverage(runs: Runs) -> None:
    order = np.argsort(runs.params * runs.tokens)
    for share in (0.3, 0.5, 0.7, 0.85):
        cut = int(len(runs) * share)
        rest = runs.only(order[cut:])
        guess = foretold(runs.only(order[:cut]), rest)
        inside = (guess.low <= rest.loss) & (rest.loss <= guess.high)
        missed = np.sqrt(np.mean(np.log(guess.value / rest.loss) ** 2))
        print(
            f"Chinchilla's {share:.0%} of fewest FLOPs foretell the rest: 90 % intervals cover {inside.mean():.3f}, missed by {missed:.4f}"
        )


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    runs = chinchilla(folder)
    the_fit(runs)
    extrapolation(ladder(folder))
    coverage(runs)


if __name__ == "__main__":
    main()
