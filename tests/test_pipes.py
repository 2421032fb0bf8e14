"""Whatever opens a path refuses a pipe or a device, and never waits for one."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from dyld_atlas import SharedCache, Snapshot
from dyld_atlas.formats import Archive, MachO
from dyld_atlas.testing import SharedCacheBuilder, SnapshotBuilder
from samples import CACHE_PATH, builder
from test_snapshot_memory import DEMO, TEXT

Mode = Literal["map", "copy"]
MODES: tuple[Mode, ...] = ("map", "copy")

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")

OPENERS: dict[str, Callable[[Path, Mode], object]] = {
    "Snapshot.open": lambda path, mode: Snapshot.open(path, mode=mode),
    "Snapshot.from_core": lambda path, mode: Snapshot.from_core(path, mode=mode),
    "SharedCache.open": lambda path, mode: SharedCache.open(path, mode=mode),
    "Archive.open": lambda path, _: Archive.open(path),
    "MachO.open": lambda path, _: MachO.open(path),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("opener", OPENERS)
def test_pipes_and_devices(opener: str, mode: Mode, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file") as raised:
            OPENERS[opener](path, mode)
        assert raised.value.filename == str(path)


@pytest.mark.parametrize("mode", MODES)
def test_an_atlas_that_is_a_pipe(mode: Mode, tmp_path: Path) -> None:
    main = SharedCacheBuilder().image("/usr/lib/liba.dylib").write(tmp_path)
    os.mkfifo(main.with_name(main.name + ".atlas"))
    cache = SharedCache.open(main, mode=mode)
    assert cache.record_origin == "scavenged"
    (warning,) = cache.warnings
    assert "not a regular file" in warning


@pytest.mark.parametrize("mode", MODES)
def test_a_part_that_is_a_pipe(mode: Mode, tmp_path: Path) -> None:
    main = SharedCacheBuilder().image("/usr/lib/liba.dylib").write(tmp_path)
    part = main.with_name(main.name + ".01")
    part.unlink()
    os.mkfifo(part)
    assert part.name in SharedCache.open(main, mode=mode).missing_files


@pytest.mark.parametrize("mode", MODES)
def test_what_a_provider_gives_is_a_pipe(mode: Mode, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    class Pipes:
        def file(self, _: object) -> str:
            return str(pipe)

        def shared_cache_atlas(self, _: object) -> str:
            return str(pipe)

    data = builder(embed=False).build()
    path = tmp_path / "a.aar"
    path.write_bytes(data)
    with pytest.raises(OSError, match="not a regular file"):
        Snapshot.open(path, providers=[Pipes()], mode=mode)
    path.write_bytes(SnapshotBuilder().image("/bin/demo", uuid=DEMO, segments={"__TEXT": TEXT}).build())
    opened = Snapshot.open(path, providers=[Pipes()], mode=mode)
    with pytest.raises(OSError, match="not a regular file"):
        opened.images[0].segments[0].data()


def test_looking_for_caches_passes_pipes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / Path(CACHE_PATH).name)
    assert SharedCache.find(tmp_path) == []
