"""Shared caches that others made, read and compared with what independent readers found in them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from cache_files import (
    BIG_NAMES,
    BUILT_NAMES,
    GOOD,
    NAMES,
    SPLIT,
    Authentication,
    CacheFiles,
    Facts,
    fnv1a64,
    load,
    pointer_line,
    unpacked,
)
from dyld_atlas import CacheError, Mapping, Platform, Pointer, SharedCache
from dyld_atlas.formats import ArchiveWriter
from fixture_files import fixture_folder

BIG = [pytest.param(name, marks=pytest.mark.slow) for name in BIG_NAMES]
ALL = [*NAMES, *BIG]
WORD = (1 << 64) - 1


def opened(files: CacheFiles, name: str, **options: Any) -> tuple[SharedCache, Facts]:
    facts = files.facts(name)
    return SharedCache.open(facts.path, **options), facts


def authentication(pointer: Pointer) -> Authentication | None:
    return None if pointer.key is None else (pointer.diversity, int(pointer.address_diversity), pointer.key)


@pytest.mark.parametrize("name", ALL)
def test_what_the_cache_is(cache_files: CacheFiles, name: str) -> None:
    cache, facts = opened(cache_files, name)
    assert cache.uuid == facts.uuid
    assert cache.header["magic"] == facts.magic
    assert cache.architecture == facts.magic.removeprefix("dyld_v1").strip().replace("arm64ex1", "arm64e.x1")
    assert cache.platform is Platform.MACOS
    assert cache.pointer_size == 8
    assert (cache.record_origin, cache.slide, cache.mapped_private) == ("scavenged", 0, False)
    assert cache.address - cache.preferred_load_address == 0
    assert cache.file_paths[0] == str(facts.path)
    assert all(Path(path).is_file() for path in cache.file_paths)
    assert (list(cache.missing_files), list(cache.warnings)) == ([], [])
    for key in ("mapping_offset", "platform", "max_slide", "cache_type", "os_version"):
        if key in facts.header:
            assert cache.header[key] == int(facts.header[key]), key
    for key in ("shared_region_start", "shared_region_size"):
        if key in facts.header:
            assert cache.header[key] == int(facts.header[key]), key


@pytest.mark.parametrize("name", ALL)
def test_images_and_segments(cache_files: CacheFiles, name: str) -> None:
    cache, facts = opened(cache_files, name)
    assert [(image.install_name, image.uuid, int(image.address)) for image in cache.images] == [
        (image.path, image.uuid, image.address) for image in facts.images
    ]
    columns, segments = cache.images.columns(), cache.images.segment_columns()
    assert np.asarray(columns.address).tolist() == [image.address for image in facts.images]
    assert np.asarray(columns.uuid).tobytes() == b"".join(image.uuid.bytes for image in facts.images)
    flat = [segment for image in facts.images for segment in image.segments]
    assert list(segments.name) == [segment.name for segment in flat]
    assert np.asarray(segments.address).tolist() == [segment.address for segment in flat]
    assert np.asarray(segments.vm_size).tolist() == [segment.vm_size for segment in flat]
    assert np.asarray(segments.file_size).tolist() == [segment.file_size for segment in flat]
    if facts.split_from is None:
        found = [segment.file_offset for image in cache.images for segment in image.segments]
        assert found == [segment.file_offset for segment in flat]


@pytest.mark.parametrize("name", NAMES)
def test_sections(cache_files: CacheFiles, name: str) -> None:
    cache, facts = opened(cache_files, name)
    for image, expected in zip(cache.images, facts.images, strict=True):
        found = [(section.segment_name, section.name, int(section.address), section.size) for section in image.sections]
        assert found == expected.sections
        assert [section for segment in image.segments for section in segment.sections] == list(image.sections)


@pytest.mark.parametrize("name", NAMES)
def test_mappings(cache_files: CacheFiles, name: str) -> None:
    cache, facts = opened(cache_files, name)
    found = cache.mappings()
    if facts.mappings:
        assert [
            (Path(each.file_path), int(each.preferred_load_address), each.size, each.file_offset, each.max_protection)
            for each in found
        ] == [(each.file, each.address, each.size, each.file_offset, each.max_protection) for each in facts.mappings]
        assert [each.flags for each in found] == [each.flags for each in facts.mappings]
        assert [each.slide_version or 0 for each in found] == [each.slide_version for each in facts.mappings]
    assert [each.name for each in found] == [expected_name(each) for each in found]
    assert [each for file in cache.subcaches for each in file.mappings if not file.name.endswith(".symbols")] == [
        *found
    ]


def expected_name(mapping: Mapping) -> str:
    """Apple's rule, as the reference of the format has it."""
    flags, protection = int(mapping.flags or 0), int(mapping.max_protection)
    if protection & 4:
        return "__TEXT_STUBS" if flags & 8 else "__TEXT"
    if not protection & 2:
        return "__READ_ONLY" if flags & 0x20 else "__LINKEDIT"
    if flags & 1:
        return next(
            (f"__AUTH_{name}" for bit, name in ((2, "DIRTY"), (0x40, "TPRO_CONST"), (4, "CONST")) if flags & bit),
            "__AUTH",
        )
    return next(
        (name for bit, name in ((2, "__DATA_DIRTY"), (0x40, "__TPRO_CONST"), (4, "__DATA_CONST")) if flags & bit),
        "__DATA",
    )


@pytest.mark.parametrize("name", ALL)
def test_pointers(cache_files: CacheFiles, name: str) -> None:
    cache, facts = opened(cache_files, name)
    pointers = cache.pointers()
    found = {int(each.address): (int(each.target), authentication(each)) for each in pointers}
    assert len(found) == len(pointers)
    assert list(pointers.warnings) == []
    if facts.pointers is not None:
        sampled = name in BIG_NAMES
        compared = {at: found.get(at) for at in facts.pointers} if sampled else found
        # Of a cache that was cut into files, one image lost its place to a header.
        missing = {at: value for at, value in facts.pointers.items() if compared.get(at) != value}
        assert set(compared.items()) <= set(facts.pointers.items())
        assert len(missing) <= (1 if facts.split_from is not None else 0)
    lines: dict[int, list[str]] = {mapping.address: [] for mapping in facts.mappings}
    ends = {mapping.address: mapping.address + mapping.size for mapping in facts.mappings}
    for start, end in ends.items():
        inside = [(at, value) for at, value in found.items() if start <= at < end]
        lines[start] = [pointer_line(at, *value) for at, value in inside]
    for mapping in facts.mappings:
        assert len(lines[mapping.address]) == mapping.pointers
        if mapping.digest is not None:
            assert fnv1a64("".join(lines[mapping.address]).encode()) == mapping.digest


@pytest.mark.parametrize("name", NAMES)
def test_pointers_as_columns(cache_files: CacheFiles, name: str) -> None:
    cache, _ = opened(cache_files, name)
    pointers = cache.pointers()
    columns = pointers.columns()
    keys = ["IA", "IB", "DA", "DB"]
    assert np.asarray(columns.address).tolist() == [int(each.address) for each in pointers]
    assert np.asarray(columns.target).tolist() == [int(each.target) for each in pointers]
    assert np.asarray(columns.diversity).dtype == np.uint16
    assert np.asarray(columns.diversity).tolist() == [each.diversity for each in pointers]
    assert np.asarray(columns.address_diversity).tolist() == [int(each.address_diversity) for each in pointers]
    found = [255 if each.key is None else keys.index(each.key) for each in pointers]
    assert np.asarray(columns.key).tolist() == found
    assert len(columns) == len(pointers)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("split/")])
@pytest.mark.parametrize("mode", ["map", "copy"])
def test_every_byte_of_every_mapping(cache_files: CacheFiles, name: str, mode: str) -> None:
    cache, facts = opened(cache_files, name, mode=mode)
    for mapping, expected in zip(cache.mappings(), facts.mappings, strict=True):
        whole = facts.bytes_at(expected.address, expected.size)
        assert cache.read(expected.address, expected.size) == whole
        assert mapping.data() == whole
        assert cache.read(expected.address + 5, 16) == whole[5:21]


def segment_bytes(facts: Facts, address: int, file_size: int, vm_size: int) -> bytes:
    return facts.bytes_at(address, file_size).ljust(vm_size, b"\0")


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("split/")])
@pytest.mark.parametrize("pinned", [False, True])
def test_every_byte_of_every_segment(cache_files: CacheFiles, name: str, pinned: bool) -> None:
    cache, facts = opened(cache_files, name)
    if pinned:
        cache.pin()
    for image, expected in zip(cache.images, facts.images, strict=True):
        for segment, each in zip(image.segments, expected.segments, strict=True):
            data = segment.data()
            assert (data.readonly, data.nbytes, data.format) == (True, each.vm_size, "B")
            assert data == segment_bytes(facts, each.address, each.file_size, each.vm_size)
        for section in image.sections:
            assert section.data().nbytes == section.size
    del data
    if pinned:
        cache.unpin()


@pytest.mark.parametrize("name", [f"split/{name}" for name in SPLIT])
def test_a_split_cache_holds_the_same_code(cache_files: CacheFiles, name: str) -> None:
    cache, facts = opened(cache_files, name)
    whole = facts.split_from
    assert whole is not None
    compared = 0
    for image, expected in zip(cache.images, facts.images, strict=True):
        for section, (segment, name, address, size) in zip(image.sections, expected.sections or [], strict=True):
            assert (section.segment_name, section.name) == (segment, name)
            if segment == "__TEXT":
                assert section.data() == whole.bytes_at(address, size)
                compared += size
    assert compared > 100_000


def rebased(data: bytes, address: int, pointers: dict[int, int], slide: int, size: int = 8) -> bytes:
    """What a process at a slide sees: plain Python over the list of pointers."""
    result = bytearray(data)
    for at, target in pointers.items():
        start = at - address
        if 0 <= start <= len(data) - size:
            result[start : start + size] = (target + slide & WORD).to_bytes(size, "little")
    return bytes(result)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("slide", [0, 0x1234_4000, -0x8000])
def test_what_a_process_sees(cache_files: CacheFiles, name: str, slide: int) -> None:
    cache, _ = opened(cache_files, name)
    pointers = {int(each.address): int(each.target) for each in cache.pointers()}
    for mapping in cache.mappings():
        start, size = int(mapping.preferred_load_address), mapping.size
        expected = rebased(bytes(mapping.data()), start, pointers, slide)
        assert cache.read(start, size, slide=slide) == expected
        inside = [at - start for at in pointers if start <= at <= start + size - 8]
        for at in inside[:: max(1, len(inside) // 20)]:
            # Cut through the pointer itself, too.
            for offset, length in ((at, 8), (at - 3, 8), (at + 3, 8), (at + 1, 2)):
                if 0 <= offset and offset + length <= size:
                    assert cache.read(start + offset, length, slide=slide) == expected[offset : offset + length]


def local_symbols(facts: Facts) -> bytes | None:
    """The block by the two fields of the header that say where it lies."""
    file = facts.symbols or facts.path
    header = file.read_bytes()
    offset, size = (int.from_bytes(header[at : at + 8], "little") for at in (0x48, 0x50))
    return header[offset : offset + size] if size else None


@pytest.mark.parametrize("name", NAMES)
def test_local_symbols(cache_files: CacheFiles, name: str) -> None:
    cache, facts = opened(cache_files, name)
    expected = local_symbols(facts)
    found = cache.local_symbols()
    assert (found is None) == (expected is None)
    if found is not None:
        assert found.readonly
        assert bytes(found) == expected
    assert (cache.local_symbols_path, cache.local_symbols_uuid is None) == (
        None if facts.symbols is None else str(facts.symbols),
        facts.symbols is None,
    )


def with_atlas(files: CacheFiles, name: str, target: Path) -> Path:
    """A copy with an atlas of the builder's plist beside it, as the builder packs it."""
    main = files.copy(name, target)
    manifest = load(files.source(name).parent / "MANIFEST.json")
    entry = next(each for each in manifest["caches"] if each["name"] == name.split("/")[1])
    plist = next(each for each in entry["plists"] if each["file"].startswith("atlas.plist"))
    writer = ArchiveWriter()
    for link, to in plist["archive_symlinks"]:
        writer.add_link(link, to)
    writer.add_file(plist["archive_path"], unpacked(files.source(name) / plist["file"]))
    main.with_suffix("").with_suffix(".atlas").write_bytes(writer.to_bytes(codec="lzfse"))
    return main


def described(cache: SharedCache) -> dict[str, Any]:
    """Everything that both kinds of record know."""
    return {
        "cache": [
            cache.uuid,
            cache.preferred_load_address,
            cache.vm_size,
            cache.pointer_size,
            cache.architecture,
            cache.local_symbols_path,
            cache.local_symbols_uuid,
        ],
        "files": [
            (
                file.name,
                file.uuid,
                file.vm_offset,
                file.vm_size,
                file.file_size,
                file.preferred_load_address,
                [
                    (each.name, each.preferred_load_address, each.size, each.file_offset, each.max_protection)
                    for each in file.mappings
                ],
            )
            for file in cache.subcaches
        ],
        "images": [
            (
                image.install_name,
                image.uuid,
                image.address,
                [
                    (each.name, each.address, each.vm_size, each.file_size, each.file_offset, each.permissions)
                    for each in image.segments
                ],
            )
            for image in cache.images
        ],
    }


@pytest.mark.parametrize("name", [*BUILT_NAMES, *BIG])
def test_the_atlas_and_the_headers_agree(cache_files: CacheFiles, name: str, tmp_path: Path) -> None:
    main = with_atlas(cache_files, name, tmp_path / "copy")
    by_atlas, by_headers = SharedCache.open(main), SharedCache.open(main, scavenge=True)
    assert (by_atlas.record_origin, by_headers.record_origin) == ("atlas", "scavenged")
    assert described(by_atlas) == described(by_headers)
    # Apple's builder writes the wrong one of two numbers.
    assert (by_atlas.raw_pointer_size, by_headers.raw_pointer_size) == (4, 8)
    assert list(by_atlas.verify()) == []
    assert by_atlas.read(by_atlas.images[0].preferred_load_address + 0, 4) == b"\xcf\xfa\xed\xfe"


@pytest.mark.parametrize("name", NAMES)
def test_an_atlas_of_our_own(cache_files: CacheFiles, name: str, tmp_path: Path) -> None:
    main = cache_files.copy(name, tmp_path / "copy")
    before = SharedCache.open(main)
    main.with_suffix("").with_suffix(".atlas").write_bytes(before.to_atlas())
    after = SharedCache.open(main)
    assert after.record_origin == "atlas"
    assert described(after) == described(before)
    assert after.verify() == ()
    assert SharedCache.open(main, scavenge=True).record_origin == "scavenged"


@pytest.mark.filterwarnings("ignore:dylibsTrie:RuntimeWarning")
@pytest.mark.parametrize("name", NAMES)
def test_aliases_are_no_names_of_images(cache_files: CacheFiles, name: str) -> None:
    """The split caches kept the trie of one more image, so that it gives some images' paths to others."""
    cache = opened(cache_files, name)[0]
    aliases = cache.aliases()
    assert {image.install_name for image in cache.images}.isdisjoint(aliases)
    assert all(cache.images.by_name(path) == image for path, image in aliases.items())


@pytest.mark.parametrize("name", NAMES)
def test_files_fit_together(cache_files: CacheFiles, name: str) -> None:
    assert opened(cache_files, name)[0].verify() == ()


def test_what_is_malformed() -> None:
    path = fixture_folder("cache") / "real" / "malformed" / "CVE-2022-1244"
    with pytest.raises(CacheError) as raised:
        SharedCache.open(path)
    assert raised.value.entry == path.name
    with pytest.raises(CacheError):
        SharedCache.open(path, scavenge=True, mode="copy")


@pytest.mark.parametrize("name", NAMES)
def test_dyldextractor_lists_the_same(cache_files: CacheFiles, name: str) -> None:
    context = pytest.importorskip("DyldExtractor.dyld.dyld_context")
    cache, facts = opened(cache_files, name)
    with facts.path.open("rb") as file:
        oracle = context.DyldContext(file)
        listed = [
            (oracle.fileCtx.readString(each.pathFileOffset).rstrip(b"\0").decode(), each.address)
            if hasattr(oracle, "fileCtx")
            else (oracle.readString(each.pathFileOffset).rstrip(b"\0").decode(), each.address)
            for each in oracle.images
        ]
    assert [(image.install_name, int(image.address)) for image in cache.images] == listed


@pytest.mark.slow
@pytest.mark.parametrize("name", BIG_NAMES[:1])
def test_places_in_a_large_cache(cache_files: CacheFiles, name: str) -> None:
    cache, _ = opened(cache_files, name)
    for expected in places(cache_files, name):
        found = cache.resolve(int(expected["address"]))
        if expected["image"] is None:
            assert found is None
            continue
        assert found is not None
        assert found.image.install_name == expected["image"]
        assert found.segment is not None
        assert found.segment.name == expected["segment"]
        assert (found.section and found.section.name) == expected["section"]


def places(files: CacheFiles, name: str) -> Iterator[dict[str, Any]]:
    yield from load(files.source(name) / "facts.json.xz")["addresses"]


def test_aliases(cache_files: CacheFiles) -> None:
    cache, facts = opened(cache_files, GOOD)
    aliases = cache.aliases()
    assert set(aliases).isdisjoint(image.path for image in facts.images)
    assert all(cache.images[cache.images.index(image)] is image for image in aliases.values())
    assert all(cache.images.by_name(path) is image for path, image in aliases.items())
    header = cache.header
    assert isinstance(header["unknown_bytes"], bytes)
    assert isinstance(header["uuid"], UUID)


def test_a_copy_elsewhere_is_the_same_cache(cache_files: CacheFiles, tmp_path: Path) -> None:
    cache, facts = opened(cache_files, GOOD)
    other = SharedCache.open(cache_files.copy(GOOD, tmp_path / "elsewhere"))
    assert described(other) == described(cache) | {
        "cache": [*described(cache)["cache"][:5], other.local_symbols_path, cache.local_symbols_uuid]
    }
    assert other != cache
    shutil.rmtree(tmp_path / "elsewhere")
    # Mapped files stay while they are used.
    first = facts.images[0].segments[0]
    assert other.images[0].segments[0].data() == segment_bytes(facts, first.address, first.file_size, first.vm_size)
