"""Opens what the arguments name."""

import argparse
import sys
from typing import TYPE_CHECKING

from .progress import Progress
from .terminal import plain

if TYPE_CHECKING:
    from .._native import Snapshot
    from ..providers import Provider

current: str | None = None
"""The input that is being read, for messages."""

_data: bytes | None = None

_MOST_WARNINGS = 10


class UsageError(Exception):
    """The arguments do not fit together."""


def read(path: str) -> bytes:
    """The bytes of a file or of standard input."""
    global current, _data
    current = "standard input" if path == "-" else path
    with Progress(f"reading {current}"):
        if path == "-":
            data = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
    _data = data
    return data


def providers(options: argparse.Namespace) -> "list[Provider] | tuple[()] | None":
    """What ``--provider-root`` and ``--no-files`` say."""
    if options.no_files:
        return ()
    if options.provider_root:
        from ..providers import DirectoryProvider

        return [DirectoryProvider(root) for root in options.provider_root]
    return None


def snapshot(path: str, options: argparse.Namespace) -> "Snapshot":
    """The snapshot at ``path``; what lenient opening dropped is said on standard error."""
    global current, _data
    from .._native import Snapshot

    asked = providers(options)
    if path == "-":
        data = read(path)
        with Progress("opening the snapshot"):
            opened = Snapshot.from_bytes(data, providers=asked, lenient=options.lenient)
    else:
        current, _data = path, None
        with Progress(f"opening {path}"):
            opened = Snapshot.open(path, providers=asked, lenient=options.lenient)
    warnings = list(opened.warnings)
    for warning in warnings[:_MOST_WARNINGS]:
        print(f"dyld-atlas: warning: {plain(current or path)}: {plain(warning)}", file=sys.stderr)
    if len(warnings) > _MOST_WARNINGS:
        print(f"dyld-atlas: warning: and {len(warnings) - _MOST_WARNINGS} more", file=sys.stderr)
    return opened


def what_it_is() -> str | None:
    """A hint for an input that is something else, from its content."""
    if current is None:
        return None
    data = _data
    if data is None:
        try:
            with open(current, "rb") as file:
                data = file.read()
        except OSError:
            return None
    return describe(data[:64]) or _archive_without_snapshot(data)


def _archive_without_snapshot(data: bytes) -> str | None:
    from .._native import Archive
    from ..errors import FormatError

    try:
        archive = Archive.from_bytes(data)
    except FormatError:
        return None
    if "process.plist" in archive:
        return None
    if any(entry.path.startswith("caches/uuids/") for entry in archive.entries):
        return "this is the atlas of a shared cache; dyld-atlas validate looks it over"
    return "this is an archive, but none of a snapshot: it holds no process.plist"


def describe(head: bytes) -> str | None:
    """What a file is that begins with ``head``, if it is not an archive."""
    if not head:
        return "the file is empty"
    if head.startswith(b"bplist"):
        return "this is a bare property list; a snapshot is an archive that holds one as process.plist"
    if head.startswith(b"dyld_v1"):
        return "this is a shared cache itself, not a snapshot; its atlas lies beside it as .atlas"
    if head.startswith(b"AEA1"):
        return "this is an encrypted or signed archive (AEA); decrypt it first"
    magic = head[:4]
    if magic in (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"):
        return "this is a Mach-O file, not a snapshot"
    known = ((b"PK\x03\x04", "ZIP"), (b"\x1f\x8b", "gzip"), (b"xar!", "xar"), (b"\xfd7zXZ", "xz"))
    for mark, name in known:
        if head.startswith(mark):
            return f"this is a {name} file; unpack it first"
    return None
