"""D2, D3: processes that are running, which `SimulatedProcess` plays."""

import itertools
import os
import plistlib
import re
import statistics
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import closing

from dyld_atlas import Change, ChangeKind
from dyld_atlas.formats import Archive
from dyld_atlas.testing import SimulatedProcess, SnapshotBuilder

from .context import Context, per_corpus
from .corpus import Corpus
from .report import Row, Target

_NEW = "/usr/lib/libnew.dylib"


class Poller:
    """What a program does without this one: read the memory, decode all of it, compare sets."""

    def __init__(self, pid: int) -> None:
        """Finds the structure once."""
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
            found = re.search(r"^([0-9a-f]+)-.*memfd:dyld_all_image_infos", maps.read(), re.MULTILINE)
        assert found is not None
        self.infos = int(found[1], 16)
        self.memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        self.known: set[tuple[object, object]] = set()

    def images(self) -> set[tuple[object, object]]:
        """UUID and address of every image. plistlib opens no archive, so that part is ours."""
        address, size = struct.unpack("<QQ", os.pread(self.memory, 16, self.infos + 0x130))
        atlas = os.pread(self.memory, size, address)
        record = plistlib.loads(bytes(Archive.from_bytes(atlas)["process.plist"]))
        return {(image.get("uuid"), image.get("addr")) for image in record["imgs"]}

    def changes(self) -> tuple[int, int]:
        """How many came and went since the last look."""
        now = self.images()
        counted = len(now - self.known), len(self.known - now)
        self.known = now
        return counted

    def close(self) -> None:
        """Lets go of the process."""
        os.close(self.memory)


def archives(each: Corpus) -> Iterator[tuple[bytes, int]]:
    """The corpus's own record and the same with one image more, in turn, each with a later time."""
    timestamp = time.monotonic_ns()
    for number in itertools.count():
        builder = SnapshotBuilder(pid=each.process["proc"], timestamp=timestamp + number)
        for image in each.process["imgs"]:
            builder.image(None, uuid=None, address=None, segments=None, extra=image)
        if number % 2:
            builder.image(_NEW, address=0x7_0000_0000_0000)
        yield builder.build(), timestamp + number


def live(context: Context) -> Iterator[Row]:
    """D3: read, check, decode; the process runs on."""
    if sys.platform != "linux":
        return
    for each in context.corpora:
        made = archives(each)
        with SimulatedProcess() as simulated, closing(Poller(simulated.pid)) as poller:
            process = simulated.process
            taken = []
            # Nothing is read twice: each snapshot needs a publication of its own.
            for archive, timestamp in itertools.islice(made, context.clock.rounds * 4):
                simulated.publish(archive, timestamp=timestamp, notify=False)
                start = time.perf_counter()
                process.snapshot()
                taken.append(time.perf_counter() - start)
            assert len(poller.images()) == len(process.snapshot().images)
            polled = context.clock.one(poller.images).minimum
            again = context.clock.one(process.snapshot)
        peer = {"plistlib": polled * 1e6}
        us = min(taken) * 1e6, statistics.median(taken) * 1e6
        yield Row("D3", each.name, "snapshot of a live process", "us", *us, peer)
        yield Row("D3", each.name, "the same, nothing changed", "us", again.minimum * 1e6, again.median * 1e6, peer)


def delivered(context: Context) -> Iterator[Row]:
    """D2: one image comes or goes in a process of many."""
    if sys.platform != "linux":
        return
    for each in context.corpora:
        made = archives(each)
        heard: list[tuple[int, ChangeKind]] = []

        def hear(change: Change, heard: list[tuple[int, ChangeKind]] = heard) -> None:
            if not change.initial:
                heard.append((time.monotonic_ns(), change.kind))

        with SimulatedProcess() as simulated:
            archive, timestamp = next(made)
            simulated.publish(archive, timestamp=timestamp)
            with simulated.process.watch() as watcher, closing(Poller(simulated.pid)) as poller:
                watcher.subscribe(hear)
                taken = []
                for archive, timestamp in itertools.islice(made, context.clock.rounds * 4):
                    simulated.publish(archive, timestamp=timestamp)
                    taken.append((heard[-1][0] - simulated.published_at) * 1e-9)
                expected = [ChangeKind.LOADED, ChangeKind.UNLOADED] * (context.clock.rounds * 2)
                assert [kind for _, kind in heard] == expected
                peer = context.clock.one(poller.changes).minimum
        us = min(taken) * 1e6, statistics.median(taken) * 1e6
        target = Target(most=per_corpus(each.name, 60, 2500), ratio=per_corpus(each.name, 1, 65), peer="plistlib")
        yield Row("D2", each.name, "published to delivered", "us", *us, {"plistlib": peer * 1e6}, target)


WORKLOADS = {"D2": delivered, "D3": live}
