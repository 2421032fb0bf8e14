"""What an input is that was taken for something else, from its content and its name."""

import os

from . import inputs

__all__ = ["describe", "what_it_is"]

_CACHE = b"dyld_v1"
_ARCHIVES = (b"AA01", b"YAA1", b"pbz")
_THIN = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe")
_MACH_O = (*_THIN, b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")
_CORE = 4
_KNOWN = ((b"PK\x03\x04", "ZIP"), (b"\x1f\x8b", "gzip"), (b"xar!", "xar"), (b"\xfd7zXZ", "xz"))


def what_it_is() -> str | None:
    """A hint for the current input, if it is something else than what was wanted."""
    head = inputs.current.again(64)
    if head is None:
        return None
    if inputs.current.kind == "cache":
        return (
            _part_of_a_cache(inputs.current.name or "") if head.startswith(_CACHE) else describe(head, "shared cache")
        )
    if inputs.current.kind == "core":
        return _no_core(head)
    # A cache has gigabytes, and is told by its beginning.
    data = inputs.current.again() if head.startswith(_ARCHIVES) else head
    if data is None:
        return None
    from .._native import Archive
    from ..errors import FormatError

    try:
        archive = Archive.from_bytes(data)
    except FormatError:
        return describe(head)
    if "process.plist" in archive:
        return None
    if any(entry.path.startswith("caches/uuids/") for entry in archive.entries):
        return "this is the atlas of a shared cache; dyld-atlas validate looks it over"
    return "this is an archive, but none of a snapshot: it holds no process.plist"


def _no_core(head: bytes) -> str | None:
    if head[:4] in _THIN and int.from_bytes(head[12:16], "little") == _CORE:
        # It is one: what is wrong with it, the error says itself.
        return None
    if head[:4] in _MACH_O:
        return "this is a Mach-O file, but no core of a process (type 4)"
    if head.startswith(_ARCHIVES):
        return "this is an archive; if it is a snapshot, give it without --core"
    return describe(head, "core file")


def _part_of_a_cache(path: str) -> str | None:
    folder, name = os.path.split(path)
    main, dot, suffix = name.partition(".")
    if not dot or suffix == "development":
        return None
    return f"if this is a part of a cache, give the main file: {os.path.join(folder, main)}"


def describe(head: bytes, wanted: str = "snapshot") -> str:
    """What a file probably is that begins with ``head`` and cannot be read as what was wanted."""
    if not head:
        return "the file is empty"
    if head.startswith(_CACHE):
        return "this is a file of a shared cache, not a snapshot; dyld-atlas cache sums it up"
    if head.startswith(b"AotCache"):
        return "this is the cache of Rosetta's translations; give dyld_shared_cache_x86_64 beside it"
    if head.startswith(b"AEA1"):
        return "this is an encrypted or signed archive (AEA); decrypt it first"
    if head[:4] in _MACH_O:
        return f"this is a Mach-O file, not a {wanted}"
    if head.startswith(b"\x7fELF"):
        return "this is an ELF file, a program or library of another system"
    for mark, name in _KNOWN:
        if head.startswith(mark):
            return f"this is a {name} file; unpack it first"
    if wanted != "snapshot":
        if head.startswith(_ARCHIVES):
            return "this is an archive, perhaps the atlas of a cache; give the main file, which lies beside it"
        return "a file of a shared cache begins with dyld_v1; this is something else"
    if head.startswith(b"bplist"):
        return "this is a bare property list; a snapshot is an archive that holds one as process.plist"
    if head.lstrip().startswith((b"<?xml", b"<!DOCTYPE plist", b"<plist")):
        return "this is an XML document; a snapshot is an archive that holds a binary property list"
    if head.startswith(_ARCHIVES):
        return "it begins as an archive should, so it was probably cut short or damaged on the way"
    return "an archive begins with AA01, YAA1 or, compressed, with pbz; this is something else"
