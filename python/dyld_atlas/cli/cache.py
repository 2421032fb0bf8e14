"""``dyld-atlas cache``: a shared cache in a few lines, its files and its mappings."""

import argparse
import sys
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from . import cache_inputs, cache_records, cache_tables, exits
from .records import write_document
from .show import platform_name
from .terminal import Column, Style, count, exact, human_size, plain, write_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._native import SharedCache

_FILES = [
    Column("address", "address"),
    Column("memory", "size"),
    Column("file", "size"),
    Column("uuid", "uuid", color="dim"),
    Column("name", flexible=True),
]
_MAPPINGS = [
    Column("address", "address"),
    Column("size", "size"),
    Column("offset", "address"),
    Column("perm"),
    Column("slide", "text"),
    Column("mapping", color="bold"),
    Column("file", flexible=True),
]
_ORIGINS = {
    "atlas": "the atlas beside it",
    "embedded": "the atlas inside of it",
    "scavenged": "the headers of its files",
    "provider": "a provider",
}


def run(options: argparse.Namespace) -> int:
    """Runs the command."""
    cache = cache_inputs.cache(options.file, options)
    if options.json:
        lists = {
            "files": file_records(cache),
            "mappings": map(cache_records.mapping_record, cache.mappings()),
            **cache_tables.lists(cache, options),
        }
        head = {
            "file": options.file,
            "cache": cache_records.cache_record(cache),
            "dynamic_data": cache_tables.dynamic_data(cache, options),
        }
        write_document("cache", head, **lists)
        return exits.OK
    style = Style(sys.stdout, options.color)
    if options.format == "tsv":
        write_table([Column("key"), Column("value")], _lines(cache), form="tsv", style=style)
        return exits.OK
    lines = _lines(cache)
    room = max(len(key) for key, _ in lines)
    for key, value in lines:
        print(f"{style(key.ljust(room), 'bold')}  {plain(value)}")
    print()
    write_files(cache, form="table", style=style)
    print()
    rows = (
        (
            mapping.preferred_load_address,
            mapping.size,
            mapping.file_offset,
            str(mapping.max_protection),
            f"v{mapping.slide_version}" if mapping.slide_version else None,
            mapping.name,
            PurePath(mapping.file_path).name,
        )
        for mapping in cache.mappings()
    )
    write_table(_MAPPINGS, rows, form="table", style=style)
    return exits.OK


def _lines(cache: "SharedCache") -> list[tuple[str, str]]:
    lines = [
        ("path", cache.file_paths[0] if cache.file_paths else ""),
        ("uuid", exact(cache.uuid, "uuid")),
        ("architecture", cache.architecture),
    ]
    if cache.platform is not None:
        lines.append(("platform", f"{platform_name(cache.platform)} ({int(cache.platform)})"))
    if (version := cache.os_version) is not None:
        lines.append(("os version", version))
    if (kind := cache_records.cache_type(cache)) is not None:
        lines.append(("type", kind))
    files = count(len(cache.subcaches), "file")
    if cache.missing_files:
        files += f", {len(cache.missing_files)} missing"
    lines += [
        ("address", f"{int(cache.preferred_load_address):#x}"),
        ("size", f"{human_size(cache.vm_size)} in {files}"),
        ("images", f"{len(cache.images):,}".replace(",", " ")),
        ("record from", _ORIGINS.get(cache.record_origin, cache.record_origin)),
    ]
    if cache.local_symbols_path is not None:
        lines.append(("local symbols", PurePath(cache.local_symbols_path).name))
    if cache.warnings:
        lines.append(("warnings", f"{len(cache.warnings)}, on standard error"))
    return lines


def file_records(cache: "SharedCache") -> "Iterator[dict[str, Any]]":
    """The files of a cache, for JSON."""
    return (cache_records.file_record(file, file.name in cache.missing_files) for file in cache.subcaches)


def write_files(cache: "SharedCache", *, form: str, style: Style) -> None:
    """Writes the table of the files of a cache."""
    write_table(_FILES, _files(cache), form=form, style=style)


def _files(cache: "SharedCache") -> list[tuple[Any, ...]]:
    missing = list(cache.missing_files)
    rows: list[tuple[Any, ...]] = []
    for file in cache.subcaches:
        name = f"{file.name} (missing)" if file.name in missing else file.name
        rows.append((file.preferred_load_address, file.vm_size, file.file_size, file.uuid, name))
    # What no atlas describes, the headers name only.
    known = {file.name for file in cache.subcaches}
    return rows + [(None, None, None, None, f"{name} (missing)") for name in missing if name not in known]
