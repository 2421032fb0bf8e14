"""Bytes as output: to a file, or to standard output where that is no terminal."""

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from .inputs import UsageError
from .progress import Progress
from .terminal import plain

__all__ = ["check", "refuse_inputs", "write"]

# Names of descriptors that are open already, and of devices: what stands there is not replaced by another file.
_NOT_REPLACED = ("/dev/", "/proc/")


def check(path: str) -> None:
    """Refuses to write bytes to a terminal; ``-`` is standard output."""
    if path == "-" and sys.stdout.isatty():
        raise UsageError("bytes are not for a terminal: name a file with -o, or redirect the output")


def refuse_inputs(path: str, read: Iterable[str]) -> None:
    """Refuses an output that is one of the files that are ``read``, by whatever name."""
    if path == "-":
        return
    try:
        there = os.stat(path)
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(there.st_mode):
        return
    for source in read:
        try:
            same = os.path.samestat(there, os.stat(source))
        except (OSError, ValueError):
            continue
        if same:
            hint = "; with --scavenge it is not" if source.endswith(".atlas") else ""
            raise UsageError(f"{plain(path)} is read here, and would be lost: name another file{hint}")


def write(path: str, parts: Iterable[bytes | memoryview]) -> int:
    """Writes all parts, and gives how many bytes they were. A file is there whole in the end, or as it was before."""
    size = 0
    with Progress(f"writing {'standard output' if path == '-' else path}"):
        if path == "-":
            sys.stdout.flush()
            for part in parts:
                size += sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
        else:
            with _opened(path) as file:
                for part in parts:
                    size += file.write(part)
    return size


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """The file to write to: a new one beside ``path``, which takes its name when all is written."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    if (mode is not None and not stat.S_ISREG(mode)) or path.startswith(_NOT_REPLACED) or not os.path.basename(path):
        with open(path, "wb") as file:
            yield file
        return
    # Of a link, what it leads to is replaced.
    target = os.path.realpath(path)
    if mode is not None:
        # Whoever may not write the file may not replace it either.
        with open(path, "r+b"):
            pass
    beside = f"{target[: -len(os.path.basename(target))]}.{os.urandom(8).hex()}.dyld-atlas"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    try:
        with open(descriptor, "wb") as file:
            if mode is not None:
                os.chmod(beside, stat.S_IMODE(mode))
            yield file
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise
