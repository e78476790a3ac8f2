"""Times one model on llama.cpp: reading prompts and writing after contexts of growing length, in runs that each last a moment.

The engine is the child process that `pick` uses, with the same settings, so that what is measured is what a user gets. A prompt grows
in place: what the cache holds is not evaluated again, so the longest prompt is paid for once and each length on the way is timed.
Times are the engine's own (`timings`): without the transport, and without the start.
"""

import time
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from typing import Any

from llmpick.evidence.calibration import ReadingKind, SpeedReading
from llmpick.evidence.errors import EngineError
from llmpick.evidence.model import Weights
from llmpick.measure.llamacpp.process import LlamaCppProcess, Start, default_memory_limit_bytes, default_threads, start_timeout_s
from llmpick.measure.server.client import Client

LENGTHS = (16, 128, 512, 1024, 2048, 4096)
"""Tokens. From 512 on one batch of llama.cpp (n_ubatch) is full, so that a length that is left out is told by the ones before it."""
STEPS = 8
RUNS = 5
FRESH_UP_TO = 512
"""Prompts up to here are evaluated several times from nothing; what is longer lasts seconds and is timed once."""
PATIENCE_S = 4.0
"""So long one length may be repeated; two runs are always made."""
GROWTH = 1.5
"""A further token of a prompt takes so much longer than the ones before it, at the most: attention grows with the context."""
WAKE_S = 1.8e-4
"""What a layer takes longer because the engine's waiting threads sleep: 30 layers in 15 instead of 9.5 ms (`llamacpp_child`)."""
TEXT = "The harbour master counts ships, crates and gulls; on Mondays he writes 17 lines, on other days {} or fewer. "
LONG_ENOUGH_S = 0.25
"""The kernel counts computing in hundredths of a second."""
CALL_TIMEOUT_S = 600.0

Clock = Callable[[], float]


@dataclass(slots=True)
class SpeedMeter:
    """The readings of one model, one after the other, within `seconds` from the start of the engine on.

    The shortest length is always measured. `done` are (kind, tokens) that are known already and not measured again.
    """

    weights: Weights
    seconds: float
    done: Set[tuple[str, int]] = frozenset()
    clock: Clock = time.perf_counter
    version: str = field(init=False, default="")
    devices: list[dict[str, str]] = field(init=False, default_factory=list[dict[str, str]])
    threads: int = field(init=False, default_factory=default_threads)
    cores_got: list[float] = field(init=False, default_factory=list[float])
    """Of each prompt that took a while: on how many cores the engine computed. Fewer than `threads`: another program used them."""

    def readings(self) -> Iterator[SpeedReading]:
        """Each reading as soon as there is one, and again with more runs in it; leaving the loop ends the engine.

        Raises what `LlamaCppProcess` and `Client` raise.
        """
        room = (self.weights.context_tokens or LENGTHS[-1] + STEPS) - STEPS
        lengths = [length for length in LENGTHS if length <= room]
        if all((kind, length) in self.done for kind in ("decode", "prefill") for length in lengths):
            return
        began = self.clock()
        with LlamaCppProcess(self._start(lengths[-1] + STEPS)) as process:
            self.version, self.devices = process.version, process.devices
            yield SpeedReading("start", 0, (self.clock() - began,))
            client = Client(f"{process.url}/v1", key=process.key, timeout_s=CALL_TIMEOUT_S, retries=0)
            try:
                slot = _Slot(client, process.url, lengths[-1], self.clock, _cpu_clock(process.pid), self.cores_got)
                yield from self._timed(slot, lengths, began + self.seconds)
            finally:
                client.close()

    def _timed(self, slot: "_Slot", lengths: list[int], end: float) -> Iterator[SpeedReading]:
        """Up through the lengths and down again, so that what disturbs the machine for a while disturbs no length alone.

        A length whose prompt would not be done in time is not begun, nor any longer one.
        """
        slot.read(lengths[0])  # the first call touches memory that no later call touches again
        seen: dict[tuple[ReadingKind, int], tuple[float, ...]] = {}
        for length in lengths:
            left = end - self.clock()
            if length > lengths[0] and slot.expected(length) > left:
                break
            patience = min(PATIENCE_S, left / 4)
            yield from self._added(seen, "prefill", length, slot.prompts(length, patience))
            yield from self._added(seen, "decode", length, slot.steps(length, patience))
        for length in reversed(lengths):
            if ("decode", length) in seen and self.clock() < end:
                yield from self._added(seen, "decode", length, slot.steps(length, PATIENCE_S))
            if ("prefill", length) in seen and length <= FRESH_UP_TO and slot.afresh(length) < end - self.clock():
                yield from self._added(seen, "prefill", length, (slot.read(length),))

    def _added(
        self, seen: dict[Any, tuple[float, ...]], kind: ReadingKind, length: int, seconds: tuple[float, ...]
    ) -> Iterator[SpeedReading]:
        if (kind, length) not in self.done:
            seen[kind, length] = seen.get((kind, length), ()) + seconds
            yield SpeedReading(kind, length, seen[kind, length])

    def _start(self, n_ctx: int) -> Start:
        return Start(
            self.weights.path, n_ctx, self.threads, default_memory_limit_bytes(), timeout_s=start_timeout_s(self.weights.weight_bytes)
        )


class _Slot:
    """The engine's one slot, with a prompt that grows. Seconds are the engine's own."""

    def __init__(self, client: Client, url: str, longest: int, clock: Clock, cpu: Clock, cores_got: list[float]) -> None:
        self._client, self._url, self._clock, self._cpu, self._cores_got = client, url, clock, cpu, cores_got
        text = "".join(TEXT.format(number) for number in range(longest // 8))
        self._tokens: list[int] = client.post(f"{url}/tokenize", {"content": text, "add_special": True})["tokens"]
        if len(self._tokens) < longest:
            raise EngineError("the engine's tokenizer returns fewer tokens than words", where=url, remedy="measure with another model")
        self._held = 0
        self._so_far = 0.0
        self._per_token = 0.0

    def expected(self, length: int) -> float:
        """Seconds that growing the prompt to `length`, and writing after it, may take."""
        return (length - self._held) * self._per_token * GROWTH

    def afresh(self, length: int) -> float:
        """Seconds that reading the whole prompt may take."""
        return length * self._per_token * GROWTH

    def read(self, length: int) -> float:
        """Seconds of reading the prompt from nothing; the slot then holds it."""
        seconds = self._call(length, 0, cached=False)["prompt_ms"] / 1000
        self._held, self._so_far, self._per_token = length, seconds, seconds / length
        return seconds

    def prompts(self, length: int, patience_s: float) -> tuple[float, ...]:
        """Several readings from nothing where that is short, else what it takes to go on from where the slot is."""
        if length <= FRESH_UP_TO:
            return self._repeated(lambda: self.read(length), patience_s)
        timings = self._call(length, 0, cached=True)
        self._per_token = timings["prompt_ms"] / 1000 / max(timings["prompt_n"], 1)
        self._so_far += self._per_token * (length - self._held)  # a few tokens before were written over, and are read again
        self._held = length
        return (self._so_far,)

    def steps(self, length: int, patience_s: float) -> tuple[float, ...]:
        """Seconds per step while the cache holds `length` tokens on average, of several short runs.

        The first token comes from the prompt, so n tokens are n - 1 steps.
        """

        def run() -> float:
            timings = self._call(length - STEPS // 2, STEPS + 1, cached=True)
            if timings["predicted_n"] <= STEPS:
                raise EngineError("the engine stopped writing before it was told to", where=self._url, remedy="measure with another model")
            return timings["predicted_ms"] / 1000 / STEPS

        return self._repeated(run, patience_s)

    def _repeated(self, run: Callable[[], float], patience_s: float) -> tuple[float, ...]:
        began = self._clock()
        seconds = [run(), run()]
        while len(seconds) < RUNS and self._clock() - began < patience_s:
            seconds.append(run())
        return tuple(seconds)

    def _call(self, length: int, tokens: int, *, cached: bool) -> dict[str, Any]:
        """One completion, greedy, and never ended by the model itself."""
        body = {
            "prompt": self._tokens[:length],
            "n_predict": tokens,
            "cache_prompt": cached,
            "ignore_eos": True,
            "temperature": 0,
            "samplers": ["temperature"],
        }
        before = self._cpu()
        timings = self._client.post(f"{self._url}/completion", body)["timings"]
        seconds = (timings["prompt_ms"] + timings["predicted_ms"]) / 1000
        if not tokens and seconds > LONG_ENOUGH_S:
            self._cores_got.append((self._cpu() - before) / seconds)
        return timings


def _cpu_clock(pid: int | None) -> Clock:
    """Seconds of computing that the engine's process has had, on all cores together."""
    import psutil

    process = psutil.Process(pid)

    def read() -> float:
        times = process.cpu_times()
        return times.user + times.system

    return read
