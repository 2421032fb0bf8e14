"""The header of a cache file, and the tables behind it."""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from .layout import Region

__all__ = ["header", "image_infos", "mappings", "mappings_and_slide", "text_infos"]

# Offset and layout of every field that is written; the names are dyld's.
_FIELDS: Final[Mapping[str, tuple[int, str]]] = {
    "magic": (0x00, "16s"),
    "mappingOffset": (0x10, "I"),
    "mappingCount": (0x14, "I"),
    "imagesOld": (0x18, "II"),
    "dyldBaseAddress": (0x20, "Q"),
    "codeSignature": (0x28, "QQ"),
    "slideInfo": (0x38, "QQ"),
    "localSymbols": (0x48, "QQ"),
    "uuid": (0x58, "16s"),
    "cacheType": (0x68, "Q"),
    "imagesText": (0x88, "QQ"),
    "platform": (0xD8, "I"),
    "formatVersion": (0xDC, "I"),
    "sharedRegion": (0xE0, "QQ"),
    "maxSlide": (0xF0, "Q"),
    "dylibsTrie": (0x108, "QQ"),
    "mappingWithSlide": (0x138, "II"),
    "osVersion": (0x16C, "I"),
    "subCacheArray": (0x188, "II"),
    "symbolFileUUID": (0x190, "16s"),
    "images": (0x1C0, "II"),
    "cacheSubType": (0x1C8, "I"),
    "tproMappings": (0x200, "II"),
    "cpu": (0x228, "II"),
}


def has(size: int, name: str) -> bool:
    """Whether a header of ``size`` bytes has a field: whole, or not at all."""
    offset, layout = _FIELDS[name]
    return offset + struct.calcsize("<" + layout) <= size


def header(size: int, values: Mapping[str, tuple[object, ...]], raw: Mapping[int, bytes]) -> bytes:
    """A header of ``size`` bytes. What it has no room for is left out; ``raw`` bytes are put over it."""
    coded = bytearray(size)
    for name, value in values.items():
        if has(size, name):
            offset, layout = _FIELDS[name]
            struct.pack_into("<" + layout, coded, offset, *value)
    for offset, data in raw.items():
        coded[offset : offset + len(data)] = data
    if len(coded) > size:
        raise ValueError(f"raw header bytes end at {len(coded):#x}, and the header at {size:#x}")
    return bytes(coded)


def mappings(regions: Sequence[Region]) -> bytes:
    """The table that every generation has."""
    rows = ((each.address, each.size, each.file_offset, *each.protection) for each in regions)
    return b"".join(struct.pack("<QQQII", *row) for row in rows)


def mappings_and_slide(regions: Sequence[Region]) -> bytes:
    """The same, with where slide info lies and what the mapping is."""
    rows = (
        (each.address, each.size, each.file_offset, *each.slide_info, each.flags, *each.protection) for each in regions
    )
    return b"".join(struct.pack("<6QII", *row) for row in rows)


def image_infos(addresses: Sequence[int], paths: Sequence[int]) -> bytes:
    """Address, modification time, inode and path of each image."""
    rows = zip(addresses, paths, strict=True)
    return b"".join(struct.pack("<QQQII", address, 0, 0, path, 0) for address, path in rows)


def text_infos(rows: Sequence[tuple[bytes, int, int]], paths: Sequence[int]) -> bytes:
    """UUID, address, size of __TEXT and path of each image."""
    return b"".join(struct.pack("<16sQII", *row, path) for row, path in zip(rows, paths, strict=True))
