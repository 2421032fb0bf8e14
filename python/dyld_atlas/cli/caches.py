"""``dyld-atlas caches``: the shared caches below a folder, or those of the system."""

import argparse
import sys

from . import cache_records, exits, inputs
from .progress import Progress
from .records import write_document
from .show import platform_name
from .terminal import Column, Style, write_table

_COLUMNS = [
    Column("architecture", color="bold"),
    Column("system"),
    Column("uuid", "uuid", color="dim"),
    Column("images", "number"),
    Column("size", "size"),
    Column("files", "number"),
    Column("missing", "number"),
    Column("path", flexible=True),
]


def run(options: argparse.Namespace) -> int:
    """Runs the command. No cache at all is "not found"."""
    import warnings

    from .._native import SharedCache

    folder = options.folder or "/"
    inputs.begin(folder, "cache")
    with warnings.catch_warnings(record=True) as caught, Progress(f"looking through {folder}"):
        warnings.simplefilter("always")
        if options.folder is None or options.installed:
            found = SharedCache.installed(options.folder or "/")
        else:
            found = SharedCache.find(options.folder)
    inputs.warn([str(warning.message) for warning in caught], options)
    if options.json:
        write_document(
            "caches", {"folder": options.folder}, caches=(cache_records.cache_record(cache) for cache in found)
        )
    elif found or options.format == "tsv":
        rows = (
            (
                cache.architecture,
                " ".join(filter(None, (platform_name(cache.platform), cache.os_version))) or None,
                cache.uuid,
                len(cache.images),
                cache.vm_size,
                len(cache.subcaches),
                len(cache.missing_files),
                cache.file_paths[0] if cache.file_paths else None,
            )
            for cache in found
        )
        write_table(_COLUMNS, rows, form=options.format, style=Style(sys.stdout, options.color))
    if not found:
        print("dyld-atlas: no shared cache", file=sys.stderr)
        return exits.NOT_FOUND
    return exits.OK
