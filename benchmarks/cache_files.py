"""Shared caches to measure with: of realistic scale out of the fixtures, written by the builder, or all holes."""

import lzma
import os
import struct
import sys
import tarfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from uuid import UUID, uuid5

from dyld_atlas.formats import ArchiveWriter
from dyld_atlas.testing import Content, PointerTo, SharedCacheBuilder

NAMESPACE = UUID("6f0b6c3e-5a55-5d0e-9a54-0d6c1a4c2d11")
NAME = "dyld_shared_cache_arm64e"


@dataclass(frozen=True)
class Scale:
    """The cache of realistic scale: 3800 images, made by dyld's own builder. What is known of it lies beside it."""

    main: Path
    facts: Path
    atlas_plist: bytes

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.main.parent.iterdir() if not path.name.endswith(".atlas"))


@lru_cache(maxsize=1)
def scale(folder: Path) -> Scale | None:
    """Unpacks it into `folder`; None, with a word on standard error, where the fixtures are not to be had."""
    fixtures = os.environ.get("DYLD_ATLAS_FIXTURES")
    source = Path(fixtures or "") / "cache" / "scale" / "big-arm64e"
    if not fixtures or not source.is_dir():
        print("no cache of realistic scale: DYLD_ATLAS_FIXTURES names no folder with cache/scale", file=sys.stderr)
        return None
    into = folder / "scale"
    with tarfile.open(source / "files.tar.xz") as archive:
        archive.extractall(into, filter="data")
    (main,) = into.rglob(NAME)
    plist = lzma.decompress((source / "atlas.plist.xz").read_bytes())
    return Scale(main, source / "facts.json.xz", plist)


def add_atlas(scale: Scale) -> Path:
    """Puts the atlas beside the main file, as a cache comes with one."""
    uuid = UUID(bytes=scale.main.read_bytes()[0x58:0x68])
    writer = ArchiveWriter()
    writer.add_file(f"caches/uuids/{str(uuid).upper()}.plist", scale.atlas_plist)
    path = scale.main.with_name(NAME + ".atlas")
    path.write_bytes(writer.to_bytes())
    return path


def built(folder: Path, images: int, data: int = 0) -> tuple[SharedCacheBuilder, Path]:
    """A cache of many small images; the first two have `data` bytes of data each."""
    builder = SharedCacheBuilder()
    for number in range(images):
        name = f"/usr/lib/lib{number}.dylib"
        content: Content = PointerTo(name)
        if data and number < 2:
            content = [os.urandom(data), PointerTo(name)]
        builder.image(name, sections={"__TEXT,__text": bytes(64), "__DATA,__data": content})
    return builder, builder.write(folder)


def of_holes(folder: Path, files: int = 12, mappings: int = 6, size: int = 50 << 20) -> Path:
    """A cache of 3.6 GB in 72 mappings of 12 files, as large as a real one, of which next to nothing is on the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    base, header_size = 0x1_8000_0000, 0x228
    spans = [base + number * mappings * size for number in range(files)]
    names = ["", *(f".{number:02}" for number in range(1, files))]
    uuids = [uuid5(NAMESPACE, name).bytes for name in names]
    for number, (name, start) in enumerate(zip(names, spans, strict=True)):
        header = bytearray(header_size)
        header[0:16] = b"dyld_v1  arm64e\0"
        struct.pack_into("<II", header, 0x10, header_size, mappings)
        header[0x58:0x68] = uuids[number]
        struct.pack_into("<I", header, 0xD8, 1)
        struct.pack_into("<QQ", header, 0xE0, start, 0 if number else files * mappings * size)
        struct.pack_into("<QQ", header, 0x28, mappings * size, 0)
        rows = [(start + i * size, size, i * size) for i in range(mappings)]
        protections = [5, *[3] * (mappings - 2), 1]
        plain = [struct.pack("<QQQII", *row, p, p) for row, p in zip(rows, protections, strict=True)]
        with_slide = [struct.pack("<6QII", *row, 0, 0, 0, p, p) for row, p in zip(rows, protections, strict=True)]
        struct.pack_into("<II", header, 0x138, header_size + 32 * mappings, mappings)
        tables = b"".join(plain + with_slide)
        if not number:
            struct.pack_into("<II", header, 0x188, header_size + len(tables), files - 1)
            entries = zip(uuids[1:], spans[1:], names[1:], strict=True)
            tables += b"".join(struct.pack("<16sQ32s", uuid, at - base, text.encode()) for uuid, at, text in entries)
        with (folder / (NAME + name)).open("wb") as file:
            file.write(bytes(header) + tables)
            file.truncate(mappings * size)
    return folder / NAME
