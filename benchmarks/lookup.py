"""L: which image an address belongs to, one by one and a million at once."""

import threading
from collections.abc import Iterator
from functools import partial

import numpy as np
import numpy.typing as npt

from dyld_atlas import ImageList

from . import peers
from .context import Context, per_corpus
from .report import Row, Target


def addresses(rows: list[peers.ImageRow], count: int, seed: int) -> npt.NDArray[np.uint64]:
    """Addresses within segments, in gaps, at both ends of ranges, and at both ends of the address space."""
    rng = np.random.default_rng(seed)
    starts, ends, _ = peers.ranges(rows)
    picked = rng.integers(0, len(starts), count)
    inside = starts[picked] + (rng.random(count) * (ends - starts)[picked]).astype(np.uint64)
    span = rng.integers(int(starts[0]) - 0x10000, int(ends[-1]) + 0x10000, count, dtype=np.uint64)
    mixed = np.where(rng.random(count) < 0.9, inside, span)
    edges = np.concatenate([starts, starts - np.uint64(1), ends - np.uint64(1), ends])
    mixed[: min(len(edges), count)] = edges[:count]
    mixed[-2:] = (0, (1 << 64) - 1)
    rng.shuffle(mixed)
    return mixed


def loop(images: ImageList, asked: list[int]) -> None:
    """One call for each address."""
    at = images.at
    for address in asked:
        at(address)


def bisect_loop(table: peers.Bisector, asked: list[int]) -> None:
    """The same with a class that bisects a list."""
    at = table.at
    for address in asked:
        at(address)


def one_by_one(context: Context) -> Iterator[Row]:
    """L1: a Python loop."""
    for each, snapshot, rows in context.each():
        asked = addresses(rows, 20_000, context.seed).tolist()
        found = [snapshot.images.at(address) for address in asked[:2000]]
        expected = peers.numpy_indices(peers.ranges(rows), np.array(asked[:2000], np.uint64)).tolist()
        assert [None if index < 0 else snapshot.images[index] for index in expected] == found
        works = {
            "": partial(loop, snapshot.images, asked),
            "bisect": partial(bisect_loop, peers.Bisector(rows), asked),
        }
        times = context.clock.compare(works)
        ns = times[""].minimum * 1e9 / len(asked), times[""].median * 1e9 / len(asked)
        peer = {"bisect": times["bisect"].minimum * 1e9 / len(asked)}
        yield Row("L1", each.name, "images.at(address)", "ns", *ns, peer, Target(most=per_corpus(each.name, 60, 70)))


def fill(images: ImageList, asked: npt.NDArray[np.uint64], out: npt.NDArray[np.int32]) -> None:
    """One bulk lookup into an array that is there."""
    # .data, because numpy's types do not say that an array is a buffer before Python 3.12.
    images.indices_at(asked.data, out=out.data)


def in_threads(images: ImageList, asked: npt.NDArray[np.uint64], out: npt.NDArray[np.int32], count: int) -> None:
    """The same, shared out among threads."""
    parts = zip(np.array_split(asked, count), np.array_split(out, count), strict=True)
    threads = [threading.Thread(target=fill, args=(images, part, into)) for part, into in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_bulk(context: Context) -> Iterator[Row]:
    """L2, L3 and L4: a million addresses in one call; sorted; in two threads."""
    count = 100_000 if context.quick else 1_000_000
    scale = 1e3 * 1_000_000 / count
    for each, snapshot, rows in context.each():
        table, images = peers.ranges(rows), snapshot.images
        asked = addresses(rows, count, context.seed)
        ordered = np.sort(asked)
        out = np.empty(count, np.int32)
        for question in (asked, ordered):
            fill(images, question, out)
            assert np.array_equal(out, peers.numpy_indices(table, question))
            assert np.array_equal(np.asarray(images.indices_at(question.data)), out)
        in_threads(images, asked, out, 2)
        assert np.array_equal(out, peers.numpy_indices(table, asked))
        times = context.clock.compare(
            {
                "L2": partial(fill, images, asked, out),
                "L3": partial(fill, images, ordered, out),
                "L4": partial(in_threads, images, asked, out, 2),
                "numpy": partial(peers.numpy_indices, table, asked),
                "numpy, sorted": partial(peers.numpy_indices, table, ordered),
            }
        )
        ms = {name: (time.minimum * scale, time.median * scale) for name, time in times.items()}
        target = Target(per_corpus(each.name, 8.5, 11), ratio=9.5, peer="numpy")
        yield Row("L2", each.name, "10^6 addresses", "ms", *ms["L2"], {"numpy": ms["numpy"][0]}, target)
        peer = {"numpy": ms["numpy, sorted"][0]}
        yield Row("L3", each.name, "10^6 sorted addresses", "ms", *ms["L3"], peer, Target(most=3))
        gain = ms["L2"][0] / ms["L4"][0]
        yield Row("L4", each.name, "10^6 addresses, gain of 2 threads", "x", gain, target=Target(least=1.85))


WORKLOADS = {"L1": one_by_one, "L2": in_bulk, "L3": in_bulk, "L4": in_bulk}
