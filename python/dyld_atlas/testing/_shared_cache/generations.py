"""What differs from generation to generation of caches.

dyld's header has no version: its size tells which fields there are.
"""

from typing import Final, NamedTuple

__all__ = ["GENERATIONS", "Generation", "generation"]


class Generation(NamedTuple):
    """One generation, by the release of macOS that brought it; other systems of that year have the same."""

    name: str
    header_size: int
    subcaches: int
    """0: one file; 1: files ``.1``, ``.2``; 2: files whose suffix the header spells out."""
    chained_v5: bool = False
    """Whether arm64e caches have slide version 5, which reaches further than 4 GiB."""


# Sizes as in dyld's releases 95.3, 239.3, 421.1, 832.7.1, 940, 1042.1, 1231.3 and 1284.13; the last is newer than
# what Apple has published.
_ALL = (
    Generation("macos10.6", 0x28, 0),
    Generation("macos10.9", 0x68, 0),
    Generation("macos10.12", 0x98, 0),
    Generation("macos11", 0x140, 0),
    Generation("macos12", 0x1C8, 1),
    Generation("macos13", 0x200, 2),
    Generation("macos15", 0x208, 2, True),
    Generation("macos26", 0x228, 2, True),
    Generation("macos27", 0x238, 2, True),
)
GENERATIONS: Final = {each.name: each for each in _ALL}


def generation(name: str) -> Generation:
    """The generation of a name; ValueError with those that there are."""
    if name not in GENERATIONS:
        raise ValueError(f"no generation {name!r}; there are {', '.join(GENERATIONS)}")
    return GENERATIONS[name]
