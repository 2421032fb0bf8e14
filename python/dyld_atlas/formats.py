"""The layers below the model, for tools that meet these formats elsewhere.

* Apple Archive (``AA01``, ``YAA1``), bare or in a ``pbz?`` container: :class:`Archive`, :class:`ArchiveWriter`
* binary property lists: :func:`plist_loads`, :func:`plist_dumps`
* Mach-O headers: :class:`MachO`
* caches of Rosetta's translations, their headers: :class:`AOTCacheHeader`

All of them take untrusted input: they raise :class:`~dyld_atlas.FormatError` with the place of what is wrong, and spend
no more memory than :class:`~dyld_atlas.Limits` allows.
"""

from ._native import (
    AOTCacheHeader,
    Archive,
    ArchiveEntry,
    ArchiveWriter,
    MachO,
    MachOSlice,
    plist_dumps,
    plist_loads,
)

__all__ = [
    "AOTCacheHeader",
    "Archive",
    "ArchiveEntry",
    "ArchiveWriter",
    "MachO",
    "MachOSlice",
    "plist_dumps",
    "plist_loads",
]
