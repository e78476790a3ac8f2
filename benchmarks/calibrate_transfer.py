"""How well a machine that was calibrated with one model predicts another: the two demo models, each predicted from the other alone.

    python benchmarks/calibrate_transfer.py [--seconds 50]

Run it while the machine is idle. Measures both models (as `llmpick calibrate` does), then prints for each reading what the constants
learned from the other model expect, and how many readings lie in their intervals, which are stated at 90%.
"""

import argparse
from pathlib import Path

from llmpick.estimate.machine_speed import calibrated, expected_seconds, speed_points
from llmpick.estimate.shape import Range, Shape, shape_of
from llmpick.evidence.calibration import SpeedReading
from llmpick.evidence.values import Source
from llmpick.measure.speed import SpeedMeter
from llmpick.sources.gguf import read_gguf
from llmpick.sources.hardware import this_machine
from llmpick.workflow.calibrate import DEPLOYMENT, bandwidth_of, believed_of, rate_of
from llmpick.workflow.models.weights_blueprint import blueprint_of

MODELS = Path(__file__).parents[1] / "examples" / "models"
Measured = tuple[Shape, list[SpeedReading]]


def measured(path: Path, seconds: float) -> Measured:
    weights = read_gguf(path)
    shape = shape_of(blueprint_of(weights))
    assert shape is not None
    newest = {(reading.kind, reading.tokens): reading for reading in SpeedMeter(weights, seconds).readings()}
    return shape, [reading for reading in newest.values() if reading.kind != "start"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=50.0, help="per model")
    seconds = parser.parse_args().seconds
    device = this_machine()
    bandwidth, believed = bandwidth_of(device), believed_of(device)
    print(f"{device.name}, {device.cores} cores, reading memory at {bandwidth / 1e9:.1f} GB/s")
    models = {path.stem: measured(path, seconds) for path in sorted(MODELS.glob("*.gguf"))}
    for learned_from, (shape, readings) in models.items():
        points = {learned_from: speed_points(shape, DEPLOYMENT, believed, readings)}
        constants = calibrated(points, believed, bandwidth, rate_of(device, believed), Source("here"))
        for other, (its_shape, its_readings) in models.items():
            if other == learned_from:
                continue
            print(f"\nlearned from {learned_from}, predicting {other}")
            inside = 0
            for reading in its_readings:
                expected = expected_seconds(its_shape, device, DEPLOYMENT, constants, reading)
                assert isinstance(expected, Range)
                lies = expected.low <= reading.typical <= expected.high
                inside += lies
                told = f"{1000 * expected.value:8.1f} [{1000 * expected.low:8.1f}, {1000 * expected.high:8.1f}] ms"
                off = expected.value / reading.typical - 1
                print(
                    f"  {reading.kind:8} {reading.tokens:5} measured {1000 * reading.typical:8.1f} ms  expected {told} {off:+5.0%}"
                    f" {'' if lies else 'outside'}  (runs vary by {reading.unrest:.0%})"
                )
            print(f"  {inside} of {len(its_readings)} inside")


if __name__ == "__main__":
    main()
