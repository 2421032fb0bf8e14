"""``dyld-atlas segments``: the segments of images."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import cache_inputs, exits, live, records
from .terminal import Column, Style, plain, write_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._native import Image, ImageList, Segment

_COLUMNS = [
    Column("address", "address"),
    Column("size", "size"),
    Column("file_size", "size"),
    Column("perm"),
    Column("segment"),
    Column("image", flexible=True),
]


def run(options: argparse.Namespace) -> int:
    """Runs the command."""
    wanted = live.words(options)
    head, opened = cache_inputs.any_source(options)
    images, missing = choose(opened.images, wanted)

    def found() -> "Iterator[tuple[int, Image, Segment]]":
        for index, image in images:
            for segment in image.segments:
                yield index, image, segment

    if options.json:
        lines = (
            {
                "image": image.name,
                "image_index": index,
                "name": segment.name,
                "address": records.address(segment.address),
                "preferred_load_address": records.address(segment.preferred_load_address),
                "vm_size": segment.vm_size,
                "file_size": segment.file_size,
                "permissions": str(segment.permissions),
            }
            for index, image, segment in found()
        )
        records.write_document("segments", head, segments=lines)
    else:
        rows = (
            (
                segment.address,
                segment.vm_size,
                segment.file_size,
                str(segment.permissions),
                segment.name,
                image.name,
            )
            for _, image, segment in found()
        )
        write_table(_COLUMNS, rows, form=options.format, style=Style(sys.stdout, options.color))
    for name in missing:
        print(f"dyld-atlas: no image {plain(name)}", file=sys.stderr)
    return exits.NOT_FOUND if missing else exits.OK


def choose(images: "ImageList", wanted: "Sequence[str]") -> "tuple[list[tuple[int, Image]], list[str]]":
    """The images that are asked for, in the order of the list, and the names that no image has."""
    everything = list(enumerate(images))
    if not wanted:
        return everything, []
    chosen, missing = set(), []
    for name in wanted:
        upper = name.upper()
        matches = {
            index
            for index, image in everything
            if name in (image.name, image.install_name, image.file_path)
            or (image.uuid is not None and str(image.uuid).upper() == upper)
        }
        if not matches:
            try:
                # By another path of it, which the cache alone knows.
                matches = {images.index(images.by_name(name))}
            except KeyError:
                missing.append(name)
        chosen |= matches
    return [(index, image) for index, image in everything if index in chosen], missing
