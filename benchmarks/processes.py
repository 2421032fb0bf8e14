"""D2, D3: processes that are running, which `SimulatedProcess` plays."""

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
from dyld_atlas.testing import SimulatedProcess, SnapshotBuilder

from .context import Context, per_corpus
from .corpus import Corpus
from .report import Row, Target

_NEW = "/usr/lib/libnew.dylib"


class Poller:
    """What a program does without this one: read the memory, decode all of it, compare sets."""

    def __init__(self, pid: int, plist_size: int) -> None:
        """Finds the structure once."""
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
            found = re.search(r"^([0-9a-f]+)-.*memfd:dyld_all_image_infos", maps.read(), re.MULTILINE)
        assert found is not None
        self.infos, self.plist_size = int(found[1], 16), plist_size
        self.memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        self.known: set[tuple[object, object]] = set()

    def images(self) -> set[tuple[object, object]]:
        """UUID and address of every image."""
        address, size = struct.unpack("<QQ", os.pread(self.memory, 16, self.infos + 0x130))
        atlas = os.pread(self.memory, size, address)
        start = atlas.index(b"bplist00")
        record = plistlib.loads(atlas[start : start + self.plist_size])
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


def archives(each: Corpus) -> tuple[bytes, bytes, int]:
    """The corpus's own record and the same with one image more, and how long the first is as a property list."""
    from dyld_atlas.formats import Archive

    made = []
    for more in (False, True):
        builder = SnapshotBuilder(pid=each.process["proc"])
        for image in each.process["imgs"]:
            segments = [{**segment} for segment in image.get("segs", ())]
            builder.image(None, uuid=None, address=None, segments=None, extra={**image, "segs": segments})
        if more:
            builder.image(_NEW, address=0x7_0000_0000_0000)
        made.append(builder.build())
    return made[0], made[1], len(Archive.from_bytes(made[0])["process.plist"])


def live(context: Context) -> Iterator[Row]:
    """D3: read, check, decode; the process runs on."""
    if sys.platform != "linux":
        return
    for each in context.corpora:
        archive, other, size = archives(each)
        with SimulatedProcess() as simulated:
            process = simulated.process
            simulated.publish(archive)
            with closing(Poller(simulated.pid, size)) as poller:
                assert len(poller.images()) == len(process.snapshot().images)
                # Nothing would be read twice: each snapshot needs a publication of its own.
                taken = []
                for number in range(context.clock.rounds * 4):
                    simulated.publish(other if number % 2 else archive, notify=False)
                    start = time.perf_counter()
                    process.snapshot()
                    taken.append(time.perf_counter() - start)
                simulated.publish(archive, notify=False)
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
        first, second, size = archives(each)
        heard: list[tuple[int, ChangeKind]] = []

        def hear(change: Change, heard: list[tuple[int, ChangeKind]] = heard) -> None:
            if not change.initial:
                heard.append((time.monotonic_ns(), change.kind))

        with SimulatedProcess() as simulated:
            simulated.publish(first)
            with simulated.process.watch() as watcher, closing(Poller(simulated.pid, size)) as poller:
                watcher.subscribe(hear)
                taken = []
                for _ in range(context.clock.rounds * 4):
                    for archive in (second, first):
                        simulated.publish(archive)
                        taken.append((heard[-1][0] - simulated.published_at) * 1e-9)
                expected = [ChangeKind.LOADED, ChangeKind.UNLOADED] * (context.clock.rounds * 4)
                assert [kind for _, kind in heard] == expected
                peer = context.clock.one(poller.changes).minimum
        us = min(taken) * 1e6, statistics.median(taken) * 1e6
        target = Target(most=per_corpus(each.name, 60, 2500), ratio=per_corpus(each.name, 1, 65), peer="plistlib")
        yield Row("D2", each.name, "published to delivered", "us", *us, {"plistlib": peer * 1e6}, target)


WORKLOADS = {"D2": delivered, "D3": live}
