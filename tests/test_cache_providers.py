"""Providers of a shared cache: every file of it may come from another one."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from dyld_atlas import CacheError, CacheLibrary, FileIdentifier, SharedCache, Snapshot, UnmappedAddressError
from dyld_atlas.testing import PointerTo, SharedCacheBuilder, SnapshotBuilder

LIBRARY = "/usr/lib/libdemo.dylib"
TEXT = b"some code" + bytes(7)
DATA = b"some data" + bytes(7)
SLIDE = 0x4000


def builder(name: str | None = None) -> SharedCacheBuilder:
    sections: dict[str, Any] = {"__TEXT,__text": TEXT, "__DATA,__data": [DATA, PointerTo(LIBRARY)]}
    return SharedCacheBuilder("arm64e", name=name).image(LIBRARY, sections=sections)


FILES = builder().build()
ADDRESS = builder().address(LIBRARY, "__DATA,__data")


class Provider:
    """Gives files by their names, as bytes or as paths, and notes what it is asked for."""

    def __init__(self, given: Path | dict[str, bytes]) -> None:
        self.given = given
        self.asked: list[FileIdentifier] = []

    @classmethod
    def of(cls, *names: str, files: dict[str, bytes] = FILES) -> Provider:
        return cls({name: files[name] for name in names})

    def file(self, identifier: FileIdentifier, /) -> bytes | Path | None:
        self.asked.append(identifier)
        name = (identifier.path or "").rpartition("/")[2]
        if isinstance(self.given, Path):
            return self.given / name if (self.given / name).exists() else None
        return self.given.get(name)

    def shared_cache_atlas(self, identifier: FileIdentifier, /) -> None:
        return None


def archive() -> bytes:
    return SnapshotBuilder().shared_cache(builder().record(), slide=SLIDE, used=[LIBRARY], embed=False).build()


def opened(*providers: Any, lenient: bool = False) -> Snapshot:
    return Snapshot.from_bytes(archive(), providers=providers, lenient=lenient)


def check(snapshot: Snapshot) -> None:
    shared = snapshot.shared_cache
    assert shared is not None
    assert shared.missing_files == ()
    image = snapshot.images.by_name(LIBRARY)
    assert bytes(image.sections[0].data()) == TEXT
    assert bytes(image.segment("__DATA").data()[: len(DATA)]) == DATA
    assert snapshot.read(ADDRESS + SLIDE, len(DATA)) == DATA


NAMES = list(FILES)
MAIN, FIRST, *_ = NAMES


def uuid_of(name: str) -> UUID:
    return UUID(bytes=FILES[name][0x58:0x68])


@pytest.mark.parametrize("kind", ["path", "bytes"])
def test_every_provider_is_asked_for_every_file(tmp_path: Path, kind: str) -> None:
    first: Provider
    if kind == "path":
        (tmp_path / MAIN).write_bytes(FILES[MAIN])
        first = Provider(tmp_path)
    else:
        first = Provider.of(MAIN)
    second, third = Provider.of(*NAMES[1:3]), Provider.of(*NAMES[2:])
    check(opened(first, second, third))
    expected = [FileIdentifier(uuid=uuid_of(name), path=f"/System/Library/dyld/{name}") for name in NAMES]
    assert first.asked == expected
    assert third.asked == expected[3:]


def test_what_lies_beside_the_main_file_is_asked_of_nobody(tmp_path: Path) -> None:
    builder().write(tmp_path)
    provider = Provider(tmp_path)
    check(opened(provider))
    assert len(provider.asked) == 1
    # Unless it is another cache's.
    (tmp_path / FIRST).write_bytes(FILES[MAIN])
    other = Provider.of(FIRST)
    check(opened(Provider(tmp_path), other))
    assert [identifier.uuid for identifier in other.asked] == [uuid_of(FIRST)]


def test_files_of_another_uuid_are_passed_over() -> None:
    wrong = Provider(dict.fromkeys(NAMES, FILES[NAMES[1]]))
    check(opened(wrong, Provider.of(*NAMES)))
    other = Provider(dict.fromkeys(NAMES, builder("other").build()["other"]))
    check(opened(other, wrong, Provider.of(*NAMES)))


def test_a_file_that_nobody_has() -> None:
    lost = NAMES[2]
    snapshot = opened(Provider.of(*(name for name in NAMES if name != lost)))
    shared = snapshot.shared_cache
    assert shared is not None
    assert shared.missing_files == (lost,)
    with pytest.raises(UnmappedAddressError) as raised:
        snapshot.read(ADDRESS + SLIDE, 4)
    assert raised.value.hint is not None
    assert lost in raised.value.hint
    with pytest.raises(UnmappedAddressError) as raised:
        snapshot.read(4, 4)
    assert raised.value.hint is None


@pytest.mark.parametrize("broken", [FILES[MAIN][:100], b"no cache"], ids=["cut", "other"])
def test_a_broken_main_file_is_passed_over(broken: bytes) -> None:
    wrong = Provider({MAIN: broken})
    for lenient in (False, True):
        snapshot = opened(wrong, Provider.of(*NAMES), lenient=lenient)
        check(snapshot)
        assert any(warning.startswith(f"{MAIN}: ") for warning in snapshot.warnings)
    # Where nobody else has it, it is what is wrong.
    with pytest.raises(CacheError) as raised:
        opened(wrong)
    assert raised.value.entry == MAIN
    assert any(note.startswith("in the file that provider") for note in raised.value.__notes__)
    snapshot = opened(wrong, lenient=True)
    assert snapshot.shared_cache is None
    assert any(warning.startswith(f"{MAIN}: ") for warning in snapshot.warnings)


def test_a_broken_file_of_a_cache_whose_record_is_known() -> None:
    class Records(Provider):
        def shared_cache_atlas(self, identifier: FileIdentifier, /) -> Any:
            return builder().record().build_atlas()

    wrong = Records({MAIN: b"no cache"})
    snapshot = opened(wrong, Provider.of(*NAMES))
    with pytest.warns(RuntimeWarning, match=MAIN):
        assert snapshot.read(ADDRESS + SLIDE, len(DATA)) == DATA
    with pytest.raises(CacheError):
        opened(wrong).read(ADDRESS + SLIDE, 4)


def test_what_a_provider_raises_for_a_file_of_the_cache() -> None:
    class Refuses(Provider):
        def file(self, identifier: FileIdentifier, /) -> Any:
            if identifier.uuid != uuid_of(FIRST):
                return super().file(identifier)
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        opened(Refuses(FILES))


def test_two_partial_copies_make_a_whole(tmp_path: Path) -> None:
    for folder, lost in (("a", NAMES[1]), ("b", NAMES[2])):
        builder().write(tmp_path / folder)
        (tmp_path / folder / lost).unlink()
    check(opened(CacheLibrary(tmp_path)))
    # And what is in no copy may come from elsewhere.
    (tmp_path / "a" / NAMES[2]).unlink()
    check(opened(CacheLibrary(tmp_path), Provider.of(NAMES[2])))


def test_caches_without_a_uuid_are_all_kept(tmp_path: Path) -> None:
    for name in ("x86_64", "other"):
        old = SharedCacheBuilder("x86_64", "macos10.6", name=name, local_symbols=False).image(LIBRARY)
        old.write(tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        library = CacheLibrary(tmp_path)
    assert len(library) == len(library.caches) == 2
    assert {Path(cache.file_paths[0]).name for cache in library.caches} == {"x86_64", "other"}
    with pytest.raises(KeyError):
        library.by_uuid(UUID(int=0))


def test_errors_name_what_is_missing(tmp_path: Path) -> None:
    main = builder().write(tmp_path)
    linkedit = NAMES[3]
    (tmp_path / linkedit).unlink()
    with pytest.raises(CacheError) as raised:
        SharedCache.open(main).aliases()
    assert raised.value.hint is not None
    assert linkedit in raised.value.hint
    # A mapping that leaves its file.
    data = tmp_path / NAMES[2]
    data.write_bytes(FILES[NAMES[2]][:0x4100])
    mappings = SharedCache.open(main).mappings()
    mapping = next(each for each in mappings if each.file_path == str(data) and each.file_offset)
    with pytest.raises(CacheError) as raised:
        mapping.data()
    assert raised.value.entry == NAMES[2]


def test_slides_are_modulo_the_address_space(tmp_path: Path) -> None:
    main = builder().write(tmp_path)
    cache = SharedCache.open(main)
    size = len(DATA) + 8
    for slide in (SLIDE - 2**64, SLIDE + 2**64, SLIDE - 2**80, SLIDE + 2**200):
        assert cache.read(ADDRESS, size, slide=slide) == cache.read(ADDRESS, size, slide=SLIDE)
        assert SharedCache.open(main, slide=slide).slide == SLIDE
    with pytest.raises(TypeError):
        cache.read(ADDRESS, 4, slide=1.5)  # type: ignore[arg-type]
