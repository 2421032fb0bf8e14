"""Where the files of a cache lie and what they are called: links, names that are no text, atlases that list others."""

from __future__ import annotations

import os
import plistlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dyld_atlas import (
    CacheLibrary,
    DirectoryProvider,
    FileIdentifier,
    MissingDataError,
    SharedCache,
    UnmappedAddressError,
    formats,
)
from dyld_atlas.testing import SharedCacheBuilder

MAIN = "dyld_shared_cache_arm64e"
A = "/usr/lib/liba.dylib"
linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")


def builder() -> SharedCacheBuilder:
    return SharedCacheBuilder("arm64e", "macos26").image(A, local_symbols={"_inner": ("__TEXT,__text", 4)})


def odd_name(folder: Path) -> Path:
    """The cache under a name that is no UTF-8."""
    builder().write(folder)
    for file in list(folder.iterdir()):
        file.rename(folder / os.fsdecode(b"caf\xe9" + os.fsencode(file.name)[len(MAIN) :]))
    return folder / os.fsdecode(b"caf\xe9")


@linux
def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = odd_name(tmp_path)
    cache = SharedCache.open(path)
    assert (cache.missing_files, cache.warnings, list(cache.verify())) == ((), (), [])
    assert cache.file_paths[0] == str(path)
    assert {*cache.file_paths, cache.local_symbols_path} == {str(file) for file in tmp_path.iterdir()}
    assert [file.file_path for file in cache.subcaches] == list(cache.file_paths)
    assert [file.name for file in cache.subcaches] == [os.path.basename(file) for file in cache.file_paths]
    assert all(os.path.exists(mapping.file_path) for mapping in cache.mappings())
    assert cache.local_symbols() is not None
    os.remove(cache.file_paths[1])
    assert cache.local_symbols_path is not None
    os.remove(cache.local_symbols_path)
    less = SharedCache.open(path)
    assert set(less.missing_files) == {
        os.path.basename(cache.file_paths[1]),
        os.path.basename(cache.local_symbols_path),
    }
    assert list(less.file_paths) == list(cache.file_paths)
    assert less.local_symbols_path == cache.local_symbols_path


@linux
@pytest.mark.parametrize("missing", [False, True])
def test_providers_of_names_that_are_no_text(tmp_path: Path, *, missing: bool) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    path = odd_name(folder)
    cache = SharedCache.open(path)
    if missing:
        os.remove(cache.file_paths[1])
    library = CacheLibrary(folder)
    for file, where in zip(cache.subcaches, cache.file_paths, strict=True):
        found = library.file(FileIdentifier(uuid=file.uuid))
        assert found == (None if missing and where == cache.file_paths[1] else where)
    provider = DirectoryProvider(tmp_path)
    assert provider.file(FileIdentifier(path=f"/{folder.name}/{path.name}")) == str(path)
    (folder / os.fsdecode(b"caf\xe9.atlas")).write_bytes(cache.to_atlas())
    atlas = provider.shared_cache_atlas(FileIdentifier(path=f"/{folder.name}/{path.name}"))
    assert atlas == os.path.splitext(path)[0] + ".atlas"
    assert SharedCache.open(path).record_origin == "atlas"


@pytest.mark.parametrize("name", [MAIN, "cache"])
def test_a_link_to_the_main_file(tmp_path: Path, name: str) -> None:
    path = builder().write(tmp_path / "real", atlas=True)
    link = tmp_path / name
    link.symlink_to(path)
    for scavenge in (False, True):
        cache = SharedCache.open(link, scavenge=scavenge)
        assert (cache.missing_files, cache.warnings) == ((), ())
        # The atlas knows the main file by another name than the link's.
        assert bool(cache.verify()) == (name != MAIN)
        assert cache.record_origin == ("scavenged" if scavenge else "atlas")
        assert cache.file_paths[0] == str(link)
        assert all(os.path.samefile(file, path.parent / Path(file).name) for file in cache.file_paths[1:])
        assert cache.local_symbols() is not None
        assert cache.images[0].segments[-1].data().nbytes
    # An atlas beside the link comes first.
    link.with_suffix(".atlas").write_bytes(b"none")
    assert SharedCache.open(link).record_origin == "atlas"
    assert f"{name}.atlas" in SharedCache.open(link).warnings[0]


def with_atlas(path: Path, change: Callable[[dict[str, Any]], object]) -> SharedCache:
    """The cache with an atlas of it that was changed."""
    cache = SharedCache.open(path, scavenge=True)
    key = str(cache.uuid).upper()
    entry = f"caches/uuids/{key}.plist"
    record = plistlib.loads(bytes(formats.Archive.from_bytes(cache.to_atlas())[entry]))
    change(record["uuids"][key])
    record["names"] = {path.name: record["uuids"][key]}
    writer = formats.ArchiveWriter()
    writer.add_file(entry, formats.plist_dumps(record))
    path.with_suffix(".atlas").write_bytes(writer.to_bytes())
    return SharedCache.open(path)


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (lambda record: record["dscs"].reverse(), "says something else of dyld_shared_cache_arm64e than the file"),
        (lambda record: record["dscs"].clear(), "lists 0 files, and the cache has 4"),
        (lambda record: record["dscs"].pop(), "lists 3 files, and the cache has 4"),
        (lambda record: record["dscs"].append(record["dscs"][1]), "lists 5 files, and the cache has 4"),
        (lambda record: record["dscs"][2]["maps"].pop(), "says something else of dyld_shared_cache_arm64e.02"),
        (
            lambda record: record["dscs"][1]["maps"][0].update(padr=1),
            "says something else of dyld_shared_cache_arm64e.01",
        ),
    ],
)
def test_the_files_count_where_an_atlas_lists_others(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], warning: str
) -> None:
    path = builder().write(tmp_path)
    plain = SharedCache.open(path)
    cache = with_atlas(path, change)
    assert cache.record_origin == "atlas"
    assert len(cache.warnings) == 1
    assert warning in cache.warnings[0]
    assert cache.file_paths == plain.file_paths
    assert cache.subcaches == plain.subcaches
    assert cache.mappings() == plain.mappings()
    assert cache.verify()
    assert [mapping.data() for mapping in cache.mappings()] == [mapping.data() for mapping in plain.mappings()]


def test_an_atlas_says_what_is_known_of_missing_files(tmp_path: Path) -> None:
    path = builder().write(tmp_path)
    whole = SharedCache.open(path)
    os.remove(whole.file_paths[2])
    cache = with_atlas(path, lambda record: None)
    assert (len(cache.subcaches), cache.subcaches[2].mappings) == (4, ())
    path.with_suffix(".atlas").unlink()
    builder().write(tmp_path, atlas=True)
    os.remove(whole.file_paths[2])
    cache = SharedCache.open(path)
    assert (cache.record_origin, cache.warnings) == ("atlas", ())
    assert [each.preferred_load_address for each in cache.subcaches[2].mappings] == [
        each.preferred_load_address for each in whole.subcaches[2].mappings
    ]


def test_what_a_missing_file_had(tmp_path: Path) -> None:
    path = builder().write(tmp_path, atlas=True)
    whole = SharedCache.open(path)
    gone = whole.subcaches[2]
    os.remove(gone.file_path)
    cache = SharedCache.open(path)
    assert cache.record_origin == "atlas"
    segment = cache.images[0].segment("__DATA")
    (section,) = segment.sections
    for read in (segment.data, section.data):
        with pytest.raises(MissingDataError) as raised:
            read()
        assert (raised.value.identifier.uuid, raised.value.identifier.path) == (gone.uuid, gone.file_path)
    # An address is asked for, not a file.
    with pytest.raises(UnmappedAddressError) as unmapped:
        cache.read(segment.preferred_load_address, 1)
    assert gone.name in str(unmapped.value.hint)
    # Headers do not say what a file that is not there would have.
    path.with_suffix(".atlas").unlink()
    with pytest.raises(UnmappedAddressError) as unmapped:
        SharedCache.open(path).images[0].segment("__DATA").data()
    assert gone.name in str(unmapped.value.hint)


def test_local_symbols_are_mapped_nowhere(tmp_path: Path) -> None:
    path = builder().write(tmp_path)
    path.with_suffix(".symbols").unlink()
    cache = SharedCache.open(path)
    assert cache.missing_files == (f"{MAIN}.symbols",)
    with pytest.raises(UnmappedAddressError) as raised:
        cache.read(5, 5)
    assert raised.value.hint is None
