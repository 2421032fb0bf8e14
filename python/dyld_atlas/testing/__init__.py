"""For tests of programs that use dyld_atlas: on any operating system, without a Mac and without Apple's files.

>>> from dyld_atlas.testing import CacheBuilder, SnapshotBuilder
>>> cache = CacheBuilder("/System/Library/dyld/dyld_shared_cache_arm64e")
>>> cache = cache.image("/usr/lib/libobjc.A.dylib", segments={"__TEXT": 0x40000, "__LINKEDIT": 0x8000})
>>> builder = SnapshotBuilder(pid=7).image("/bin/demo", segments={"__TEXT": 0x4000}).shared_cache(cache, slide=0x8000)
>>> archive = builder.build()
>>> archive[:4]
b'AA01'

``SnapshotBuilder`` makes a snapshot, ``CacheBuilder`` the record of a cache, ``SharedCacheBuilder`` the files of one.
``SimulatedProcess`` is a process to read and to watch, on Linux; ``RecordedTask`` replays snapshots anywhere.
What is left out gets a sensible value that depends on nothing but the calls before: the same calls give the same bytes.
Everything that dyld writes can be written, and for tests of error handling what it never writes as well: see ``extra``.
"""

from ._cache import CacheBuilder
from ._process import FullSpeed, SimulatedProcess
from ._recorded import TORN, RecordedStep, RecordedTask, Torn
from ._records import SegmentLike
from ._shared_cache import Content, PointerTo, SharedCacheBuilder
from ._snapshot import SnapshotBuilder

__all__ = [
    "TORN",
    "CacheBuilder",
    "Content",
    "FullSpeed",
    "PointerTo",
    "RecordedStep",
    "RecordedTask",
    "SegmentLike",
    "SharedCacheBuilder",
    "SimulatedProcess",
    "SnapshotBuilder",
    "Torn",
]
