"""How near an engine comes to what a device could do: the constants of the speed formulas, fitted on published measurements.

One set holds for one engine on one kind of device (`catalog/speeds.yaml`); a machine that was measured has a set of its own
(`estimate/calibration.py`).
"""

from dataclasses import dataclass

from llmpick.evidence.values import Source


@dataclass(frozen=True, slots=True)
class SpeedConstants:
    """Seconds, shares of the device's rated speed, and how surely they hold.

    A decode step costs `token_s`, `layer_s` per layer (launching its kernels), `expert_layer_s` more where a layer has experts,
    `recurrent_layer_s` more where it has recurrent state, and `sequence_s` per sequence. `weight_efficiency` and `kv_efficiency` are shares
    of the memory bandwidth, `compute_efficiency` of the 16-bit rate, `attention_efficiency` the same for the attention of a prompt; with
    experts the prompt's rate is multiplied by `expert_efficiency`. Big devices are used less well: of 100 x n TFLOPS only n^exponent count,
    `compute_exponent` 1 being in proportion. `unpack_ops` are operations that unpacking one quantised weight takes.
    A prompt costs `prefill_s` beside that, and `request_s` until its first token goes out. `allreduce_s` is the latency of one
    exchange between the devices of a tensor-parallel group. `core_flops` stands for the rate of a CPU core where no rate is known.

    The spreads are half-widths of log(measured / estimated) that hold 90% of devices that no fit has seen. `bandwidth_bytes_per_s` and
    `flops` are measured rates that take the place of the device's own.
    """

    name: str
    source: Source
    token_s: float = 0.0
    layer_s: float = 0.0
    expert_layer_s: float = 0.0
    recurrent_layer_s: float = 0.0
    sequence_s: float = 0.0
    weight_efficiency: float = 1.0
    kv_efficiency: float = 1.0
    unpack_ops: float = 0.0
    compute_efficiency: float = 1.0
    compute_exponent: float = 1.0
    attention_efficiency: float = 1.0
    expert_efficiency: float = 1.0
    prefill_s: float = 0.0
    request_s: float = 0.0
    allreduce_s: float = 0.0
    core_flops: float | None = None
    decode_spread: float = 0.0
    prefill_spread: float = 0.0
    ttft_spread: float = 0.0
    rows: int = 0
    devices: int = 0
    bandwidth_bytes_per_s: float | None = None
    flops: float | None = None
