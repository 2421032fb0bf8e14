"""Many addresses at once: exactly what `at` says of each, for every kind of buffer."""

import array
import ctypes
import threading
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from dyld_atlas import ImageList
from dyld_atlas.testing import SnapshotBuilder
from samples import grid, opened, sample

Addresses = npt.NDArray[np.uint64]
TOP = 2**64 - 1


def reference(images: ImageList, asked: Addresses) -> npt.NDArray[np.int32]:
    """By numpy, from the columns of segments. The ranges must not overlap."""
    columns = images.segment_columns()
    shared = {  # the __LINKEDIT that images of a cache share belongs to none
        index
        for index, name in enumerate(columns.name)
        if name == "__LINKEDIT" and images[columns.image_index[index]].is_in_shared_cache
    }
    rows = [
        (columns.address[index], columns.address[index] + columns.vm_size[index] - 1, columns.image_index[index])
        for index in range(len(columns))
        if columns.vm_size[index] and index not in shared
    ]
    rows.sort()
    if not rows:
        return np.full(len(asked), -1, np.int32)
    starts = np.array([row[0] for row in rows], np.uint64)
    lasts = np.array([min(row[1], TOP) for row in rows], np.uint64)
    owners = np.array([row[2] for row in rows], np.int32)
    place = np.searchsorted(starts, asked, side="right") - 1
    found = np.where((place >= 0) & (asked <= lasts[place]), owners[place], np.int32(-1))
    return found.astype(np.int32)


def edges(images: ImageList) -> list[int]:
    """The first and the last address of every segment, their neighbours, and the ends of the address space."""
    found = [0, 1, TOP - 1, TOP]
    for image in images:
        for segment in image.segments:
            start, end = int(segment.address), int(segment.address) + segment.vm_size
            found += [start - 1, start, start + 1, end - 1, end, end + 1]
    return [address % 2**64 for address in found]


def described(name: str) -> ImageList:
    if name == "sample":
        return sample().images
    if name == "grid":
        return opened(grid(300, gap=0x1000)).images
    if name == "adjacent":
        return opened(grid(300, gap=0)).images
    if name == "one":
        return opened(grid(1)).images
    if name == "empty":
        return opened(SnapshotBuilder()).images
    assert name == "ends"
    builder = SnapshotBuilder().image("/bottom", address=0, segments={"__TEXT": 0x1000})
    return opened(builder.image("/top", address=2**64 - 0x1000, segments={"__TEXT": 0x1000})).images


@pytest.fixture(params=["sample", "grid", "adjacent", "one", "ends", "empty"])
def images(request: pytest.FixtureRequest) -> ImageList:
    return described(request.param)


def indices(images: ImageList, asked: object) -> list[int]:
    return memoryview(images.indices_at(asked)).tolist()  # type: ignore[arg-type]


def random_addresses(images: ImageList, count: int, seed: int = 1) -> Addresses:
    rng = np.random.default_rng(seed)
    segments = images.segment_columns()
    if not len(segments):
        return rng.integers(0, TOP, count, np.uint64, endpoint=True)
    starts, sizes = np.asarray(segments.address), np.asarray(segments.vm_size)
    picked = rng.integers(0, len(starts), count)
    near = starts[picked] + rng.integers(-0x2000, 0x8000, count).astype(np.uint64)
    anywhere = rng.integers(0, TOP, count, np.uint64, endpoint=True)
    assert len(sizes) == len(starts)
    return np.where(rng.random(count) < 0.9, near, anywhere)


def test_edges_are_exact(images: ImageList) -> None:
    asked = edges(images)
    expected = reference(images, np.array(asked, np.uint64)).tolist()
    assert indices(images, np.array(asked, np.uint64)) == expected
    one_by_one = [images.at(address) for address in asked]
    assert [None if index < 0 else images[index] for index in expected] == one_by_one


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1023, 1024, 1025, 5000, 20_000])
@pytest.mark.parametrize("order", ["random", "sorted", "reversed", "equal", "half sorted"])
def test_against_numpy(images: ImageList, count: int, order: str) -> None:
    asked = random_addresses(images, count, seed=count)
    if order == "sorted":
        asked = np.sort(asked)
    elif order == "reversed":
        asked = np.sort(asked)[::-1].copy()
    elif order == "equal":
        asked = np.repeat(asked[:1], count)
    elif order == "half sorted":
        asked[: count // 2] = np.sort(asked[: count // 2])
    assert np.array_equal(np.asarray(images.indices_at(asked)), reference(images, asked))


def test_images_that_overlap() -> None:
    """Only damaged records do: the one that starts later owns what both hold, of two that start together the first."""
    builder = (
        SnapshotBuilder()
        .image("/outer", address=0x1000, segments={"__TEXT": 0x9000})
        .image("/inner", address=0x3000, segments={"__TEXT": 0x1000})
        .image("/tie", address=0x3000, segments={"__TEXT": 0x3000})
        .image("/empty", address=0x5000, segments={"__TEXT": 0})
    )
    images = opened(builder).images
    asked = [0xFFF, 0x1000, 0x2FFF, 0x3000, 0x3FFF, 0x4000, 0x5000, 0x5FFF, 0x6000, 0x9FFF, 0xA000]
    assert indices(images, array.array("Q", asked)) == [-1, 0, 0, 1, 1, 2, 2, 2, 0, 0, -1]
    assert [images.at(address) and images.index(images.at(address)) for address in asked] == [
        None, 0, 0, 1, 1, 2, 2, 2, 0, 0, None
    ]  # fmt: skip


WRAPS: list[Callable[[Addresses], object]] = [
    lambda asked: asked,
    lambda asked: array.array("Q", asked.tolist()),
    lambda asked: memoryview(asked.tobytes()).cast("Q"),
    lambda asked: memoryview(bytearray(asked.tobytes())).cast("Q"),
    lambda asked: (ctypes.c_uint64 * len(asked))(*asked.tolist()),
    lambda asked: np.repeat(asked, 2)[::2],
    lambda asked: asked[::-1].copy()[::-1],
    lambda asked: np.frombuffer(b"x" + asked.tobytes(), np.uint8)[1:].view(np.uint64),
    lambda asked: asked.astype("<u8"),
]


@pytest.mark.parametrize("wrap", WRAPS)
def test_every_kind_of_buffer(wrap: Callable[[Addresses], object]) -> None:
    images = described("grid")
    asked = random_addresses(images, 3000)
    given = wrap(asked)
    assert indices(images, given) == reference(images, asked).tolist()
    readonly = memoryview(given).toreadonly()  # type: ignore[arg-type]
    assert indices(images, readonly) == reference(images, asked).tolist()


@pytest.mark.parametrize(
    "wrong",
    [
        b"\0" * 16,
        bytearray(16),
        array.array("q", [1]),
        array.array("d", [1.0]),
        np.zeros(3, np.uint32),
        np.zeros(3, np.int64),
        np.zeros(3, ">u8"),
        [1, 2, 3],
        5,
        None,
        "text",
    ],
)
def test_buffers_of_other_things(wrong: object) -> None:
    with pytest.raises(TypeError):
        described("one").indices_at(wrong)  # type: ignore[arg-type]


def test_several_dimensions() -> None:
    for shape in ((2, 2), ()):
        with pytest.raises(ValueError, match="dimension"):
            described("one").indices_at(np.zeros(shape, np.uint64))


OUTS: list[Callable[[int], object]] = [
    lambda count: np.full(count, 77, np.int32),
    lambda count: array.array("i", [77] * count),
    lambda count: memoryview(bytearray(4 * count)).cast("i"),
    lambda count: (ctypes.c_int32 * count)(),
    lambda count: np.full(count + 5, 77, np.int32)[2:-3],
]


@pytest.mark.parametrize("make", OUTS)
@pytest.mark.parametrize("count", [0, 1, 1024, 3000])
def test_results_in_place(make: Callable[[int], object], count: int) -> None:
    images = described("grid")
    asked, out = random_addresses(images, count), make(count)
    assert images.indices_at(asked, out=out) is out  # type: ignore[arg-type]
    assert np.asarray(out).tolist() == reference(images, asked).tolist()  # type: ignore[arg-type]


def test_what_lies_around_the_result_stays() -> None:
    images, room = described("grid"), np.full(20, 77, np.int32)
    images.indices_at(random_addresses(images, 10), out=room[5:15])
    assert room[:5].tolist() == room[15:].tolist() == [77] * 5


def test_places_for_the_result_that_do_not_fit() -> None:
    images, asked = described("one"), np.zeros(4, np.uint64)
    for length in (0, 3, 5):
        with pytest.raises(ValueError, match=f"room for {length}, not for 4"):
            images.indices_at(asked, out=np.zeros(length, np.int32))
    readonly = np.zeros(4, np.int32)
    readonly.flags.writeable = False
    for refused in (readonly, np.zeros(8, np.int32)[::2]):
        with pytest.raises(BufferError):
            images.indices_at(asked, out=refused)
    for wrong in (np.zeros(4, np.uint32), np.zeros(4, np.int64), [0] * 4, bytearray(16)):
        with pytest.raises(TypeError):
            images.indices_at(asked, out=wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="dimension"):
        images.indices_at(asked, out=np.zeros((2, 2), np.int32))


def test_the_result_is_a_column() -> None:
    found = described("one").indices_at(np.zeros(3, np.uint64))
    assert np.asarray(found).dtype == np.int32
    assert memoryview(found).readonly
    assert len(memoryview(found)) == 3


def test_a_buffer_that_changes_meanwhile() -> None:
    """It is open which addresses are looked up, but each result is that of one of them."""
    images = described("grid")
    inside, outside = int(images[7].address), 0
    asked, stop = np.full(200_000, inside, np.uint64), threading.Event()

    def change() -> None:
        while not stop.is_set():
            asked[:] = outside
            asked[:] = inside

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(20):
            assert set(np.unique(np.asarray(images.indices_at(asked))).tolist()) <= {7, -1}
    finally:
        stop.set()
        thread.join()
