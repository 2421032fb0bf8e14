"""Symbol tables: those of images in __LINKEDIT, and the local symbols that the builder takes out of them."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .contents import Place
from .layout import Placed
from .trie import export, trie, uleb

__all__ = ["LinkEdit", "Offsets", "link_edit", "local_symbols"]

_SECTION, _EXTERNAL = 0x0E, 0x01
"""``n_type`` of a symbol in a section, and the bit of those that others see."""


@dataclass
class Offsets:
    """Where an image's tables lie, from the start of the region."""

    trie: tuple[int, int]
    symbols: tuple[int, int]
    """Offset, and number of symbols."""


@dataclass
class LinkEdit:
    """What the images of a cache share."""

    images: list[Offsets]
    strings: tuple[int, int]
    dylibs_trie: tuple[int, int]


class _Strings:
    def __init__(self) -> None:
        self.data = bytearray(b"\0")

    def add(self, text: str) -> int:
        offset = len(self.data)
        self.data += text.encode() + b"\0"
        return offset


def _nlist(each: Placed, symbols: Mapping[str, Place], kind: int, strings: _Strings, pointer_size: int) -> bytes:
    coded = b""
    for name, where in symbols.items():
        number, section, offset = each.image.place(where)
        fields = (strings.add(name), kind, number, 0, section.address + offset)
        coded += struct.pack("<IBBHQ" if pointer_size == 8 else "<IBBHI", *fields)
    return coded


def link_edit(data: bytearray, images: Sequence[Placed], pointer_size: int) -> LinkEdit:
    """Appends what belongs to images to the region's bytes."""
    strings = _Strings()

    def append(part: bytes) -> tuple[int, int]:
        data.extend(bytes(-len(data) % 8))
        data.extend(part)
        return len(data) - len(part), len(part)

    offsets = []
    for each in images:
        names = {}
        for name, where in each.image.exports.items():
            _, section, offset = each.image.place(where)
            names[name] = export(section.address + offset - each.address)
        table = _nlist(each, each.image.exports, _SECTION | _EXTERNAL, strings, pointer_size)
        offsets.append(Offsets(append(trie(names)), (append(table)[0], len(each.image.exports))))
    paths: dict[str, bytes] = {}
    for index, each in enumerate(images):
        paths |= {path: uleb(index) for path in (each.image.install_name, *each.image.aliases)}
    return LinkEdit(offsets, append(bytes(strings.data)), append(trie(paths)))


def local_symbols(images: Sequence[Placed], base: int, pointer_size: int, *, wide_entries: bool) -> bytes:
    """A ``local_symbols_info`` with all that it names; ``wide_entries`` since there are files of their own for it."""
    strings, table, entries, count = _Strings(), b"", b"", 0
    for each in images:
        number = len(each.image.local_symbols)
        table += _nlist(each, each.image.local_symbols, _SECTION, strings, pointer_size)
        entries += struct.pack("<QII" if wide_entries else "<III", each.address - base, count, number)
        count += number
    entries_at = 24
    table_at = entries_at + len(entries)
    strings_at = table_at + len(table)
    info = (table_at, count, strings_at, len(strings.data), entries_at, len(images))
    return struct.pack("<6I", *info) + entries + table + bytes(strings.data)
