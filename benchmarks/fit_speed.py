"""Fits the constants of `catalog/speeds.yaml` on measured rows, and says how well they predict devices and models they have not seen.

    python benchmarks/fit_speed.py --data ../shared/data/fit           # the screen, the errors, and the constants as YAML
    python benchmarks/fit_speed.py --data ../shared/data/fit --check   # compares with the catalog, exit 1 where it differs

Maximum posterior with Huber's loss on log(estimated / measured) in units of the source's noise (Huber 1964), under the priors of
`speed_model.py`. Intervals are the 90% quantile of the errors on devices that were left out of the fit.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from scipy.optimize import least_squares

from fit_speed_report import ENOUGH, error_table, stated_spread, yaml_entry
from llmpick.catalog.speeds import SpeedClass, load_speeds
from llmpick.estimate.kv_cache import cache_bytes, state_bytes
from llmpick.estimate.rooflines import Layout, Machine, Work, decode_seconds, prefill_seconds
from llmpick.estimate.shape import stack
from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.evidence.values import Source
from serving_rows import ServingRow, read_serving
from speed_model import CLASSES, DECODE, PREFILL, SERVING, UNMEASURED, Class, Parameter
from speed_rates import flops_of
from speed_rows import Row, Screened, read_rows

Array = np.ndarray[Any, Any]
HUBER = 1.5
"""Errors beyond 1.5 standard deviations count linearly (Huber 1964: 96% efficient at the normal distribution)."""
UNMEASURED_SPREAD = 0.6
"""Stated where fewer than ten rows say anything: a factor of 1.8."""
FITTED = Source("fitted")
CONSTANTS = tuple(f.name for f in fields(SpeedConstants) if f.type is float or f.type == "float")


class Serving(NamedTuple):
    """Serving rows as arrays; `prefills` is the share of a step in which a prompt of another request is read."""

    rows: Sequence[ServingRow]
    classes: Array
    shape: Any
    machine: Machine
    work: Work
    layout: Layout
    output_tokens: Array
    measured: Array
    noise: Array


class Table(NamedTuple):
    """Rows as arrays: what the formulas take, what was measured, and which class each row belongs to."""

    rows: Sequence[Row]
    classes: Array
    shape: Any
    machine: Machine
    work: Work
    measured: Array
    noise: Array


def class_of(row: Row) -> int:
    """The first class that holds for the row, as the catalog chooses it."""
    for index, entry in enumerate(CLASSES):
        known = SpeedClass(entry.engines, entry.vendors, entry.devices, entry.before_build, SpeedConstants("", FITTED))
        if known.matches(row.engine, row.vendor, row.device, row.build):
            return index
    raise LookupError(f"no class for {row.device} with {row.engine}")


def table_of(rows: Sequence[Row], measured: Sequence[float]) -> Table:
    shape = stack([row.shape for row in rows])
    context = np.array([row.context for row in rows])
    prompt = np.array([row.prompt or 512.0 for row in rows])
    cache = np.asarray(cache_bytes(shape, context).total) + 2 * np.asarray(state_bytes(shape))
    return Table(
        rows,
        np.array([class_of(row) for row in rows]),
        shape,
        Machine(np.array([row.bandwidth for row in rows]), np.array([flops_of(row.device) or np.inf for row in rows])),
        Work(np.ones(len(rows)), cache, prompt, np.minimum(512.0, prompt)),
        np.array(measured),
        np.array([row.noise for row in rows]),
    )


def decode_table(rows: Sequence[Row]) -> Table:
    return table_of(rows, [row.decode for row in rows])


def prefill_table(rows: Sequence[Row]) -> Table:
    usable = [row for row in rows if row.prefill and flops_of(row.device)]
    return table_of(usable, [row.prefill or 0.0 for row in usable])


def constants_at(table: "Table | Serving", values: dict[str, float]) -> SpeedConstants:
    """The constants of every row's class, as arrays."""
    columns = {name: np.array([_value(entry, name, values) for entry in CLASSES])[table.classes] for name in CONSTANTS}
    # Formats of one scale per block (Q4_0, Q8_0) unpack in next to no time; the catalog's constant is for the K and I types.
    simple = np.array([getattr(row, "quant", "") in ("Q4_0", "Q8_0") for row in table.rows])
    columns["unpack_ops"] = np.where(simple, 0.0, columns["unpack_ops"])
    return replace(SpeedConstants("fit", FITTED), **columns)


def _value(entry: Class, name: str, values: dict[str, float]) -> float:
    default = {field.name: field.default for field in fields(SpeedConstants)}[name]
    said = entry.constants.get(name, default)
    return values[said] if isinstance(said, str) else float(said)


def decode_speed(table: Table, values: dict[str, float]) -> Array:
    return 1.0 / np.asarray(decode_seconds(table.shape, table.machine, constants_at(table, values), table.work, Layout()))


def prefill_speed(table: Table, values: dict[str, float]) -> Array:
    seconds = prefill_seconds(table.shape, table.machine, constants_at(table, values), table.work, Layout())
    return np.asarray(table.work.prompt_tokens) / np.asarray(seconds)


def serving_table(rows: Sequence[ServingRow]) -> Serving:
    shape = stack([row.shape for row in rows])

    def column(name: str) -> Array:
        return np.array([float(getattr(row, name)) for row in rows])

    context = column("input_tokens") + column("output_tokens") / 2
    cache = np.asarray(cache_bytes(shape, context).total)
    return Serving(
        rows,
        np.full(len(rows), len(CLASSES) - 1),
        shape,
        Machine(column("bandwidth"), column("flops"), column("link")),
        Work(column("requests"), cache, column("input_tokens"), np.minimum(8192.0, column("input_tokens"))),
        Layout(column("tensor_parallel")),
        column("output_tokens"),
        column("tpot_s"),
        np.full(len(rows), 0.2),
    )


def serving_speed(table: Serving, values: dict[str, float]) -> Array:
    """Tokens per second and request: in the time of one answer every other request's prompt is read once too."""
    constants = constants_at(table, values)
    step = np.asarray(decode_seconds(table.shape, table.machine, constants, table.work, table.layout))
    prompt = np.asarray(prefill_seconds(table.shape, table.machine, constants, table.work, table.layout))
    return 1.0 / (step + np.asarray(table.work.sequences) * prompt / table.output_tokens)


def fit(table: Any, keep: Array, priors: dict[str, Parameter], speed: Any, fixed: dict[str, float]) -> dict[str, float]:
    """Parameter values by name, from the rows `keep`; those of `fixed` stay."""
    names = list(priors)
    mean = np.log([priors[name].mean for name in names])
    spread = np.array([priors[name].spread for name in names])
    part = take_rows(table, keep)

    def values(point: Array) -> dict[str, float]:
        return fixed | dict(zip(names, np.exp(mean + spread * point), strict=True))

    def residuals(point: Array) -> Array:
        scaled = log_error(part, speed, values(point)) / part.noise
        size = np.abs(scaled)
        bent = np.where(size <= HUBER, size, np.sqrt(HUBER * np.maximum(2 * size - HUBER, 0)))
        return np.concatenate([np.sign(scaled) * bent, point])

    found = least_squares(residuals, np.zeros(len(names)), x_scale="jac")
    return values(found.x)


def log_error(table: Any, speed: Any, values: dict[str, float]) -> Array:
    """log(estimated / measured) speed; serving rows have measured a time."""
    measured = 1 / table.measured if isinstance(table, Serving) else table.measured
    return np.log(speed(table, values) / measured)


def take_rows(table: Any, keep: Array) -> Any:
    index = np.flatnonzero(keep)
    rows = [table.rows[i] for i in index]
    return serving_table(rows) if isinstance(table, Serving) else table_of(rows, table.measured[index].tolist())


def left_out(table: Any, key: Callable[[Any], str], priors: dict[str, Parameter], speed: Any, fixed: dict[str, float]) -> Array:
    """For every row log(estimated / measured) by constants that were fitted without all rows of the same key."""
    keys = np.array([key(row) for row in table.rows])
    errors = np.full(len(table.rows), np.nan)
    for name in dict.fromkeys(keys.tolist()):
        out = keys == name
        values = fit(table, ~out, priors, speed, fixed)
        errors[out] = log_error(table, speed, values)[out]
    return errors


class Fitted(NamedTuple):
    """All parameters, the rows they came from, and the errors on what each left-out fit had not seen."""

    values: dict[str, float]
    decode: Table
    prefill: Table
    serving: Serving
    unseen_decode: Array
    unseen_models: Array
    unseen_prefill: Array
    unseen_serving: Array
    waited: Array


def fit_all(folder: Path, rows: Sequence[Row]) -> Fitted:
    """Three fits that share constants: decode first, then prefill with those, then serving; rows of several GPUs are scored only."""
    single = [row for row in rows if row.engine == "llama.cpp" and row.gpus == 1]
    decode, prefill, serving = decode_table(single), prefill_table(single), serving_table(read_serving(folder))
    means = {name: parameter.mean for name, parameter in (DECODE | PREFILL | SERVING).items()}
    values = fit(decode, np.ones(len(single), dtype=bool), DECODE, decode_speed, means)
    values = fit(prefill, np.ones(len(prefill.rows), dtype=bool), PREFILL, prefill_speed, values)
    values = fit(serving, np.ones(len(serving.rows), dtype=bool), SERVING, serving_speed, values)
    return Fitted(
        values,
        decode,
        prefill,
        serving,
        left_out(decode, lambda row: chip(row.device), DECODE, decode_speed, values),
        left_out(decode, lambda row: row.model, DECODE, decode_speed, values),
        left_out(prefill, lambda row: chip(row.device), PREFILL, prefill_speed, values),
        left_out(serving, lambda row: row.model, SERVING, serving_speed, values),
        first_token_errors(serving, values),
    )


def chip(device: str) -> str:
    """Variants of one chip by GPU cores are one device."""
    return re.sub(r" \d+c$", "", device)


def first_token_errors(serving: Serving, values: dict[str, float]) -> Array:
    """log(estimated / measured) of the time to the first token with four requests at once, of which half a queue is waiting."""
    constants = constants_at(serving, values)
    prompt = np.asarray(prefill_seconds(serving.shape, serving.machine, constants, serving.work, serving.layout))
    step = np.asarray(decode_seconds(serving.shape, serving.machine, constants, serving.work, serving.layout))
    few = np.array([row.requests <= 4 for row in serving.rows])
    estimated = prompt * (np.asarray(serving.work.sequences) + 1) / 2 + step + values["vllm.request"]
    return np.log(estimated / np.array([row.ttft_s for row in serving.rows]))[few]


def spreads_of(found: Fitted) -> dict[str, tuple[float, float, float]]:
    """Half-widths for decode, prefill and first token by family of classes."""
    spreads = {}
    for family in dict.fromkeys(entry.family for entry in CLASSES):
        if family == "serving":
            width = stated_spread(found.unseen_serving, ["serving"] * len(found.unseen_serving))
            first = stated_spread(found.waited, ["serving"] * len(found.waited))
            spreads[family] = width, first, first
            continue
        decode = _of_family(found.decode, found.unseen_decode, family)
        prefill = _of_family(found.prefill, found.unseen_prefill, family)
        spreads[family] = decode, prefill, prefill
    return spreads


def _of_family(table: Table, errors: Array, family: str) -> float:
    inside = np.array([CLASSES[index].family == family for index in table.classes])
    if inside.sum() < ENOUGH:
        return UNMEASURED_SPREAD
    return stated_spread(errors[inside], [row.kind for row, yes in zip(table.rows, inside, strict=True) if yes])


def entries(found: Fitted) -> dict[str, str]:
    """The YAML of every class, fitted and not, by name."""
    spreads = spreads_of(found)
    texts = {}
    for index, entry in enumerate(CLASSES):
        table = found.serving if entry.family == "serving" else found.decode
        rows = [row for row, of in zip(table.rows, table.classes, strict=True) if of == index]
        devices = {getattr(row, "gpu", None) or chip(row.device) for row in rows}
        constants = {name: _value(entry, name, found.values) for name in CONSTANTS if name in entry.constants}
        texts[entry.name] = _entry(entry, constants, spreads[entry.family], len(rows), len(devices), "fit")
    for entry, (decode, prefill) in UNMEASURED:
        constants = {name: float(entry.constants[name]) for name in CONSTANTS if name in entry.constants}
        constants |= {"core_flops": float(entry.constants["core_flops"])} if "core_flops" in entry.constants else {}
        texts[entry.name] = _entry(entry, constants, (decode, prefill, prefill), 0, 0, "formula")
    return texts


def _entry(entry: Class, constants: dict[str, float], spreads: tuple[float, float, float], rows: int, devices: int, source: str) -> str:
    stated = dict(zip(("decode_spread", "prefill_spread", "ttft_spread"), spreads, strict=True))
    return yaml_entry(entry.name, entry._asdict(), constants | stated, rows, devices, source)


def print_report(found: Fitted, screened: Screened) -> None:
    print(f"{len(screened.rows)} rows compared; left out:")
    for reason, count in sorted(screened.dropped.items(), key=lambda pair: -pair[1]):
        print(f"{count:6}  {reason}")
    spreads = spreads_of(found)

    def widths(table: Any, part: int) -> Array:
        return np.array([spreads[CLASSES[index].family][part] for index in table.classes])

    def named(table: Any) -> list[str]:
        return [f"{CLASSES[of].family}, {row.kind}" for row, of in zip(table.rows, table.classes, strict=True)]

    seen = np.log(decode_speed(found.decode, found.values) / found.decode.measured)
    print(error_table("\nDecode, rows of the fit", seen, named(found.decode)))
    print(error_table("\nDecode, device left out", found.unseen_decode, named(found.decode), widths(found.decode, 0)))
    print(error_table("\nDecode, model left out", found.unseen_models, named(found.decode), widths(found.decode, 0)))
    print(error_table("\nPrefill, device left out", found.unseen_prefill, named(found.prefill), widths(found.prefill, 1)))
    models = [f"serving, {row.model}" for row in found.serving.rows]
    print(error_table("\nServing, speed of one request, model left out", found.unseen_serving, models, widths(found.serving, 0)))
    several = [row for row in screened.rows if row.gpus > 1]
    table = decode_table(several)
    errors = np.log(decode_speed(table, found.values) / table.measured)
    print(error_table("\nSeveral GPUs split by layer, not in the fit", errors, named(table), widths(table, 0)))


def differences(found: Fitted) -> list[str]:
    """Constants of the catalog that are more than 2% from the fit, and entries that only one of them has."""
    listed = {entry.constants.name: entry.constants for entry in load_speeds()}
    said = {name: yaml.safe_load(text)[0] for name, text in entries(found).items()}
    wrong = [f"only one of catalog and fit has {name!r}" for name in listed.keys() ^ said.keys()]
    for name in listed.keys() & said.keys():
        for key, value in said[name]["constants"].items():
            if not np.isclose(float(value), getattr(listed[name], key), rtol=0.02):
                wrong.append(f"{name}: {key} is {getattr(listed[name], key):.3g} in the catalog, {float(value):.3g} in the fit")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with speed_single_stream.csv and model_configs.csv")
    parser.add_argument("--check", action="store_true", help="compare with the catalog")
    arguments = parser.parse_args()
    screened = read_rows(arguments.data)
    found = fit_all(arguments.data, screened.rows)
    if arguments.check:
        wrong = differences(found)
        print("\n".join(wrong) or "the catalog's constants are those of the fit")
        return 1 if wrong else 0
    print_report(found, screened)
    print("\nspeeds:")
    print("\n".join(entries(found).values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
