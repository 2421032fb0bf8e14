"""Every generation of shared cache on every architecture, through the whole interface.

The builder knows where it put what; builder and reader are written apart from each other.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from dyld_atlas import SharedCache, Slide, UnmappedAddressError
from dyld_atlas.testing import PointerTo, SharedCacheBuilder

GENERATIONS = ["macos10.6", "macos10.9", "macos10.12", "macos11", "macos12", "macos13", "macos15", "macos26", "macos27"]
ARCHITECTURES = ["arm64e", "arm64e.x1", "arm64", "x86_64", "x86_64h", "arm64_32"]
A, B = "/usr/lib/liba.dylib", "/System/Library/Frameworks/B.framework/B"
ALIAS = "/usr/lib/liba.1.dylib"
UUID_OF_A = UUID("11111111-2222-3333-4444-555555555555")
SECTIONS = {"__TEXT,__text": b"code" * 8, "__DATA,__data": b"12345678", "__DATA,__bss": bytes(0x100)}


def sample(architecture: str, generation: str) -> SharedCacheBuilder:
    builder = SharedCacheBuilder(architecture, generation)
    builder.image(
        A,
        uuid=UUID_OF_A,
        sections={
            "__TEXT,__text": SECTIONS["__TEXT,__text"],
            "__DATA,__data": [SECTIONS["__DATA,__data"], PointerTo(B)],
            "__DATA,__bss": 0x100,
        },
        aliases=[ALIAS],
    )
    return builder.image(B)


@pytest.fixture(params=[(a, g) for a in ARCHITECTURES for g in GENERATIONS], ids="-".join)
def built(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[SharedCacheBuilder, Path]:
    builder = sample(*request.param)
    return builder, builder.write(tmp_path)


def test_the_whole_interface(built: tuple[SharedCacheBuilder, Path]) -> None:
    builder, path = built
    cache = SharedCache.open(path)
    assert (cache.record_origin, cache.missing_files, cache.warnings, list(cache.verify())) == ("scavenged", (), (), [])
    assert [(image.install_name, int(image.address)) for image in cache.images] == [
        (A, builder.address(A)),
        (B, builder.address(B)),
    ]
    assert cache.uuid == builder.uuid
    image = cache.images.by_name("liba.dylib")
    assert image.uuid == UUID_OF_A
    assert image.pointer_size == cache.pointer_size == (4 if cache.architecture == "arm64_32" else 8)
    assert [f"{each.segment_name},{each.name}" for each in image.sections] == list(SECTIONS)
    for section, (name, content) in zip(image.sections, SECTIONS.items(), strict=True):
        assert section.address == builder.address(A, name)
        assert bytes(section.data()[: len(content)]) == content
        place = cache.resolve(section.preferred_load_address)
        assert place is not None
        assert (place.image, place.section) == (image, section)
        assert cache.images.at(section.address) is image
    for segment in image.segments:
        data = segment.data()
        assert data.nbytes == segment.vm_size
        assert data[: segment.file_size] == cache.read(segment.preferred_load_address, segment.file_size)
        assert not any(data[segment.file_size :])
    with pytest.raises(UnmappedAddressError):
        cache.read(cache.mappings()[-1].preferred_load_address + cache.mappings()[-1].size, 1)
    with cache.pinned() as view:
        start = builder.address(A, "__DATA,__data") - int(cache.preferred_load_address)
        assert view[start : start + 8] == SECTIONS["__DATA,__data"]
    for file in cache.subcaches:
        assert file.layout().nbytes == file.vm_size
    assert cache.map_text().count(f"\n{A}\n") == 1
    assert dict(cache.aliases()) == {ALIAS: image}
    assert ALIAS not in cache.map_text()
    assert cache.images.by_name(ALIAS) is image


def test_other_ways_to_the_same(built: tuple[SharedCacheBuilder, Path]) -> None:
    """Copied, slid, and with an atlas of our own."""
    builder, path = built
    cache, copied = SharedCache.open(path), SharedCache.open(path, mode="copy")
    slid = SharedCache.open(path, slide=-0x4000)
    assert [each.data() for each in copied.mappings()] == [each.data() for each in cache.mappings()]
    assert [list(image.sections) for image in copied.images] == [list(image.sections) for image in cache.images]
    pointer = builder.address(A, "__DATA,__data", 8)
    size = cache.pointer_size
    # Before macOS 10.7 nothing was slid, and no header says how.
    slides = "slide_info" in cache.header or "mapping_with_slide" in cache.header
    for each in (cache, copied, slid):
        assert int.from_bytes(each.read(pointer, size, slide=0), "little") == builder.address(B)
        moved = int.from_bytes(each.read(pointer, size, slide=0x8000), "little")
        assert moved == builder.address(B) + (0x8000 if slides else 0)
        assert (pointer in [int(found.address) for found in each.pointers()]) == slides
    assert slid.images[0].address - Slide(-0x4000) == cache.images[0].preferred_load_address
    if cache.uuid.int:
        path.with_suffix("").with_suffix(".atlas").write_bytes(cache.to_atlas())
        again = SharedCache.open(path)
        assert again.record_origin == "atlas"
        assert list(again.verify()) == []
        assert [image.uuid for image in again.images] == [image.uuid for image in cache.images]
