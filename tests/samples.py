"""Snapshots that the tests of the model share."""

from collections.abc import Sequence
from uuid import UUID

from dyld_atlas import Provider, Snapshot
from dyld_atlas.testing import CacheBuilder, SnapshotBuilder

CACHE_PATH = "/System/Library/dyld/dyld_shared_cache_arm64e"
CACHE_UUID = UUID("A2EED3ED-72F9-43B1-99B2-E9F79A3502B2")
BASE = 0x1_8000_0000
LINKEDIT = 0x1_8F00_0000
SLIDE = 0x8000
NAMES = ["/usr/lib/libSystem.B.dylib", "/usr/lib/libobjc.A.dylib", "/usr/lib/libz.1.dylib", "/usr/lib/libc++.1.dylib"]


def cache(path: str = CACHE_PATH, names: Sequence[str] = NAMES) -> CacheBuilder:
    """A cache whose images share the last segment, as in a real one."""
    builder = CacheBuilder(path, uuid=CACHE_UUID, preferred_load_address=BASE, vm_size=0x1000_0000)
    for name in names:
        segments = [("__TEXT", 0x4_0000), ("__DATA", 0x1234, 3, 0x1000), ("__LINKEDIT", 0x8000, 1, 0x8000, LINKEDIT)]
        builder.image(name, segments=segments)
    return builder


def builder(*, embed: bool = True, used: Sequence[int] = (0, 2)) -> SnapshotBuilder:
    """Two images of the process's own, and some of the cache's."""
    return (
        SnapshotBuilder(pid=7, timestamp=99)
        .image("/bin/demo", address=0x1_0000_0000, segments={"__TEXT": 0x4000, "__DATA": 0x4000})
        .image("/opt/lib/libextra.dylib", address=0x1_0100_0000, install_name="@rpath/libextra.1.dylib")
        .shared_cache(cache(), slide=SLIDE, used=used, embed=embed)
    )


def sample(**options: bool | Sequence[int]) -> Snapshot:
    """The snapshot that `builder` describes."""
    return Snapshot.from_bytes(builder(**options).build(), providers=())  # type: ignore[arg-type]


def opened(builder: SnapshotBuilder, *providers: Provider, lenient: bool = False) -> Snapshot:
    """What a builder describes, with the caches that providers give."""
    return Snapshot.from_bytes(builder.build(), providers=providers, lenient=lenient)


def grid(count: int, *, size: int = 0x4000, gap: int = 0x1000, start: int = 0x1_0000_0000) -> SnapshotBuilder:
    """Images of one segment each, a gap after each."""
    builder = SnapshotBuilder()
    for number in range(count):
        builder.image(f"/lib/{number}", address=start + number * (size + gap), segments={"__TEXT": size})
    return builder
