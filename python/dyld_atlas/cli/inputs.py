"""Opens what the arguments name."""

import argparse
import os
import stat
import sys
from typing import TYPE_CHECKING

from .progress import Progress
from .terminal import Style, plain

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


def _is_pipe(path: str) -> bool:
    """Whether ``path`` can be read but not mapped, as what ``<(…)`` of a shell gives."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


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
    if path == "-" or _is_pipe(path):
        data = read(path)
        with Progress("opening the snapshot"):
            opened = Snapshot.from_bytes(data, providers=asked, lenient=options.lenient)
    else:
        current, _data = path, None
        with Progress(f"opening {path}"):
            opened = Snapshot.open(path, providers=asked, lenient=options.lenient)
    _warn(opened, options)
    return opened


def _warn(opened: "Snapshot", options: argparse.Namespace) -> None:
    """Says what was dropped or not found, and what can be done about it."""
    style = Style(sys.stderr, options.color)
    warnings = list(opened.warnings)
    head = style("dyld-atlas: warning:", "yellow")
    for warning in warnings[:_MOST_WARNINGS]:
        print(f"{head} {plain(current or '')}: {plain(warning)}", file=sys.stderr)
    if len(warnings) > _MOST_WARNINGS:
        print(f"{head} and {len(warnings) - _MOST_WARNINGS} more", file=sys.stderr)
    record = opened.shared_cache_record
    if record is not None and opened.shared_cache is None and not options.no_files:
        hint = "--provider-root DIR, with the files of that machine below DIR; wanted is the .atlas beside "
        print(f"{style('hint:', 'cyan')} {hint}{plain(record.file_path)}", file=sys.stderr)


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
    from .._native import Archive
    from ..errors import FormatError

    try:
        archive = Archive.from_bytes(data)
    except FormatError:
        return describe(data[:64])
    if "process.plist" in archive:
        return None
    if any(entry.path.startswith("caches/uuids/") for entry in archive.entries):
        return "this is the atlas of a shared cache; dyld-atlas validate looks it over"
    return "this is an archive, but none of a snapshot: it holds no process.plist"


def describe(head: bytes) -> str:
    """What a file probably is that begins with ``head`` and cannot be read as an archive."""
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
    if head.startswith(b"\x7fELF"):
        return "this is an ELF file, a program or library of another system"
    if head.lstrip().startswith((b"<?xml", b"<!DOCTYPE plist", b"<plist")):
        return "this is an XML document; a snapshot is an archive that holds a binary property list"
    known = ((b"PK\x03\x04", "ZIP"), (b"\x1f\x8b", "gzip"), (b"xar!", "xar"), (b"\xfd7zXZ", "xz"))
    for mark, name in known:
        if head.startswith(mark):
            return f"this is a {name} file; unpack it first"
    if head.startswith((b"AA01", b"YAA1", b"pbz")):
        return "it begins as an archive should, so it was probably cut short or damaged on the way"
    return "an archive begins with AA01, YAA1 or, compressed, with pbz; this is something else"
