"""A list of images is a sequence, and finds images by address, UUID and name."""

import bisect
import collections.abc
import copy
import gc
import operator
import random
import sys
import weakref
from uuid import UUID

import pytest

from dyld_atlas import Image, ImageList, PreferredAddress, RebasedAddress, Slide
from dyld_atlas.testing import SnapshotBuilder
from samples import BASE, LINKEDIT, SLIDE, cache, grid, opened, sample

COUNT = 9


def names(images: collections.abc.Iterable[Image]) -> list[str]:
    return [image.name for image in images]


@pytest.fixture
def images() -> ImageList:
    return opened(grid(COUNT)).images


ALL = [str(number) for number in range(COUNT)]


def test_as_a_sequence(images: ImageList) -> None:
    assert isinstance(images, collections.abc.Sequence)
    assert len(images) == COUNT
    assert names(images) == names(list(images)) == ALL
    assert names(reversed(images)) == ALL[::-1]
    assert [images[index].name for index in range(-COUNT, COUNT)] == ALL * 2
    for index in (COUNT, -COUNT - 1, 1 << 80):
        with pytest.raises(IndexError):
            images[index]
    for wrong in ("0", 1.0, None):
        with pytest.raises(TypeError, match="indices must be integers or slices"):
            images[wrong]  # type: ignore[call-overload]
    assert operator.length_hint(iter(images)) == COUNT
    assert bool(images)
    assert not opened(SnapshotBuilder()).images
    assert random.Random(1).choice(images) in images
    match images:
        case [first, *_, last]:
            assert names([first, last]) == ["0", "8"]
        case _:
            raise AssertionError
    assert names(sorted(images, key=lambda image: -image.address)) == ALL[::-1]
    assert bisect.bisect(images, images[4].address, key=lambda image: image.address) == 5


def test_slices(images: ImageList) -> None:
    for cut in (slice(None), slice(2, 5), slice(None, None, -2), slice(-3, None), slice(7, 1, -3), slice(5, 2)):
        assert names(images[cut]) == ALL[cut]
        assert names(reversed(images[cut])) == ALL[cut][::-1]
    assert images[2:5][1] is images[3]
    assert images[3] in images[2:5]
    assert images[1] not in images[2:5]


def test_an_image_is_the_same_object_however_it_is_found(images: ImageList) -> None:
    image = images[3]
    assert image.uuid is not None
    found = [
        images[3],
        images[-6],
        list(images)[3],
        images[2:][1],
        list(reversed(images))[5],
        images.at(image.address),
        images.by_uuid(image.uuid),
        images.by_name("3"),
        images.outside_cache[3],
        copy.copy(images)[3],
        copy.deepcopy(images)[3],
    ]
    assert all(each is image for each in found)


def test_iterators(images: ImageList) -> None:
    iterator = iter(images)
    assert iter(iterator) is iterator
    assert next(iterator).name == "0"
    assert operator.length_hint(iterator) == COUNT - 1
    assert names(iterator) == ALL[1:]
    for _ in range(3):
        assert next(iterator, None) is None
    assert operator.length_hint(iterator) == 0


def test_parts_outlive_the_whole() -> None:
    snapshot = opened(grid(3))
    reference = weakref.ref(snapshot)
    images, iterator = snapshot.images, iter(snapshot.images)
    segment, columns, rest = images[0].segments[0], images.columns(), images[1:]
    listed = weakref.ref(images)
    del snapshot, images
    assert reference() is None
    assert listed() is None
    assert names(iterator) == ["0", "1", "2"]
    assert names(rest) == ["1", "2"]
    assert segment.name == "__TEXT"
    assert list(columns.install_name) == [None] * 3


def test_nothing_leaks() -> None:
    image = opened(grid(3)).images[0]
    weak = weakref.ref(image)
    before = sys.getrefcount(image)
    assert image.segments[0].vm_size
    assert sys.getrefcount(image) == before
    del image
    assert weak() is None
    gc.collect()


def test_contains_index_count(images: ImageList) -> None:
    again = opened(grid(COUNT)).images
    other = opened(grid(COUNT, start=0x2_0000_0000)).images
    for number in range(COUNT):
        assert again[number] in images
        assert images.index(again[number]) == number
        assert images.count(again[number]) == 1
        assert other[number] not in images
    for value in (other[0], 5, "0", None, images):
        assert value not in images
        assert images.count(value) == 0
        with pytest.raises(ValueError, match="not in the sequence"):
            images.index(value)
    assert images.index(images[5], 5) == images.index(images[5], -4, -3) == 5
    for bounds in ((6,), (0, 5), (0, -4), (100, 200), (5, 5)):
        with pytest.raises(ValueError, match="not in the sequence"):
            images.index(images[5], *bounds)
    assert images.index(images[0], -100, 100) == 0


def test_the_same_load_twice() -> None:
    described = SnapshotBuilder().image("/a", address=0x1000).image("/b", address=0x1000).image("/a", address=0x1000)
    images = opened(described).images
    assert images.index(images[2]) == 0
    assert images.index(images[2], 1) == 2
    assert images.count(images[0]) == 2


def test_at(images: ImageList) -> None:
    for image in images:
        start = image.address
        for inside in (start, start + 1, start + 0x3FFF, int(start), int(start) + 0x3FFF):
            assert images.at(inside) is image
        for outside in (start - 1, start + 0x4000, start + 0x4FFF):
            assert images.at(outside) is None
    for nowhere in (0, 1, 2**63, 2**64 - 1):
        assert images.at(nowhere) is None
    for number in (-1, 2**64, 2**80):
        with pytest.raises(OverflowError):
            images.at(number)


def test_at_takes_addresses_of_the_process_only(images: ImageList) -> None:
    class Index:
        def __index__(self) -> int:
            return int(images[1].address)

    assert images.at(Index()) is images[1]  # type: ignore[arg-type]
    assert images.at(RebasedAddress(images[1].address)) is images[1]
    for wrong in (PreferredAddress(5), Slide(5)):
        with pytest.raises(TypeError, match="expected a RebasedAddress or a plain int, not a"):
            images.at(wrong)  # type: ignore[arg-type]
    for thing in ("5", 5.0, None, b"5"):
        with pytest.raises(TypeError):
            images.at(thing)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        images.at()  # type: ignore[call-arg]


def test_at_in_the_shared_cache() -> None:
    images = sample().images
    image = images.by_name("libz.1.dylib")
    assert image.segment("__DATA").address == BASE + 0x4000 + 2 * 0x4_4000 + 0x4_0000 + SLIDE
    assert images.at(image.segment("__DATA").address + 0x1233) is image
    assert images.at(image.segment("__DATA").address + 0x1234) is None
    assert images.at(LINKEDIT + SLIDE) is None, "all images share it"
    assert image.segment("__LINKEDIT").address == LINKEDIT + SLIDE


def test_at_the_end_of_the_address_space() -> None:
    last = 2**64 - 0x1000
    images = opened(SnapshotBuilder().image("/top", address=last, segments={"__TEXT": 0x1000})).images
    assert images.at(2**64 - 1) is images[0]
    assert images.at(last - 1) is None


def test_by_uuid(images: ImageList) -> None:
    for image in images:
        assert image.uuid is not None
        for form in (image.uuid, str(image.uuid), str(image.uuid).upper(), image.uuid.hex, image.uuid.bytes):
            assert images.by_uuid(form) is image
    missing = UUID(int=1)
    with pytest.raises(KeyError, match=str(missing)):
        images.by_uuid(missing)
    for wrong in ("nonsense", b"short"):
        with pytest.raises(ValueError, match="UUID"):
            images.by_uuid(wrong)
    with pytest.raises(TypeError):
        images.by_uuid(5)  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        opened(SnapshotBuilder().image("/a", uuid=None)).images.by_uuid(UUID(int=0))


def test_by_name() -> None:
    images = sample().images
    for name in ("demo", "/bin/demo", "libextra.dylib", "/opt/lib/libextra.dylib", "libextra.1.dylib"):
        assert images.by_name(name) in images[:2]
    assert images.by_name("@rpath/libextra.1.dylib") is images[1]
    assert images.by_name("/usr/lib/libz.1.dylib") is images.by_name("libz.1.dylib") is images[3]
    for missing in ("", "libobjc.A.dylib", "lib", "bin/demo", "DEMO", "demo/"):
        with pytest.raises(KeyError):
            images.by_name(missing)
    with pytest.raises(KeyError, match=r"'no image is named \"libz\"; there is \"libz.1.dylib\"'"):
        images.by_name("libz")
    with pytest.raises(KeyError, match=r"no image is named \"nonsense\"'"):
        images.by_name("nonsense")
    with pytest.raises(TypeError):
        images.by_name(b"demo")  # type: ignore[arg-type]


def test_names_that_are_no_text() -> None:
    strange = ["/a/\udc80x", "/b/\ud800y"]
    described = SnapshotBuilder()
    for name in strange:
        described.image(name, uuid=None)
    images = opened(described).images
    for index, image in enumerate(images):
        assert image.file_path is not None
        assert images.by_name(image.name) is images[index]
        assert images.by_name(image.file_path) is images[index]
    with pytest.raises(KeyError):
        images.by_name("\udcffz")


def test_outside_cache() -> None:
    images = sample().images
    assert names(images.outside_cache) == ["demo", "libextra.1.dylib"]
    assert isinstance(images.outside_cache, collections.abc.Sequence)
    assert [image.is_in_shared_cache for image in images] == [False, False, True, True]
    shared = sample().shared_cache
    assert shared is not None
    assert list(shared.images.outside_cache) == []


def test_order_is_that_of_the_original_merge() -> None:
    described = (
        SnapshotBuilder()
        .image("/late", address=0x1_A000_0000)
        .image("/early", address=0x1000)
        .shared_cache(cache(), used=[0, 1])
    )
    # The cache's images come before the first own one, for both lie lower; then the record's own order.
    assert names(opened(described).images) == ["libSystem.B.dylib", "libobjc.A.dylib", "late", "early"]


def test_repr(images: ImageList) -> None:
    text = repr(images)
    assert text.startswith("[<Image 0 uuid=")
    assert text.endswith(", ... 9 in all]")
    assert repr(opened(SnapshotBuilder()).images) == "[]"
