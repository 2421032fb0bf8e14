"""Opening the files of a shared cache: options, files that are missing or wrong, finding, and what does not work."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cache_files import GOOD, CacheFiles
from dyld_atlas import (
    CacheError,
    MissingDataError,
    PreferredAddress,
    RebasedAddress,
    SharedCache,
    Slide,
    UnmappedAddressError,
)

UNIVERSAL = "built/arm64-universal/dyld_shared_cache_arm64"
OLD = "real/arm64e-objc"


@pytest.fixture
def good(cache_files: CacheFiles) -> SharedCache:
    return SharedCache.open(cache_files.facts(GOOD).path)


@pytest.fixture
def main(cache_files: CacheFiles, tmp_path: Path) -> Path:
    """The main file of a cache that the test may damage."""
    return cache_files.copy(GOOD, tmp_path / "cache")


def test_paths(cache_files: CacheFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cache_files.facts(GOOD).path
    by_text = SharedCache.open(str(path))
    assert by_text == SharedCache.open(path)
    assert hash(by_text) == hash(SharedCache.open(path))
    monkeypatch.chdir(path.parent)
    assert len(SharedCache.open(path.name).subcaches) == len(by_text.subcaches)
    with pytest.raises(TypeError):
        SharedCache.open(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("slide", [0x4000, Slide(0x4000), -0x4000, Slide(-0x4000)])
def test_a_slide_moves_addresses_and_no_bytes(cache_files: CacheFiles, slide: int) -> None:
    path = cache_files.facts(GOOD).path
    still, moved = SharedCache.open(path), SharedCache.open(path, slide=slide)
    assert (moved.slide, type(moved.slide)) == (Slide(slide), Slide)
    assert moved.address == still.preferred_load_address + Slide(slide)
    before, after = still.images[3], moved.images[3]
    assert after.address == before.preferred_load_address + Slide(slide)
    assert after.preferred_load_address == before.preferred_load_address
    assert after.segments[0].data() == before.segments[0].data()
    assert after.sections[0].address == before.sections[0].preferred_load_address + Slide(slide)
    assert after.sections[0].data() == before.sections[0].data()
    assert moved.images.at(after.address) is after
    assert moved.read(before.preferred_load_address, 32) == still.read(before.preferred_load_address, 32)


@pytest.mark.parametrize("slide", [PreferredAddress(0x4000), RebasedAddress(0x4000), "0", 1.5])
def test_what_is_no_slide(cache_files: CacheFiles, slide: Any) -> None:
    with pytest.raises(TypeError):
        SharedCache.open(cache_files.facts(GOOD).path, slide=slide)


def test_words_for_modes(cache_files: CacheFiles) -> None:
    path = cache_files.facts(GOOD).path
    with pytest.raises(ValueError, match="mmap"):
        SharedCache.open(path, mode="mmap")  # type: ignore[arg-type]
    assert SharedCache.open(path, mode="copy") == SharedCache.open(path)


def test_files_that_the_system_refuses(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        SharedCache.open(tmp_path / "absent")
    assert raised.value.filename == str(tmp_path / "absent")
    with pytest.raises(IsADirectoryError):
        SharedCache.open(tmp_path)
    with pytest.raises(ValueError, match="null"):
        SharedCache.open("a\0b")


@pytest.mark.parametrize(
    "data",
    [b"", b"dyld_v1", b"bplist00" * 100, b"dyld_v1  arm64e\0" + b"\xff" * 600, b"dyld_v1  arm64e\0" + bytes(600)],
)
def test_what_is_no_cache(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "dyld_shared_cache_arm64e"
    path.write_bytes(data)
    with pytest.raises(CacheError) as raised:
        SharedCache.open(path)
    assert raised.value.entry == path.name
    assert raised.value.expected
    assert raised.value.found


def test_a_part_is_no_main_file(cache_files: CacheFiles) -> None:
    path = cache_files.facts(GOOD).path
    with pytest.raises(CacheError, match=r"dyld_shared_cache_arm64e\.01"):
        SharedCache.open(f"{path}.01")


@pytest.mark.parametrize("suffix", [".01", ".02.dylddata", ".03", ".04.dyldlinkedit", ".symbols"])
@pytest.mark.parametrize("wrong", [False, True])
def test_files_that_are_missing(main: Path, good: SharedCache, suffix: str, wrong: bool) -> None:
    """Everything that lies in other files works, and what does not says so."""
    gone = main.with_name(main.name + suffix)
    if wrong:
        data = bytearray(gone.read_bytes())
        data[0x58:0x68] = UUID(int=5).bytes
        gone.write_bytes(data)
    else:
        gone.unlink()
    cache = SharedCache.open(main)
    assert list(cache.missing_files) == [gone.name]
    # A file that is simply not there needs no other words.
    assert any(gone.name in warning for warning in cache.warnings) == wrong
    # The list of images stands in the main file.
    assert [(image.install_name, image.uuid) for image in cache.images] == [
        (image.install_name, image.uuid) for image in good.images
    ]
    lost = read = 0
    for mapping in good.mappings():
        start, size = mapping.preferred_load_address, mapping.size
        if Path(mapping.file_path).name == gone.name:
            with pytest.raises((UnmappedAddressError, MissingDataError)):
                cache.read(start, size)
            lost += 1
        else:
            assert cache.read(start, size) == mapping.data()
            read += 1
    assert (lost > 0) == (suffix != ".symbols")
    assert read > 0
    assert (cache.local_symbols() is None) == (suffix == ".symbols")
    assert cache.verify()
    with cache.pinned() as view:
        assert bytes(view[:15]) == b"dyld_v1  arm64e"
    left = [each for each in good.pointers() if not in_file(good, gone.name, each.address)]
    assert [(each.address, each.target) for each in cache.pointers()] == [(each.address, each.target) for each in left]


def in_file(cache: SharedCache, name: str, address: int) -> bool:
    return any(
        mapping.preferred_load_address <= address < mapping.preferred_load_address + mapping.size
        for mapping in cache.mappings()
        if Path(mapping.file_path).name == name
    )


def test_the_main_file_alone(main: Path, good: SharedCache) -> None:
    for other in main.parent.iterdir():
        if other != main:
            other.unlink()
    cache = SharedCache.open(main)
    assert [image.install_name for image in cache.images] == [image.install_name for image in good.images]
    assert [image.uuid for image in cache.images] == [image.uuid for image in good.images]
    assert len(cache.missing_files) == 5
    assert cache.read(cache.preferred_load_address, 16) == b"dyld_v1  arm64e\0"
    with pytest.raises((MissingDataError, UnmappedAddressError)):
        _ = cache.images[0].sections
    with pytest.raises(LookupError):
        cache.images[0].segment("__TEXT").data()


def test_names_that_lead_elsewhere(main: Path) -> None:
    data = bytearray(main.read_bytes())
    at = data.index(b".02.dylddata\0")
    data[at : at + 32] = b"/../../secret".ljust(32, b"\0")
    main.write_bytes(data)
    cache = SharedCache.open(main)
    assert any("secret" in name for name in cache.missing_files)


def test_reading(good: SharedCache) -> None:
    start = good.images[0].preferred_load_address
    assert good.read(start, 0) == b""
    assert good.read(int(start), 4) == good.read(start, 4) == b"\xcf\xfa\xed\xfe"
    with pytest.raises(UnmappedAddressError) as raised:
        good.read(0x10, 4)
    assert raised.value.address == 0x10
    last = good.mappings()[-1]
    end = last.preferred_load_address + last.size
    assert len(good.read(end - 4, 4)) == 4
    for size in (8, 1 << 40, (1 << 63) - 1):
        with pytest.raises(UnmappedAddressError) as raised:
            good.read(end - 4, size)
        assert raised.value.address == end
    # One mapping follows at once where another ends.
    first, second = good.mappings()[:2]
    border = second.preferred_load_address
    assert first.preferred_load_address + first.size == border
    assert good.read(border - 8, 16) == bytes(first.data()[-8:]) + bytes(second.data()[:8])


@pytest.mark.parametrize("wrong", [RebasedAddress(0x1_8000_0000), Slide(4), "1", 1.5, None])
def test_addresses_of_the_wrong_kind(good: SharedCache, wrong: Any) -> None:
    with pytest.raises(TypeError):
        good.read(wrong, 4)
    with pytest.raises(TypeError):
        good.resolve(wrong)
    if not isinstance(wrong, Slide) and wrong is not None:
        with pytest.raises(TypeError):
            good.read(good.preferred_load_address, 4, slide=wrong)
    with pytest.raises((ValueError, OverflowError)):
        good.read(good.preferred_load_address, -1)


def test_places(good: SharedCache) -> None:
    for image in list(good.images)[::5]:
        for section in image.sections:
            place = good.resolve(section.preferred_load_address + section.size // 2)
            if section.size == 0 or place is None:
                continue
            assert place.image is image
            assert place.section == section
            assert place.segment is not None
            assert place.segment.name == section.segment_name
        start = good.resolve(image.preferred_load_address)
        assert start is not None
        assert (start.offset, start.section) == (0, None)


def test_sections_are_values(good: SharedCache, cache_files: CacheFiles) -> None:
    image, again = good.images[1], SharedCache.open(cache_files.facts(GOOD).path).images[1]
    assert list(image.sections) == list(again.sections)
    assert len({*image.sections, *again.sections}) == len(image.sections)
    section = image.sections[0]
    assert (section.segment_name, section.name) == ("__TEXT", "__text")
    assert type(section.address) is RebasedAddress
    assert type(section.preferred_load_address) is PreferredAddress
    assert section.slide == 0
    assert section.flags & 0x8000_0000  # S_ATTR_PURE_INSTRUCTIONS
    assert section != section.size
    assert repr(section).startswith("<Section __TEXT,__text address=0x")
    text = image.segment("__TEXT").data()
    start = section.preferred_load_address - image.preferred_load_address
    assert section.data() == text[start : start + section.size]


def test_pointers_are_a_sequence(cache_files: CacheFiles) -> None:
    cache = SharedCache.open(cache_files.facts(OLD).path)
    pointers = cache.pointers()
    first, last = pointers[0], pointers[-1]
    assert (len(pointers), pointers[len(pointers) - 1]) == (674, last)
    assert next(reversed(pointers)) == last
    assert [*pointers[2:4]] == [pointers[2], pointers[3]]
    assert first in pointers
    assert (pointers.index(last), pointers.count(last)) == (673, 1)
    assert last != first
    assert len({*pointers}) == 674
    assert (type(first.address), type(first.target)) == (PreferredAddress, PreferredAddress)
    assert (first.key, first.diversity, first.address_diversity) == (None, 0, False)
    signed = next(pointer for pointer in pointers if pointer.key is not None)
    assert signed.key in ("IA", "IB", "DA", "DB")
    assert repr(first) == f"<Pointer address={int(first.address):#x} target={int(first.target):#x}>"
    assert f"key={signed.key}" in repr(signed)
    with pytest.raises(IndexError):
        pointers[674]
    assert copy.copy(pointers) is pointers
    # A cache without slide information has none.
    assert list(SharedCache.open(cache_files.facts("real/arm64-dyld1042").path).pointers()) == []


def damaged_chain(main: Path) -> Path:
    """The second pointer of the first page leads out of the page."""
    cache = SharedCache.open(main)
    mapping = next(each for each in cache.mappings() if each.slide_version)
    assert mapping.slide_version == 5
    file = Path(mapping.file_path)
    data = bytearray(file.read_bytes())
    at = mapping.file_offset + (cache.pointers()[1].address - mapping.preferred_load_address)
    raw = int.from_bytes(data[at : at + 8], "little") | 0x7FF << 52
    data[at : at + 8] = raw.to_bytes(8, "little")
    file.write_bytes(data)
    return file


def test_chains_that_are_broken(main: Path, good: SharedCache) -> None:
    file = damaged_chain(main)
    cache = SharedCache.open(main)
    with pytest.raises(CacheError) as raised:
        cache.pointers()
    assert raised.value.entry == file.name
    pointers = cache.pointers(lenient=True)
    assert len(pointers.warnings) == 1
    assert file.name in pointers.warnings[0]
    page = good.pointers()[0].address & ~0x3FFF
    expected = [each for each in good.pointers() if not page <= each.address < page + 0x4000]
    assert [each for each in pointers if not page <= each.address < page + 0x4000] == expected


def test_finding(cache_files: CacheFiles, tmp_path: Path) -> None:
    one, two = cache_files.copy(GOOD, tmp_path / "a" / "one"), cache_files.copy(UNIVERSAL, tmp_path / "b")
    again = cache_files.copy(GOOD, tmp_path / "c")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = SharedCache.find(tmp_path)
    # Copies, too: a partial one must not hide a whole one.
    main_files = [one, two, two.with_name(two.name + ".development"), again]
    assert [Path(cache.file_paths[0]) for cache in found] == main_files
    assert found[0].uuid == found[3].uuid
    assert SharedCache.find(str(tmp_path / "b")) == found[1:3]
    (tmp_path / "empty").mkdir()
    assert SharedCache.find(tmp_path / "empty") == []
    with pytest.raises(FileNotFoundError):
        SharedCache.find(tmp_path / "absent")


def test_finding_passes_over_what_is_broken(cache_files: CacheFiles, tmp_path: Path) -> None:
    good, bad = cache_files.copy(GOOD, tmp_path / "a"), cache_files.copy(UNIVERSAL, tmp_path / "b")
    bad.with_name(bad.name + ".development").unlink()
    bad.write_bytes(bad.read_bytes()[:0x20])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = SharedCache.find(tmp_path)
    assert [cache.file_paths[0] for cache in found] == [str(good)]
    assert [each.category for each in caught] == [RuntimeWarning]
    assert str(bad) in str(caught[0].message)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_finding_says_what_may_not_be_read(cache_files: CacheFiles, tmp_path: Path) -> None:
    main = cache_files.copy(GOOD, tmp_path / "a")
    main.chmod(0)
    (tmp_path / "a" / "other").touch(mode=0)
    # All that is needed is loaded while everything can be read.
    code = "import os, sys, warnings; from dyld_atlas import SharedCache; os.chdir(sys.argv[1]); os.setuid(65534); "
    code += "print(SharedCache.find('.'))"
    for folder in [tmp_path, *tmp_path.parents][:-2]:
        folder.chmod(folder.stat().st_mode | 0o755)
    run = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert run.stdout == "[]\n", run.stderr
    assert main.name in run.stderr
    assert "Permission denied" in run.stderr
    assert "other" not in run.stderr


def test_installed(cache_files: CacheFiles, tmp_path: Path) -> None:
    for folder in ("System/Library/dyld", "System/Cryptexes/OS/System/Library/dyld", "somewhere/else"):
        target = tmp_path / folder
        target.parent.mkdir(parents=True, exist_ok=True)
        cache_files.copy(GOOD, target)
    found = SharedCache.installed(tmp_path)
    assert len(found) == 1
    assert found == SharedCache.installed(root=str(tmp_path))
    assert SharedCache.installed(tmp_path / "somewhere") == []


def test_the_development_cache_has_its_own_files(cache_files: CacheFiles) -> None:
    path = cache_files.facts(UNIVERSAL).path
    customer, development = SharedCache.open(path), SharedCache.open(f"{path}.development")
    assert customer.uuid != development.uuid
    names = [file.name for file in development.subcaches]
    assert names[0].endswith(".development")
    assert f"{path.name}.02.development" in names
    assert f"{path.name}.02.development" not in [file.name for file in customer.subcaches]
    assert (customer.missing_files, development.missing_files) == ((), ())


def test_layout(good: SharedCache) -> None:
    for file in good.subcaches:
        layout = file.layout()
        assert (layout.nbytes, layout.readonly) == (file.vm_size, True)
        filled = bytearray(file.vm_size)
        for mapping in file.mappings:
            start = mapping.preferred_load_address - file.preferred_load_address
            filled[start : start + mapping.size] = mapping.data()
        assert layout == filled
        assert file.header["uuid"] == file.uuid


def test_text_of_the_map(good: SharedCache) -> None:
    lines = good.map_text().split("\n")
    assert len([line for line in lines if line.startswith("mapping ")]) == len(good.mappings())
    for image in good.images:
        at = lines.index(str(image.install_name))
        for number, segment in enumerate(image.segments, 1):
            name, start, arrow, end = lines[at + number].split()
            assert (name, arrow) == (segment.name, "->")
            assert int(start, 16) == segment.preferred_load_address
            assert int(end, 16) == segment.preferred_load_address + segment.vm_size


def test_an_atlas_in_a_container(good: SharedCache) -> None:
    from dyld_atlas.formats import Archive

    bare, packed = good.to_atlas(), good.to_atlas(codec="lzfse")
    path = f"caches/uuids/{str(good.uuid).upper()}.plist"
    assert bytes(Archive.from_bytes(packed)[path]) == bytes(Archive.from_bytes(bare)[path])
    assert f"caches/names/{good.subcaches[0].name}.plist" in Archive.from_bytes(bare)
    assert (Archive.from_bytes(packed).codec, Archive.from_bytes(bare).checksum_ok) == ("lzfse", True)
    with pytest.raises(ValueError, match="zip"):
        good.to_atlas(codec="zip")


def test_an_atlas_that_is_broken(main: Path) -> None:
    main.with_suffix(".atlas").write_bytes(b"AA01 no archive at all")
    cache = SharedCache.open(main)
    assert cache.record_origin == "scavenged"
    assert any("atlas" in warning for warning in cache.warnings)
    assert list(SharedCache.open(main, scavenge=True).warnings) == []
    assert cache.verify()


def test_an_atlas_of_another_cache(main: Path, cache_files: CacheFiles) -> None:
    other = SharedCache.open(cache_files.facts(OLD).path)
    main.with_suffix(".atlas").write_bytes(other.to_atlas())
    cache = SharedCache.open(main)
    assert cache.record_origin == "scavenged"
    assert len(cache.images) > len(other.images)


def test_what_does_not_pickle(good: SharedCache) -> None:
    for part in (good, good.subcaches[0], good.images[0].sections[0], good.pointers()[0], good.pointers()):
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(part)
    with pytest.raises(TypeError, match=r"open\(\) it again"):
        pickle.dumps(good)


def test_files_that_change_are_seen(main: Path) -> None:
    """A cache that is opened again after its files were replaced is the new one."""
    before = SharedCache.open(main)
    old = before.read(before.preferred_load_address, 0x80)
    other = main.with_name("new")
    shutil.copyfile(main, other)
    data = bytearray(other.read_bytes())
    data[0x58:0x68] = UUID(int=7).bytes
    other.write_bytes(data)
    other.replace(main)
    after = SharedCache.open(main)
    assert after.uuid == UUID(int=7)
    # What was opened before keeps its files.
    assert before.read(before.preferred_load_address, 0x80) == old


def test_why_a_file_is_missing_is_said_anew(main: Path) -> None:
    """What a record is kept for is the same files; why others are missing may change meanwhile."""
    file = main.with_name(main.name + ".01")
    other = file.read_bytes()
    foreign = bytearray(other)
    foreign[0x58:0x68] = UUID(int=7).bytes

    def said() -> str:
        cache = SharedCache.open(main)
        assert cache.missing_files == (file.name,)
        return "\n".join(warning for warning in cache.warnings if file.name in warning)

    file.unlink()
    gone = said()
    file.write_bytes(foreign)
    assert str(UUID(int=7)) in said()
    file.unlink()
    assert said() == gone
    file.write_bytes(other)
    assert SharedCache.open(main).warnings == ()
