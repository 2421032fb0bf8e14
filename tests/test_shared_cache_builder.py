"""SharedCacheBuilder: an independent reader finds in the files what was asked for, in every generation.

dyldextractor reads the files as its own authors understand them: lists of images, names of subcaches, load commands,
tries. It has no look at slide info here: what pointers mean is compared in test_cache_pointers.py.
"""

import itertools
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from DyldExtractor.dyld.dyld_context import DyldContext
from DyldExtractor.dyld.dyld_trie import ReadExports
from DyldExtractor.macho.macho_context import MachOContext

from dyld_atlas.formats import Archive, plist_loads
from dyld_atlas.testing import PointerTo, SharedCacheBuilder

GENERATIONS = ["macos10.6", "macos10.9", "macos10.12", "macos11", "macos12", "macos13", "macos15", "macos26", "macos27"]
ARCHITECTURES = ["arm64e", "arm64e.x1", "arm64", "x86_64", "x86_64h", "arm64_32"]
A, B = "/usr/lib/liba.dylib", "/System/Library/Frameworks/B.framework/B"
ALIAS = "/usr/lib/liba.1.dylib"
UUID_OF_A = UUID("11111111-2222-3333-4444-555555555555")


def sample(architecture: str = "arm64e", generation: str = "macos26", **options: Any) -> SharedCacheBuilder:
    return (
        SharedCacheBuilder(architecture, generation, **options)
        .image(
            A,
            uuid=UUID_OF_A,
            sections={
                "__TEXT,__text": b"code" * 8,
                "__TEXT,__const": b"constant",
                "__DATA,__data": [b"12345", PointerTo(B), PointerTo(A, section="__DATA,__bss", offset=4)],
                "__DATA,__bss": 0x100,
                "__DATA_CONST,__const": PointerTo(A, section="__TEXT,__const"),
            },
            exports={"_a": "__TEXT,__text", "_a_data": ("__DATA,__data", 8)},
            local_symbols={"_inner": ("__TEXT,__text", 16)},
            aliases=[ALIAS],
        )
        .image(B, exports={"_b": "__TEXT,__text"}, dependencies=[A])
    )


@contextmanager
def extractor(path: Path) -> Iterator[Any]:
    """The cache as dyldextractor reads it."""
    with path.open("rb") as file:
        cache = DyldContext(file)
        others = cache.addSubCaches(path)
        try:
            yield cache
        finally:
            for other in others:
                other.close()


def at(cache: Any, address: int, size: int) -> bytes:
    """Bytes at an unslid address."""
    offset, context = cache.convertAddr(address)
    return bytes(context.file[offset : offset + size])


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_images(tmp_path: Path, architecture: str, generation: str) -> None:
    builder = sample(architecture, generation)
    with extractor(builder.write(tmp_path)) as cache:
        listed = {cache.readString(each.pathFileOffset)[:-1].decode(): each.address for each in cache.images}
        # Before there was a trie of paths, each further one had a row of its own, which this reader takes for an image.
        further = {ALIAS: builder.address(A)} if generation.startswith("macos10.") else {}
        assert listed == {A: builder.address(A), B: builder.address(B), **further}
        assert at(cache, builder.address(A, "__TEXT,__text", 4), 8) == b"codecode"
        assert at(cache, builder.address(A, "__DATA,__data"), 5) == b"12345"
        assert at(cache, builder.address(A, "__DATA,__bss"), 0x100) == bytes(0x100)
        magic = 0xFEEDFACE if architecture == "arm64_32" else 0xFEEDFACF
        assert at(cache, listed[B], 4) == struct.pack("<I", magic)


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("architecture", ["arm64e", "x86_64"])
def test_load_commands(tmp_path: Path, architecture: str, generation: str) -> None:
    builder = sample(architecture, generation)
    with extractor(builder.write(tmp_path)) as cache:
        offset, context = cache.convertAddr(builder.address(A))
        image = MachOContext(context.fileObject, offset, False)
        segments = {each.seg.segname.decode(): each for each in image.segmentsI}
        assert list(segments) == ["__TEXT", "__DATA", "__DATA_CONST", "__LINKEDIT"]
        for segment in segments.values():
            # An offset of a file counts in the file that holds the segment.
            where, _ = cache.convertAddr(segment.seg.vmaddr)
            assert segment.seg.fileoff == where
            for section in segment.sectsI:
                key = f"{section.segname.decode()},{section.sectname.decode()}"
                assert section.addr == builder.address(A, key)
                if section.size != 0x100:
                    assert section.offset == cache.convertAddr(section.addr)[0]
        data = segments["__DATA"].seg
        # What is filled with zeros comes last, and does not count as part of the file.
        pointer_end = builder.address(A, "__DATA,__data", 8 + 2 * 8)
        assert (data.vmaddr + data.filesize, data.vmaddr + data.vmsize) == (
            pointer_end,
            builder.address(A, "__DATA,__bss", 0x100),
        )


def test_exports(tmp_path: Path) -> None:
    builder = sample()
    with extractor(builder.write(tmp_path)) as cache:
        offset, text = cache.convertAddr(builder.address(A))
        image = MachOContext(text.fileObject, offset, False)
        (command,) = (each for each in image.loadCommands if each.cmd == 0x80000033)
        _, linked = cache.convertAddr(image.segments[b"__LINKEDIT"].seg.vmaddr)
        exports = ReadExports(linked.file, command.dataoff, command.datasize)
        found = {each.name.rstrip(b"\0").decode(): each.address for each in exports}
        head = builder.address(A)
        assert found == {
            "_a": builder.address(A, "__TEXT,__text") - head,
            "_a_data": builder.address(A, "__DATA,__data", 8) - head,
        }


@pytest.mark.parametrize(
    ("generation", "architecture", "suffixes"),
    [
        ("macos11", "arm64e", []),
        ("macos12", "arm64e", [".1", ".2", ".3", ".symbols"]),
        ("macos13", "arm64", [".01", ".02.dylddata", ".03.dyldlinkedit", ".symbols"]),
        ("macos26", "x86_64", [".01", ".02", ".03", ".symbols"]),
    ],
)
def test_files(tmp_path: Path, generation: str, architecture: str, suffixes: list[str]) -> None:
    main = sample(architecture, generation).write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(main.name + each for each in ["", *suffixes])
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        size, count = struct.unpack_from("<II", data, 0x10)
        rows = [struct.unpack_from("<QQQII", data, size + 32 * number) for number in range(count)]
        if path.suffix != ".symbols":
            # What dyld asks of every file.
            assert rows[0][2] == 0
            assert all(a[2] + a[1] == b[2] and a[0] + a[1] <= b[0] for a, b in itertools.pairwise(rows))
            assert count == 1 or rows[-1][4] == 1
        assert sum(struct.unpack_from("<QQ", data, 0x28)) == len(data)


def test_the_main_file_names_the_others(tmp_path: Path) -> None:
    builder = sample()
    files = builder.build()
    main = files["dyld_shared_cache_arm64e"]
    assert UUID(bytes=main[0x58:0x68]) == builder.uuid
    assert main[0x190:0x1A0] == files["dyld_shared_cache_arm64e.symbols"][0x58:0x68]
    offset, count = struct.unpack_from("<II", main, 0x188)
    for number in range(count):
        uuid, start, suffix = struct.unpack_from("<16sQ32s", main, offset + 56 * number)
        other = files["dyld_shared_cache_arm64e" + suffix.rstrip(b"\0").decode()]
        assert other[0x58:0x68] == uuid
        assert struct.unpack_from("<Q", other, 0xE0) == (builder.base + start,)


def test_a_header_of_any_size() -> None:
    for size in (0x150, 0x190, 0x194, 0x1A0, 0x210, 0x260):
        main = SharedCacheBuilder(header_size=size).image(A).build()["dyld_shared_cache_arm64e"]
        assert struct.unpack_from("<I", main, 0x10) == (size,)
        named = main[0x190:size][:16] if size >= 0x1A0 else b""
        assert any(named) is (size >= 0x1A0)
    raw = SharedCacheBuilder(raw_header={0x14: b"\xff\xff\xff\xff"}).image(A).build()["dyld_shared_cache_arm64e"]
    assert raw[0x14:0x18] == b"\xff" * 4


def test_the_same_calls_give_the_same_bytes() -> None:
    assert sample().build() == sample().build()
    builder = sample()
    first = builder.build()
    assert builder.build() == first
    assert builder.image("/usr/lib/later.dylib").build() != first


def test_the_record_tells_the_same(tmp_path: Path) -> None:
    builder = sample()
    main = builder.write(tmp_path, atlas=True, codec="zlib")
    atlas = Archive.open(main.with_name(main.name + ".atlas"))
    assert atlas.codec == "zlib"
    root = plist_loads(atlas[builder.record().entry])
    assert isinstance(root, dict)
    record = root["names"][main.name]
    assert (record["padr"], record["psze"], record["snme"]) == (builder.base, 4, main.name + ".symbols")
    assert [file["name"] for file in record["dscs"]] == [name for name in builder.build() if "symbols" not in name]
    for file in record["dscs"]:
        data = (tmp_path / file["name"]).read_bytes()
        assert (file["uuid"], file["fsze"]) == (data[0x58:0x68], len(data))
        size, count = struct.unpack_from("<II", data, 0x10)
        rows = [struct.unpack_from("<QQQI", data, size + 32 * number) for number in range(count)]
        assert [(each["padr"], each["size"], each["foff"], each["prot"]) for each in file["maps"]] == rows
    first = record["imgs"][0]
    assert (first["name"], first["padr"], first["uuid"]) == (A, builder.address(A), UUID_OF_A.bytes)
    assert [each["name"] for each in first["segs"]] == ["__TEXT", "__DATA", "__DATA_CONST", "__LINKEDIT"]


def test_a_development_cache_shares_its_names(tmp_path: Path) -> None:
    main = sample("arm64", name="dyld_shared_cache_arm64.development").write(tmp_path, atlas=True)
    assert main.name == "dyld_shared_cache_arm64.development"
    others = {path.name for path in tmp_path.iterdir()} - {main.name}
    assert {"dyld_shared_cache_arm64.01", "dyld_shared_cache_arm64.symbols", "dyld_shared_cache_arm64.atlas"} < others
    assert not any("development" in name for name in others)


def with_data(content: Any, architecture: str = "arm64e", **options: Any) -> SharedCacheBuilder:
    return SharedCacheBuilder(architecture, **options).image(A, sections={"__DATA,__data": content})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SharedCacheBuilder("mips"), "no architecture"),
        (lambda: SharedCacheBuilder(generation="macos99"), "no generation"),
        (lambda: SharedCacheBuilder("arm64", slide_version=5), "no slide version"),
        (lambda: SharedCacheBuilder().image(A, sections={"__DATA": b""}), "names no section"),
        (lambda: SharedCacheBuilder().image(A, sections={"__DATA,__a_name_too_long": b""}), "names no section"),
        (lambda: SharedCacheBuilder().image(A, exports={"_a": "__DATA,__nothing"}), "has no section"),
        (lambda: SharedCacheBuilder().image(A).address(B), "no image"),
        (lambda: with_data(PointerTo(B)).build(), "no image"),
        (lambda: with_data(PointerTo(A, key="IA"), "arm64").build(), "authenticated"),
        (lambda: with_data(PointerTo(A, key="IB")).build(), "IA and DA alone"),
        (lambda: with_data(PointerTo(0x1000)).build(), "out of reach"),
        (lambda: with_data(PointerTo(0x7FF8_0000_0000), "x86_64").build(), "reads as none"),
        (lambda: SharedCacheBuilder().image(A, sections={"__TEXT,__c": PointerTo(A)}).build(), "cannot be written"),
        (lambda: PointerTo(A, diversity=1 << 16), "16 bits"),
        (lambda: PointerTo(A, key="XX"), "no key"),
        (lambda: SharedCacheBuilder(raw_header={0x300: b"!"}).build(), "header bytes end"),
    ],
)
def test_mistakes(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
