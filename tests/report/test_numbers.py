"""How numbers are written: each table is the rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from llmpick.evidence.values import Estimate, Interval, Measurement, Source, Unknown
from llmpick.report import numbers

GIB = 2**30


def interval(value: float, low: float, high: float) -> Interval:
    return Interval(value, low, high, 0.95)


def test_percentages_reach_nothing_and_everything_only_when_they_do():
    shares = (0, 0.0002, 0.0005, 0.05, 0.871, 0.9994, 0.99951, 1)
    assert {share: numbers.percent(share) for share in shares} == snapshot(
        {0: "0%", 0.0002: "<0.1%", 0.0005: "0.1%", 0.05: "5.0%", 0.871: "87.1%", 0.9994: "99.9%", 0.99951: ">99.9%", 1: "100%"}
    )


def test_a_score_carries_its_interval_and_a_tiny_base_is_told_as_rows():
    cases = [
        (interval(0.871, 0.839, 0.898), 212),
        (interval(1, 0.9, 1), 40),
        (interval(0.75, 0.3, 0.95), 5),
        (interval(0.75, 0.3, 0.95), 4),
        (interval(0.625, 0.3, 0.95), 4),
        (interval(0, 0, 0.8), 1),
        (Unknown("not measured"), 0),
    ]
    assert [numbers.score(*case) for case in cases] == snapshot(
        ["87.1% [83.9, 89.8]", "100% [90.0, 100]", "75.0% [30.0, 95.0]", "3 of 4", "2.5 of 4", "0 of 1", "unknown"]
    )
    assert [numbers.short_score(*case) for case in cases] == snapshot(["87.1%", "100%", "75.0%", "3 of 4", "2.5 of 4", "0 of 1", "unknown"])


def test_differences_are_signed_points():
    cases = [interval(-0.463, -0.519, -0.408), interval(0.005, -0.012, 0.02), interval(0, 0, 0), interval(-0.0004, -0.001, 0)]
    assert [numbers.points(case) for case in cases] == snapshot(
        ["-46.3 [-51.9, -40.8]", "+0.5 [-1.2, +2.0]", "0.0 [0.0, 0.0]", "0.0 [-0.1, 0.0]"]
    )
    assert numbers.distance(-0.463) == snapshot("46.3 points")
    assert numbers.by_more_than(0.02) == snapshot(" by more than 2.0 points")
    assert numbers.by_more_than(0.0) == snapshot("")


def test_memory_is_gib_until_a_gib_is_too_coarse():
    sizes = (0, 5 * 2**20, 0.0101 * GIB, 0.24 * GIB, 9.994 * GIB, 10 * GIB, 404.83 * GIB)
    assert [numbers.memory(size) for size in sizes] == snapshot(
        ["0.0 MiB", "5.0 MiB", "0.01 GiB", "0.24 GiB", "9.99 GiB", "10.0 GiB", "404.8 GiB"]
    )


def test_durations_use_the_unit_that_a_person_would():
    durations = (0, 0.0004, 0.24, 0.9994, 0.9996, 3.44, 74.4, 119.6, 120, 192, 7199, 7200, 7500, 90_000)
    assert [numbers.seconds(s) for s in durations] == snapshot(
        [
            "0 s",
            "<1 ms",
            "240 ms",
            "999 ms",
            "1.0 s",
            "3.4 s",
            "74 s",
            "120 s",
            "2 min",
            "3 min 12 s",
            "119 min 59 s",
            "2 h",
            "2 h 5 min",
            "25 h",
        ]
    )


def test_counts_rates_and_money():
    assert [numbers.count(n) for n in (0, 999, 1234567)] == snapshot(["0", "999", "1,234,567"])
    assert [numbers.counted(n, "row") for n in (0, 1, 1200)] == snapshot(["0 rows", "1 row", "1,200 rows"])
    assert [numbers.rate(x) for x in (0.35, 8.44, 19.96, 20, 1234.5)] == snapshot(["0.3", "8.4", "20.0", "20", "1,234"])
    assert [numbers.money(x) for x in (0, 0.00004, 0.0131, 0.9999, 1, 1234.5)] == snapshot(
        ["0.00", "<0.0001", "0.0131", "0.9999", "1.00", "1,234.50"]
    )
    assert [numbers.share_of(k, n) for k, n in ((3, 4), (212, 320), (0, 0))] == snapshot(["3 of 4", "212 of 320 (66.2%)", "0 of 0"])
    assert [numbers.probability(p) for p in (0.9, 0.95, 0.999)] == snapshot(["90%", "95%", "99.9%"])


@pytest.mark.parametrize(
    ("quantity", "written"),
    [
        (Measurement(interval(GIB, GIB, GIB), "bytes", 1, Source("here")), "1.00 GiB"),
        (Estimate(interval(GIB, GIB, GIB), "bytes", Source("formula")), "~1.00 GiB"),
        (Unknown("no file"), "-"),
    ],
)
def test_an_estimate_never_looks_like_a_measurement(quantity, written):
    assert numbers.memory_cell(quantity) == written


@pytest.mark.parametrize(("rate", "written"), [(1.008e12, "1,008 GB/s"), (68.3e9, "68.3 GB/s"), (400e9, "400 GB/s"), (64e9, "64 GB/s")])
def test_bandwidth(rate, written):
    assert numbers.bandwidth(rate) == written


@pytest.mark.parametrize(("rate", "written"), [(330.4e12, "330"), (14.12e12, "14.1"), (4.5e15, "4,500"), (16e12, "16")])
def test_tera(rate, written):
    assert numbers.tera(rate) == written


@pytest.mark.parametrize(
    ("n", "written"),
    [
        (7, "7"),
        (262_144, "262,144"),
        (999_499, "999,499"),
        (134_515_008, "135 million"),
        (999_999_999, "1.00 billion"),
        (1_543_714_304, "1.54 billion"),
        (13_015_864_320, "13.0 billion"),
        (671_026_419_200, "671 billion"),
        (15_000_000_000_000, "15.0 trillion"),
    ],
)
def test_large_counts(n, written):
    assert numbers.large(n) == written


@given(st.floats(0, 1))
def test_a_percentage_is_never_further_than_its_last_digit(share):
    written = numbers.percent(share).rstrip("%")
    if written[0] == "<":
        assert 0 < share < 0.001
    elif written[0] == ">":
        assert 0.999 < share < 1
    else:
        assert abs(float(written) - 100 * share) <= 0.0501


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_longer_duration_is_never_written_as_a_shorter_one(a, b):
    def read(text: str) -> float:
        units = {"ms": 0.001, "s": 1, "min": 60, "h": 3600}
        parts = text.replace("<1", "0.5").split()
        return sum(float(n) * units[unit] for n, unit in zip(parts[::2], parts[1::2], strict=True))

    low, high = sorted((a, b))
    assert read(numbers.seconds(low)) <= read(numbers.seconds(high))
