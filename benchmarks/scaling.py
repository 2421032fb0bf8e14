"""S and D: how time grows with the number of images, and the difference of two snapshots."""

import random
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from dyld_atlas import Snapshot, diff

from . import corpus, peers
from .columns import image_columns
from .context import Context
from .report import Row, Target
from .timing import Clock, Work

SIZES = (500, 1000, 2000, 4000, 8000, 16000)


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of a line through the logarithms: 1 is linear, 2 is quadratic."""
    slope, _ = np.polyfit(np.log(sizes), np.log(seconds), 1)
    return float(slope)


def changed(process: corpus.Plist, count: int, rng: random.Random) -> corpus.Plist:
    """The same process later: half of `count` of its own images gone, the other half new."""
    images = list(process["imgs"])
    for index in sorted(rng.sample(range(1, len(images)), count // 2), reverse=True):
        del images[index]
    end = max(image["addr"] + sum(part["size"] for part in image["segs"]) for image in images)
    for number in range(count - count // 2):
        segment = {"name": "__TEXT", "padr": 0, "size": 0x4000, "foff": 0, "fsze": 0x4000, "perm": 5}
        path = f"/opt/new/libnew{number}.dylib"
        address = end + 0x10000 * (number + 1)
        images.append({"file": path, "addr": address, "uuid": rng.randbytes(16), "segs": [segment], "name": path})
    return {**process, "imgs": images}


def look_up_all(archive: bytes, uuids: Sequence[str], names: Sequence[str]) -> None:
    """A fresh snapshot, and lookups that need its tables by UUID and by name."""
    images = Snapshot.from_bytes(archive, providers=()).images
    for uuid, name in zip(uuids, names, strict=True):
        images.by_uuid(uuid), images.by_name(name)


def works(own: int, seed: int) -> dict[str, Work]:
    """What S1 measures at one size."""
    # Half of the images are the cache's, so that the merge has something to do.
    each = corpus.make(f"own {own}", own, own, seed, cache_images=own)
    complete = corpus.archive({"process.plist": each.process_plist, corpus.cache_entry(each.uuid): each.cache_plist})
    later = corpus.dumps(changed(each.process, 10, random.Random(seed)))
    old = Snapshot.from_bytes(each.archive, providers=())
    new = Snapshot.from_bytes(corpus.archive({"process.plist": later}), providers=())
    assert (len(diff(old, new).loaded), len(diff(old, new).unloaded)) == (5, 5)
    merged = Snapshot.from_bytes(complete, providers=())
    assert len(merged.images) == 2 * own
    picked = random.Random(seed).sample(range(own), 8)
    uuids = [each.process["imgs"][index]["uuid"].hex() for index in picked]
    names = [each.process["imgs"][index]["file"] for index in picked]
    return {
        "open": partial(Snapshot.from_bytes, each.archive, providers=()),
        "columns": partial(image_columns, merged.images),
        "objects": partial(lambda images: [(image, list(image.segments)) for image in images], merged.images),
        "diff": partial(diff, old, new),
        "by_uuid, by_name": partial(look_up_all, each.archive, uuids, names),
    }


def exponents(clock: Clock, sizes: Sequence[int], seed: int) -> dict[str, float]:
    """The growth of each work over the sizes."""
    taken: dict[str, list[float]] = {}
    for own in sizes:
        for name, timing in clock.compare(works(own, seed)).items():
            taken.setdefault(name, []).append(timing.minimum)
    return {name: exponent(sizes, seconds) for name, seconds in taken.items()}


def growth(context: Context) -> Iterator[Row]:
    """S1: exponents of a log-log fit."""
    sizes = SIZES[:4] if context.quick else SIZES
    for name, slope in exponents(context.clock, sizes, context.seed).items():
        yield Row(
            "S1", f"{sizes[0]} to {sizes[-1]} own", f"growth of {name}", "exponent", slope, target=Target(most=1.05)
        )


def loads(rows: list[peers.ImageRow]) -> list[tuple[int, bytes]]:
    """What makes a load, by hand."""
    return [(row.address, row.uuid) for row in rows]


def difference(context: Context) -> Iterator[Row]:
    """D1: 4900 images, of which ten changed."""
    each = context.huge
    later = corpus.dumps(changed(each.process, 10, random.Random(context.seed)))
    old = context.open(each)
    new = Snapshot.from_bytes(corpus.archive({"process.plist": later}), providers=context.providers)
    before, after = loads(context.expected[each.name]), loads(peers.listing(later, each.cache_plist))
    found = diff(old, new)
    assert (len(found.loaded), len(found.unloaded)) == peers.changed(before, after) == (5, 5)
    times = context.clock.compare({"": partial(diff, old, new), "two sets": partial(peers.changed, before, after)})
    peer = {"two sets": times["two sets"].minimum * 1e6}
    us = times[""].minimum * 1e6, times[""].median * 1e6
    yield Row("D1", each.name, "diff, 10 of 4900 images changed", "us", *us, peer, Target(most=25))


WORKLOADS = {"S1": growth, "D1": difference}
