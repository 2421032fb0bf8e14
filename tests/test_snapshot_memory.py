"""Bytes of a snapshot's images: of its own through Mach-O files, of the cache through the cache's files."""

from __future__ import annotations

import gc
import struct
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cache_files import GOOD, CacheFiles
from dyld_atlas import (
    DirectoryProvider,
    FileIdentifier,
    Image,
    MachOError,
    MissingDataError,
    PreferredAddress,
    SharedCache,
    Slide,
    Snapshot,
    UnmappedAddressError,
)
from dyld_atlas.testing import CacheBuilder, SnapshotBuilder

LINKED = 0x1_0000_0000
LOADED = 0x1_0444_0000
DEMO = UUID("11111111-2222-4333-8444-555555555555")
TEXT, DATA = 0x4000, 0x8000


def segment_command(name: bytes, address: int, size: int, offset: int, length: int, sections: list[bytes]) -> bytes:
    head = struct.pack("<16sQQQQiiII", name, address, size, offset, length, 5, 5, len(sections), 0)
    return struct.pack("<II", 0x19, 8 + len(head) + sum(map(len, sections))) + head + b"".join(sections)


def section(name: bytes, segment: bytes, address: int, size: int, offset: int, flags: int = 0) -> bytes:
    return struct.pack("<16s16sQQIIIIIIII", name, segment, address, size, offset, 0, 0, 0, flags, 0, 0, 0)


def macho(uuid: UUID = DEMO, fill: int = 0x90, subtype: int = 0) -> bytes:
    """A thin arm64 dylib: __TEXT with one section, __DATA half of which is zero fill."""
    data = LINKED + TEXT
    commands = [
        segment_command(
            b"__TEXT",
            LINKED,
            TEXT,
            0,
            TEXT,
            [section(b"__text", b"__TEXT", LINKED + 0x1000, 0x100, 0x1000, 0x80000400)],
        ),
        segment_command(
            b"__DATA",
            data,
            DATA,
            TEXT,
            TEXT,
            [
                section(b"__data", b"__DATA", data, 0x80, TEXT),
                section(b"__bss", b"__DATA", data + TEXT, 0x40, 0, 1),
            ],
        ),
        struct.pack("<II", 0x1B, 24) + uuid.bytes,
    ]
    body = b"".join(commands)
    header = struct.pack("<IIIIIIII", 0xFEEDFACF, 0x0100000C, subtype, 6, len(commands), len(body), 0, 0)
    return (header + body).ljust(0x1000, b"\0") + bytes([fill]) * (2 * TEXT - 0x1000)


def universal(*slices: bytes) -> bytes:
    """A universal file of arm64 slices of different subtypes."""
    table, parts = b"", b""
    for number, part in enumerate(slices):
        offset = 0x4000 + number * 0x10000
        table += struct.pack(">IIIII", 0x0100000C, number, offset, len(part), 14)
        parts = parts.ljust(offset - 0x4000, b"\0") + part
    return (struct.pack(">II", 0xCAFEBABE, len(slices)) + table).ljust(0x4000, b"\0") + parts


def described(path: str = "/bin/demo") -> SnapshotBuilder:
    segments = [("__TEXT", TEXT, 5, TEXT, LINKED), ("__DATA", DATA, 3, TEXT, LINKED + TEXT)]
    return SnapshotBuilder().image(path, uuid=DEMO, address=LOADED, preferred_load_address=LINKED, segments=segments)


class Files:
    """A provider that counts what it is asked for."""

    def __init__(self, given: Callable[[FileIdentifier], Any]) -> None:
        self.given = given
        self.asked: list[FileIdentifier] = []

    def file(self, identifier: FileIdentifier, /) -> Any:
        self.asked.append(identifier)
        return self.given(identifier)

    def shared_cache_atlas(self, identifier: FileIdentifier, /) -> None:
        return None


def opened(*providers: Any, path: str = "/bin/demo") -> tuple[Snapshot, Image]:
    snapshot = Snapshot.from_bytes(described(path).build(), providers=providers)
    return snapshot, snapshot.images[0]


def check(snapshot: Snapshot, image: Image, content: bytes) -> None:
    text, data = image.segments
    assert text.data() == content[:TEXT]
    assert data.data() == content[TEXT : 2 * TEXT] + bytes(DATA - TEXT)
    assert data.data().readonly
    assert snapshot.read(LOADED, 32) == content[:32]
    assert snapshot.read(LOADED + TEXT - 8, 16) == content[TEXT - 8 : TEXT + 8]
    assert snapshot.read(LOADED + 2 * TEXT - 4, 8) == content[2 * TEXT - 4 : 2 * TEXT] + bytes(4)
    assert [(each.segment_name, each.name, each.size) for each in image.sections] == [
        ("__TEXT", "__text", 0x100),
        ("__DATA", "__data", 0x80),
        ("__DATA", "__bss", 0x40),
    ]
    assert [each.name for each in data.sections] == ["__data", "__bss"]
    assert [each.address - image.address for each in image.sections] == [0x1000, TEXT, 2 * TEXT]
    assert image.sections[0].data() == content[0x1000:0x1100]
    assert not any(image.sections[2].data())
    place = snapshot.resolve(LOADED + 0x1010)
    assert place is not None
    assert place.section == image.sections[0]
    gap = snapshot.resolve(LOADED + 0x20)
    assert gap is not None
    assert gap.section is None


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_a_provider(kind: Callable[[bytes], object]) -> None:
    provider = Files(lambda _: kind(macho()))
    snapshot, image = opened(provider)
    check(snapshot, image, macho())
    assert provider.asked == [FileIdentifier(uuid=DEMO, path="/bin/demo")]


def test_a_path_of_a_provider(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "demo").write_bytes(macho())
    snapshot, image = opened(DirectoryProvider(tmp_path))
    check(snapshot, image, macho())


def test_the_slice_with_the_uuid() -> None:
    slices = [macho(UUID(int=1), 0x11, 0), macho(subtype=1), macho(UUID(int=3), 0x33, 2)]
    snapshot, image = opened(Files(lambda _: universal(*slices)))
    check(snapshot, image, slices[1])


def test_providers_are_asked_in_order() -> None:
    first, wrong, right, last = (
        Files(lambda _: None),
        Files(lambda _: macho(UUID(int=9))),
        Files(lambda _: macho()),
        Files(lambda _: macho(fill=1)),
    )
    snapshot, image = opened(first, wrong, right, last)
    check(snapshot, image, macho())
    assert [len(each.asked) for each in (first, wrong, right, last)] == [1, 1, 1, 0]


def test_files_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "demo"
    path.write_bytes(macho())
    snapshot = Snapshot.from_bytes(described(str(path)).build())
    check(snapshot, snapshot.images[0], macho())


def test_another_file_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "demo"
    path.write_bytes(macho(UUID(int=9)))
    snapshot = Snapshot.from_bytes(described(str(path)).build())
    with pytest.raises(MissingDataError) as raised:
        snapshot.images[0].segments[0].data()
    assert raised.value.identifier == FileIdentifier(uuid=DEMO, path=str(path))


@pytest.mark.parametrize("providers", [(), (Files(lambda _: None),), (Files(lambda _: macho(UUID(int=9))),)])
def test_nobody_has_the_file(providers: tuple[Files, ...]) -> None:
    snapshot, image = opened(*providers)
    for ask in (
        image.segments[0].data,
        lambda: snapshot.read(LOADED, 4),
        lambda: image.sections,
        lambda: image.segments[0].sections,
        lambda: getattr(snapshot.resolve(LOADED), "section"),  # noqa: B009
    ):
        with pytest.raises(MissingDataError) as raised:
            ask()
        assert raised.value.identifier == FileIdentifier(uuid=DEMO, path="/bin/demo")
    assert snapshot.resolve(LOADED) is not None


def test_what_providers_raise_passes_through() -> None:
    def fail(identifier: FileIdentifier) -> bytes:
        raise ConnectionError("server")

    _, image = opened(Files(fail))
    with pytest.raises(ConnectionError, match="server"):
        image.segments[0].data()
    _, image = opened(Files(lambda _: 5))
    with pytest.raises(TypeError, match=r"file\(\) must return bytes, a path or None"):
        image.segments[0].data()


def test_a_record_without_preferred_addresses() -> None:
    """dyld leaves out what is 0; where in its own file something lies is a matter of that file."""
    segments = [("__TEXT", TEXT, 5, TEXT, 0), ("__DATA", DATA, 3, TEXT, TEXT)]
    record = SnapshotBuilder().image("/bin/demo", uuid=DEMO, address=LOADED, segments=segments)
    snapshot = Snapshot.from_bytes(record.build(), providers=[Files(lambda _: macho())])
    image = snapshot.images[0]
    assert image.preferred_load_address == 0
    check(snapshot, image, macho())


@pytest.mark.parametrize("data", [b"", b"\xcf\xfa\xed\xfe", b"#!/bin/sh\n", macho()[:0x20] + b"\xff" * 200])
def test_files_that_are_none(data: bytes) -> None:
    _, image = opened(Files(lambda _: data))
    with pytest.raises((MachOError, MissingDataError)):
        image.segments[0].data()


def test_a_file_that_is_too_short() -> None:
    snapshot, image = opened(Files(lambda _: macho()[: TEXT + 16]))
    with pytest.raises(MachOError):
        image.segments[1].data()
    with pytest.raises((MachOError, UnmappedAddressError)):
        snapshot.read(LOADED + TEXT, 64)
    assert bytes(image.segments[0].data()[:4]) == b"\xcf\xfa\xed\xfe"


def test_addresses() -> None:
    snapshot, image = opened(Files(lambda _: macho()))
    assert snapshot.read(image.address, 0) == b""
    assert snapshot.read(int(image.address), 4) == snapshot.read(image.address, 4)
    for address, size, first in (
        (0x10, 4, 0x10),
        (LOADED - 4, 8, LOADED - 4),
        (LOADED + TEXT + DATA - 4, 8, LOADED + TEXT + DATA),
        (LOADED + TEXT + DATA - 4, 1 << 50, LOADED + TEXT + DATA),
    ):
        with pytest.raises(UnmappedAddressError) as raised:
            snapshot.read(address, size)
        assert raised.value.address == first
    for wrong in (PreferredAddress(LOADED), Slide(LOADED), "1"):
        with pytest.raises(TypeError):
            snapshot.read(wrong, 4)  # type: ignore[arg-type]


def of_cache(cache: SharedCache, path: str) -> bytes:
    reference = CacheBuilder(path, uuid=cache.uuid, preferred_load_address=int(cache.preferred_load_address))
    builder = described().shared_cache(reference, slide=0x8000, used=b"\xff" * 8, embed=False)
    return builder.build()


def with_record(cache: SharedCache) -> type:
    class Records(Files):
        def shared_cache_atlas(self, identifier: FileIdentifier, /) -> Any:
            return cache.to_atlas()

    return Records


@pytest.mark.parametrize("kind", ["path", "bytes", "machine"])
def test_images_of_the_cache(cache_files: CacheFiles, kind: str, tmp_path: Path) -> None:
    main = cache_files.copy(GOOD, tmp_path / "cache")
    cache = SharedCache.open(main)
    if kind == "machine":
        main.with_suffix(".atlas").write_bytes(cache.to_atlas())
        snapshot = Snapshot.from_bytes(of_cache(cache, str(main)))
    else:
        remote = "/far/away/" + main.name

        def give(identifier: FileIdentifier) -> Any:
            if identifier.path is None or not identifier.path.startswith("/far/away/"):
                return None
            local = main.parent / Path(identifier.path).name
            return None if not local.exists() else local if kind == "path" else local.read_bytes()

        snapshot = Snapshot.from_bytes(of_cache(cache, remote), providers=[with_record(cache)(give)])
    shared = snapshot.shared_cache
    assert shared is not None
    for image in snapshot.images:
        if image.is_in_shared_cache:
            same = cache.images.by_uuid(image.uuid or "")
            assert image.segments[0].data() == same.segments[0].data()
            assert [each.name for each in image.sections] == [each.name for each in same.sections]
            assert image.sections[0].address == same.sections[0].address + 0x8000
            assert snapshot.read(image.address, 0x80) == cache.read(same.preferred_load_address, 0x80)
    assert shared.read(shared.preferred_load_address, 16) == b"dyld_v1  arm64e\0"
    with shared.pinned() as view:
        assert bytes(view[:7]) == b"dyld_v1"


@pytest.mark.parametrize("kind", ["folder", "bytes"])
def test_a_cache_without_an_atlas(cache_files: CacheFiles, kind: str, tmp_path: Path) -> None:
    """A provider that has the cache itself needs no record of it."""
    folder = tmp_path / "root" / "System" / "Library" / "dyld"
    folder.parent.mkdir(parents=True)
    main = cache_files.copy(GOOD, folder)
    cache = SharedCache.open(main)
    remote = f"/System/Library/dyld/{main.name}"
    directory = DirectoryProvider(tmp_path / "root")

    def content(identifier: FileIdentifier) -> bytes | None:
        found = directory.file(identifier)
        return None if found is None else Path(found).read_bytes()

    provider = directory if kind == "folder" else Files(content)
    snapshot = Snapshot.from_bytes(of_cache(cache, remote), providers=[provider])
    shared = snapshot.shared_cache
    assert shared is not None
    assert (shared.record_origin, shared.missing_files) == ("scavenged", ())
    assert [image.uuid for image in shared.images] == [image.uuid for image in cache.images]
    image = next(image for image in snapshot.images if image.is_in_shared_cache)
    assert snapshot.read(image.address, 4) == b"\xcf\xfa\xed\xfe"
    assert shared.header["uuid"] == cache.uuid
    # A record that is embedded comes first, and no file is asked for.
    asked = Files(lambda _: pytest.fail("no file is wanted"))
    assert len(Snapshot.from_bytes(snapshot.to_bytes(), providers=[asked]).images) == len(snapshot.images)


def test_a_cache_that_is_not_there(cache_files: CacheFiles) -> None:
    cache = SharedCache.open(cache_files.facts(GOOD).path)
    provider = with_record(cache)(lambda _: None)
    snapshot = Snapshot.from_bytes(of_cache(cache, "/far/away/cache"), providers=[provider])
    shared = snapshot.shared_cache
    assert shared is not None
    image = next(image for image in snapshot.images if image.is_in_shared_cache)
    identifier = FileIdentifier(uuid=cache.uuid, path="/far/away/cache")
    for ask in (
        image.segments[0].data,
        lambda: image.sections,
        lambda: snapshot.read(image.address, 4),
        lambda: shared.read(shared.preferred_load_address, 4),
        shared.pin,
        shared.pointers,
        shared.subcaches[0].layout,
        shared.local_symbols,
    ):
        with pytest.raises(MissingDataError) as raised:
            ask()
        assert raised.value.identifier == identifier
    assert shared.header == {}
    assert [each.flags for each in shared.mappings()] == [None] * len(shared.mappings())


def test_another_cache_at_that_path(cache_files: CacheFiles) -> None:
    """A file is used only if its UUID is the one of the snapshot's cache."""
    cache, other = cache_files.facts(GOOD), cache_files.facts("real/arm64e-objc")
    record = SharedCache.open(cache.path)
    provider = with_record(record)(lambda _: other.path)
    snapshot = Snapshot.from_bytes(of_cache(record, "/far/away/cache"), providers=[provider])
    with pytest.raises(MissingDataError):
        snapshot.images[-1].segments[0].data()


def test_files_live_as_long_as_views() -> None:
    provider = Files(lambda _: macho())
    snapshot, image = opened(provider)
    view, held = image.segments[0].data(), weakref.ref(provider)
    del snapshot, image, provider
    gc.collect()
    assert held() is None
    assert view == macho()[:TEXT]
