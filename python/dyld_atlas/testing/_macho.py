"""Headers of Mach-O images, as they lie at the beginning of what is mapped of them."""

import struct
from typing import Final

__all__ = ["DYLINKER", "EXECUTE", "macho_header"]

EXECUTE: Final = 2
DYLINKER: Final = 7

_MAGIC: Final = {4: 0xFEEDFACE, 8: 0xFEEDFACF}
# armv7 and arm64, as cpu type and subtype.
_CPU: Final = {4: (12, 9), 8: (0x0100_000C, 0)}
_LC_SEGMENT: Final = {4: 0x1, 8: 0x19}
_LC_UUID: Final = 0x1B
_READ_EXECUTE: Final = 5


def macho_header(file_type: int, pointer_size: int, uuid: bytes, preferred: int, size: int) -> bytes:
    """An image of ``size`` bytes: one segment that holds the header, and a UUID."""
    word = "Q" if pointer_size == 8 else "I"
    segment = struct.pack(f"<16s4{word}4I", b"__TEXT", preferred, size, 0, size, _READ_EXECUTE, _READ_EXECUTE, 0, 0)
    commands = struct.pack("<2I", _LC_SEGMENT[pointer_size], 8 + len(segment)) + segment
    commands += struct.pack("<2I", _LC_UUID, 8 + len(uuid)) + uuid
    header = struct.pack("<7I", _MAGIC[pointer_size], *_CPU[pointer_size], file_type, 2, len(commands), 0)
    # 64-bit headers end with a reserved word.
    return (header + bytes(pointer_size - 4) + commands).ljust(size, b"\0")
