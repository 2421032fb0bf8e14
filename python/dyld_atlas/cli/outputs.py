"""Bytes as output: to a file, or to standard output where that is no terminal."""

import sys
from collections.abc import Iterable

from .inputs import UsageError
from .progress import Progress

__all__ = ["check", "write"]


def check(path: str) -> None:
    """Refuses to write bytes to a terminal; ``-`` is standard output."""
    if path == "-" and sys.stdout.isatty():
        raise UsageError("bytes are not for a terminal: name a file with -o, or redirect the output")


def write(path: str, parts: Iterable[bytes | memoryview]) -> int:
    """Writes all parts, and gives how many bytes they were."""
    size = 0
    with Progress(f"writing {'standard output' if path == '-' else path}"):
        if path == "-":
            sys.stdout.flush()
            for part in parts:
                size += sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
        else:
            with open(path, "wb") as file:
                for part in parts:
                    size += file.write(part)
    return size
