"""Tables that a cache may have or not: bytes written here, by the published layouts, are read back as values."""

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from command_line import Command
from dyld_atlas import (
    CacheError,
    DynamicData,
    FunctionVariant,
    LimitExceededError,
    MissingDataError,
    PreferredAddress,
    SharedCache,
    Snapshot,
)
from dyld_atlas.formats import AOTCacheHeader
from dyld_atlas.testing import CacheBuilder, SharedCacheBuilder, SnapshotBuilder

BASE = 0x1_8000_0000
TPRO, VARIANTS, PREWARMING, DYNAMIC = 0x3000, 0x3100, 0x3200, 0x3300


def region(version: bytes = b"3") -> bytes:
    fixed = struct.pack("<14s1sxQQIIQ4Q", b"dyld_data    v", version, 0x11, 0x22, 0x50, 0x58, 0, 3, 4, 5, 6)
    return fixed + b"/crypt\0\0/cache\0"


def bits(variant: int, key: int | None = None, diversity: int = 0, address: bool = False) -> int:
    return variant | (key is not None) << 12 | address << 13 | (key or 0) << 14 | diversity << 16


ROWS = (
    (BASE + 8, BASE + 0x100, BASE + 0x1000, bits(0x123, 2, 0xBEEF, True), 7, 5),
    (BASE + 16, BASE + 0x200, BASE + 0x1000, bits(0xFFF), 7, 1),
)
PIECES = {
    TPRO: struct.pack("<4Q", BASE, 0x1000, BASE + 0x2000, 0x800),
    VARIANTS: struct.pack("<II", 1, 2) + b"".join(struct.pack("<QQQIHH", *row) for row in ROWS),
    PREWARMING: struct.pack("<II", 1, 2) + struct.pack("<2Q", 0x8000 | 3 << 40, 1 << 40),
}
HEADER = {
    0x1F0: struct.pack("<QQ", DYNAMIC, 0x100),
    0x200: struct.pack("<II", TPRO, 2),
    0x208: struct.pack("<QQ", BASE + VARIANTS, len(PIECES[VARIANTS])),
    0x218: struct.pack("<QQ", PREWARMING, len(PIECES[PREWARMING])),
}


def write(folder: Path, header: dict[int, bytes] = HEADER, pieces: dict[int, bytes] = PIECES) -> Path:
    """A cache whose main file has these fields and bytes; gives the path of that."""
    main = SharedCacheBuilder("arm64e", "macos26", raw_header=header).image("/usr/lib/liba.dylib").write(folder)
    data = bytearray(main.read_bytes())
    for offset, piece in pieces.items():
        assert not any(data[offset : offset + len(piece)])
        data[offset : offset + len(piece)] = piece
    main.write_bytes(data)
    return main


def test_ranges(tmp_path: Path) -> None:
    cache = SharedCache.open(write(tmp_path))
    assert cache.tpro_mappings() == ((BASE, 0x1000), (BASE + 0x2000, 0x800))
    assert cache.prewarming() == ((BASE + 0x8000, 0xC000), (BASE, 0x4000))
    assert all(type(row[0]) is PreferredAddress for row in (*cache.tpro_mappings(), *cache.prewarming()))


def test_function_variants(tmp_path: Path) -> None:
    cache = SharedCache.open(write(tmp_path))
    variants = cache.function_variants()
    first, second = variants
    assert isinstance(first, FunctionVariant)
    assert (first.fixup_location, first.variants_table, first.variants_table_size) == (BASE + 8, BASE + 0x100, 20)
    assert (first.dylib_header, first.target_dylib, first.variant) == (BASE + 0x1000, 7, 0x123)
    assert (first.key, first.diversity, first.address_diversity) == ("DA", 0xBEEF, True)
    assert (second.key, second.diversity, second.address_diversity, second.variant) == (None, 0, False, 0xFFF)
    assert variants[0] == first != second
    assert len({*variants, *variants}) == 2
    assert repr(first) == "<FunctionVariant fixup_location=0x180000008 dylib_header=0x180001000 variant=291 key=DA>"
    with pytest.raises(TypeError, match="cannot pickle a FunctionVariant"):
        pickle.dumps(first)


def test_dynamic_data_of_a_process(tmp_path: Path) -> None:
    cache = SharedCache.open(write(tmp_path))
    assert cache.dynamic_data() is None, "zeros, as on disk"
    found = cache.dynamic_data(region())
    assert isinstance(found, DynamicData)
    assert (found.version, found.file_system, found.file) == (3, 0x11, 0x22)
    assert (found.os_cryptex_path, found.cache_path) == ("/crypt", "/cache")
    assert found.function_variant_flags == (3 | 4 << 64, 5 | 6 << 64)
    second = cache.dynamic_data(memoryview(region(b"2")))
    assert second is not None
    assert (second.cache_path, second.function_variant_flags) == ("/cache", None)
    first = cache.dynamic_data(bytearray(region(b"1")))
    assert first is not None
    assert (first.os_cryptex_path, first.cache_path) == ("/crypt", None)
    assert found != second
    assert found == cache.dynamic_data(region())
    assert hash(found) == hash(cache.dynamic_data(region()))
    assert repr(found) == "<DynamicData version=3 file_system=0x11 file=0x22 cache_path=/cache>"
    assert cache.dynamic_data(b"") is None
    with pytest.raises(TypeError):
        cache.dynamic_data("text")  # type: ignore[arg-type]


@pytest.mark.parametrize("length", [16, 24, 40, 60, 94])
def test_a_region_that_is_cut(tmp_path: Path, length: int) -> None:
    """Whatever is not there is None or 0; nothing is read past the end."""
    found = SharedCache.open(write(tmp_path)).dynamic_data(region()[:length])
    assert found is not None
    assert found.cache_path is None


def test_dynamic_data_of_files(tmp_path: Path) -> None:
    """As the files of a running system's memory hold it, when somebody wrote them."""
    cache = SharedCache.open(write(tmp_path, pieces={DYNAMIC: region()}))
    found = cache.dynamic_data()
    assert found is not None
    assert found.cache_path == "/cache"
    outside = {0x1F0: struct.pack("<QQ", 1 << 40, 0x4000)}
    assert SharedCache.open(write(tmp_path / "outside", outside, {})).dynamic_data() is None


def test_caches_without_them(tmp_path: Path) -> None:
    for generation in ("macos11", "macos26"):
        made = SharedCacheBuilder("arm64e", generation).image("/usr/lib/liba.dylib").write(tmp_path / generation)
        cache = SharedCache.open(made)
        tables = [cache.tpro_mappings(), cache.prewarming(), list(cache.function_variants()), cache.dynamic_data()]
        assert tables == [(), (), [], None]


BROKEN: list[tuple[int, bytes, Callable[[SharedCache], object], str]] = [
    (0x200, struct.pack("<II", 0x7FFF_FFFF, 2), SharedCache.tpro_mappings, "tproMappings"),
    (0x208, struct.pack("<QQ", 0x10, 0x100), SharedCache.function_variants, "functionVariantInfo"),
    (0x208, struct.pack("<QQ", BASE + VARIANTS, 0x20), SharedCache.function_variants, "functionVariantInfo"),
    (0x218, struct.pack("<QQ", 0x7FFF_FFFF, 0x100), SharedCache.prewarming, "prewarmingData"),
    (0x218, struct.pack("<QQ", PREWARMING + 8, 0x10), SharedCache.prewarming, "prewarmingData"),
]


@pytest.mark.parametrize(("offset", "field", "table", "place"), BROKEN)
def test_a_broken_table_is_an_error_that_names_it(
    tmp_path: Path, offset: int, field: bytes, table: Callable[[SharedCache], object], place: str
) -> None:
    cache = SharedCache.open(write(tmp_path, HEADER | {offset: field}))
    with pytest.raises(CacheError) as caught:
        table(cache)
    assert caught.value.key_path == place
    assert caught.value.expected


def test_a_table_of_too_many_rows_is_refused(tmp_path: Path) -> None:
    many = struct.pack("<II", TPRO, 0xFFFF_FFFF)
    with pytest.raises(LimitExceededError) as caught:
        SharedCache.open(write(tmp_path, HEADER | {0x200: many})).tpro_mappings()
    assert (caught.value.limit, caught.value.requested, caught.value.key_path) == (1 << 20, 0xFFFF_FFFF, "tproMappings")


def test_without_files() -> None:
    cache = CacheBuilder("/nowhere/dyld_shared_cache_arm64e").image("/usr/lib/liba.dylib")
    snapshot = Snapshot.from_bytes(SnapshotBuilder().image("/bin/demo").shared_cache(cache).build(), providers=())
    found = snapshot.shared_cache
    assert found is not None
    tables = (found.tpro_mappings, found.prewarming, found.function_variants, found.dynamic_data)
    for table in tables:
        with pytest.raises(MissingDataError):
            table()
    given = found.dynamic_data(region())
    assert given is not None


def test_command_line(command: Command) -> None:
    main = write(command.folder, pieces=PIECES | {DYNAMIC: region()})
    document = command("cache", main, "--json").json
    assert document["tpro_mappings"] == [
        {"address": "0x180000000", "size": 0x1000},
        {"address": "0x180002000", "size": 0x800},
    ]
    assert document["prewarming"][0] == {"address": "0x180008000", "size": 0xC000}
    assert document["function_variants"][0] == {
        "fixup_location": "0x180000008",
        "variants_table": "0x180000100",
        "variants_table_size": 20,
        "dylib_header": "0x180001000",
        "target_dylib": 7,
        "variant": 0x123,
        "key": "DA",
        "diversity": 0xBEEF,
        "address_diversity": True,
    }
    assert document["dynamic_data"] == {
        "version": 3,
        "file_system": "0x11",
        "file": "0x22",
        "os_cryptex_path": "/crypt",
        "cache_path": "/cache",
        "function_variant_flags": [hex(3 | 4 << 64), hex(5 | 6 << 64)],
    }


def test_command_line_with_a_broken_table(command: Command) -> None:
    broken = HEADER | {0x218: struct.pack("<QQ", 0x7FFF_FFFF, 0x100)}
    result = command("cache", write(command.folder, broken), "--json")
    assert (result.json["prewarming"], len(result.json["tpro_mappings"]), result.code) == ([], 2, 0)
    assert "prewarmingData" in result.err


def translations(**changes: Any) -> bytes:
    values: dict[str, Any] = {"magic": b"AotCache", "size": 0x60 + 3 * 0x20, **changes}
    head = struct.pack(
        "<8s16s16s32sQQII", values["magic"], b"\1" * 16, b"\2" * 16, b"\3" * 32, 0x9000, 0x100, 5, values["size"]
    )
    return head + struct.pack("<12Q", 0x1000, 0x2000, 0, 5, 0x4000, 0x3000, 0x2000, 1, *[0] * 4)


def test_caches_of_translations(tmp_path: Path) -> None:
    path = tmp_path / "aot_shared_cache.0"
    path.write_bytes(translations() + bytes(0x1000))
    header = AOTCacheHeader.open(path)
    assert (header.uuid, header.x86_uuid) == (UUID(bytes=b"\1" * 16), UUID(bytes=b"\2" * 16))
    assert (header.cambria_version, header.fragment_count, header.header_size) == (b"\3" * 32, 5, 0xC0)
    assert header.code_signature == (0x9000, 0x100)
    assert header.mappings == ((0x1000, 0x2000, 0), (0x4000, 0x3000, 0x2000))
    assert type(header.mappings[0][0]) is PreferredAddress
    assert header == AOTCacheHeader.from_bytes(translations())
    assert hash(header) == hash(AOTCacheHeader.from_bytes(translations()))
    assert repr(header).startswith("<AOTCacheHeader uuid=01010101-")


@pytest.mark.parametrize(
    "data", [b"", b"dyld_v1", translations()[:-1], translations(size=0x5F), translations(size=1 << 31)]
)
def test_what_is_no_cache_of_translations(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(CacheError) as caught:
        AOTCacheHeader.from_bytes(data)
    assert caught.value.offset in (0, 92)
    with pytest.raises(OSError, match="No such file"):
        AOTCacheHeader.open(tmp_path / "absent")


@pytest.mark.parametrize(
    "arguments",
    [
        ["images"],
        ["segments"],
        ["at", "0x1000"],
        ["read", "0x1000", "4"],
        ["show"],
        ["cache"],
        ["verify"],
        ["map"],
        ["validate"],
    ],
)
def test_the_command_line_names_translations(command: Command, arguments: list[str]) -> None:
    file = command.file("aot_shared_cache.0", translations() + bytes(0x1000))
    verb, *more = arguments
    result = command(verb, file, *more)
    assert result.code == 3
    assert "Rosetta" in result.out + result.err
    assert "dyld_shared_cache_x86_64" in result.out + result.err
