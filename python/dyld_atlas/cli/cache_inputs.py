"""Opens shared caches, or what a command takes of both: caches are told from snapshots by their first bytes."""

import argparse
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import inputs, live, numbers
from .progress import Progress

if TYPE_CHECKING:
    from .._native import SharedCache, Snapshot

__all__ = ["any_source", "cache", "either", "files", "is_cache"]

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
    inputs.begin(path, "cache")
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


def files(opened: "Snapshot | SharedCache", options: argparse.Namespace) -> Iterator[str]:
    """Where the files lie that a command on FILE reads, FILE itself first; some of them may be missing."""
    from .._native import FileIdentifier, SharedCache

    yield options.file
    if isinstance(opened, SharedCache):
        yield from _files_of_a_cache(opened)
        return
    providers = inputs.providers(options)
    cache = opened.shared_cache
    named = [] if cache is None else list(_files_of_a_cache(cache))
    named += [path for image in opened.images for path in (image.file_path, image.install_name) if path]
    for path in named:
        if providers is None:
            yield path
        for provider in providers or ():
            found = provider.file(FileIdentifier(path=path))
            if isinstance(found, str):
                yield found


def _files_of_a_cache(cache: "SharedCache") -> Iterator[str]:
    yield from cache.file_paths
    if cache.local_symbols_path is not None:
        yield cache.local_symbols_path
    if cache.record_origin == "atlas":
        yield os.path.splitext(cache.file_paths[0])[0] + ".atlas"
