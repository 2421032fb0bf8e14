"""Mach-O headers, as images in a cache have them: offsets are those of the files that hold the segments."""

import struct
from typing import NamedTuple

from .architectures import Architecture
from .contents import Image, Section
from .layout import Placed, Region, Segment
from .symbols import LinkEdit, Offsets

__all__ = ["Tables", "header", "header_size"]

_DYLIB, _DYLIB_IN_CACHE = 6, 0x8000_0000
_PURE_INSTRUCTIONS, _ZERO_FILL = 0x8000_0000, 1
_SEGMENT, _SEGMENT_64, _SYMTAB, _DYSYMTAB, _ID_DYLIB, _LOAD_DYLIB = 0x01, 0x19, 0x02, 0x0B, 0x0D, 0x0C
_UUID, _BUILD_VERSION, _DYLD_INFO_ONLY, _EXPORTS_TRIE = 0x1B, 0x32, 0x8000_0022, 0x8000_0033


class Tables(NamedTuple):
    """What an image's header says of __LINKEDIT, and of the system it is for."""

    region: Region
    link_edit: LinkEdit
    offsets: Offsets
    platform: int
    version: int
    has_trie_command: bool
    """Since macOS 12 the exports have a load command of their own."""


def header_size(image: Image, architecture: Architecture, *, has_trie_command: bool) -> int:
    """How long the header will be, which does not depend on any address."""
    nowhere = Region("linkedit", (1, 1))
    names = dict.fromkeys(["__TEXT", *(section.segment for section in image.sections)])
    segments = [Segment(n, nowhere, 0, 0, 0, [s for s in image.sections if s.segment == n]) for n in names]
    tables = Tables(nowhere, LinkEdit([], (0, 0), (0, 0)), Offsets((0, 0), (0, 0)), 0, 0, has_trie_command)
    return len(header(Placed(image, segments), architecture, tables))


def header(placed: Placed, architecture: Architecture, tables: Tables) -> bytes:
    """The header and load commands of an image."""
    wide = architecture.pointer_size == 8
    image, region, offset = placed.image, tables.region, tables.region.file_offset
    commands = [_segment(each, wide) for each in placed.segments]
    shared = Segment("__LINKEDIT", region, 0, region.size, region.size, [])
    commands.append(_segment(shared, wide))
    commands.append(_dylib(_ID_DYLIB, image.install_name))
    if image.uuid is not None:
        commands.append(struct.pack("<II", _UUID, 24) + image.uuid.bytes)
    commands.append(struct.pack("<6I", _BUILD_VERSION, 24, tables.platform, tables.version, tables.version, 0))
    (trie_at, trie_size), (symbols_at, count) = tables.offsets.trie, tables.offsets.symbols
    strings_at, strings_size = tables.link_edit.strings
    trie_at = trie_at + offset if trie_size else 0
    if tables.has_trie_command:
        commands.append(struct.pack("<4I", _EXPORTS_TRIE, 16, trie_at, trie_size))
    else:
        commands.append(struct.pack("<12I", _DYLD_INFO_ONLY, 48, *[0] * 8, trie_at, trie_size))
    commands.append(struct.pack("<6I", _SYMTAB, 24, symbols_at + offset, count, strings_at + offset, strings_size))
    commands.append(struct.pack("<20I", _DYSYMTAB, 80, 0, 0, 0, count, count, *[0] * 13))
    commands += [_dylib(_LOAD_DYLIB, name) for name in image.dependencies]
    load = b"".join(commands)
    magic = 0xFEED_FACF if wide else 0xFEED_FACE
    head = struct.pack("<7I", magic, *architecture.cpu, _DYLIB, len(commands), len(load), _DYLIB_IN_CACHE | 0x85)
    return head + bytes(4 if wide else 0) + load


def _segment(segment: Segment, wide: bool) -> bytes:
    sections = b"".join(_section(section, wide) for section in segment.sections)
    protection = {"__TEXT": 5, "__LINKEDIT": 1}.get(segment.name, 3)
    size = (72 if wide else 56) + len(sections)
    head = struct.pack("<II16s", _SEGMENT_64 if wide else _SEGMENT, size, segment.name.encode())
    places = (segment.address, segment.vm_size, segment.file_offset, segment.file_size)
    head += struct.pack("<4Q" if wide else "<4I", *places)
    return head + struct.pack("<4I", protection, protection, len(segment.sections), 0) + sections


def _section(section: Section, wide: bool) -> bytes:
    names = struct.pack("<16s16s", section.name.encode(), section.segment.encode())
    place = struct.pack("<QQ" if wide else "<II", section.address, section.size)
    flags = _ZERO_FILL if section.zero_fill else _PURE_INSTRUCTIONS if section.name == "__text" else 0
    rest = (0 if section.zero_fill else section.file_offset, 4, 0, 0, flags, 0, 0)
    return names + place + struct.pack("<7I", *rest) + bytes(4 if wide else 0)


def _dylib(command: int, name: str) -> bytes:
    text = name.encode() + b"\0"
    text += bytes(-len(text) % 8)
    return struct.pack("<6I", command, 24 + len(text), 24, 2, 0x1_0000, 0x1_0000) + text
