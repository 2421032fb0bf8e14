"""O: from bytes to a snapshot."""

import itertools
import plistlib
from collections.abc import Callable, Iterator
from functools import partial

from dyld_atlas import Snapshot

from . import corpus, peers
from .context import Context, per_corpus
from .report import Row, Target


def fresh(data: bytes) -> Callable[[], bytes]:
    """Copies of `data` in turn, so many that the processor's cache does not hold them all."""
    return partial(next, itertools.cycle([bytes(bytearray(data)) for _ in range(64_000_000 // len(data))]))


def pid_of(next_archive: Callable[[], bytes]) -> int:
    """What O1 does."""
    return Snapshot.from_bytes(next_archive(), providers=()).pid


def pid_by_plistlib(plist: bytes) -> object:
    """What plistlib must do for the same answer."""
    return plistlib.loads(plist)["proc"]


def alone(context: Context) -> Iterator[Row]:
    """O1: archive, checksum and check of the process's own record; no cache."""
    for each in context.corpora:
        snapshot = Snapshot.from_bytes(each.archive, providers=())
        assert snapshot.pid == pid_by_plistlib(each.process_plist)
        assert len(snapshot.images) == len(each.process["imgs"])
        times = context.clock.compare(
            {
                "same buffer": partial(pid_of, partial(bytes, each.archive)),
                "new buffers": partial(pid_of, fresh(each.archive)),
                "plistlib": partial(pid_by_plistlib, each.process_plist),
            }
        )
        target = Target(most=per_corpus(each.name, 15, 700))
        peer = {"plistlib": times["plistlib"].minimum * 1e6}
        for note in ("same buffer", "new buffers"):
            time = times[note]
            yield Row(
                "O1", each.name, "from_bytes, pid", "us", time.minimum * 1e6, time.median * 1e6, peer, target, note
            )


def count_images(context: Context, archive: bytes) -> int:
    """What O2 and O2b do."""
    return len(Snapshot.from_bytes(archive, providers=context.providers).images)


def with_new_cache(context: Context) -> Iterator[Row]:
    """O2: the cache is one that was never seen before: map its atlas, check it, merge."""
    for number, each in enumerate(context.corpora):
        renamed = [corpus.renamed(each, (number + 1) << 64 | try_) for try_ in range(context.clock.rounds + 1)]
        for uuid, _, atlas in renamed:
            context.store.add(str(uuid), atlas)
        works = [partial(count_images, context, archive) for _, archive, _ in renamed]
        assert works.pop()() == len(context.expected[each.name])
        time = context.clock.once(works)
        peer = context.clock.one(partial(peers.listing, each.process_plist, each.cache_plist)).minimum
        target = Target(most=per_corpus(each.name, 2.0, 2.7), ratio=50, peer="plistlib")
        ms = time.minimum * 1e3, time.median * 1e3
        yield Row("O2", each.name, "a cache seen first, len(images)", "ms", *ms, {"plistlib": peer * 1e3}, target)


def with_known_cache(context: Context) -> Iterator[Row]:
    """O2b: the cache is known already."""
    for each in context.corpora:
        assert count_images(context, each.archive) == len(context.expected[each.name])
        time = context.clock.one(partial(count_images, context, each.archive))
        target = Target(most=per_corpus(each.name, 25, 720))
        us = time.minimum * 1e6, time.median * 1e6
        yield Row("O2b", each.name, "a known cache, len(images)", "us", *us, target=target)


WORKLOADS = {"O1": alone, "O2": with_new_cache, "O2b": with_known_cache}
