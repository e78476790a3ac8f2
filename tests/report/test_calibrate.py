"""The report of a calibration: plain words with units, the table, and everything as JSON."""

import json
from datetime import UTC, date, datetime
from io import StringIO

from rich.console import Console

from llmpick.estimate.calibration_report import CalibrationReport, Timed
from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.evidence.calibration import SpeedReading
from llmpick.evidence.device import Device
from llmpick.evidence.values import Interval, Source, Unknown
from llmpick.report.calibrate import calibration_document, fit_in_words, plain_words, print_calibration

CONSTANTS = SpeedConstants(
    "this machine",
    Source("llmpick calibrate", checked=date(2026, 11, 24)),
    token_s=0.0003,
    layer_s=0.00025,
    weight_efficiency=0.9,
    kv_efficiency=0.4,
    compute_efficiency=0.25,
    attention_efficiency=0.15,
    prefill_s=0.004,
    decode_spread=0.1,
    prefill_spread=0.5,
    bandwidth_bytes_per_s=20e9,
    flops=200e9,
)
TIMED = Timed(
    "models/[bold]small.gguf",
    "Q4_1",
    96_576_768,
    (
        SpeedReading("start", 0, (0.6,)),
        SpeedReading("prefill", 512, (2.6, 2.7)),
        SpeedReading("decode", 16, (0.0125, 0.0130, 0.0131)),
        SpeedReading("decode", 2048, (0.020,)),
    ),
    (None, Unknown("no rate"), Interval(0.0130, 0.0118, 0.0144, 0.9), Interval(0.0300, 0.0270, 0.0330, 0.9)),
)
REPORT = CalibrationReport(
    run="20261124-120000-llama-cpp-ab12",
    machine=Device("AMD EPYC", "cpu", 24 * 2**30, 20 * 2**30, cores=2),
    engine="llama.cpp",
    version="xllamacpp 2026.10.11549",
    threads=2,
    measured=datetime(2026, 11, 24, 12, tzinfo=UTC),
    seconds=95.0,
    constants=CONSTANTS,
    models=(TIMED,),
    notes=("The machine was busy.",),
)


def test_the_constants_in_plain_words() -> None:
    assert list(plain_words(REPORT)) == [
        "AMD EPYC, 2 cores, 24 GiB, llama.cpp (xllamacpp 2026.10.11549), 2 threads, 95 s",
        "  memory: weights at 18.0 GB/s, 90% of the 20.0 GB/s that reading memory reaches; the cache at 8.0 GB/s",
        "  fixed cost of a token: 0.30 ms, and 0.250 ms for each layer",
        "  reading prompts: 50 GFLOP/s, attention 30 GFLOP/s, 4 ms per prompt",
        "  other models, with 90% probability: writing within a factor of 1.11, reading prompts within 1.65",
        "  of what was timed, the constants miss 27% on average, +50% at worst; 1 of 2 readings lie in their interval",
    ]


def test_without_anything_to_compare_it_says_so() -> None:
    assert (
        fit_in_words(CalibrationReport("r", REPORT.machine, "e", "v", 2, REPORT.measured, 1.0, CONSTANTS, ())) == "nothing can be compared"
    )


def test_the_table_has_rates_and_intervals_and_fits_a_terminal() -> None:
    out = StringIO()
    print_calibration(REPORT, Console(file=out, width=80, no_color=True))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "[bold]small.gguf (Q4_1, 0.09 GiB, starts in 600 ms)" in text
    for row in ("write after 16 80 3 4% 77 [69, 85] -4%", "write after 2,048 50 1 - 33 [30, 37] -33%", "read 512 197 2 2% - -"):
        assert row in " ".join(text.split())
    assert "Note: The machine was busy." in text


def test_everything_is_in_the_document() -> None:
    document = json.loads(json.dumps(calibration_document(REPORT), allow_nan=False))
    assert document["machine"] == "AMD EPYC, 2 cores, 24 GiB"
    assert document["constants"]["weight_efficiency"] == 0.9
    readings = document["models"][0]["readings"]
    assert readings[0] == {
        "kind": "decode",
        "tokens": 16,
        "seconds": [0.0125, 0.013, 0.0131],
        "typical_seconds": 0.0125,
        "expected_seconds": {"value": 0.013, "low": 0.0118, "high": 0.0144, "confidence": 0.9},
    }
    assert [reading["expected_seconds"] for reading in readings if reading["kind"] != "decode"] == [None, None]
