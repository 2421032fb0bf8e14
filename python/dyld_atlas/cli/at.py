"""``dyld-atlas at``: what lies at addresses."""

import argparse
import sys
from typing import TYPE_CHECKING, NamedTuple

from . import cache_inputs, exits, inputs, live, numbers, records
from .images import path
from .terminal import Column, Style, write_table

if TYPE_CHECKING:
    from .._native import Image, Location, SharedCache, Snapshot

_COLUMNS = [
    Column("address", "address"),
    Column("segment"),
    Column("section"),
    Column("image", color="bold"),
    Column("offset", "address"),
    Column("uuid", "uuid", color="dim"),
    Column("path", flexible=True),
]


class _Place(NamedTuple):
    address: int
    image: "Image | None"
    segment: str | None
    section: str | None
    offset: int | None


def run(options: argparse.Namespace) -> int:
    """Runs the command. An address that no image holds makes the exit code 1; the others are shown all the same."""
    words = live.words(options)
    if not words:
        raise inputs.UsageError("nothing to look up: give an address behind FILE, --pid PID or --core CORE")
    if options.file == "-" and "-" in words:
        raise inputs.UsageError("standard input cannot be both the snapshot and the list of addresses")
    addresses = [address for text in words for address in _addresses(text)]
    head, opened = cache_inputs.any_source(options)
    places = [_locate(opened, address) for address in addresses]
    if options.json:
        found = (
            {
                "address": records.address(place.address),
                "image": None if place.image is None else records.image_record(place.image),
                "segment": place.segment,
                "section": place.section,
                "offset": records.address(place.offset),
            }
            for place in places
        )
        records.write_document("at", head, addresses=found)
    else:
        rows = (
            (
                place.address,
                place.segment,
                place.section,
                place.image and place.image.name,
                place.offset,
                place.image and place.image.uuid,
                place.image and path(place.image),
            )
            for place in places
        )
        write_table(_COLUMNS, rows, form=options.format, style=Style(sys.stdout, options.color))
    return exits.OK if all(place.image is not None for place in places) else exits.NOT_FOUND


def _locate(opened: "Snapshot | SharedCache", address: int) -> _Place:
    from .._native import SharedCache

    if isinstance(opened, SharedCache):
        # A cache is asked for unslid addresses; --slide says how far those that are given were moved.
        location = opened.resolve((address - int(opened.slide)) % (1 << 64))
    else:
        location = opened.resolve(address)
    if location is None:
        return _Place(address, None, None, None, None)
    segment = location.segment and location.segment.name
    return _Place(address, location.image, segment, _section(location), location.offset)


def _section(location: "Location") -> str | None:
    """The section, where the file that tells is there."""
    from ..errors import AtlasError

    try:
        return location.section and location.section.name
    except AtlasError:
        return None


def _addresses(text: str) -> list[int]:
    if text != "-":
        return [numbers.address(text)]
    return [numbers.address(word) for line in inputs.standard_input() for word in line.split()]
