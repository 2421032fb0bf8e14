"""Opens what the arguments name."""

import argparse
import os
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .progress import Progress
from .terminal import Style, plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from .._native import Snapshot
    from ..providers import Provider

_MOST_WARNINGS = 10


class UsageError(Exception):
    """The arguments do not fit together."""


@dataclass
class Input:
    """What is being read, for messages and hints."""

    name: str | None = None
    """What messages call it; None where they name it themselves."""
    kind: str = "snapshot"
    """What it ought to be: "snapshot", "cache", "core" or "process"."""
    data: bytes | None = None
    """Its bytes, where they were read whole."""

    def again(self, size: int = -1) -> bytes | None:
        """The first bytes, or all of them; None where they cannot be read again."""
        if self.data is not None:
            return self.data if size < 0 else self.data[:size]
        if self.name is None:
            return None
        try:
            with open(self.name, "rb") as file:
                return file.read(size)
        except OSError:
            return None


current = Input()
"""The input that is being read."""


def begin(name: str | None, kind: str) -> Input:
    """Says what is read from now on."""
    global current
    current = Input(name, kind)
    return current


def standard_input() -> "TextIO":
    """Standard input, which whoever started this may have closed, as by ``<&-``."""
    if sys.stdin is None:
        raise UsageError("standard input is closed, and - reads it")
    return sys.stdin


def read(path: str) -> bytes:
    """The bytes of a file or of standard input."""
    name = "standard input" if path == "-" else path
    begun = begin(name, "snapshot")
    with Progress(f"reading {name}"):
        if path == "-":
            try:
                data = standard_input().buffer.read()
            except OSError as error:
                # What has no name would be taken for output.
                raise OSError(error.errno, error.strerror, name) from None
        else:
            with open(path, "rb") as file:
                data = file.read()
    begun.data = data
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
    from .._native import Snapshot

    asked = providers(options)
    if path == "-" or _is_pipe(path):
        data = read(path)
        with Progress("opening the snapshot"):
            opened = Snapshot.from_bytes(data, providers=asked, lenient=options.lenient)
    else:
        begin(path, "snapshot")
        with Progress(f"opening {path}"):
            opened = Snapshot.open(path, providers=asked, lenient=options.lenient)
    warn(opened.warnings, options)
    record = opened.shared_cache_record
    if record is not None and opened.shared_cache is None and not options.no_files:
        hint = "--provider-root DIR, with the files of that machine below DIR; wanted is the .atlas beside "
        style = Style(sys.stderr, getattr(options, "color", "auto"))
        print(f"{style('hint:', 'cyan')} {hint}{plain(record.file_path)}", file=sys.stderr)
    return opened


def warn(warnings: "Sequence[str]", options: argparse.Namespace) -> None:
    """Says what was dropped or not found."""
    style = Style(sys.stderr, getattr(options, "color", "auto"))
    head = style("dyld-atlas: warning:", "yellow")
    for warning in warnings[:_MOST_WARNINGS]:
        print(f"{head} {plain(current.name or '')}: {plain(warning)}", file=sys.stderr)
    if len(warnings) > _MOST_WARNINGS:
        print(f"{head} and {len(warnings) - _MOST_WARNINGS} more", file=sys.stderr)
