from functools import lru_cache

import numpy as np
import pytest
from tests.shared_data import shared_data

from fit_speed import DECODE, PREFILL, chip, class_of, decode_speed, decode_table, fit, serving_table
from fit_speed_report import stated_spread
from llmpick.catalog.speeds import load_speeds
from llmpick.estimate.rooflines import Layout, weights_read
from serving_rows import MOST_REQUESTS, read_serving
from speed_model import CLASSES, SERVING
from speed_rows import Row, Screened, read_rows

MEANS = {name: parameter.mean for name, parameter in (DECODE | PREFILL | SERVING).items()}


@lru_cache(maxsize=1)
def screened() -> Screened:
    shared_data("fit/model_configs.csv")
    shared_data("fit/model_id_map.csv")
    return read_rows(shared_data("fit/speed_single_stream.csv").parent)


def single() -> list[Row]:
    return [row for row in screened().rows if row.engine == "llama.cpp" and row.gpus == 1]


def test_no_row_beats_the_memory_and_the_screen_says_what_it_took():
    for row in screened().rows:
        assert float(weights_read(row.shape, 1, Layout()).device) * row.decode <= row.bandwidth, row
    assert screened().dropped["flagged weights_exceed_memory"] > 0
    assert all(reason and count > 0 for reason, count in screened().dropped.items())


def test_the_context_of_a_bench_is_half_of_what_it_generated():
    row = next(row for row in single() if row.kind == "clean bench" and row.device == "RTX 4090" and row.prompt == 8192)
    assert row.context == 4096


def test_a_fit_finds_constants_again_from_speeds_made_with_them():
    rows = [row for row in single() if row.vendor == "nvidia"][::3]
    truth = MEANS | {"gddr": 0.8, "layer.old": 100e-6, "cache.old": 0.25}
    table = decode_table(rows)
    made = table._replace(measured=decode_speed(table, truth))
    found = fit(made, np.ones(len(rows), dtype=bool), DECODE, decode_speed, MEANS)
    for name in ("gddr", "layer.old", "cache.old"):
        assert found[name] == pytest.approx(truth[name], rel=0.05)


def test_constants_of_the_catalog_are_those_of_the_fit_and_within_its_targets():
    rows = single()
    table = decode_table(rows)
    found = fit(table, np.ones(len(rows), dtype=bool), DECODE, decode_speed, MEANS)
    listed = {entry.constants.name: entry.constants for entry in load_speeds()}
    for entry in CLASSES[:-1]:
        for name in ("weight_efficiency", "layer_s"):
            parameter = entry.constants[name]
            assert isinstance(parameter, str)
            assert getattr(listed[entry.name], name) == pytest.approx(found[parameter], rel=0.02)
    errors = np.abs(np.expm1(np.log(decode_speed(table, found) / table.measured)))
    bench = np.array([row.kind == "clean bench" for row in rows])
    vendors = np.array([row.vendor for row in rows])
    assert errors[bench & (vendors == "nvidia")].mean() < 0.07
    assert errors[bench & (vendors == "apple")].mean() < 0.12


def test_serving_rows_are_measured_once_and_not_waiting():
    shared_data("fit/speed_serving.csv")
    rows = read_serving(shared_data("fit/model_configs.csv").parent)
    assert len({(row.ttft_s, row.tpot_s) for row in rows}) == len(rows)
    assert max(row.requests for row in rows) <= MOST_REQUESTS
    assert serving_table(rows).measured.min() > 0


def test_the_stated_width_holds_nine_of_ten_reports():
    generator = np.random.default_rng(3)
    errors = np.concatenate([generator.normal(0, 0.02, 500), generator.normal(0, 0.2, 100)])
    kinds = ["clean bench"] * 500 + ["user reports"] * 100
    assert np.mean(np.abs(errors[500:]) <= stated_spread(errors, kinds)) == pytest.approx(0.9, abs=0.01)
    assert stated_spread(errors[:500], kinds[:500]) == 0.05


def test_variants_of_a_chip_are_one_device():
    assert chip("M1 Max 24c") == "M1 Max" == chip("M1 Max")


def test_rows_fall_into_the_class_of_their_engine_and_age():
    names = {CLASSES[class_of(row)].name for row in single() if row.device == "RTX 4090"}
    assert names == {"llama.cpp, NVIDIA from Ada on", "llama.cpp, NVIDIA from Ada on, before build 4000"}
