"""Images and segments as arrays: the same values as the objects have, shared and read-only."""

import collections.abc
import gc
from uuid import UUID

import numpy as np
import pytest

from dyld_atlas import ImageList, PreferredAddress, Slide, Snapshot
from dyld_atlas.testing import SnapshotBuilder
from samples import grid, opened, sample

ARRAYS = ["address", "preferred_load_address", "vm_end", "uuid"]
SEGMENT_ARRAYS = ["image_index", "address", "vm_size", "file_size", "permissions"]


def odd() -> SnapshotBuilder:
    """Images without this and that."""
    return (
        SnapshotBuilder()
        .image("/a", uuid=None, segments=None)
        .image(None, install_name="/b", segments=[("__TEXT", 0x1000), ("__B", 5, 7, 4)])
        .image("/c", address=2**64 - 0x1000, segments={"__TEXT": 0x2000})
        .image("/d", address=0x5000, preferred_load_address=0x9000, segments=())
    )


@pytest.fixture(params=["sample", "odd", "grid", "empty"])
def images(request: pytest.FixtureRequest) -> ImageList:
    snapshots: dict[str, Snapshot] = {
        "sample": sample(),
        "odd": opened(odd()),
        "grid": opened(grid(100)),
        "empty": opened(SnapshotBuilder()),
    }
    return snapshots[request.param].images


def test_columns_are_what_objects_say(images: ImageList) -> None:
    columns = images.columns()
    assert len(columns) == len(images)
    assert np.asarray(columns.address).tolist() == [image.address for image in images]
    assert np.asarray(columns.preferred_load_address).tolist() == [image.preferred_load_address for image in images]
    ends = [
        max((min(segment.address + segment.vm_size, 2**64 - 1) for segment in image.segments), default=0)
        if image.address < 2**63
        else 2**64 - 1
        for image in images
    ]
    assert np.asarray(columns.vm_end).tolist() == ends
    uuids = [UUID(bytes=bytes(row)) for row in np.asarray(columns.uuid)]
    assert uuids == [image.uuid or UUID(int=0) for image in images]
    assert list(columns.install_name) == [image.install_name for image in images]
    assert list(columns.file_path) == [image.file_path for image in images]


def test_segment_columns_are_what_objects_say(images: ImageList) -> None:
    columns = images.segment_columns()
    segments = [(index, segment) for index, image in enumerate(images) for segment in image.segments]
    assert len(columns) == len(segments)
    assert np.asarray(columns.image_index).tolist() == [index for index, _ in segments]
    assert np.asarray(columns.address).tolist() == [segment.address for _, segment in segments]
    assert np.asarray(columns.vm_size).tolist() == [segment.vm_size for _, segment in segments]
    assert np.asarray(columns.file_size).tolist() == [segment.file_size for _, segment in segments]
    assert np.asarray(columns.permissions).tolist() == [int(segment.permissions) for _, segment in segments]
    assert list(columns.name) == [segment.name for _, segment in segments]


def test_types_and_shapes() -> None:
    columns, segments = sample().images.columns(), sample().images.segment_columns()
    count, parts = len(columns), len(segments)
    for name in ARRAYS[:3]:
        array = np.asarray(getattr(columns, name))
        assert (array.dtype, array.shape) == (np.dtype(np.uint64), (count,))
    assert (np.asarray(columns.uuid).dtype, np.asarray(columns.uuid).shape) == (np.dtype(np.uint8), (count, 16))
    types = {"image_index": np.int32, "permissions": np.uint8}
    for name in SEGMENT_ARRAYS:
        array = np.asarray(getattr(segments, name))
        assert (array.dtype, array.shape) == (np.dtype(types.get(name, np.uint64)), (parts,))


@pytest.mark.parametrize("name", ARRAYS)
def test_nothing_is_copied_and_nothing_can_be_changed(name: str) -> None:
    images = sample().images
    first, second = (np.asarray(getattr(images.columns(), name)) for _ in range(2))
    assert first.ctypes.data == second.ctypes.data
    assert not first.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0
    with pytest.raises(TypeError):
        memoryview(getattr(images.columns(), name))[0] = 0


def test_arrays_keep_what_they_show_alive() -> None:
    address = np.asarray(sample().images.columns().address)
    permissions = memoryview(sample().images.segment_columns().permissions)
    gc.collect()
    assert address.tolist() == [image.address for image in sample().images]
    assert permissions.tolist()[:2] == [5, 3]


def test_plain_sequences() -> None:
    columns = sample().images.columns()
    assert [columns.address[index] for index in range(-4, 4)] == [image.address for image in sample().images] * 2
    assert columns.uuid[0] == (sample().images[0].uuid or UUID(int=0)).bytes
    assert isinstance(columns.install_name, collections.abc.Sequence)
    assert columns.install_name[2] == "/usr/lib/libSystem.B.dylib"
    assert columns.install_name[::-1][1] == "/usr/lib/libSystem.B.dylib"
    for index in (4, -5):
        with pytest.raises(IndexError):
            columns.address[index]
        with pytest.raises(IndexError):
            columns.file_path[index]


def test_repr() -> None:
    assert repr(sample().images.columns()) == "<ImageColumns of 4 images>"
    assert repr(sample().images.segment_columns()) == "<SegmentColumns of 10 segments>"
    assert repr(sample().images.columns().address) == "<ColumnBuffer 4 uint64>"


def test_of_a_whole_cache() -> None:
    shared = sample().shared_cache
    assert shared is not None
    assert np.asarray(shared.images.columns().address).tolist() == [image.address for image in shared.images]
    assert len(shared.images.segment_columns()) == 12


def test_items_one_by_one() -> None:
    columns = sample().images.columns()
    assert list(columns.address) == memoryview(columns.address).tolist()
    assert list(columns.uuid) == [bytes(row) for row in np.asarray(columns.uuid)]
    addresses = iter(columns.address)
    del columns
    assert next(addresses) == sample().images[0].address


def test_addresses_are_plain_integers_to_numpy() -> None:
    images = sample().images
    addresses = np.asarray(images.columns().address)
    image = images[0]
    expected = [int(address) - int(image.address) & (1 << 64) - 1 for address in addresses]
    for difference in (addresses - image.address, addresses - int(image.address)):
        assert (difference.dtype, difference.tolist()) == (np.uint64, expected)
    high = np.array([0x00F0_0000_0000_1235], "u8")
    assert (high - PreferredAddress(0x1000)).tolist() == [0x00F0_0000_0000_0235]
    assert (Slide(0x1000) + high).tolist() == (high + Slide(0x1000)).tolist() == [0x00F0_0000_0000_2235]
    assert (addresses >= image.address).dtype == bool
    assert (image.address & addresses).dtype == np.uint64
    # A number of numpy is a plain integer.
    assert type(image.address + high[0]) is type(image.address)
    assert images.at(addresses[0]) is image
    assert isinstance(high[0] - image.slide, np.uint64)
