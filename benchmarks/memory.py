"""R: memory above the input, each case in a process of its own. Linux only, which can reset its high-water mark."""

import plistlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from .context import Context
from .report import Row, Target

STATUS = Path("/proc/self/status")


def kilobytes(field: str) -> int:
    """A figure of this process as the kernel keeps it."""
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise LookupError(field)


def peak(work: Callable[[], object]) -> int:
    """Bytes that `work` needs above what is there already, at its worst moment. Its result is kept until then."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = kilobytes("VmRSS")
    result = work()
    after = kilobytes("VmHWM")
    del result
    return max(0, after - before) * 1024


def measure(case: str, folder: Path, small: bytes) -> int:
    """One case; what is loaded on first use is loaded before, with a small snapshot."""
    process, cache, complete = ((folder / name).read_bytes() for name in ("process", "cache", "complete"))
    if case == "plistlib":
        from . import peers

        plistlib.loads(plistlib.dumps({}, fmt=plistlib.FMT_BINARY))
        return peak(lambda: peers.listing(process, cache))
    from dyld_atlas import Snapshot

    from .columns import image_columns, segment_columns, values

    images = Snapshot.from_bytes(small, providers=()).images
    image_columns(images), segment_columns(images), values(images)
    if case == "open":
        return peak(lambda: Snapshot.from_bytes(complete, providers=()))
    snapshot = Snapshot.from_bytes(complete, providers=())
    if case == "columns":
        return peak(lambda: (snapshot.images.columns(), snapshot.images.segment_columns()))
    return peak(lambda: values(snapshot.images))


def memory(context: Context) -> Iterator[Row]:
    """R1: opening, columns, and the full listing."""
    if not STATUS.exists():
        return
    from . import corpus

    small = context.folder / "small"
    small.write_bytes(corpus.make("small", 2, 2, context.seed, cache_images=4).archive)
    for each in context.corpora:
        folder = context.folder / f"memory {each.name}"
        folder.mkdir(exist_ok=True)
        complete = corpus.archive(
            {"process.plist": each.process_plist, corpus.cache_entry(each.uuid): each.cache_plist}
        )
        for name, data in (("process", each.process_plist), ("cache", each.cache_plist), ("complete", complete)):
            (folder / name).write_bytes(data)
        found = {}
        for case in ("open", "columns", "listing", "plistlib"):
            command = [sys.executable, "-m", "benchmarks.memory", case, str(folder), str(small)]
            tries = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(3)]
            found[case] = min(int(out) for out in tries) / 1e6
        rows = context.expected[each.name]
        arrays = len(rows) * (3 * 8 + 16) + sum(len(row.segments) for row in rows) * (4 + 3 * 8 + 1)
        peer = {"plistlib": found["plistlib"]}
        yield Row("R1", each.name, "open, above the input", "MB", found["open"], peers=peer, target=Target(most=0.1))
        bar = Target(most=round(arrays * 1.1 / 1e6 + 0.1, 3))
        yield Row("R1", each.name, "all columns", "MB", found["columns"], peers=peer, target=bar)
        bar = Target(ratio=1, peer="plistlib")
        yield Row("R1", each.name, "full listing in Python", "MB", found["listing"], peers=peer, target=bar)


WORKLOADS = {"R1": memory}

if __name__ == "__main__":
    print(measure(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]).read_bytes()))
