"""M: the bytes of a shared cache: pinning, segments, reads at random addresses, two threads."""

import mmap
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

from dyld_atlas import SharedCache, Slide

from .cache_files import built, of_holes
from .context import Context
from .memory import STATUS, kilobytes
from .report import Row, Target

SIZE = 16


def pin_and_unpin(cache: SharedCache) -> None:
    """What M1 does."""
    cache.pin()
    cache.unpin()


def map_each(parts: list[tuple[int, int, int]]) -> None:
    """Every mapping by itself, with Python's mmap."""
    mapped = [mmap.mmap(file, size, prot=mmap.PROT_READ, offset=offset) for file, size, offset in parts]
    for each in mapped:
        each.close()


def pinning(context: Context) -> Iterator[Row]:
    """M1: pin and unpin a cache of 72 mappings and 3.6 GB; a second pin of the same cache."""
    main = of_holes(context.folder / "holes", size=(1 if context.quick else 50) << 20)
    cache = SharedCache.open(main)
    mappings = cache.mappings()
    assert len(mappings) == 72
    with cache.pinned() as memory:
        assert len(memory) == sum(each.size for each in mappings)
        assert bytes(memory[:15]) == b"dyld_v1  arm64e"
    files = {path: os.open(path, os.O_RDONLY) for path in cache.file_paths}
    parts = [(files[each.file_path], each.size, each.file_offset) for each in mappings]
    works: dict[str, Callable[[], object]] = {"": partial(pin_and_unpin, cache), "mmap": partial(map_each, parts)}
    try:
        times = context.clock.compare(works)
        before = kilobytes("VmRSS") if STATUS.exists() else 0
        cache.pin()
        grown = (kilobytes("VmRSS") if STATUS.exists() else 0) - before
        again = context.clock.one(partial(pin_and_unpin, SharedCache.open(main)))
        cache.unpin()
    finally:
        for file in files.values():
            os.close(file)
    ms = times[""].minimum * 1e3, times[""].median * 1e3
    peer = {"mmap of each": times["mmap"].minimum * 1e3}
    yield Row("M1", "72 mappings", "pin and unpin", "ms", *ms, peer, Target(most=0.25))
    us = again.minimum * 1e6, again.median * 1e6
    yield Row("M1", "72 mappings", "a second pin and unpin", "us", *us, target=Target(most=1))
    yield Row("M1", "72 mappings", "resident after pinning", "MB", max(0, grown) / 1e3, target=Target(most=1))


def segments(context: Context) -> Iterator[Row]:
    """M2: `segment.data()`: pinned, of a file that was used before, and for the first time."""
    _, main = built(context.folder / "segments", 100, 0x8000)
    cache = SharedCache.open(main)
    segment = cache.images[0].segment("__DATA")
    mapping = next(
        m for m in cache.mappings() if 0 <= segment.preferred_load_address - m.preferred_load_address < m.size
    )
    offset = mapping.file_offset + (segment.preferred_load_address - mapping.preferred_load_address)
    with open(mapping.file_path, "rb") as file:
        expected = os.pread(file.fileno(), segment.vm_size, offset)
        assert bytes(segment.data()) == expected
        with cache.pinned():
            assert bytes(segment.data()) == expected
            pinned = context.clock.one(segment.data)
        works: dict[str, Callable[[], object]] = {
            "": segment.data,
            "pread": partial(os.pread, file.fileno(), segment.vm_size, offset),
        }
        times = context.clock.compare(works)

    def untouched() -> Iterator[Callable[[], object]]:
        for _ in range(context.clock.rounds):
            yield SharedCache.open(main).images[0].segment("__DATA").data

    del cache, segment
    first = context.clock.once(untouched())
    peer = {"pread": times["pread"].minimum * 1e9}
    for time_, note, most in (
        (pinned, "pinned", 250),
        (times[""], "mapped before", 400),
        (first, "first touch", 20_000),
    ):
        ns = time_.minimum * 1e9, time_.median * 1e9
        yield Row("M2", "built", "segment.data() of 32 KiB", "ns", *ns, peer, Target(most=most), note)


def read_all(cache: SharedCache, addresses: list[int]) -> None:
    """One call for each address."""
    read = cache.read
    for address in addresses:
        read(address, SIZE)


def pread_all(places: list[tuple[int, int]]) -> None:
    """The same with the operating system, where somebody else has found out file and offset."""
    for file, offset in places:
        os.pread(file, SIZE, offset)


def random_reads(context: Context) -> Iterator[Row]:
    """M3: 16 bytes at random addresses of a pinned cache."""
    _, main = built(context.folder / "reads", 200 if context.quick else 3500, 1 << 20)
    cache = SharedCache.open(main)
    rng = random.Random(context.seed)
    mappings = cache.mappings()
    picked = rng.choices(mappings, [each.size for each in mappings], k=1_000 if context.quick else 100_000)
    offsets = [rng.randrange(each.size - SIZE) for each in picked]
    addresses = [int(each.preferred_load_address) + at for each, at in zip(picked, offsets, strict=True)]
    files = {path: os.open(path, os.O_RDONLY) for path in cache.file_paths}
    places = [(files[each.file_path], each.file_offset + at) for each, at in zip(picked, offsets, strict=True)]
    try:
        for address, place in list(zip(addresses, places, strict=True))[:1000]:
            assert cache.read(address, SIZE) == os.pread(place[0], SIZE, place[1])
        with cache.pinned():
            works: dict[str, Callable[[], object]] = {
                "": partial(read_all, cache, addresses),
                "pread": partial(pread_all, places),
            }
            times = context.clock.compare(works)
    finally:
        for file in files.values():
            os.close(file)
    scale = 1e9 / len(addresses)
    peer = {"pread": times["pread"].minimum * scale}
    ns = times[""].minimum * scale, times[""].median * scale
    yield Row("M3", "built", f"read(address, {SIZE})", "ns", *ns, peer, Target(most=150))


def read_part(cache: SharedCache, address: int, size: int, slide: Slide, times: int) -> None:
    """What one thread does: reads a segment with its pointers rebased."""
    for _ in range(times):
        cache.read(address, size, slide=slide)


def two_threads(context: Context) -> Iterator[Row]:
    """M4: two threads that read different segments, against one that reads both."""
    size = (1 if context.quick else 16) << 20
    builder, main = built(context.folder / "threads", 2, size)
    cache = SharedCache.open(main)
    starts = [builder.address(f"/usr/lib/lib{number}.dylib", "__DATA,__data") for number in range(2)]
    for start in starts:
        assert cache.read(start, size) == cache.read(start, size, slide=Slide(0x4000))
    calls = 1 if context.quick else 8
    alone, both = [], []
    for _ in range(context.clock.rounds):
        start_time = time.perf_counter()
        for start in starts:
            read_part(cache, start, size, Slide(0x4000), calls)
        alone.append(time.perf_counter() - start_time)
        threads = [
            threading.Thread(target=read_part, args=(cache, start, size, Slide(0x4000), calls)) for start in starts
        ]
        start_time = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        both.append(time.perf_counter() - start_time)
    gain = min(alone) / min(both)
    yield Row("M4", "built", "gain of two threads that read segments", "x", gain, target=Target(least=1.8))


WORKLOADS = {"M1": pinning, "M2": segments, "M3": random_reads, "M4": two_threads}
