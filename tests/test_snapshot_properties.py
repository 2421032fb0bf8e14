"""What a snapshot says of the process."""

import copy
import weakref

import pytest

from dyld_atlas import (
    AOTImage,
    Location,
    Permissions,
    Platform,
    ProcessState,
    RebasedAddress,
    SnapshotFlags,
)
from dyld_atlas.testing import SnapshotBuilder
from samples import CACHE_PATH, CACHE_UUID, SLIDE, opened, sample


def test_numbers() -> None:
    snapshot = opened(
        SnapshotBuilder(
            pid=2**40,
            platform=Platform.IOS,
            state=ProcessState.LIBSYSTEM_INITIALIZED,
            timestamp=2**63 - 1,
            initial_image_count=5,
        )
    )
    assert snapshot.pid == 2**40
    assert snapshot.platform is Platform.IOS
    assert snapshot.state is ProcessState.LIBSYSTEM_INITIALIZED
    assert snapshot.timestamp == 2**63 - 1
    assert snapshot.initial_image_count == 5
    assert opened(SnapshotBuilder(pid=-1)).pid == -1


@pytest.mark.parametrize("number", [0, 77, 99, 200, 2**32 - 1, 2**40])
def test_platforms_and_states_without_a_name(number: int) -> None:
    snapshot = opened(SnapshotBuilder(platform=number, state=number))
    assert (snapshot.platform, snapshot.state) == (number, number)
    assert isinstance(snapshot.platform, Platform)
    assert isinstance(snapshot.state, ProcessState)
    if number == 99:
        assert snapshot.platform.name == "UNKNOWN_99"


@pytest.mark.parametrize(
    ("flags", "page", "pointer"),
    [(0, 16384, 8), (1, 4096, 8), (2, 16384, 4), (3, 4096, 4), (7, 4096, 4), (1 << 40, 16384, 8), (-1, 4096, 4)],
)
def test_flags(flags: int, page: int, pointer: int) -> None:
    snapshot = opened(SnapshotBuilder(flags=flags).image("/a"))
    assert isinstance(snapshot.flags, SnapshotFlags)
    assert int(snapshot.flags) == flags % 2**64
    assert (snapshot.page_size, snapshot.pointer_size) == (page, pointer)
    assert snapshot.images[0].pointer_size == pointer


def test_what_a_record_need_not_have() -> None:
    snapshot = opened(SnapshotBuilder(initial_image_count=None, flags=None))
    assert snapshot.initial_image_count is None
    assert snapshot.flags == SnapshotFlags(0)
    assert snapshot.environment is None
    assert snapshot.metrics is None
    assert snapshot.aot_images is None
    assert snapshot.shared_cache_record is None
    assert snapshot.shared_cache is None
    assert snapshot.warnings == ()
    assert snapshot.unknown_keys == {}
    assert list(snapshot.images) == []


def test_environment() -> None:
    variables = {"DYLD_ROOT_PATH": "/sim", "DYLD_LIBRARY_PATH": "/opt", "DYLD_INSERT_LIBRARIES": "/ü.dylib"}
    snapshot = opened(SnapshotBuilder().environment(**variables))
    environment = snapshot.environment
    assert environment is not None
    assert environment is snapshot.environment
    assert environment.root_path == "/sim"
    assert environment.variables == variables
    with pytest.raises(TypeError):
        environment.variables["DYLD_LIBRARY_PATH"] = "/evil"  # type: ignore[index]
    assert repr(environment) == (
        "<Environment DYLD_ROOT_PATH='/sim' DYLD_LIBRARY_PATH='/opt' DYLD_INSERT_LIBRARIES='/ü.dylib'>"
    )
    same, other = (
        opened(SnapshotBuilder().environment(**{**variables, "DYLD_ROOT_PATH": path})).environment
        for path in ("/sim", "/other")
    )
    assert environment == same
    assert hash(environment) == hash(same)
    assert environment != other
    empty = opened(SnapshotBuilder(extra={"envp": {}})).environment
    assert empty is not None
    assert (empty.root_path, dict(empty.variables)) == (None, {})


def test_metrics() -> None:
    metrics = opened(SnapshotBuilder().metrics({"init": 5, "dlo#": -1, "kürz": 2**63 - 1})).metrics
    assert metrics == {"init": 5, "dlo#": -1, "kürz": 2**63 - 1}
    with pytest.raises(TypeError):
        metrics["init"] = 6  # type: ignore[index]


def test_aot_images() -> None:
    described = SnapshotBuilder().aot_image(x86_address=2**64 - 1, aot_address=0x2000, aot_size=3, image_key=b"k" * 32)
    images = opened(described).aot_images
    assert images is not None
    (image,) = images
    assert isinstance(image.x86_address, RebasedAddress)
    assert (image.x86_address, image.aot_address, image.aot_size) == (2**64 - 1, 0x2000, 3)
    assert image.image_key == b"k" * 32
    assert repr(image) == "<AOTImage x86_address=0xffffffffffffffff aot_address=0x2000 aot_size=0x3>"
    (again,) = opened(described).aot_images or ()
    assert isinstance(again, AOTImage)
    assert image == again
    assert hash(image) == hash(again)
    (other,) = opened(SnapshotBuilder().aot_image(x86_address=1, aot_address=2)).aot_images or ()
    assert len({image, again, other}) == 2
    assert opened(SnapshotBuilder(extra={"aots": []})).aot_images == ()


def test_shared_cache_record() -> None:
    snapshot = sample(embed=False)
    record = snapshot.shared_cache_record
    assert record is not None
    assert record is snapshot.shared_cache_record
    assert (record.uuid, record.file_path) == (CACHE_UUID, CACHE_PATH)
    assert record.address == RebasedAddress(0x1_8000_0000 + SLIDE)
    assert list(record.used_images) == [True, False, True, False, False, False, False, False]
    assert record.used_images[2] is True
    assert (record.aot_uuid, record.aot_address) == (None, None)
    assert repr(record) == f"<SharedCacheRecord {CACHE_PATH} uuid={CACHE_UUID} address=0x180008000>"


def test_a_snapshot_is_an_object_of_its_own() -> None:
    snapshot, other = sample(), sample()
    assert snapshot != other
    assert copy.copy(snapshot) is snapshot
    assert copy.deepcopy([snapshot])[0] is snapshot
    assert snapshot.images is snapshot.images
    reference = weakref.ref(snapshot)
    assert reference() is snapshot
    images = snapshot.images
    del snapshot
    assert reference() is None
    assert images[0].segments[0].permissions == Permissions.READ | Permissions.EXECUTE
    for name in ("pid", "images", "anything"):
        with pytest.raises(AttributeError):
            setattr(other, name, 1)


def test_repr() -> None:
    assert repr(sample()) == "<Snapshot pid=7 platform=MACOS images=4>"
    assert repr(opened(SnapshotBuilder(platform=99))) == "<Snapshot pid=1 platform=UNKNOWN_99 images=0>"


def test_resolve() -> None:
    snapshot = sample()
    location = snapshot.resolve(RebasedAddress(0x1_0000_4010))
    assert location is not None
    assert location.image is snapshot.images[0]
    assert location.segment == snapshot.images[0].segments[1]
    assert location.offset == 0x4010
    assert repr(location) == "<Location demo __DATA +0x4010>"
    assert location == snapshot.resolve(0x1_0000_4010)
    assert hash(location) == hash(snapshot.resolve(0x1_0000_4010))
    assert location != snapshot.resolve(0x1_0000_4011)
    assert location != 5
    match location:
        case Location(image, segment, offset):
            assert (image, segment, offset) == (location.image, location.segment, location.offset)
        case _:
            raise AssertionError
    for nowhere in (0, 2**64 - 1, 0x1_0000_8000):
        assert snapshot.resolve(nowhere) is None


def test_offsets_below_the_image() -> None:
    segments = [("__DATA", 0x1000, 3, 0, 0x0), ("__TEXT", 0x1000, 5, 0, 0x8000)]
    described = SnapshotBuilder().image("/a", address=0x10_8000, preferred_load_address=0x8000, segments=segments)
    location = opened(described).resolve(0x10_0004)
    assert location is not None
    assert (location.offset, location.segment and location.segment.name) == (4 - 0x8000, "__DATA")
    assert repr(location) == "<Location a __DATA -0x7ffc>"
