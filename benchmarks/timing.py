"""The clock: peers and product in the same process and run, in interleaved rounds, judged by their minima."""

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

Work = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Seconds per call."""

    minimum: float
    median: float


@dataclass(frozen=True)
class Clock:
    """How long to measure."""

    rounds: int = 9
    round_seconds: float = 0.01

    def calls(self, work: Work) -> int:
        """How often to call in one round, so that a round takes about `round_seconds`."""
        count = 1
        while True:
            start = time.perf_counter()
            for _ in range(count):
                work()
            took = time.perf_counter() - start
            if took >= self.round_seconds / 4 or count >= 1 << 16:
                return max(1, round(count * self.round_seconds / max(took, 1e-9)))
            count *= 4

    def compare(self, works: Mapping[str, Work]) -> dict[str, Timing]:
        """Time several works, one round of each in turn."""
        calls = {name: self.calls(work) for name, work in works.items()}
        taken: dict[str, list[float]] = {name: [] for name in works}
        enabled = gc.isenabled()
        gc.collect()
        gc.disable()
        try:
            for _ in range(self.rounds):
                for name, work in works.items():
                    count = calls[name]
                    start = time.perf_counter()
                    for _ in range(count):
                        work()
                    taken[name].append((time.perf_counter() - start) / count)
                    gc.collect()
        finally:
            if enabled:
                gc.enable()
        return {name: Timing(min(seconds), statistics.median(seconds)) for name, seconds in taken.items()}

    def once(self, works: Iterable[Work]) -> Timing:
        """Time works that can each be done only once, such as the first use of something."""
        taken = []
        for work in works:
            gc.collect()
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
        return Timing(min(taken), statistics.median(taken))

    def one(self, work: Work) -> Timing:
        """Time one work alone."""
        return self.compare({"": work})[""]


def memcpy_speed(size: int = 2_200_000) -> float:
    """GB/s of a copy of `size` bytes within the cache: how fast the machine is today."""
    source, target = bytes(range(256)) * (size // 256), bytearray(size // 256 * 256)

    def copy() -> None:
        target[:] = source

    return len(target) / Clock(rounds=15).one(copy).minimum / 1e9


def load_warning(limit: float = 1.3) -> str | None:
    """Why the figures are not to be trusted; None on a quiet machine."""
    if not hasattr(os, "getloadavg"):
        return None
    load = os.getloadavg()[0]
    return f"load average {load:.2f} > {limit}: others are working here, this run is void" if load > limit else None
