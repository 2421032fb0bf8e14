"""Slide info: how the pointers of a mapping are written, so that dyld finds them again. All versions, 1 to 5.

The layouts are those of dyld's dyld_cache_format.h; docs/formats tells them in our words.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple

from .contents import KEYS, PointerTo

__all__ = ["Space", "encode"]


class Space(NamedTuple):
    """What pointers of a cache are measured from."""

    base: int
    pointer_size: int


_Pointers = list[tuple[int, int, PointerTo]]
"""Offset in the mapping, target, and what the caller said of it."""


def encode(version: int, data: bytearray, pointers: _Pointers, space: Space) -> bytes:
    """Writes pointers into the bytes of a mapping, and gives its slide info."""
    writers: dict[int, Callable[[bytearray, _Pointers, Space], bytes]] = {
        1: _bitmap,
        2: _deltas_64,
        3: _chains_v3,
        4: _deltas_32,
        5: _chains_v5,
    }
    if version < 3 or version == 4:
        for _, _, pointer in pointers:
            if pointer.key is not None:
                raise ValueError(f"slide version {version} has no authenticated pointers: {pointer!r}")
    return writers[version](data, sorted(pointers, key=lambda each: each[0]), space)


def _pages(data: bytearray, pointers: _Pointers, size: int) -> list[_Pointers]:
    pages: list[_Pointers] = [[] for _ in range(-(-len(data) // size))]
    for each in pointers:
        pages[each[0] // size].append(each)
    return pages


def _fits(value: int, bits: int, pointer: PointerTo) -> int:
    if not 0 <= value < 1 << bits:
        raise ValueError(f"out of reach for this slide version: {pointer!r}")
    return value


def _bitmap(data: bytearray, pointers: _Pointers, space: Space) -> bytes:
    bitmaps: list[bytes] = []
    table = []
    for number, page in enumerate(_pages(data, pointers, 4096)):
        bits = 0
        for offset, target, pointer in page:
            struct.pack_into("<I", data, offset, _fits(target, 32, pointer))
            bits |= 1 << (offset - number * 4096) // 4
        bitmap = bits.to_bytes(128, "little")
        if bitmap not in bitmaps:
            bitmaps.append(bitmap)
        table.append(bitmaps.index(bitmap))
    end = 24 + 2 * len(table)
    head = struct.pack("<6I", 1, 24, len(table), end, len(bitmaps), 128)
    return head + struct.pack(f"<{len(table)}H", *table) + b"".join(bitmaps)


def _starts_and_extras(version: int, sizes: tuple[int, int], starts: list[int], extras: list[int], add: int) -> bytes:
    page_size, mask = sizes
    end = 40 + 2 * len(starts)
    head = struct.pack("<6IQQ", version, page_size, 40, len(starts), end, len(extras), mask, add)
    return head + struct.pack(f"<{len(starts)}H", *starts) + struct.pack(f"<{len(extras)}H", *extras)


def _deltas_64(data: bytearray, pointers: _Pointers, space: Space) -> bytes:
    # On Intel, bits are saved by counting from the cache's base; elsewhere the target stands there as it is.
    add = space.base if space.base >> 40 else 0
    starts = []
    for page in _pages(data, pointers, 4096):
        starts.append(page[0][0] % 4096 // 4 if page else 0x4000)
        for (offset, target, pointer), after in zip(page, [*page[1:], None], strict=False):
            delta = (after[0] - offset) // 4 if after else 0
            value = _fits(target - add, 40, pointer)
            if not value:
                raise ValueError(f"a pointer to where the cache begins reads as none: {pointer!r}")
            struct.pack_into("<Q", data, offset, pointer.top_byte << 56 | delta << 40 | value)
    return _starts_and_extras(2, (4096, 0x00FF_FF00_0000_0000), starts, [], add)


def _deltas_32(data: bytearray, pointers: _Pointers, space: Space) -> bytes:
    # Small numbers are taken for numbers: counting begins below the cache, so that no target is small.
    add = space.base - 0x1_0000
    starts: list[int] = []
    extras: list[int] = []
    for page in _pages(data, pointers, 4096):
        heads = []
        for number, (offset, target, pointer) in enumerate(page):
            delta = (page[number + 1][0] - offset) // 4 if number + 1 < len(page) else 4
            if number == 0 or offset - page[number - 1][0] > 12:
                heads.append(offset % 4096 // 4)
            value = _fits(target - add, 30, pointer)
            struct.pack_into("<I", data, offset, (delta if delta <= 3 else 0) << 30 | value)
        if len(heads) > 1:
            starts.append(0x8000 | len(extras))
            extras += [*heads[:-1], heads[-1] | 0x8000]
        else:
            starts.append(heads[0] if heads else 0xFFFF)
    return _starts_and_extras(4, (4096, 0xC000_0000), starts, extras, add)


def _chains_v3(data: bytearray, pointers: _Pointers, space: Space) -> bytes:
    def word(target: int, pointer: PointerTo, after: int) -> int:
        if pointer.key is None:
            return after << 51 | pointer.top_byte << 43 | _fits(target, 43, pointer)
        mixed = KEYS.index(pointer.key) << 49 | pointer.address_diversity << 48 | pointer.diversity << 32
        return 1 << 63 | after << 51 | mixed | _fits(target - space.base, 32, pointer)

    return _chains(3, data, pointers, space, word)


def _chains_v5(data: bytearray, pointers: _Pointers, space: Space) -> bytes:
    def word(target: int, pointer: PointerTo, after: int) -> int:
        value = after << 52 | _fits(target - space.base, 34, pointer)
        if pointer.key is None:
            return value | pointer.top_byte << 34
        if pointer.key[1] != "A":
            raise ValueError(f"slide version 5 has the keys IA and DA alone: {pointer!r}")
        is_data = int(pointer.key == "DA")
        return 1 << 63 | value | is_data << 51 | pointer.address_diversity << 50 | pointer.diversity << 34

    return _chains(5, data, pointers, space, word)


def _chains(
    version: int, data: bytearray, pointers: _Pointers, space: Space, word: Callable[[int, PointerTo, int], int]
) -> bytes:
    starts = []
    for page in _pages(data, pointers, 0x4000):
        starts.append(page[0][0] % 0x4000 if page else 0xFFFF)
        for (offset, target, pointer), after in zip(page, [*page[1:], None], strict=False):
            delta = (after[0] - offset) // 8 if after else 0
            struct.pack_into("<Q", data, offset, word(target, pointer, delta))
    head = struct.pack("<4IQ", version, 0x4000, len(starts), 0, space.base)
    return head + struct.pack(f"<{len(starts)}H", *starts)
