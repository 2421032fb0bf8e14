"""Threads: one object for all, and the interpreter is let go while work is done."""

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dyld_atlas import FileIdentifier, Image, Snapshot, diff
from samples import builder, cache, grid, opened
from test_snapshot_opening import Giver

THREADS = 8


def together(work: Callable[[int], object]) -> list[object]:
    """Runs `work` in threads that start at the same moment."""
    barrier = threading.Barrier(THREADS)

    def run(number: int) -> object:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


@pytest.fixture
def many_switches() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("many_switches")
@pytest.mark.parametrize("used", [[0], [0, 2], [1, 2, 3], [0, 1, 2, 3]])
def test_every_thread_gets_the_same_objects(used: list[int]) -> None:
    snapshot = opened(builder(used=used))

    def work(number: int) -> tuple[object, ...]:
        images = snapshot.images
        found = [images[(index + number) % len(images)] for index in range(len(images))]
        found.sort(key=lambda image: image.address)
        shared = snapshot.shared_cache
        assert shared is not None
        return (
            id(images),
            id(shared),
            id(shared.images),
            *[id(image) for image in found],
            *[id(image.segments) for image in found],
            *[id(image.uuid) for image in found],
            *[id(image.install_name) for image in found],
            *[id(image.address) for image in found],
            *[id(images.at(image.segments[0].address)) for image in found],
        )

    assert len(set(together(work))) == 1


@pytest.mark.usefixtures("many_switches")
def test_an_iterator_gives_each_image_to_one_thread() -> None:
    images = opened(grid(500)).images
    iterator = iter(images)
    taken = [image for part in together(lambda _: list(iterator)) for image in part]  # type: ignore[attr-defined]
    assert sorted(taken, key=lambda image: image.address) == list(images)


@pytest.mark.usefixtures("many_switches")
def test_opening_the_same_cache_from_many_threads() -> None:
    atlas, data = cache().build_atlas(codec="lzfse"), builder(embed=False, used=[0, 1, 2, 3]).build()

    def work(_: int) -> list[str]:
        names: list[str] = []
        for _ in range(20):
            names = [image.name for image in Snapshot.from_bytes(data, providers=[Giver(atlas)]).images]
        return names

    first, *others = together(work)
    assert first == [
        "demo",
        "libextra.1.dylib",
        "libSystem.B.dylib",
        "libobjc.A.dylib",
        "libz.1.dylib",
        "libc++.1.dylib",
    ]
    assert all(other == first for other in others)


@pytest.mark.usefixtures("many_switches")
def test_bulk_look_ups_from_many_threads() -> None:
    images = opened(grid(300)).images
    asked = np.random.default_rng(1).integers(0x1_0000_0000, 0x1_0100_0000, 100_000, np.uint64)
    expected = np.array([-1 if (found := images.at(int(a))) is None else int(found.name) for a in asked[:1000]])
    for indices in together(lambda _: np.asarray(images.indices_at(asked))):
        assert np.array_equal(np.asarray(indices)[:1000], expected)


def test_a_provider_may_open_snapshots_itself() -> None:
    atlas = cache().build_atlas()

    class Nested:
        depth = 0

        def file(self, identifier: FileIdentifier, /) -> None:
            return None

        def shared_cache_atlas(self, identifier: FileIdentifier, /) -> bytes:
            if self.depth < 5:
                self.depth += 1
                assert len(opened(builder(embed=False), self).images) == 4
            return atlas

    assert len(opened(builder(embed=False), Nested()).images) == 4


def large() -> bytes:
    """A snapshot that takes milliseconds to open."""
    return grid(4000).build(codec="lzfse")


def work_on(name: str) -> Callable[[], object]:
    data = large()
    snapshot = Snapshot.from_bytes(data, providers=())
    if name == "from_bytes":
        return lambda: Snapshot.from_bytes(data, providers=())
    if name == "to_bytes":
        return lambda: snapshot.to_bytes(codec="zlib")
    if name == "diff":
        other = Snapshot.from_bytes(grid(4000, start=0x3_0000_0000).build(), providers=())
        return lambda: diff(snapshot, other)
    asked = np.random.default_rng(1).integers(0, 2**40, 2_000_000, np.uint64)
    if name == "indices_at":
        return lambda: snapshot.images.indices_at(asked)
    assert name == "indices_at into"
    out = np.zeros(len(asked), np.int32)
    return lambda: snapshot.images.indices_at(asked, out=out)


@pytest.mark.parametrize("name", ["from_bytes", "to_bytes", "diff", "indices_at", "indices_at into"])
def test_the_interpreter_is_let_go(name: str) -> None:
    lets_go(work_on(name))


def lets_go(work: Callable[[], object], times: int = 1) -> None:
    """With turns of 100 seconds, another thread runs only if the one that works lets it.

    What takes a few microseconds alone is done several `times`: the other thread has to wake up meanwhile.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(100)
    try:
        for _ in range(200):
            ran: list[bool] = []
            gate = threading.Lock()
            gate.acquire()

            def other(ran: list[bool] = ran, gate: threading.Lock = gate) -> None:
                with gate:
                    ran.append(True)

            thread = threading.Thread(target=other)
            thread.start()
            gate.release()
            for _ in range(times):
                work()
            had_run = bool(ran)
            thread.join()
            if had_run:
                return
        raise AssertionError("the other thread never ran meanwhile")
    finally:
        sys.setswitchinterval(before)


def test_a_loop_that_keeps_the_interpreter_is_noticed() -> None:
    """The test above can fail: the same with work that does not let go."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(100)
    try:
        for _ in range(5):
            ran: list[bool] = []
            gate = threading.Lock()
            gate.acquire()
            thread = threading.Thread(target=lambda gate=gate, ran=ran: (gate.acquire(), ran.append(True)))
            thread.start()
            gate.release()
            sum(range(2_000_000))
            had_run = bool(ran)
            thread.join()
            assert not had_run
    finally:
        sys.setswitchinterval(before)


def test_garbage_collection_meets_no_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        snapshot = opened(builder())
        images: list[Image] = list(snapshot.images)
        shared = snapshot.shared_cache
        assert shared is not None
        parts = [images[0], snapshot.images, shared, shared.images, images[3].shared_cache, snapshot.environment]
        references = [weakref.ref(part) for part in (snapshot, *parts) if part is not None]
        assert [image.segments for image in shared.images]
        assert images[3].name
        del snapshot, images, shared, parts
        assert [reference() for reference in references] == [None] * len(references)
    finally:
        gc.enable()
