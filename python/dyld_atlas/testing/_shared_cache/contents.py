"""What callers give: the sections of images, and pointers in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from uuid import UUID

__all__ = ["KEYS", "Content", "Image", "Place", "PointerTo", "Section", "section"]

KEYS: Final = ("IA", "IB", "DA", "DB")


@dataclass(frozen=True)
class PointerTo:
    """A pointer, which dyld moves with the cache.

    >>> PointerTo("/usr/lib/libz.1.dylib", section="__TEXT,__text", offset=8, key="IA", diversity=0x1234).key
    'IA'
    """

    target: int | str
    """An unslid address, or the install name of an image in the same cache."""
    offset: int = 0
    """Bytes from the target."""
    section: str | None = None
    """A section of the image, such as ``__DATA,__data``, instead of its header."""
    key: Literal["IA", "IB", "DA", "DB"] | None = None
    """The key that it is authenticated with; None for a plain pointer. For arm64e alone."""
    diversity: int = 0
    """16 bits that the signature is mixed with."""
    address_diversity: bool = False
    """Whether the signature is mixed with the address of the pointer as well."""
    top_byte: int = 0
    """The eight bits that the processor ignores, as used by tagged pointers. Not in authenticated ones."""

    def __post_init__(self) -> None:
        if self.key is not None and self.key not in KEYS:
            raise ValueError(f"no key {self.key!r}; there are {', '.join(KEYS)}")
        if not 0 <= self.diversity < 1 << 16 or not 0 <= self.top_byte < 1 << 8:
            raise ValueError(f"diversity has 16 bits and top_byte has 8: {self!r}")


Content: TypeAlias = bytes | int | PointerTo | Sequence[bytes | PointerTo]
"""What a section holds: bytes, a pointer, a list of both (pointers are aligned), or how many zeros fill it."""

Place: TypeAlias = str | tuple[str, int]
"""A section such as ``__TEXT,__text``, or a section and an offset in it."""


@dataclass
class Section:
    """A section, and where it came to lie."""

    segment: str
    name: str
    data: bytes
    pointers: list[tuple[int, PointerTo]]
    zero_fill: int
    address: int = 0
    file_offset: int = 0

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return len(self.data) + self.zero_fill


@dataclass
class Image:
    """An image as it was described."""

    install_name: str
    uuid: UUID | None
    sections: list[Section]
    exports: Mapping[str, Place] = field(default_factory=dict)
    local_symbols: Mapping[str, Place] = field(default_factory=dict)
    aliases: Sequence[str] = ()
    dependencies: Sequence[str] = ()

    def section(self, key: str) -> Section:
        """The section ``__SEGMENT,__section``."""
        for each in self.sections:
            if f"{each.segment},{each.name}" == key:
                return each
        raise ValueError(f"{self.install_name} has no section {key!r}")

    def place(self, place: Place) -> tuple[int, Section, int]:
        """The number (from 1) of a section, the section, and the offset in it."""
        key, offset = (place, 0) if isinstance(place, str) else place
        found = self.section(key)
        return self.sections.index(found) + 1, found, offset


def section(key: str, content: Content, pointer_size: int) -> Section:
    """A section from its key ``__SEGMENT,__section`` and its content."""
    segment, comma, name = key.partition(",")
    if not comma or not 0 < len(segment.encode()) <= 16 or not 0 < len(name.encode()) <= 16:
        raise ValueError(f"{key!r} names no section: write __SEGMENT,__section, each of 16 bytes at most")
    if isinstance(content, int):
        return Section(segment, name, b"", [], content)
    parts = [content] if isinstance(content, (bytes, bytearray, memoryview, PointerTo)) else content
    data, pointers = bytearray(), []
    for part in parts:
        if isinstance(part, PointerTo):
            data += bytes(-len(data) % pointer_size)
            pointers.append((len(data), part))
            data += bytes(pointer_size)
        else:
            data += part
    return Section(segment, name, bytes(data), pointers, 0)
