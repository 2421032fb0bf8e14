"""Pointers that the builder writes are those that SharedCache reads: every slide version, plain and signed.

Builder and reader are written apart from each other, one in Python and one in Rust, from the same published formulas.
"""

from pathlib import Path
from typing import Any

import pytest

from dyld_atlas import SharedCache
from dyld_atlas.testing import PointerTo, SharedCacheBuilder

A, B = "/usr/lib/liba.dylib", "/usr/lib/libb.dylib"
KINDS = [
    ("arm64_32", "macos26", 1),
    ("arm64_32", "macos26", 4),
    ("arm64", "macos11", 2),
    ("arm64", "macos26", 2),
    ("x86_64", "macos11", 2),
    ("x86_64", "macos12", 2),
    ("arm64e", "macos11", 3),
    ("arm64e", "macos13", 3),
    ("arm64e", "macos26", 5),
    ("arm64e.x1", "macos27", 5),
    # One slide info for the whole cache.
    ("arm64_32", "macos10.9", 1),
    ("x86_64", "macos10.12", 2),
    ("arm64e", "macos10.12", 3),
]
# Neighbours, a gap within a page, a page without any, the first and the last words of a page.
GAPS = [0, 0, 4, 8, 12, 16, 0x100, 0xF00, 0x2000, 0x3FF0 - 8, 0, 0, 0x9000, 0]


def contents(pointer: PointerTo) -> list[bytes | PointerTo]:
    """A pointer, again and again, with gaps."""
    found: list[bytes | PointerTo] = []
    for gap in GAPS:
        found += [bytes(gap), pointer]
    return found


def build(architecture: str, generation: str, version: int, *pointers: PointerTo) -> SharedCacheBuilder:
    builder = SharedCacheBuilder(architecture, generation, slide_version=version)
    for number, pointer in enumerate(pointers or (PointerTo(B, section="__TEXT,__text", offset=5),)):
        builder.image(f"/usr/lib/lib{number}.dylib", sections={"__DATA,__data": contents(pointer)})
    return builder.image(A).image(B)


@pytest.mark.parametrize(("architecture", "generation", "version"), KINDS)
def test_all_are_found(tmp_path: Path, architecture: str, generation: str, version: int) -> None:
    builder = build(architecture, generation, version)
    cache = SharedCache.open(builder.write(tmp_path))
    assert cache.warnings == cache.missing_files == ()
    target = builder.address(B, "__TEXT,__text", 5)
    start, size, position = builder.address("/usr/lib/lib0.dylib", "__DATA,__data"), cache.pointer_size, 0
    expected = {builder.address(name, "__DATA,__data"): builder.address(name) for name in (A, B)}
    for gap in GAPS:
        position += gap + -(position + gap) % size
        expected[start + position] = target
        position += size
    assert {pointer.address: int(pointer.target) for pointer in cache.pointers()} == expected
    assert {mapping.slide_version for mapping in cache.mappings() if mapping.slide_version} <= {version}
    for slide in (0, 0x4000, 0x1234_4000 if size == 8 else 0x10_4000):
        for address, unslid in expected.items():
            read = cache.read(address, size, slide=slide)
            assert int.from_bytes(read, "little") == unslid + slide
        whole = cache.read(start, position, slide=slide)
        assert whole == b"".join(
            cache.read(start + i, min(37, position - i), slide=slide) for i in range(0, position, 37)
        )


@pytest.mark.parametrize(("generation", "version"), [("macos11", 3), ("macos26", 5)])
def test_signed_pointers(tmp_path: Path, generation: str, version: int) -> None:
    keys: list[Any] = ["IA", "IB", "DA", "DB"] if version == 3 else ["IA", "DA"]
    given = [PointerTo(B, key=key, diversity=0xABC0 + i, address_diversity=i % 2 == 0) for i, key in enumerate(keys)]
    builder = build("arm64e", generation, version, *given)
    cache = SharedCache.open(builder.write(tmp_path))
    signed = [pointer for pointer in cache.pointers() if pointer.key is not None]
    assert len(signed) == len(given) * len(GAPS)
    for number, wanted in enumerate(given):
        name = f"/usr/lib/lib{number}.dylib"
        found = [p for p in signed if p.diversity == wanted.diversity]
        assert min(p.address for p in found) == builder.address(name, "__DATA,__data")
        assert {(p.key, p.address_diversity, int(p.target)) for p in found} == {
            (wanted.key, wanted.address_diversity, builder.address(B))
        }
    first = signed[0]
    assert int.from_bytes(cache.read(first.address, 8, slide=0x4000), "little") == builder.address(B) + 0x4000


@pytest.mark.parametrize(
    ("architecture", "generation"), [("arm64", "macos26"), ("arm64e", "macos11"), ("arm64e", "macos26")]
)
def test_top_bytes(tmp_path: Path, architecture: str, generation: str) -> None:
    builder = SharedCacheBuilder(architecture, generation).image(B)
    builder.image(A, sections={"__DATA,__data": PointerTo(B, top_byte=0xA5)})
    cache = SharedCache.open(builder.write(tmp_path))
    at = builder.address(A, "__DATA,__data")
    (pointer,) = (each for each in cache.pointers() if each.address == at)
    assert pointer.target == 0xA5 << 56 | builder.address(B)
    assert int.from_bytes(cache.read(at, 8, slide=0x8000), "little") == (0xA5 << 56 | builder.address(B)) + 0x8000


def test_every_segment_has_its_mapping(tmp_path: Path) -> None:
    names = ["__DATA_CONST", "__DATA", "__DATA_DIRTY", "__TPRO_CONST", "__AUTH", "__AUTH_CONST"]
    builder = SharedCacheBuilder()
    builder.image(A, sections={f"{name},__x": PointerTo(A) for name in names})
    cache = SharedCache.open(builder.write(tmp_path))
    found = {each.name for each in cache.mappings()}
    assert set(names) <= found
    for mapping in cache.mappings():
        if mapping.name in names:
            segment = cache.images[0].segment(mapping.name)
            assert 0 <= segment.preferred_load_address - mapping.preferred_load_address < mapping.size


@pytest.mark.parametrize("generation", ["macos10.9", "macos11", "macos12", "macos13", "macos26"])
def test_local_symbols_and_aliases(tmp_path: Path, generation: str) -> None:
    builder = SharedCacheBuilder("arm64", generation).image(A, aliases=["/usr/lib/alias.dylib"])
    builder.image(B, local_symbols={"_inner": ("__TEXT,__text", 4)})
    cache = SharedCache.open(builder.write(tmp_path))
    symbols = cache.local_symbols()
    assert symbols is not None
    assert b"\0_inner\0" in bytes(symbols)
    assert {path: image.install_name for path, image in cache.aliases().items()} == {"/usr/lib/alias.dylib": A}


@pytest.mark.parametrize("generation", ["macos11", "macos12", "macos26"])
def test_the_atlas_of_the_builder_says_what_the_headers_say(tmp_path: Path, generation: str) -> None:
    builder = build("arm64e", generation, 3)
    main = builder.write(tmp_path, atlas=True, codec="lzfse")
    by_atlas, by_headers = SharedCache.open(main), SharedCache.open(main, scavenge=True)
    assert (by_atlas.record_origin, by_headers.record_origin) == ("atlas", "scavenged")
    assert list(by_atlas.verify()) == []
    for ours, theirs in zip(by_atlas.images, by_headers.images, strict=True):
        assert (ours.install_name, ours.uuid, ours.address) == (theirs.install_name, theirs.uuid, theirs.address)
        rows = [
            [(s.name, s.address, s.vm_size, s.file_size, s.file_offset) for s in i.segments] for i in (ours, theirs)
        ]
        assert rows[0] == rows[1]
