"""F: three hundred snapshots of processes that share a cache, as a service sees them."""

import plistlib
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing import get_context
from uuid import UUID

from dyld_atlas import Snapshot

from . import corpus, peers
from .columns import image_columns
from .context import Context
from .report import Row, Target

Job = Callable[[Context, Sequence[bytes]], None]


def with_columns(context: Context, archives: Sequence[bytes]) -> None:
    """Decode each, and all its columns of images."""
    for archive in archives:
        image_columns(Snapshot.from_bytes(archive, providers=context.providers).images)


def with_names(context: Context, archives: Sequence[bytes]) -> None:
    """Decode each, and list names and addresses as Python objects."""
    for archive in archives:
        images = Snapshot.from_bytes(archive, providers=context.providers).images
        [(image.install_name, image.address) for image in images]


def by_plistlib(known: list[peers.ImageRow], plists: Sequence[bytes]) -> None:
    """The same by plistlib, with the cache's images decoded once for all."""
    for plist in plists:
        process = plistlib.loads(plist)
        cached = peers.used(known, process["dsc1"]["bitm"])
        peers.merged([peers.image_row(image, 0) for image in process["imgs"]], cached)


def in_threads(job: Job, context: Context, archives: Sequence[bytes], count: int) -> None:
    """A job shared out among threads."""
    threads = [threading.Thread(target=job, args=(context, archives[start::count])) for start in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_processes(known: list[peers.ImageRow], plists: Sequence[bytes], count: int) -> None:
    """plistlib in several processes, which is how it can use several cores."""
    start = get_context("fork").Process
    children = [start(target=by_plistlib, args=(known, plists[first::count])) for first in range(count)]
    for child in children:
        child.start()
    for child in children:
        child.join()


def fleet(context: Context) -> Iterator[Row]:
    """F1, F2 and F3."""
    count = 60 if context.quick else 300
    base = context.typical
    processes = corpus.fleet(base, count, context.seed)
    plists = [corpus.dumps(process) for process in processes]
    archives = [corpus.archive({"process.plist": plist}) for plist in plists]
    uuid = UUID(bytes=base.process["dsc1"]["uuid"])
    known = peers.cache_rows(base.cache, uuid, base.process["dsc1"]["addr"])
    for archive, plist in zip(archives[:20], plists, strict=False):
        rows = peers.listing(plist, base.cache_plist)
        images = Snapshot.from_bytes(archive, providers=context.providers).images
        assert [(image.install_name, image.address) for image in images] == [(r.install_name, r.address) for r in rows]
    times = context.clock.compare(
        {
            "F1": partial(with_columns, context, archives),
            "F2": partial(in_threads, with_columns, context, archives, 2),
            "F3": partial(with_names, context, archives),
            "plistlib": partial(by_plistlib, known, plists),
            "2 processes": partial(in_processes, known, plists, 2),
        }
    )
    rate = {name: count / time.minimum for name, time in times.items()}
    middle = {name: count / time.median for name, time in times.items()}
    one, two = {"plistlib": rate["plistlib"]}, {"plistlib, 2 processes": rate["2 processes"]}
    what, unit = "decode and columns", "snapshots/s"
    bar = Target(least=26_000, ratio=60, peer="plistlib")
    yield Row("F1", f"{count} typical", what, unit, rate["F1"], middle["F1"], one, bar)
    yield Row("F2", f"{count} typical", f"{what}, 2 threads", unit, rate["F2"], middle["F2"], two, Target(least=48_000))
    gain = rate["F2"] / rate["F1"]
    yield Row("F2", f"{count} typical", f"{what}, gain of 2 threads", "x", gain, target=Target(least=1.85))
    bar = Target(least=4000)
    yield Row("F3", f"{count} typical", "decode and list names", unit, rate["F3"], middle["F3"], one, bar)


WORKLOADS = {"F1": fleet, "F2": fleet, "F3": fleet}
