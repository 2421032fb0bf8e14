#!/usr/bin/env python3
"""Makes the two bundled snapshots: `calculator-at-launch.aar` and, some seconds later, `calculator.aar`.

They have the shape of what dyld publishes for a macOS application: a few images of the process's own, more than five
hundred of the shared cache's in use, and the record of that cache embedded, so that they stand alone. The names of
libraries are real (`macos_libraries.txt`); everything else (UUIDs, sizes, addresses, which of the libraries are in use)
is invented, by rules that depend on the names alone, so that the bytes are the same on every run and every machine.

    python examples/make_calculator.py            writes both files beside this one
    python examples/make_calculator.py FOLDER     writes them there
"""

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dyld_atlas import Platform, ProcessState
from dyld_atlas.testing import CacheBuilder, SnapshotBuilder

HERE = Path(__file__).resolve().parent
PAGE = 0x4000
CACHE_PATH = "/System/Volumes/Preboot/Cryptexes/OS/System/Library/dyld/dyld_shared_cache_arm64e"
CACHE_BASE = 0x1_8000_0000
SLIDE = 0x0A2C_C000
HOLE = 0x200_0000  # between the files of a cache, so that each can have permissions of its own

# What a program that links Foundation and AppKit cannot do without; of the others, some are in use.
ALWAYS = (
    "/usr/lib/system/",
    "/usr/lib/libSystem",
    "/usr/lib/libobjc",
    "/usr/lib/libc++",
    "/System/Library/Frameworks/AppKit",
)

CALCULATOR = "/System/Applications/Calculator.app/Contents"
# Path, address, bytes of __TEXT.
OWN = (
    (f"{CALCULATOR}/MacOS/Calculator", 0x1_02EC_4000, 0x24000),
    ("/usr/lib/dyld", 0x1_0500_0000, 0x8C000),
    ("/usr/lib/libobjc-trampolines.dylib", 0x1_0600_0000, 0x4000),
)
LATER = (
    (f"{CALCULATOR}/PlugIns/BasicAndSci.calcview/Contents/MacOS/BasicAndSci", 0x1_0700_0000, 0x18000),
    ("/System/Library/Extensions/AGXMetalG13X.bundle/Contents/MacOS/AGXMetalG13X", 0x1_0800_0000, 0x5E0000),
)
METRICS = {"init": 9_963_878_001_204, "main": 9_963_878_530_911, "lcln": 476_138, "dlo#": 12, "dll#": 27}


def install_names() -> Iterator[str]:
    """The install names that `macos_libraries.txt` lists, in its order."""
    kind = folder = ""
    for line in (HERE / "macos_libraries.txt").read_text(encoding="ascii").splitlines():
        if line.startswith(("frameworks /", "files /")):
            kind, folder = line.split()
        elif not line.startswith("#"):
            for word in line.split():
                name, _, version = word.partition(":")
                framework = f"{name}.framework/Versions/{version or 'A'}/" if kind == "frameworks" else ""
                yield f"{folder}/{framework}{name}"


def draw(name: str, purpose: str, choices: int) -> int:
    """A number below `choices` that depends on the words alone."""
    return int.from_bytes(hashlib.sha256(f"{purpose}\n{name}".encode()).digest()[:8]) % choices


def size(name: str, segment: str, most: int) -> int:
    """Bytes of a segment: a few pages for most images, up to `most` for few."""
    pages = most // PAGE
    return PAGE * (1 + draw(name, segment, pages) * draw(name, f"{segment} scale", pages) // pages)


@dataclass
class Region:
    """Addresses that are handed out one after the other, as the cache builder fills the mapping of one kind."""

    segment: str
    next: int

    def take(self, count: int) -> int:
        """The address of the next `count` bytes."""
        address, self.next = self.next, self.next + count
        return address


def segment_sizes(name: str) -> Iterator[tuple[str, int]]:
    """The segments of an image of the cache, without the `__LINKEDIT` that all share."""
    yield "__TEXT", size(name, "__TEXT", 0xC0_0000)
    yield "__DATA_CONST", size(name, "__DATA_CONST", 0x10_0000)
    if draw(name, "has __AUTH", 10) < 8:
        yield "__AUTH_CONST", size(name, "__AUTH_CONST", 0x8_0000)
        yield "__AUTH", size(name, "__AUTH", 0x2_0000)
    yield "__DATA", size(name, "__DATA", 0x4_0000)
    if draw(name, "has __DATA_DIRTY", 10) < 6:
        yield "__DATA_DIRTY", size(name, "__DATA_DIRTY", 0x1_8000)


def protection(segment: str) -> int:
    """Permissions of a segment as dyld's cache builder writes them: by name."""
    return {"__TEXT": 5, "__LINKEDIT": 1}.get(segment, 3)


def cache() -> CacheBuilder:
    """The shared cache: two files of code, one of data, one of link-edit information."""
    images = {name: dict(segment_sizes(name)) for name in install_names()}
    kinds = ("__AUTH_CONST", "__AUTH", "__DATA_CONST", "__DATA", "__DATA_DIRTY")
    totals = {kind: sum(sizes.get(kind, 0) for sizes in images.values()) for kind in ("__TEXT", *kinds)}

    text = Region("__TEXT", CACHE_BASE + PAGE)
    text_end = text.next + totals["__TEXT"]
    text_split = CACHE_BASE + (text_end - CACHE_BASE) // 2 // PAGE * PAGE
    regions = {"__TEXT": text}
    at = data_start = text_end + HOLE
    for kind in kinds:
        regions[kind] = Region(kind, at)
        at += totals[kind]
    data_end, linkedit = at, at + HOLE
    linkedit_size = PAGE * len(images) * 8

    builder = CacheBuilder(
        CACHE_PATH,
        preferred_load_address=CACHE_BASE,
        vm_size=linkedit + linkedit_size - CACHE_BASE,
        local_symbols_uuid=hashlib.md5(b"calculator symbols").digest(),
        # As Apple's builder writes it, which has the two sizes the wrong way round.
        extra={"psze": 4},
    )
    data = [(regions[kind].next, totals[kind], regions[kind].next - data_start, 3) for kind in kinds]
    builder.subcache("", vm_offset=0, mappings=[(CACHE_BASE, text_split - CACHE_BASE, 0, 5)])
    builder.subcache(".01", vm_offset=text_split - CACHE_BASE, mappings=[(text_split, text_end - text_split, 0, 5)])
    builder.subcache(".02.dylddata", vm_offset=data_start - CACHE_BASE, vm_size=data_end - data_start, mappings=data)
    builder.subcache(".03.dyldlinkedit", vm_offset=linkedit - CACHE_BASE, mappings=[(linkedit, linkedit_size, 0, 1)])
    for name, sizes in images.items():
        placed = [(kind, count, protection(kind), count, regions[kind].take(count)) for kind, count in sizes.items()]
        placed.append(("__LINKEDIT", linkedit_size, protection("__LINKEDIT"), linkedit_size, linkedit))
        builder.image(name, preferred_load_address=placed[0][4], segments=placed)
    return builder


def snapshot(when: str) -> SnapshotBuilder:
    """The process "at launch", or "running" some seconds later with more in use."""
    running = when == "running"
    shared = cache()
    share = 70 if running else 58
    used = [name for name in shared.install_names if name.startswith(ALWAYS) or draw(name, "in use", 100) < share]
    builder = SnapshotBuilder(
        pid=4711,
        platform=Platform.MACOS,
        state=ProcessState.RUNNING if running else ProcessState.RUNNING_INITIALIZERS,
        timestamp=9_963_878_546_668 + (81_120_334_102 if running else 0),
        initial_image_count=1,
    )
    for path, address, text_size in (*OWN, *LATER) if running else OWN:
        constants = size(path, "__DATA_CONST", 0x4_0000)
        main = path.endswith("/MacOS/Calculator")
        builder.image(
            path,
            address=address,
            # Programs prefer an address; libraries outside the cache are linked at 0, and dyld then leaves the key out.
            preferred_load_address=0x1_0000_0000 if main else None,
            install_name=None if main else path,
            segments={"__TEXT": text_size, "__DATA_CONST": constants, "__DATA": PAGE, "__LINKEDIT": 2 * PAGE},
        )
    builder.shared_cache(shared, slide=SLIDE, used=used)
    return builder.metrics(METRICS) if running else builder


def files() -> dict[str, bytes]:
    """The bundled files by name."""
    return {
        "calculator.aar": snapshot("running").build(codec="lzfse"),
        "calculator-at-launch.aar": snapshot("at launch").build(codec="lzfse"),
    }


def main() -> int:
    """Write the files."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for name, data in files().items():
        (folder / name).write_bytes(data)
        print(f"{folder / name}: {len(data)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
