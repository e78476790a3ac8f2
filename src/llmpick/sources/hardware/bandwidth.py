"""How fast this machine's processor reads its memory, measured: what bounds the speed of a model on a CPU."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

from llmpick.sources.hardware.ask import text_of

_CPUS = Path("/sys/devices/system/cpu")
_LEAST_BYTES = 256 * 2**20
_MOST_BYTES = 2**30
_TIMES_THE_CACHE = 3
"""The array is so many times larger than the last-level caches together, so that hardly anything is found in them."""
_SHARE_OF_FREE_MEMORY = 0.25


def measured_bandwidth(threads: int | None = None, *, free_bytes: int | None = None, seconds: float = 0.3) -> float:
    """Bytes per second of the fastest of several passes over an array larger than the caches, all threads reading at once.

    Reading alone, as a model's weights are read: the largest element is looked for, which needs next to no arithmetic. The fastest pass
    counts, as in STREAM (McCalpin, 1995), since other processes can only take away. Takes `seconds` and the time to fill the array.
    """
    import numpy as np  # only when it is measured: the command line reaches this module at its start

    from llmpick.sources.hardware.host import this_machine

    machine = this_machine()
    workers = max(1, threads or machine.cores or 1)
    size = _array_bytes(machine.memory_free_bytes if free_bytes is None else free_bytes)
    parts = np.array_split(np.ones(size // 4, dtype=np.int32), workers)
    with ThreadPoolExecutor(workers) as pool:
        fastest, began = float("inf"), perf_counter()
        while fastest == float("inf") or perf_counter() - began < seconds:
            started = perf_counter()
            list(pool.map(np.max, parts))
            fastest = min(fastest, perf_counter() - started)
    return size / fastest


def _array_bytes(free_bytes: int) -> int:
    """At least 4 MiB, whatever the memory: a smaller array would measure the clock."""
    wanted = max(_LEAST_BYTES, _TIMES_THE_CACHE * _last_level_bytes())
    return max(4 * 2**20, min(wanted, _MOST_BYTES, int(free_bytes * _SHARE_OF_FREE_MEMORY)))


def _last_level_bytes(cpus: Path = _CPUS) -> int:
    """All last-level caches of the machine, each counted once; 0 where the kernel does not tell."""
    sizes: dict[str, int] = {}
    for number in range(os.cpu_count() or 1):
        folder = cpus / f"cpu{number}" / "cache" / "index3"
        size, sharers = (text_of(folder / "size") or "").strip(), (text_of(folder / "shared_cpu_list") or "").strip()
        if size.endswith("K") and size[:-1].isdigit():
            sizes[sharers] = int(size[:-1]) * 2**10
    return sum(sizes.values())
