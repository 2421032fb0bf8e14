"""What lies in the child's memory: ``dyld_all_image_infos``, the atlas, the arrays of images; and how it is changed.

Offsets and order are dyld's (``<mach-o/dyld_images.h>`` and its ``ExternallyViewableState``).
"""

import ctypes
import mmap
import os
import struct
from collections.abc import Callable
from functools import cache

from .steps import ANNOUNCED, CLEARED, COPIED, STAMPED, SWAPPED, SWAPPED_BACK

_VERSION = 18
_PAGE = mmap.PAGESIZE
# Where 32-bit pointers can lead, above what systems keep free.
_LOW = 0x2000_0000
_LOW_END = 0xF000_0000
# Of a memory file, in bytes.
_LONGEST_NAME = 249


@cache
def _system() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    number, size = ctypes.c_int, ctypes.c_size_t
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [ctypes.c_void_p, size, number, number, number, ctypes.c_long]
    library.munmap.argtypes = [ctypes.c_void_p, size]
    return library


class Layout:
    """Where the fields lie, for one width of pointers."""

    def __init__(self, pointer_size: int) -> None:
        self.pointer_size = pointer_size
        wide = pointer_size == 8
        self.word = "Q" if wide else "I"
        self.size = 368 if wide else 224
        self.count, self.array = 0x04, 0x08
        self.libsystem_initialized = 0x19 if wide else 0x11
        self.dyld_address = 0x20 if wide else 0x14
        self.uuid_count, self.uuid_array = (0x58, 0x60) if wide else (0x30, 0x34)
        self.self_address = 0x68 if wide else 0x38
        self.initial_count = 0x70 if wide else 0x3C
        self.timestamp = 0xB8 if wide else 0x68
        self.atlas = 0x130 if wide else 0xA8
        self.platform = 0x140 if wide else 0xB0


class Buffer:
    """Memory of the child's own, at an address that does not change."""

    _next = _LOW

    def __init__(self, size: int, *, low: bool) -> None:
        self.size = max(-(-size // _PAGE), 1) * _PAGE
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        protection = mmap.PROT_READ | mmap.PROT_WRITE
        while True:
            hint = Buffer._next if low else None
            address = _system().mmap(hint, self.size, protection, flags, -1, 0)
            if address in (None, ctypes.c_void_p(-1).value):
                raise MemoryError(os.strerror(ctypes.get_errno()))
            if not low or address + self.size <= _LOW_END:
                break
            _system().munmap(address, self.size)
            Buffer._next += 0x100_0000
            if Buffer._next >= _LOW_END:
                raise MemoryError("nothing is free where 32-bit pointers lead")
        self.address: int = address

    def write(self, data: bytes, offset: int = 0) -> None:
        """Copies as dyld does: in one go, and whoever reads meanwhile sees some of it."""
        ctypes.memmove(self.address + offset, data, len(data))

    def free(self) -> None:
        """Gives it back. Whoever reads it then finds nothing there."""
        _system().munmap(self.address, self.size)


def map_code(path: str, code: bytes, address: int) -> int:
    """Maps ``code`` to be read and executed, at ``address`` if that is free; gives where it lies.

    It is a memory file named by the image's path, cut to what such names may have.
    """
    descriptor = os.memfd_create(path.encode()[:_LONGEST_NAME].decode(errors="ignore"))
    try:
        os.write(descriptor, code)
        protection = mmap.PROT_READ | mmap.PROT_EXEC
        found: int | None = _system().mmap(address, len(code), protection, mmap.MAP_PRIVATE, descriptor, 0)
    finally:
        os.close(descriptor)
    if found in (None, ctypes.c_void_p(-1).value):
        raise MemoryError(os.strerror(ctypes.get_errno()))
    assert found is not None
    return found


class Memory:
    """``dyld_all_image_infos`` and what it leads to."""

    def __init__(self, pointer_size: int, platform: int, after: Callable[[str], None]) -> None:
        """``after``: called with each step that was done."""
        self._layout = layout = Layout(pointer_size)
        self._after = after
        name = "dyld_all_image_infos" + ("" if pointer_size == 8 else "32")
        # The name in /proc/PID/maps is how the process announces itself.
        descriptor = os.memfd_create(name)
        os.ftruncate(descriptor, _PAGE)
        self._infos = mmap.mmap(descriptor, _PAGE)
        os.close(descriptor)
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(self._infos))
        self._atlas: Buffer | None = None
        self._arrays: Buffer | None = None
        self._set(0, "I", _VERSION)
        self._set(layout.libsystem_initialized, "B", 1)
        if pointer_size == 8:
            self._set(layout.self_address, "Q", self._address)
        self._set(layout.platform, "I", platform)

    def _set(self, offset: int, form: str, *values: int) -> None:
        # One copy of up to 16 aligned bytes is one store, which is what dyld does for address and size together.
        data = struct.pack("<" + form, *values)
        ctypes.memmove(self._address + offset, data, len(data))

    def _buffer(self, data: bytes) -> Buffer:
        buffer = Buffer(len(data), low=self._layout.pointer_size == 4)
        buffer.write(data)
        return buffer

    def _swap(self, buffer: Buffer, size: int) -> None:
        self._set(self._layout.atlas, self._layout.word * 2, buffer.address, size)

    def publish(self, atlas: bytes, timestamp: int, images: list[tuple[int, str, str]], initial: int) -> None:
        """Makes ``atlas`` what readers find; ``images`` are address, path and UUID of those outside of the cache."""
        layout, after = self._layout, self._after
        self._set(layout.array, layout.word, 0)
        self._set(layout.uuid_array, layout.word, 0)
        after(CLEARED)
        self.replace(atlas, timestamp)
        self._announce(images, initial)
        self._set(layout.timestamp, "Q", timestamp)
        after(ANNOUNCED)

    def replace(self, atlas: bytes, timestamp: int) -> None:
        """The part of it that concerns the atlas: nearly always over the old bytes, so that readers may see both."""
        after, old = self._after, self._atlas
        new = self._buffer(atlas)
        self._swap(new, len(atlas))
        after(SWAPPED)
        if old is not None and len(atlas) <= old.size:
            old.write(atlas)
            after(COPIED)
            self._swap(old, len(atlas))
        else:
            if old is not None:
                old.free()
            # dyld lets the temporary buffer go, and keeps one of its own.
            self._atlas = self._buffer(atlas)
            after(COPIED)
            self._swap(self._atlas, len(atlas))
        new.free()
        after(SWAPPED_BACK)
        self._set(self._layout.timestamp, "Q", timestamp)
        after(STAMPED)

    def claim(self, size: int, address: int | None) -> None:
        """Tells readers of an atlas of ``size`` bytes, and where it lies, whatever is there."""
        here = self._atlas.address if address is None and self._atlas is not None else address or 0
        mask = (1 << 8 * self._layout.pointer_size) - 1
        self._set(self._layout.atlas, self._layout.word * 2, here & mask, size & mask)

    def _announce(self, images: list[tuple[int, str, str]], initial: int) -> None:
        layout = self._layout
        word = layout.word
        entry, uuid_entry = struct.calcsize("<" + 3 * word), struct.calcsize(f"<{word}16s")
        texts = b"".join(path.encode() + b"\0" for _, path, _ in images)
        start = len(images) * (entry + uuid_entry)
        buffer = Buffer(start + len(texts), low=layout.pointer_size == 4)
        records, uuids, place = bytearray(), bytearray(), buffer.address + start
        for address, path, uuid in images:
            records += struct.pack("<" + 3 * word, address, place, 0)
            uuids += struct.pack(f"<{word}16s", address, bytes.fromhex(uuid))
            place += len(path.encode()) + 1
        buffer.write(bytes(records + uuids) + texts)
        self._set(layout.initial_count, layout.word, initial)
        self._set(layout.count, "I", len(images))
        self._set(layout.uuid_count, word, len(images))
        self._set(layout.uuid_array, word, buffer.address + len(records))
        self._set(layout.array, word, buffer.address)
        if self._arrays is not None:
            self._arrays.free()
        self._arrays = buffer
