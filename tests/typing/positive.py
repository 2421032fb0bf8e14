"""What type checkers must see in programs that use dyld_atlas. Checked, not run."""

from collections.abc import Mapping, Sequence
from typing import Literal, assert_type
from uuid import UUID

import dyld_atlas as da
from dyld_atlas import formats, testing


def addresses(preferred: da.PreferredAddress, rebased: da.RebasedAddress, slide: da.Slide) -> None:
    assert_type(preferred + slide, da.RebasedAddress)
    assert_type(slide + preferred, da.RebasedAddress)
    assert_type(rebased - slide, da.PreferredAddress)
    assert_type(rebased - preferred, da.Slide)
    assert_type(rebased - rebased, int)
    assert_type(preferred - preferred, int)
    assert_type(slide + slide, da.Slide)
    assert_type(slide - slide, da.Slide)
    assert_type(preferred + 4, da.PreferredAddress)
    assert_type(rebased + 4, da.RebasedAddress)
    assert_type(rebased - 4, da.RebasedAddress)
    assert_type(slide - 4, da.Slide)
    assert_type(slide.signed, int)
    assert_type(rebased < rebased, bool)
    assert_type(rebased < 4, bool)
    assert_type(sorted([rebased, rebased]), list[da.RebasedAddress])
    assert_type(rebased & 0xFFF, int)
    number: int = rebased
    del number


def snapshots(snapshot: da.Snapshot) -> None:
    assert_type(da.Snapshot.open("f", lenient=True, mode="copy", providers=()), da.Snapshot)
    assert_type(da.Snapshot.from_bytes(memoryview(b""), limits=da.Limits(images=5)), da.Snapshot)
    assert_type(snapshot.platform, da.Platform)
    assert_type(snapshot.state, da.ProcessState)
    assert_type(snapshot.flags, da.SnapshotFlags)
    assert_type(snapshot.initial_image_count, int | None)
    assert_type(snapshot.metrics, Mapping[str, int] | None)
    assert_type(snapshot.images, da.ImageList)
    assert_type(snapshot.images[0], da.Image)
    assert_type(snapshot.images[1:], Sequence[da.Image])
    assert_type(snapshot.images.at(0x1000), da.Image | None)
    assert_type(snapshot.images.by_uuid(UUID(int=1)), da.Image)
    assert_type(snapshot.images.by_name("libobjc.A.dylib"), da.Image)
    assert_type([image.address for image in snapshot.images], list[da.RebasedAddress])
    assert_type(snapshot.images[0].preferred_load_address + snapshot.images[0].slide, da.RebasedAddress)
    assert_type(snapshot.images[0].segment("__TEXT"), da.Segment)
    assert_type(snapshot.images[0].segments[0].permissions, da.Permissions)
    assert_type(snapshot.shared_cache_record, da.SharedCacheRecord | None)
    if snapshot.shared_cache is not None:
        assert_type(snapshot.shared_cache.subcaches[0].mappings, Sequence[da.Mapping])
        assert_type(snapshot.shared_cache.images, da.ImageList)
    assert_type(da.diff(snapshot, snapshot).moved, Sequence[tuple[da.Image, da.Image]])
    images: Sequence[da.Image] = snapshot.images
    del images


def caches(cache: da.SharedCache, address: da.PreferredAddress, slide: da.Slide) -> None:
    assert_type(da.SharedCache.open("f", scavenge=True, slide=slide, mode="copy"), da.SharedCache)
    assert_type(da.SharedCache.open("f", slide=-0x4000), da.SharedCache)
    assert_type(da.SharedCache.find("folder"), list[da.SharedCache])
    assert_type(da.SharedCache.installed(root="/mnt"), list[da.SharedCache])
    assert_type(cache.header, Mapping[str, object])
    assert_type(cache.aliases()["/usr/lib/libc.dylib"], da.Image)
    assert_type(cache.mappings()[0].flags, da.MappingFlags | None)
    assert_type(cache.mappings()[0].data(), memoryview)
    assert_type(cache.local_symbols(), memoryview | None)
    assert_type(cache.read(address, 16), bytes)
    assert_type(cache.read(0x1000, 16, slide=slide), bytes)
    assert_type(cache.read(0x1000, 16, slide=4), bytes)
    assert_type(cache.subcaches[0].layout(), memoryview)
    assert_type(cache.verify(), Sequence[str])
    assert_type(cache.to_atlas(codec="lzfse"), bytes)
    pointers: Sequence[da.Pointer] = cache.pointers()
    assert_type(cache.pointers(lenient=True), da.PointerList)
    assert_type(pointers[0].key, Literal["IA", "IB", "DA", "DB"] | None)
    assert_type(pointers[0].target, da.PreferredAddress)
    assert_type(cache.pointers().columns().target[0], int)
    with cache.pinned() as view:
        assert_type(view, memoryview)
    if (place := cache.resolve(address)) is not None:
        assert_type(place.section, da.Section | None)


def memory(snapshot: da.Snapshot, address: da.RebasedAddress) -> None:
    assert_type(snapshot.read(address, 16), bytes)
    assert_type(snapshot.images[0].sections, Sequence[da.Section])
    assert_type(snapshot.images[0].segments[0].data(), memoryview)
    assert_type(snapshot.images[0].segments[0].sections[0].address, da.RebasedAddress)


class MyProvider:
    """Any object with the two methods is a provider."""

    def file(self, identifier: da.FileIdentifier, /) -> bytes | None:
        return None

    def shared_cache_atlas(self, identifier: da.FileIdentifier, /) -> str | None:
        return identifier.path


def providers() -> None:
    providers: list[da.Provider] = [MyProvider(), da.DirectoryProvider("/mnt"), da.CacheLibrary("caches")]
    da.Snapshot.open("f", providers=providers)


def other_layers() -> None:
    archive = formats.Archive.open("f")
    assert_type(archive["process.plist"], memoryview)
    assert_type(archive.entries[0].fields, Mapping[str, object])
    assert_type(formats.plist_loads(archive["process.plist"]), object)
    assert_type(formats.MachO.open("f").slices[0].uuid, UUID | None)
    builder = testing.SnapshotBuilder(pid=7).image("/bin/demo", segments={"__TEXT": 0x4000})
    assert_type(builder, testing.SnapshotBuilder)
    assert_type(builder.build(codec="lzfse"), bytes)


def patterns_and_columns(snapshot: da.Snapshot, error: da.MissingDataError, path: da.StrPath) -> None:
    match snapshot.images[0]:
        case da.Image(name, address):
            assert_type(name, str)
            assert_type(address, da.RebasedAddress)
    assert_type(list(snapshot.images.columns().address), list[int])
    assert_type(snapshot.images.at(0x1000), da.Image | None)
    assert_type(error.identifier.path, str | None)
    da.Snapshot.open(path)


def errors() -> None:
    try:
        da.Snapshot.from_bytes(b"")
    except da.LimitExceededError as error:
        assert_type(error.limit, int)
    except da.FormatError as error:
        assert_type(error.key_path, str | None)
    except da.AtlasError as error:
        assert_type(error.code, int)
