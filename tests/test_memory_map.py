"""The map of a cache for an emulator: every byte that a process has, in regions that can be mapped."""

import itertools
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from dyld_atlas import (
    CacheError,
    MemoryRegion,
    MissingDataError,
    Permissions,
    PreferredAddress,
    RebasedAddress,
    SharedCache,
    Slide,
    Snapshot,
    UnmappedAddressError,
)
from dyld_atlas.testing import CacheBuilder, Content, PointerTo, SharedCacheBuilder, SnapshotBuilder

A = "/usr/lib/liba.dylib"
PAGE = 0x1000


def build(architecture: str = "arm64e", generation: str = "macos26") -> SharedCacheBuilder:
    sections: dict[str, Content] = {
        "__TEXT,__text": b"code" * 8,
        "__DATA,__data": PointerTo(A),
        "__DATA_CONST,__const": PointerTo(A),
    }
    return SharedCacheBuilder(architecture, generation).image(A, sections=sections)


class Emulator:
    """As strict as those that there are: whole pages, nothing mapped twice, nothing written outside."""

    def __init__(self) -> None:
        self.regions: list[tuple[int, bytearray, int]] = []

    def mem_map(self, address: int, size: int, permissions: int) -> None:
        assert size > 0
        assert address % PAGE == size % PAGE == 0
        assert all(address + size <= start or start + len(data) <= address for start, data, _ in self.regions)
        self.regions.append((int(address), bytearray(size), permissions))

    def mem_write(self, address: int, data: bytes) -> None:
        for start, memory, _ in self.regions:
            if start <= address and address + len(data) <= start + len(memory):
                memory[address - start : address - start + len(data)] = data
                return
        raise AssertionError(f"{address:#x} is not mapped")

    def read(self, address: int, size: int) -> bytes:
        for start, memory, _ in self.regions:
            if start <= address < start + len(memory):
                return bytes(memory[address - start : address - start + size])
        raise AssertionError(f"{address:#x} is not mapped")


@pytest.mark.parametrize("slide", [0, 0xA2C_C000])
@pytest.mark.parametrize(
    ("architecture", "generation"),
    [
        ("arm64e", "macos26"),
        ("arm64e", "macos12"),
        ("x86_64", "macos11"),
        ("x86_64", "macos10.9"),
        ("arm64_32", "macos26"),
    ],
)
def test_an_emulator_has_what_a_process_has(tmp_path: Path, architecture: str, generation: str, slide: int) -> None:
    cache = SharedCache.open(build(architecture, generation).write(tmp_path))
    emulator = Emulator()
    for region in cache.memory_map(slide=slide):
        emulator.mem_map(region.address, region.size, int(region.permissions))
        emulator.mem_write(region.address, bytes(region.data()))
    for mapping in cache.mappings():
        wanted = cache.read(mapping.preferred_load_address, mapping.size, slide=slide)
        assert emulator.read(int(mapping.preferred_load_address) + slide, mapping.size) == wanted
    data = cache.images.by_name("liba.dylib").segment("__DATA").preferred_load_address
    pointer = int.from_bytes(emulator.read(int(data) + slide, cache.pointer_size), "little")
    assert pointer == int(cache.images[0].preferred_load_address) + slide


def test_regions(tmp_path: Path) -> None:
    cache = SharedCache.open(build().write(tmp_path), slide=0x4000)
    regions = cache.memory_map()
    first = regions[0]
    assert isinstance(first, MemoryRegion)
    assert (type(first.address), type(first.preferred_load_address)) == (RebasedAddress, PreferredAddress)
    assert first.address - first.preferred_load_address == cache.slide == 0x4000
    assert first.permissions is Permissions.READ | Permissions.EXECUTE
    assert [each.address for each in regions] == sorted(each.address for each in regions)
    assert len(regions) < len(cache.mappings()), "those that follow each other are one"
    for before, after in itertools.pairwise(regions):
        apart = before.address + before.size < after.address
        assert apart or before.permissions != after.permissions
    assert int(cache.memory_map(slide=Slide(0))[0].address) == int(cache.preferred_load_address)
    view = first.data()
    assert (len(view), view.readonly) == (first.size, True)
    assert repr(first) == f"<MemoryRegion {int(first.address):#x} size={first.size:#x} r-x>"
    with pytest.raises(TypeError, match="cannot pickle a MemoryRegion"):
        pickle.dumps(first)
    with pytest.raises(TypeError):
        cache.memory_map(slide=cache.address)  # type: ignore[arg-type]


def test_mappings_that_share_a_page(tmp_path: Path) -> None:
    """They are one region, may do what either may, and hold zeros where neither is."""
    main = SharedCacheBuilder("x86_64", "macos11").image(A).write(tmp_path)
    data = bytearray(main.read_bytes())
    size, count = struct.unpack_from("<II", data, 0x10)
    (slid,) = struct.unpack_from("<I", data, 0x138)
    mappings = SharedCache.open(main).mappings()
    text, written = mappings[0], mappings[1]
    start = text.preferred_load_address + text.size - 0x800
    # The first one ends in the middle of a page, and the second one begins there.
    for table, row in ((size, 32), (slid, 56)):
        struct.pack_into("<Q", data, table + 8, text.size - 0x800)
        struct.pack_into("<Q", data, table + row, start + 0x100)
    assert count == len(mappings)
    main.write_bytes(data)
    region = SharedCache.open(main).memory_map()[0]
    assert region.permissions == text.max_protection | written.max_protection
    assert region.size % PAGE == 0
    with region.data() as view:
        at = start - text.preferred_load_address
        assert not any(view[at : at + 0x100])
        assert bytes(view[:16]) == data[:16]


def test_files_that_are_missing_are_left_out(tmp_path: Path) -> None:
    main = build().write(tmp_path)
    whole = SharedCache.open(main).memory_map()
    (tmp_path / f"{main.name}.02.dylddata").unlink()
    cache = SharedCache.open(main)
    assert 0 < sum(each.size for each in cache.memory_map()) < sum(each.size for each in whole)
    for region in cache.memory_map():
        region.data()


def test_a_file_that_was_cut(tmp_path: Path) -> None:
    main = build().write(tmp_path)
    part = tmp_path / f"{main.name}.01"
    part.write_bytes(part.read_bytes()[:-0x2000])

    def read() -> None:
        for region in SharedCache.open(main).memory_map():
            region.data()

    with pytest.raises((UnmappedAddressError, CacheError)):
        read()


def test_without_files() -> None:
    cache = CacheBuilder("/nowhere/dyld_shared_cache_arm64e").image(A)
    snapshot = Snapshot.from_bytes(SnapshotBuilder().image("/bin/demo").shared_cache(cache).build(), providers=())
    assert snapshot.shared_cache is not None
    with pytest.raises(MissingDataError):
        snapshot.shared_cache.memory_map()


@pytest.mark.parametrize("make", [lambda: build().image("/usr/lib/libb.dylib")])
def test_size_of_images(tmp_path: Path, make: Callable[[], SharedCacheBuilder]) -> None:
    """Of a cache's images without what all of them share."""
    cache = SharedCache.open(make().write(tmp_path))
    for image in cache.images:
        own = [segment.vm_size for segment in image.segments if segment.name != "__LINKEDIT"]
        assert len(own) < len(image.segments)
        assert image.vm_size == sum(own)
    archive = SnapshotBuilder().image("/bin/demo", segments={"__TEXT": 0x4000, "__LINKEDIT": 0x8000}).build()
    assert Snapshot.from_bytes(archive, providers=()).images[0].vm_size == 0xC000
    nothing = Snapshot.from_bytes(SnapshotBuilder().image("/bin/demo", segments={}).build(), providers=())
    assert nothing.images[0].vm_size == 0
