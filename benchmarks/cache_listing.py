"""G: all images of a shared cache, from its files alone and with its atlas. A cache is opened for the first time once.

So every time is taken in a process of its own, in which everything else was loaded before.
"""

import json
import lzma
import plistlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from DyldExtractor.dyld.dyld_context import DyldContext  # type: ignore[import-untyped]
from DyldExtractor.macho.macho_context import MachOContext  # type: ignore[import-untyped]

from dyld_atlas import SharedCache

from .cache_files import Scale, add_atlas, built, scale
from .columns import image_columns, segment_columns
from .context import Context
from .memory import kilobytes
from .report import Row, Target

TOP = Path(__file__).resolve().parents[1]
LC_UUID = 0x1B
Listing = list[tuple[str, int, UUID, list[tuple[str, int, int]]]]
"""Path, address, UUID and segments (name, address, size) of each image, by path."""


def arrays(cache: SharedCache) -> int:
    """UUID, address and segments of every image, as columns."""
    return image_columns(cache.images) + segment_columns(cache.images)


def names(cache: SharedCache) -> int:
    """The same, with all names as Python objects."""
    arrays(cache)
    columns, parts = cache.images.columns(), cache.images.segment_columns()
    return len(list(columns.install_name)) + len(list(parts.name))


def listing(cache: SharedCache) -> Listing:
    """By us, as plain values."""
    columns, parts = cache.images.columns(), cache.images.segment_columns()
    rows = zip(
        np.asarray(parts.image_index).tolist(),
        parts.name,
        np.asarray(parts.address).tolist(),
        np.asarray(parts.vm_size).tolist(),
        strict=True,
    )
    segments: list[list[tuple[str, int, int]]] = [[] for _ in range(len(columns))]
    for index, *segment in rows:
        segments[index].append((segment[0], segment[1], segment[2]))
    uuids = [UUID(bytes=row.tobytes()) for row in np.asarray(columns.uuid)]
    images = zip(columns.install_name, np.asarray(columns.address).tolist(), uuids, segments, strict=True)
    return sorted((path or "", address, uuid, parts) for path, address, uuid, parts in images)


def by_facts(scale: Scale) -> Listing:
    """As an independent reader found it when the cache was made."""
    found = json.loads(lzma.decompress(scale.facts.read_bytes()))
    return sorted(
        (
            image["path"],
            int(image["address"]),
            UUID(image["uuid"]),
            [(name, int(address), int(size)) for name, address, size, *_ in image["segments"]],
        )
        for image in found["images"]
    )


def by_extractor(main: Path) -> Listing:
    """By dyldextractor: its list of images, then the load commands of each."""
    found: Listing = []
    with main.open("rb") as file:
        cache = DyldContext(file)
        others = cache.addSubCaches(main)
        for image in cache.images:
            offset, context = cache.convertAddr(image.address)
            path = cache.readString(image.pathFileOffset)[:-1].decode()
            macho = MachOContext(context.fileObject, offset, False)
            uuid = next(UUID(bytes=bytes(each.uuid)) for each in macho.loadCommands if each.cmd == LC_UUID)
            segments = [(each.seg.segname.decode(), each.seg.vmaddr, each.seg.vmsize) for each in macho.segmentsI]
            found.append((path, image.address, uuid, segments))
        for other in others:
            other.close()
    return sorted(found)


WORKS: dict[str, Callable[[SharedCache], object]] = {
    "open": lambda cache: len(cache.images),
    "arrays": arrays,
    "names": names,
}


def first(case: str, main: Path, small: Path, *, scavenge: bool) -> tuple[float, int]:
    """Seconds of opening and one work, and bytes of memory that both took."""
    work = WORKS[case]
    work(SharedCache.open(small, scavenge=scavenge))
    before, start = kilobytes("VmRSS"), time.perf_counter()
    cache = SharedCache.open(main, scavenge=scavenge)
    work(cache)
    took = time.perf_counter() - start
    return took, (kilobytes("VmRSS") - before) * 1024


def firsts(context: Context, case: str, main: Path, *, scavenge: bool) -> tuple[float, float, int]:
    """Least and middle seconds of several processes, and their least memory."""
    small = small_cache(context.folder)
    command = [sys.executable, "-m", "benchmarks.cache_listing", case, str(main), str(small), str(int(scavenge))]
    runs = [
        subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=True).stdout
        for _ in range(context.clock.rounds)
    ]
    seconds, sizes = zip(*((float(a), int(b)) for a, b in (run.split() for run in runs)), strict=True)
    return min(seconds), statistics.median(seconds), min(sizes)


@lru_cache(maxsize=1)
def small_cache(folder: Path) -> Path:
    """A cache that loads what is loaded on first use, atlas and all."""
    builder, main = built(folder / "small cache", 2)
    builder.write(main.parent, atlas=True)
    return main


@lru_cache(maxsize=2)
def by_rust(main: Path, rounds: int) -> dict[str, float]:
    """Milliseconds of our core alone and of `object`, from one program; nothing where it cannot be built."""
    build = ["cargo", "build", "--quiet", "--locked", "--release", "--package", "atlas-core", "--example", "list_cache"]
    run = ["cargo", "run", *build[2:], "--", str(main), str(rounds)]
    try:
        subprocess.run(build, cwd=TOP, check=True)
        found: dict[str, Any] = json.loads(subprocess.run(run, cwd=TOP, capture_output=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"without our core alone and object: {error}", file=sys.stderr)
        return {}
    return {name: found[name] * 1e3 for name in ("atlas-core", "object")}


def from_files(context: Context) -> Iterator[Row]:
    """G1: every image with UUID and segments, from headers alone; G2: memory for it."""
    known = scale(context.folder)
    if known is None:
        return
    expected = by_facts(known)
    assert listing(SharedCache.open(known.main, scavenge=True)) == expected == by_extractor(known.main)
    peers = by_rust(known.main, 5 * context.clock.rounds)
    peers["dyldextractor"] = context.clock.one(partial(by_extractor, known.main)).minimum * 1e3
    core = peers.get("atlas-core")
    for case, what in (("arrays", "open, all columns"), ("names", "the same, names as Python objects")):
        least, middle, _ = firsts(context, case, known.main, scavenge=True)
        target = Target(most=round(1.5 * core, 2) if core else None, ratio=40, peer="dyldextractor")
        shown = target if case == "arrays" else Target()
        yield Row("G1", "scale", what, "ms", least * 1e3, middle * 1e3, peers, shown)
    if core is not None:
        target = Target(most=6.1, ratio=1, peer="object")
        yield Row("G1", "scale", "our core alone", "ms", core, peers={"object": peers["object"]}, target=target)
    for case, what in (("open", "resident after opening"), ("arrays", "resident with all columns")):
        size = firsts(context, case, known.main, scavenge=True)[2] / 1e6
        target = Target(most=known.size / 1e8 if case == "open" else None)
        yield Row("G2", "scale", what, "MB", size, target=target, note=f"the cache has {known.size / 1e6:.0f} MB")


def by_plistlib(plist: bytes, uuid: UUID) -> int:
    """The images of an atlas as plistlib gives them."""
    record = plistlib.loads(plist)["uuids"][str(uuid).upper()]
    return len([(each["padr"], each["uuid"], [part["padr"] for part in each["segs"]]) for each in record["imgs"]])


def with_atlas(context: Context) -> Iterator[Row]:
    """O2 and C2 of a cache that is opened by itself: with an atlas beside it."""
    known = scale(context.folder)
    if known is None:
        builder, main = built(context.folder / "3500 images", 200 if context.quick else 3500)
        builder.write(main.parent, atlas=True)
        corpus, plist = "built", plistlib.dumps(builder.record().to_plist(), fmt=plistlib.FMT_BINARY)
    else:
        add_atlas(known)
        corpus, plist, main = "scale", known.atlas_plist, known.main
    cache = SharedCache.open(main)
    assert cache.record_origin == "atlas"
    assert listing(cache) == listing(SharedCache.open(main, scavenge=True))
    peer = {"plistlib": context.clock.one(partial(by_plistlib, plist, cache.uuid)).minimum * 1e3}
    for name, case, most in (("O2c", "open", 2.0), ("C2c", "arrays", 3.3)):
        least, middle, _ = firsts(context, case, main, scavenge=False)
        what = "SharedCache.open, len(images)" if case == "open" else "SharedCache.open, all columns"
        yield Row(name, corpus, what, "ms", least * 1e3, middle * 1e3, peer, Target(most, ratio=50, peer="plistlib"))


WORKLOADS = {"G1": from_files, "G2": from_files, "O2c": with_atlas, "C2c": with_atlas}

if __name__ == "__main__":
    took, size = first(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), scavenge=sys.argv[4] == "1")
    print(took, size)
