"""Where everything lies: images in regions, regions in files and in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from .contents import Image, PointerTo, Section

__all__ = ["PAGE", "File", "Placed", "Region", "Segment", "aligned", "assign", "place"]

PAGE: Final = 0x4000
# Real caches leave 32 MiB and more between code, data and the rest; less is enough to be a hole.
_HOLE: Final = 0x20_0000
_AUTH, _DIRTY, _CONST, _TPRO = 1, 2, 4, 0x40
# The flags of the mapping that dyld's builder puts a segment into; others go where __DATA goes.
_FLAGS: Final = {
    "__DATA_CONST": _CONST,
    "__DATA_DIRTY": _DIRTY,
    "__TPRO_CONST": _TPRO,
    "__AUTH": _AUTH,
    "__AUTH_CONST": _AUTH | _CONST,
    "__OBJC_CONST": _AUTH | _CONST,
}
_ORDER: Final = (_CONST, 0, _DIRTY, _TPRO, _AUTH, _AUTH | _CONST)
# Read-only tables that lie beside the code.
_WITH_TEXT: Final = ("__TEXT", "__OBJC_RO")


def aligned(number: int, alignment: int = PAGE) -> int:
    """``number`` rounded up."""
    return -(-number // alignment) * alignment


@dataclass
class Region:
    """What becomes one mapping of a file."""

    kind: str
    """text, data or linkedit"""
    protection: tuple[int, int]
    flags: int = 0
    data: bytearray = field(default_factory=bytearray)
    pointers: list[tuple[Section, int, PointerTo]] = field(default_factory=list)
    address: int = 0
    file_offset: int = 0
    slide_info: tuple[int, int] = (0, 0)
    """Offset in the file, and size."""

    @property
    def size(self) -> int:
        """Bytes in memory and in the file: whole pages."""
        return max(aligned(len(self.data)), PAGE)


@dataclass
class File:
    """A file of the cache."""

    suffix: str
    uuid: UUID
    regions: list[Region]

    @property
    def address(self) -> int:
        """Where the file begins in memory."""
        return self.regions[0].address

    @property
    def size(self) -> int:
        """Bytes of all its mappings."""
        return sum(region.size for region in self.regions)


@dataclass
class Segment:
    """A segment of an image, somewhere in a region."""

    name: str
    region: Region
    offset: int
    file_size: int
    vm_size: int
    sections: list[Section]

    @property
    def address(self) -> int:
        """Its address in memory."""
        return self.region.address + self.offset

    @property
    def file_offset(self) -> int:
        """Its offset in the file that holds it."""
        return self.region.file_offset + self.offset


@dataclass
class Placed:
    """An image that has a place."""

    image: Image
    segments: list[Segment]

    @property
    def address(self) -> int:
        """That of its header."""
        return self.segments[0].address


def place(image: Image, header_size: int, text: Region, data: dict[int, Region], *, by_flags: bool) -> Placed:
    """Puts the segments of an image into regions; ``data`` has the writable ones by flags, and gets new ones."""
    names = dict.fromkeys(["__TEXT", *(section.segment for section in image.sections)])
    segments = []
    for name in names:
        if name.startswith(_WITH_TEXT):
            region = text
        else:
            flags = _FLAGS.get(name, 0) if by_flags else 0
            region = data.setdefault(flags, Region("data", (3, 3), flags))
        region.data += bytes(-len(region.data) % (0x1000 if region is text else 16))
        start = end = len(region.data)
        if name == "__TEXT":
            region.data += bytes(header_size)
        end = len(region.data)
        sections = [section for section in image.sections if section.segment == name]
        for section in sorted(sections, key=lambda each: each.zero_fill > 0):
            region.data += bytes(-len(region.data) % 16)
            section.address = section.file_offset = len(region.data)
            region.data += section.data
            region.pointers += [(section, offset, pointer) for offset, pointer in section.pointers]
            if not section.zero_fill:
                end = len(region.data)
            region.data += bytes(section.zero_fill)
        segments.append(Segment(name, region, start, end - start, len(region.data) - start, sections))
    return Placed(image, segments)


def in_order(data: dict[int, Region]) -> list[Region]:
    """The writable regions, as they follow each other in memory; one at least."""
    return [data[flags] for flags in _ORDER if flags in data] or [Region("data", (3, 3))]


def assign(files: Iterable[File], base: int) -> int:
    """Gives regions their places, in memory and in their files; gives the end of the last."""
    address, before = base, "text"
    for file in files:
        offset = 0
        for region in file.regions:
            if region.kind != before and region.kind != "text":
                address += _HOLE
            before = region.kind
            region.address, region.file_offset = address, offset
            address += region.size
            offset += region.size
    return address
