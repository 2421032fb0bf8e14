"""The shared cache as its record describes it."""

import copy
import weakref
from collections.abc import Sequence
from uuid import UUID

import pytest

from dyld_atlas import (
    Image,
    Permissions,
    PreferredAddress,
    RebasedAddress,
    SharedCache,
    Slide,
    Snapshot,
)
from dyld_atlas.testing import CacheBuilder, SnapshotBuilder
from samples import BASE, CACHE_PATH, CACHE_UUID, LINKEDIT, NAMES, SLIDE, cache, opened, sample


def shared(snapshot: Snapshot) -> SharedCache:
    found = snapshot.shared_cache
    assert found is not None
    return found


def split() -> CacheBuilder:
    """A cache of three files and a file of symbols."""
    main, data, rest = 0x1_8000_0000, 0x1_8800_0000, 0x1_9000_0000
    return (
        CacheBuilder(CACHE_PATH, uuid=CACHE_UUID, local_symbols_uuid=UUID(int=9), extra={"psze": 4})
        .image("/usr/lib/liba.dylib")
        .subcache("", vm_offset=0, mappings=[(main, 0x4000, 0, 5)])
        .subcache(".01", vm_offset=data - main, mappings=[(data, 0x4000, 0, 3), (data + 0x4000, 0x1000, 0x4000, 1)])
        .subcache(".02.dylddata", vm_offset=rest - main, mappings=[(rest, 0x4000, 0x8000, 7)], file_size=0x9000)
        .subcache(".symbols", vm_offset=0, mappings=[(0, 0x100, 0, 1)], vm_size=0)
    )


def test_every_value() -> None:
    found = shared(sample())
    assert found.uuid == CACHE_UUID
    assert (found.address, type(found.address)) == (BASE + SLIDE, RebasedAddress)
    assert (found.preferred_load_address, type(found.preferred_load_address)) == (BASE, PreferredAddress)
    assert (found.slide, type(found.slide)) == (SLIDE, Slide)
    assert (found.vm_size, found.pointer_size, found.raw_pointer_size) == (0x1000_0000, 8, 8)
    assert (found.architecture, found.platform, found.mapped_private) == ("arm64e", None, False)
    assert (found.aot_uuid, found.aot_address) == (None, None)
    assert (found.local_symbols_path, found.local_symbols_uuid) == (None, None)
    assert (found.missing_files, found.warnings) == ((), ())
    assert repr(found) == f"<SharedCache {CACHE_PATH} uuid={CACHE_UUID} address=0x180008000 images=4>"


def test_files() -> None:
    found = shared(opened(SnapshotBuilder().shared_cache(split())))
    folder = CACHE_PATH.rpartition("/")[0]
    name = CACHE_PATH.rpartition("/")[2]
    assert [file.name for file in found.subcaches] == [name, f"{name}.01", f"{name}.02.dylddata", f"{name}.symbols"]
    assert list(found.file_paths) == [file.file_path for file in found.subcaches]
    assert found.file_paths[1] == f"{folder}/{name}.01"
    assert found.subcaches is found.subcaches
    main, data, rest, _ = found.subcaches
    assert main.uuid == CACHE_UUID
    assert (rest.vm_offset, rest.vm_size, rest.file_size) == (0x1000_0000, 0x4000, 0x9000)
    assert (rest.preferred_load_address, type(rest.preferred_load_address)) == (0x1_9000_0000, PreferredAddress)
    assert [mapping.name for mapping in data.mappings] == ["__DATA", "__LINKEDIT"]
    (mapping,) = rest.mappings
    assert (mapping.name, mapping.max_protection) == ("__TEXT", Permissions(7))
    assert (mapping.preferred_load_address, mapping.size, mapping.file_offset) == (0x1_9000_0000, 0x4000, 0x8000)
    assert mapping.file_path == rest.file_path
    assert [mapping.name for mapping in found.mappings()] == ["__TEXT", "__DATA", "__LINKEDIT", "__TEXT"]
    assert all(not mapping.file_path.endswith(".symbols") for mapping in found.mappings())
    assert (found.local_symbols_path, found.local_symbols_uuid) == (f"{CACHE_PATH}.symbols", UUID(int=9))
    assert (found.raw_pointer_size, found.pointer_size) == (4, 8)
    assert repr(mapping) == "<Mapping __TEXT preferred_load_address=0x190000000 size=0x4000 file_offset=0x8000 rwx>"
    assert repr(main) == f"<SubCache {name} uuid={CACHE_UUID} vm_offset=0x0 vm_size=0x4000 mappings=1>"


def test_files_are_values() -> None:
    one, two = (shared(opened(SnapshotBuilder().shared_cache(split()))) for _ in range(2))
    assert one.subcaches == two.subcaches
    assert one.subcaches is not two.subcaches
    assert len({*one.subcaches, *two.subcaches}) == 4
    assert list(one.mappings()) == list(two.mappings())
    assert len({*one.mappings(), *two.mappings()}) == 4
    assert one.subcaches[0] != one.mappings()[0]


def test_names_that_are_suffixes() -> None:
    described = CacheBuilder(CACHE_PATH, uuid=CACHE_UUID)
    described.subcache("", vm_offset=0, mappings=[(0x1_8000_0000, 0x4000, 0, 5)])
    described.subcache(".1", vm_offset=0x4000, mappings=[(0x1_8000_4000, 0x4000, 0, 5)], extra={"name": ".1"})
    found = shared(opened(SnapshotBuilder().shared_cache(described)))
    assert found.subcaches[1].name == "dyld_shared_cache_arm64e.1"
    assert found.subcaches[1].file_path == f"{CACHE_PATH}.1"


@pytest.mark.parametrize(
    ("path", "architecture"),
    [
        ("/a/dyld_shared_cache_x86_64h", "x86_64h"),
        ("/a/dyld_sim_shared_cache_arm64", "arm64"),
        ("dyld_shared_cache_arm64e.development", "arm64e"),
        ("/a/cache", ""),
        ("", ""),
    ],
)
def test_architecture(path: str, architecture: str) -> None:
    assert shared(opened(SnapshotBuilder().shared_cache(cache(path)))).architecture == architecture


def test_rosetta_and_privacy() -> None:
    described = SnapshotBuilder(flags=4).shared_cache(cache(), aot_uuid=UUID(int=7), aot_address=0x7000)
    found = shared(opened(described))
    assert found.mapped_private
    assert found.aot_uuid == UUID(int=7)
    assert (found.aot_address, type(found.aot_address)) == (0x7000, RebasedAddress)


def test_all_images() -> None:
    snapshot = sample(used=[2])
    found = shared(snapshot)
    assert [image.install_name for image in found.images] == NAMES
    assert found.images is found.images
    assert all(image.is_in_shared_cache for image in found.images)
    assert [image for image in found.images if image in snapshot.images] == [found.images[2]]
    assert found.images[2] == snapshot.images.by_name("libz.1.dylib")
    assert found.images.at(found.images[1].address) is found.images[1]
    assert found.images.at(LINKEDIT + SLIDE) is None


def test_resolve_takes_unslid_addresses() -> None:
    found = shared(sample())
    image = found.images[1]
    location = found.resolve(image.preferred_load_address + 0x4_0010)
    assert location is not None
    assert location.image is image
    assert location.segment is not None
    assert (location.segment.name, location.offset) == ("__DATA", 0x4_0010)
    assert found.resolve(int(image.preferred_load_address)) is not None
    assert found.resolve(0) is None
    with pytest.raises(TypeError, match="expected a PreferredAddress"):
        found.resolve(image.address)  # type: ignore[arg-type]


def test_one_object_for_one_cache() -> None:
    snapshot = sample()
    found = shared(snapshot)
    assert snapshot.shared_cache is found
    images: Sequence[Image] = [*snapshot.images[2:], *found.images]
    assert all(image.shared_cache is found for image in images)
    assert copy.copy(found) is copy.deepcopy(found) is found
    # The images do not own the cache's object: it is made again when it is gone.
    image = snapshot.images[2]
    gone = weakref.ref(found)
    del snapshot, found, images
    assert gone() is None
    again = image.shared_cache
    assert again is not None
    assert image.shared_cache is again
    assert next(iter(again.images)).shared_cache is again


def test_equal_caches() -> None:
    one, two = shared(sample()), shared(sample(used=[1]))
    assert one == two
    assert hash(one) == hash(two)
    assert one is not two
    other = shared(opened(SnapshotBuilder().shared_cache(cache(), slide=2 * SLIDE)))
    assert one != other
    assert one != shared(opened(SnapshotBuilder().shared_cache(cache("/x"), slide=SLIDE)))
    assert one != CACHE_UUID
    assert len({one, two, other}) == 2


def test_no_bits_and_too_many() -> None:
    for used, count in ((b"", 0), (b"\xff" * 100, 4), (b"\x0a", 2)):
        snapshot = opened(SnapshotBuilder().shared_cache(cache(), used=used))
        assert len(snapshot.images) == count
        record = snapshot.shared_cache_record
        assert record is not None
        assert len(record.used_images) == 8 * len(used)
        assert sum(record.used_images) == sum(byte.bit_count() for byte in used)


def test_what_lenient_reading_drops() -> None:
    broken = cache().image("/usr/lib/broken.dylib", extra={"padr": "text"})
    snapshot = opened(SnapshotBuilder().shared_cache(broken), lenient=True)
    found = shared(snapshot)
    assert [image.install_name for image in found.images] == NAMES
    assert found.warnings
    assert set(found.warnings) <= set(snapshot.warnings)
    assert all("imgs[4]" in warning for warning in found.warnings)
