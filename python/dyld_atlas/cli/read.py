"""``dyld-atlas read``: bytes at an address."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import cache_inputs, exits, inputs, numbers, outputs, records

if TYPE_CHECKING:
    from .._native import SharedCache, Snapshot

_LINE = 16
_PART = 1 << 20


def run(options: argparse.Namespace) -> int:
    """Runs the command."""
    address, size = numbers.address(options.address), numbers.size(options.size)
    slide = None if options.slide is None else numbers.slide(options.slide)
    output = options.output or ("-" if options.raw else None)
    if options.json and output is not None:
        raise inputs.UsageError("--json shows the bytes as text: leave --raw and -o out")
    if output is not None:
        outputs.check(output)
    opened = cache_inputs.either(options.file, options)
    if output is not None:
        outputs.refuse_inputs(output, cache_inputs.files(opened, options))
    parts = _parts(opened, address, size, slide)
    # Nothing is written before the first bytes were found.
    first = next(parts, b"")
    if output is not None:
        outputs.write(output, _chain(first, parts))
    elif options.json:
        head = {"file": options.file, "address": records.address(address), "size": size}
        head |= {"slide": records.address(slide)}
        records.write_document("read", head | {"data": b"".join(_chain(first, parts)).hex()})
    else:
        for part in _chain(first, parts):
            for line in dump(part, address):
                print(line)
            address += len(part)
    return exits.OK


def _parts(opened: "Snapshot | SharedCache", address: int, size: int, slide: int | None) -> Iterator[bytes]:
    from .._native import SharedCache

    for start in range(0, size, _PART):
        part = min(_PART, size - start)
        if isinstance(opened, SharedCache):
            yield opened.read(address + start, part, slide=slide)
        else:
            yield opened.read(address + start, part)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def dump(data: bytes, address: int) -> Iterator[str]:
    """The lines of a hex dump.

    >>> print(*dump(b"dyld_v1  arm64e\\0\\x28", 0x180000000), sep="\\n")
    0x180000000  64 79 6c 64 5f 76 31 20  20 61 72 6d 36 34 65 00  dyld_v1  arm64e.
    0x180000010  28                                                (
    """
    for start in range(0, len(data), _LINE):
        line = data[start : start + _LINE]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in line)
        halves = f"{line[:8].hex(' '):23}  {line[8:].hex(' '):23}"
        yield f"{address + start:#x}  {halves}  {text}"
