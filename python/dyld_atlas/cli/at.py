"""``dyld-atlas at``: what lies at addresses."""

import argparse
import sys
from typing import TYPE_CHECKING, NamedTuple

from . import exits, inputs, records
from .images import path
from .terminal import Column, Style, write_table

if TYPE_CHECKING:
    from .._native import Image, Snapshot

_COLUMNS = [
    Column("address", "address"),
    Column("segment"),
    Column("image", color="bold"),
    Column("offset", "address"),
    Column("uuid", "uuid", color="dim"),
    Column("path", flexible=True),
]
_END = 1 << 64


class _Place(NamedTuple):
    address: int
    image: "Image | None"
    segment: str | None
    offset: int | None


def run(options: argparse.Namespace) -> int:
    """Runs the command. An address that no image holds makes the exit code 1; the others are shown all the same."""
    if options.file == "-" and "-" in options.address:
        raise inputs.UsageError("standard input cannot be both the snapshot and the list of addresses")
    addresses = [address for text in options.address for address in _addresses(text)]
    snapshot = inputs.snapshot(options.file, options)
    places = [_locate(snapshot, address) for address in addresses]
    if options.json:
        found = (
            {
                "address": records.address(place.address),
                "image": None if place.image is None else records.image_record(place.image),
                "segment": place.segment,
                "offset": records.address(place.offset),
            }
            for place in places
        )
        records.write_document("at", {"file": options.file}, addresses=found)
    else:
        rows = (
            (place.address, place.segment, place.image.name, place.offset, place.image.uuid, path(place.image))
            if place.image is not None
            else (place.address, None, None, None, None, None)
            for place in places
        )
        write_table(_COLUMNS, rows, form=options.format, style=Style(sys.stdout, options.color))
    return exits.OK if all(place.image is not None for place in places) else exits.NOT_FOUND


def _locate(snapshot: "Snapshot", address: int) -> _Place:
    location = snapshot.resolve(address)
    if location is None:
        return _Place(address, None, None, None)
    return _Place(address, location.image, location.segment and location.segment.name, location.offset)


def _addresses(text: str) -> list[int]:
    if text != "-":
        return [_address(text)]
    return [_address(word) for line in sys.stdin for word in line.split()]


def _address(text: str) -> int:
    """Reads ``0x1a2b`` or ``6699``; hexadecimal digits without 0x are refused, as some of them look decimal."""
    lower = text.lower()
    digits = lower.removeprefix("0x")
    base = 16 if digits != lower else 10
    try:
        if "_" in digits or not digits[:1].isalnum():
            raise ValueError
        address = int(digits, base)
    except ValueError:
        raise inputs.UsageError(f"{text!r} is no address: write 0x1a2b or 6699") from None
    if address >= _END:
        raise inputs.UsageError(f"{text!r} is no address: it does not fit into 64 bits")
    return address
