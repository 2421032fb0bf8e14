"""What a process of an Apple system has loaded, from the records that dyld itself keeps.

>>> import dyld_atlas
>>> snapshot = dyld_atlas.Snapshot.open("examples/calculator.aar")
>>> for image in snapshot.images[:2]:
...     print(image.address, image.uuid, image.name)
0x102ec4000 f227264b-3e7d-5fa8-9a08-34b29d8993f8 Calculator
0x105000000 d635adaf-2f9f-5e4c-95f3-7859af1659b8 dyld

Where to find what:

* :class:`Snapshot`, :class:`Image`, :class:`SharedCache` and what they hold: this module;
* :class:`Process` and :class:`Watcher`, for processes that are alive: :mod:`dyld_atlas.processes`;
* addresses that cannot be mixed up: :mod:`dyld_atlas.addresses`;
* errors, all of them below :class:`AtlasError`: :mod:`dyld_atlas.errors`;
* files from elsewhere: :mod:`dyld_atlas.providers`;
* the formats underneath (Apple Archive, binary property lists, Mach-O): :mod:`dyld_atlas.formats`;
* snapshots for your own tests, on any operating system: :mod:`dyld_atlas.testing`;
* the command ``dyld-atlas``: ``python -m dyld_atlas --help``.

Everything is loaded when it is first used, so that importing this module costs next to nothing.
"""

# Type checkers take this for true; importing typing for it would be half of the time that importing this module takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._native import (
        AOTImage,
        Change,
        DynamicData,
        Environment,
        FileIdentifier,
        FunctionVariant,
        Image,
        ImageColumns,
        ImageList,
        Limits,
        Location,
        MemoryRegion,
        Pointer,
        PointerColumns,
        PointerList,
        Section,
        Segment,
        SegmentColumns,
        SharedCache,
        SharedCacheRecord,
        Snapshot,
        SnapshotDiff,
        SubCache,
        diff,
    )
    from ._native import Mapping_ as Mapping
    from .addresses import PreferredAddress, RebasedAddress, Slide
    from .enums import ChangeKind, MappingFlags, Permissions, Platform, ProcessEvent, ProcessState, SnapshotFlags
    from .errors import (
        ArchiveError,
        AtlasError,
        CacheError,
        FormatError,
        LimitExceededError,
        MachError,
        MachOError,
        MissingDataError,
        PlistError,
        SchemaError,
        SnapshotTornError,
        TaskAccessError,
        TaskGoneError,
        UnmappedAddressError,
        UnsupportedPlatformError,
        WatcherError,
    )
    from .processes import Process, Watcher
    from .providers import CacheLibrary, DirectoryProvider, Provider, StrPath

    __version__: str

__all__ = [
    "AOTImage",
    "ArchiveError",
    "AtlasError",
    "CacheError",
    "CacheLibrary",
    "Change",
    "ChangeKind",
    "DirectoryProvider",
    "DynamicData",
    "Environment",
    "FileIdentifier",
    "FormatError",
    "FunctionVariant",
    "Image",
    "ImageColumns",
    "ImageList",
    "LimitExceededError",
    "Limits",
    "Location",
    "MachError",
    "MachOError",
    "Mapping",
    "MappingFlags",
    "MemoryRegion",
    "MissingDataError",
    "Permissions",
    "Platform",
    "PlistError",
    "Pointer",
    "PointerColumns",
    "PointerList",
    "PreferredAddress",
    "Process",
    "ProcessEvent",
    "ProcessState",
    "Provider",
    "RebasedAddress",
    "SchemaError",
    "Section",
    "Segment",
    "SegmentColumns",
    "SharedCache",
    "SharedCacheRecord",
    "Slide",
    "Snapshot",
    "SnapshotDiff",
    "SnapshotFlags",
    "SnapshotTornError",
    "StrPath",
    "SubCache",
    "TaskAccessError",
    "TaskGoneError",
    "UnmappedAddressError",
    "UnsupportedPlatformError",
    "Watcher",
    "WatcherError",
    "__version__",
    "diff",
]

_HOMES = {
    "addresses": ("PreferredAddress", "RebasedAddress", "Slide"),
    "enums": (
        "ChangeKind",
        "MappingFlags",
        "Permissions",
        "Platform",
        "ProcessEvent",
        "ProcessState",
        "SnapshotFlags",
    ),
    "errors": tuple(name for name in __all__ if name.endswith("Error")),
    "processes": ("Process", "Watcher"),
    "providers": ("CacheLibrary", "DirectoryProvider", "Provider", "StrPath"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_SUBMODULES = frozenset({"addresses", "enums", "errors", "formats", "processes", "providers", "testing"})


# Type checkers know the names from above; to them, this function would make every misspelt one an object.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Loads what is asked for, once."""
        from importlib import import_module

        if name in _SUBMODULES:
            return import_module(f"{__name__}.{name}")
        if name == "__version__":
            from importlib.metadata import version

            value: object = version("dyld_atlas")
        elif name in __all__:
            module = import_module(f"{__name__}.{_HOME.get(name, '_native')}")
            value = getattr(module, "Mapping_" if name == "Mapping" else name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})
