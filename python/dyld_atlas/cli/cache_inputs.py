"""Opens shared caches, or what a command takes of both: caches are told from snapshots by their first bytes."""

import argparse
import os
from typing import TYPE_CHECKING

from . import inputs, live, numbers
from .progress import Progress

if TYPE_CHECKING:
    from .._native import SharedCache, Snapshot

__all__ = ["any_source", "cache", "either", "is_cache"]

# That of Rosetta's translations, too: opening it as a cache says what it is.
_MAGICS = (b"dyld_v1", b"AotCache")
_NO_SLIDE = "--slide is for shared caches: a snapshot knows its own"


def is_cache(path: str) -> bool:
    """Whether a file begins as files of shared caches do. What cannot be read is none: opening it says why."""
    if path == "-" or not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(8).startswith(_MAGICS)
    except OSError:
        return False


def cache(path: str, options: argparse.Namespace) -> "SharedCache":
    """The shared cache with the main file ``path``; what is missing is said on standard error."""
    from .._native import SharedCache

    if path == "-":
        raise inputs.UsageError("a shared cache has several files: give the path of the main one")
    inputs.current, inputs.wanted = path, "cache"
    slide = numbers.slide(options.slide) if getattr(options, "slide", None) else 0
    with Progress(f"opening {path}"):
        opened = SharedCache.open(path, scavenge=getattr(options, "scavenge", False), slide=slide)
    inputs.warn(opened.warnings, options)
    missing = opened.missing_files
    if missing and not opened.warnings:
        inputs.warn([f"{name} is missing" for name in missing], options)
    return opened


def either(path: str, options: argparse.Namespace) -> "Snapshot | SharedCache":
    """The snapshot or the shared cache at ``path``."""
    if not is_cache(path):
        if getattr(options, "slide", None) is not None:
            raise inputs.UsageError(_NO_SLIDE)
        return inputs.snapshot(path, options)
    if options.provider_root or options.no_files:
        raise inputs.UsageError("--provider-root and --no-files are for snapshots, and this is a shared cache")
    return cache(path, options)


def any_source(options: argparse.Namespace) -> "tuple[dict[str, object], Snapshot | SharedCache]":
    """What FILE, ``--pid`` or ``--core`` names, and how the JSON names it."""
    found = live.process_or_core(options)
    if found is None:
        return {"file": options.file}, either(options.file, options)
    if getattr(options, "slide", None) is not None:
        raise inputs.UsageError(_NO_SLIDE)
    return found
