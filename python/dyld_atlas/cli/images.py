"""``dyld-atlas images``: the images of a snapshot or a shared cache."""

import argparse
import re
import sys
from typing import TYPE_CHECKING

from . import cache_inputs, exits, inputs, records
from .terminal import Column, Style, write_table

if TYPE_CHECKING:
    from .._native import Image

_COLUMNS = [
    Column("address", "address"),
    Column("size", "size"),
    Column("uuid", "uuid", color="dim"),
    Column("in"),
    Column("path", flexible=True),
]
_EXACT_COLUMNS = [
    Column("index", "number"),
    Column("address", "address"),
    Column("preferred_load_address", "address"),
    Column("vm_size", "size"),
    Column("uuid", "uuid"),
    Column("in"),
    Column("install_name"),
    Column("file_path"),
]


def run(options: argparse.Namespace) -> int:
    """Runs the command. Nothing to show because of ``--grep`` or ``--outside-cache`` is "not found", as with grep."""
    try:
        pattern = re.compile(options.grep or "", re.IGNORECASE if options.ignore_case else 0)
    except re.error as error:
        raise inputs.UsageError(f"--grep: {error}") from None
    head, opened = cache_inputs.any_source(options)
    chosen = [
        (index, image)
        for index, image in enumerate(opened.images)
        if (not options.outside_cache or image.shared_cache is None)
        and (options.grep is None or _found(pattern, image))
    ]
    if options.json:
        found = (records.image_record(image, index) for index, image in chosen)
        records.write_document("images", head, images=found)
    elif options.format == "tsv":
        rows = (
            (
                index,
                image.address,
                image.preferred_load_address,
                image.vm_size,
                image.uuid,
                _place(image),
                image.install_name,
                image.file_path,
            )
            for index, image in chosen
        )
        write_table(_EXACT_COLUMNS, rows, form="tsv", style=Style(sys.stdout, "never"))
    elif chosen:
        short = [(image.address, image.vm_size, image.uuid, _place(image), path(image)) for _, image in chosen]
        write_table(_COLUMNS, short, form="table", style=Style(sys.stdout, options.color))
    asked = options.grep is not None or options.outside_cache
    if asked and not chosen:
        print("dyld-atlas: no such image", file=sys.stderr)
        return exits.NOT_FOUND
    return exits.OK


def path(image: "Image") -> str:
    """What names the image best for people."""
    return image.file_path or image.install_name or image.name


def _place(image: "Image") -> str:
    return "file" if image.shared_cache is None else "cache"


def _found(pattern: re.Pattern[str], image: "Image") -> bool:
    texts = (image.install_name, image.file_path, str(image.uuid).upper() if image.uuid else None)
    return any(text is not None and pattern.search(text) for text in texts)
