"""What differs from architecture to architecture."""

from typing import Final, NamedTuple

__all__ = ["ARCHITECTURES", "Architecture", "architecture"]


class Architecture(NamedTuple):
    """One architecture, as dyld names and places it."""

    name: str
    magic: bytes
    file_name: str
    cpu: tuple[int, int]
    pointer_size: int
    base: int
    slide_versions: tuple[int, ...]
    """Those that its pointers can be written in, the one for caches before slide version 5 first."""

    @property
    def authenticates(self) -> bool:
        """Whether pointers can be authenticated."""
        return self.name.startswith("arm64e")


def _make(
    name: str, cpu: tuple[int, int], pointer_size: int, base: int, versions: tuple[int, ...], compact: str = ""
) -> Architecture:
    compact = compact or name
    magic = b"dyld_v1" + compact.rjust(8).encode() + b"\0"
    file_name = "dyld_shared_cache_" + name.replace(".", "_")
    return Architecture(name, magic, file_name, cpu, pointer_size, base, versions)


_ARM64: Final = 0x0100_000C
_ALL = (
    _make("arm64e", (_ARM64, 2), 8, 0x1_8000_0000, (3, 5, 2)),
    _make("arm64e.x1", (_ARM64, 12), 8, 0x1_8000_0000, (3, 5, 2), "arm64ex1"),
    _make("arm64", (_ARM64, 0), 8, 0x1_8000_0000, (2,)),
    _make("x86_64", (0x0100_0007, 3), 8, 0x7FF8_0000_0000, (2,)),
    _make("x86_64h", (0x0100_0007, 8), 8, 0x7FF8_0000_0000, (2,)),
    _make("arm64_32", (0x0200_000C, 1), 4, 0x1A00_0000, (1, 4)),
)
ARCHITECTURES: Final = {each.name: each for each in _ALL}


def architecture(name: str) -> Architecture:
    """The architecture of a name; ValueError with those that there are."""
    if name not in ARCHITECTURES:
        raise ValueError(f"no architecture {name!r}; there are {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]
