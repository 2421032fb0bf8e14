"""X, Z, I and W: Mach-O headers, containers, the import, writing."""

import lzma
import plistlib
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

import lief
import lz4.block  # type: ignore[import-untyped]
from macholib.MachO import MachO as MacholibFile  # type: ignore[import-untyped]

from dyld_atlas import Snapshot
from dyld_atlas.formats import Archive, ArchiveWriter, MachO

from . import corpus
from .context import Context, per_corpus
from .macho import SegmentValues, by_struct, sample_files
from .report import Row, Target

TOP = Path(__file__).resolve().parents[1]


def by_us(data: bytes) -> list[tuple[UUID | None, list[SegmentValues]]]:
    """UUID and segments of every slice."""
    return [(each.uuid, [row[:4] for row in each.segments]) for each in MachO.from_bytes(data).slices]


def by_lief(path: str) -> list[tuple[UUID | None, list[SegmentValues]]]:
    """The same by lief, in its quick mode."""
    fat = lief.MachO.parse(path, config=lief.MachO.ParserConfig.quick)
    assert fat is not None
    found: list[tuple[UUID | None, list[SegmentValues]]] = []
    for each in fat:
        uuid = UUID(bytes=bytes(each.uuid.uuid)) if each.uuid is not None else None
        found.append((uuid, [(str(s.name), s.virtual_address, s.virtual_size, s.file_offset) for s in each.segments]))
    return found


def for_all(read: Callable[..., object], inputs: list[object]) -> None:
    """One pass over all files."""
    for each in inputs:
        read(each)


def macho(context: Context) -> Iterator[Row]:
    """X1: UUID and segments of real Mach-O files."""
    paths = sample_files()
    data = [path.read_bytes() for path in paths]
    for path, each in zip(paths, data, strict=True):
        assert by_us(each) == by_struct(each) == by_lief(str(path)), path
    names: list[object] = [str(path) for path in paths]
    contents: list[object] = list(data)
    times = context.clock.compare(
        {
            "": partial(for_all, by_us, contents),
            "struct": partial(for_all, by_struct, contents),
            "lief": partial(for_all, by_lief, names),
            "macholib": partial(for_all, MacholibFile, names),
        }
    )
    us = {name: time.minimum * 1e6 / len(paths) for name, time in times.items()}
    median = times[""].median * 1e6 / len(paths)
    compared = {name: value for name, value in us.items() if name}
    target = Target(most=4, ratio=180, peer="lief")
    what = f"uuid and segments of a file ({len(paths)} files)"
    yield Row("X1", "wheels", what, "us", us[""], median, compared, target)


def blocks(container: bytes) -> Iterator[bytes]:
    """The compressed blocks of a container."""
    at = 12
    while at < len(container):
        _, size = struct.unpack_from(">QQ", container, at)
        yield container[at + 16 : at + 16 + size]
        at += 16 + size


def lz4_frames(block: bytes) -> bytes:
    """Apple's LZ4 frames, by the lz4 package."""
    found, at = b"", 0
    while block[at : at + 4] != b"bv4$":
        decoded, encoded = struct.unpack_from("<II", block, at + 4)
        if block[at : at + 4] == b"bv4-":
            found, at = found + block[at + 8 : at + 8 + decoded], at + 8 + decoded
            continue
        found += lz4.block.decompress(
            block[at + 12 : at + 12 + encoded], uncompressed_size=decoded, dict=found[-65536:]
        )
        at += 12 + encoded
    return found


def undo(codec: str, container: bytes) -> bytes:
    """A container decoded by Python's own libraries."""
    decoders: dict[str, Callable[[bytes], bytes]] = {
        "zlib": zlib.decompress,
        "lzma": lzma.decompress,
        "lz4": lz4_frames,
    }
    return b"".join(decoders[codec](block) for block in blocks(container))


def containers(context: Context) -> Iterator[Row]:
    """Z1: a compressed archive of 26 MB in 4 MiB blocks, per codec. Blocks decode in parallel."""
    plists = [context.typical.cache_plist] * (2 if context.quick else 12)
    writer = ArchiveWriter()
    for number, plist in enumerate(plists):
        writer.add_file(f"{number}.plist", plist)
    bare = writer.to_bytes()
    for codec in ("lzfse", "lz4", "zlib", "lzma", "lzbitmap"):
        container = writer.to_bytes(codec=codec)
        assert bytes(Archive.from_bytes(container)["0.plist"]) == plists[0]
        works: dict[str, Callable[[], object]] = {"": partial(Archive.from_bytes, container)}
        if codec in ("zlib", "lzma", "lz4"):
            assert undo(codec, container) == bare
            works["Python's library"] = partial(undo, codec, container)
        times = context.clock.compare(works)
        rate = {name: len(bare) / time.minimum / 1e6 for name, time in times.items()}
        compared = {name: value for name, value in rate.items() if name}
        middle = len(bare) / times[""].median / 1e6
        yield Row("Z1", codec, f"open a container of {len(bare) / 1e6:.0f} MB", "MB/s", rate[""], middle, compared)


def import_seconds(code: str) -> float:
    """Seconds that some imports take in a new interpreter."""
    program = f"import time; start = time.perf_counter(); {code}; print(time.perf_counter() - start)"
    return float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)


def importing(context: Context) -> Iterator[Row]:
    """I1: the import, and the size of the wheel."""
    codes = {"": "import dyld_atlas", "first": "import dyld_atlas; dyld_atlas.Snapshot", "lief": "import lief"}
    taken: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(context.clock.rounds):
        for name, code in codes.items():
            taken[name].append(import_seconds(code) * 1e3)
    least = {name: min(values) for name, values in taken.items()}
    peer = {"lief": least["lief"]}
    yield Row("I1", "", "import dyld_atlas", "ms", least[""], peers=peer, target=Target(most=12))
    yield Row("I1", "", "import dyld_atlas, name Snapshot", "ms", least["first"], peers=peer, target=Target(most=12))
    for wheel in (TOP / "dist").glob("dyld_atlas-*.whl"):
        yield Row("I1", "", "wheel", "MB", wheel.stat().st_size / 1e6, target=Target(most=3))


def by_plistlib(records: list[corpus.Plist]) -> None:
    """plistlib writes both records."""
    for record in records:
        plistlib.dumps(record, fmt=plistlib.FMT_BINARY, sort_keys=False)


def writing(context: Context) -> Iterator[Row]:
    """W1: a snapshot as an archive again."""
    for each, snapshot, _ in context.each():
        again = Snapshot.from_bytes(snapshot.to_bytes(), providers=())
        assert [(i.address, i.uuid) for i in again.images] == [(i.address, i.uuid) for i in snapshot.images]
        times = context.clock.compare(
            {"": snapshot.to_bytes, "plistlib": partial(by_plistlib, [each.process, each.cache])}
        )
        ms = times[""].minimum * 1e3, times[""].median * 1e3
        peer = {"plistlib": times["plistlib"].minimum * 1e3}
        yield Row(
            "W1", each.name, "to_bytes", "ms", *ms, peer, Target(ratio=per_corpus(each.name, 40, 40), peer="plistlib")
        )


WORKLOADS = {"X1": macho, "Z1": containers, "I1": importing, "W1": writing}
