"""CacheLibrary: the caches of a folder as a provider."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from cache_files import GOOD, CacheFiles
from dyld_atlas import CacheLibrary, FileIdentifier, SharedCache, Snapshot
from dyld_atlas.testing import CacheBuilder, SnapshotBuilder

OTHER = "built/x86_64-single/dyld_shared_cache_x86_64"
ELSEWHERE = "/System/Library/dyld/dyld_shared_cache_arm64e"
SLIDE = 0x4_4000


@pytest.fixture
def folder(cache_files: CacheFiles, tmp_path: Path) -> Path:
    cache_files.copy(GOOD, tmp_path / "15.4" / "arm64e")
    cache_files.copy(OTHER, tmp_path / "14.0")
    return tmp_path


def snapshot_of(cache: SharedCache) -> SnapshotBuilder:
    """A process that has the cache loaded, from a machine that has it elsewhere."""
    reference = CacheBuilder(ELSEWHERE, uuid=cache.uuid, preferred_load_address=int(cache.preferred_load_address))
    used = bytes([0xFF]) * (len(cache.images) // 8 + 1)
    return SnapshotBuilder().shared_cache(reference, slide=SLIDE, used=used, embed=False)


def test_what_is_found(folder: Path, cache_files: CacheFiles) -> None:
    library = CacheLibrary(folder)
    assert library.folder == str(folder)
    assert len(library) == len(library.caches) == 2
    good = cache_files.facts(GOOD)
    assert library.by_uuid(good.uuid) is library.by_uuid(str(good.uuid)) is library.by_uuid(good.uuid.bytes)
    assert library.by_uuid(good.uuid) in library.caches
    assert repr(library) == f"<CacheLibrary {str(folder)!r} caches=2>"
    with pytest.raises(KeyError, match=str(UUID(int=5))):
        library.by_uuid(UUID(int=5))
    with pytest.raises(ValueError, match="UUID"):
        library.by_uuid("x")


def test_files_by_uuid(folder: Path, cache_files: CacheFiles) -> None:
    library = CacheLibrary(folder)
    cache = library.by_uuid(cache_files.facts(GOOD).uuid)
    for file in cache.subcaches:
        found = library.file(FileIdentifier(uuid=file.uuid, path="/wherever"))
        assert found == str(folder / "15.4" / "arm64e" / file.name)
    assert library.file(FileIdentifier(uuid=cache.local_symbols_uuid)) == cache.local_symbols_path
    assert library.file(FileIdentifier(uuid=UUID(int=5))) is None
    assert library.file(FileIdentifier(path=cache.file_paths[0])) is None


def test_a_partial_copy_hides_nothing(folder: Path, cache_files: CacheFiles) -> None:
    partial = cache_files.copy(GOOD, folder / "0-partial")
    (lost,) = partial.parent.glob("*.dylddata")
    lost.unlink()
    whole = folder / "15.4" / "arm64e" / partial.name
    library = CacheLibrary(folder)
    assert len(library) == 2
    assert library.by_uuid(cache_files.facts(GOOD).uuid).file_paths[0] == str(whole)
    # Without the other, what is there serves.
    whole.unlink()
    library = CacheLibrary(folder)
    assert library.by_uuid(cache_files.facts(GOOD).uuid).missing_files == (lost.name,)


def test_atlases_by_uuid(folder: Path, cache_files: CacheFiles) -> None:
    library = CacheLibrary(folder)
    identifier = FileIdentifier(uuid=cache_files.facts(GOOD).uuid, path=ELSEWHERE)
    atlas = library.shared_cache_atlas(identifier)
    assert atlas is not None
    assert library.shared_cache_atlas(identifier) is atlas
    assert library.shared_cache_atlas(FileIdentifier(uuid=UUID(int=5), path=ELSEWHERE)) is None
    assert library.shared_cache_atlas(FileIdentifier(path=ELSEWHERE)) is None


def test_snapshots_from_elsewhere(folder: Path, cache_files: CacheFiles) -> None:
    library = CacheLibrary(folder)
    cache = library.by_uuid(cache_files.facts(GOOD).uuid)
    snapshot = Snapshot.from_bytes(snapshot_of(cache).build(), providers=[library])
    assert [image.uuid for image in snapshot.images] == [image.uuid for image in cache.images]
    found = snapshot.shared_cache
    assert found is not None
    assert (found.record_origin, found.slide, found.file_paths[0]) == ("provider", SLIDE, ELSEWHERE)
    for image, same in zip(snapshot.images, cache.images, strict=True):
        assert image.address == same.preferred_load_address + found.slide
        assert image.segments[0].data() == same.segments[0].data()
        assert snapshot.read(image.address, 64) == cache.read(same.preferred_load_address, 64)
    assert len(found.pointers()) == len(cache.pointers())


def test_folders_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        CacheLibrary(tmp_path / "file")
    with pytest.raises(FileNotFoundError):
        CacheLibrary(tmp_path / "absent")
    library = CacheLibrary(tmp_path)
    assert (len(library), library.caches) == (0, ())
