"""Shared caches that others made, unpacked, each with what an independent reader found in it."""

import gzip
import json
import lzma
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from fixture_files import fixture_folder

REAL = ["arm64-two-images", "arm64-dyld1042", "arm64e-objc"]
BUILT = {
    "arm64-v2-split": ["dyld_shared_cache_arm64"],
    "arm64-universal": ["dyld_shared_cache_arm64", "dyld_shared_cache_arm64.development"],
    "arm64e-v5": ["dyld_shared_cache_arm64e"],
    "x86_64-single": ["dyld_shared_cache_x86_64"],
}
SPLIT = ["macos12-v1", "macos13-v2", "macos26-slide5", "macos27-x1"]
BIG = ["dyld_shared_cache_arm64e", "dyld_shared_cache_arm64e.development"]
# What most tests run on: small, split, with every kind of file, and facts about everything.
GOOD = "built/arm64e-v5/dyld_shared_cache_arm64e"
BUILT_NAMES = [f"built/{name}/{main}" for name, mains in BUILT.items() for main in mains]
NAMES = [
    *(f"real/{name}" for name in REAL),
    *BUILT_NAMES,
    *(f"split/{name}" for name in SPLIT),
]
BIG_NAMES = [f"scale/big-arm64e/{main}" for main in BIG]

Authentication = tuple[int, int, str]
"""Diversity, address diversity, key."""


class SegmentFacts(NamedTuple):
    name: str
    address: int
    vm_size: int
    file_offset: int
    file_size: int


class ImageFacts(NamedTuple):
    path: str
    uuid: UUID
    address: int
    segments: list[SegmentFacts]
    sections: list[tuple[str, str, int, int]] | None
    """Segment, name, address, size; None where the facts have none."""


class MappingFacts(NamedTuple):
    file: Path
    address: int
    size: int
    file_offset: int
    flags: int | None
    max_protection: int
    slide_version: int
    pointers: int
    digest: str | None = None
    """FNV-1a 64 over the pointers in chain order: see `pointer_line`."""


@dataclass
class Facts:
    """One cache and what is known of it."""

    path: Path
    uuid: UUID
    magic: str
    images: list[ImageFacts]
    mappings: list[MappingFacts]
    pointers: dict[int, tuple[int, Authentication | None]] | None = None
    header: dict[str, Any] = field(default_factory=dict)
    symbols: Path | None = None
    split_from: "Facts | None" = None
    """What the files were cut out of: the same addresses hold the same pointers."""

    def bytes_at(self, address: int, size: int) -> bytes:
        """What the files hold: read by these facts alone."""
        taken = b""
        while len(taken) < size:
            at = address + len(taken)
            mapping = next(each for each in self.mappings if each.address <= at < each.address + each.size)
            start = at - mapping.address
            length = min(size - len(taken), mapping.size - start)
            with mapping.file.open("rb") as file:
                file.seek(mapping.file_offset + start)
                part = file.read(length)
            assert len(part) == length
            taken += part
        return taken


def unpacked(path: Path) -> bytes:
    """A file; the packed one of the name if it is there."""
    for suffix, unpack in ((".gz", gzip.decompress), (".xz", lzma.decompress)):
        packed = path if path.suffix == suffix else path.with_name(path.name + suffix)
        if packed.exists():
            return unpack(packed.read_bytes())
    return path.read_bytes()


def load(path: Path) -> Any:
    """JSON, unpacked if it is packed."""
    return json.loads(unpacked(path))


def pointer_line(address: int, target: int, auth: Authentication | None) -> str:
    """A pointer as the digests of the facts take it."""
    text = "-" if auth is None else f"{auth[0]},{auth[1]},{('IA', 'DA').index(auth[2])}"
    return f"{address}\t{target}\t{text}\n"


def fnv1a64(text: bytes) -> str:
    """The digest that the facts have of long lists."""
    digest = 0xCBF29CE484222325
    for byte in text:
        digest = (digest ^ byte) * 0x100000001B3 & 0xFFFF_FFFF_FFFF_FFFF
    return f"{digest:016x}"


class CacheFiles:
    """Unpacks what is asked for, once for all tests of a run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._facts: dict[str, Facts] = {}

    def folder(self, name: str) -> Path:
        """The folder with the files of a cache."""
        kind, name, *_ = name.split("/")
        source = fixture_folder("cache") / {"built": "built-1378"}.get(kind, kind) / name
        if kind in ("real", "split"):
            return source
        target = self._folder / f"{kind}-{name}"
        if not target.is_dir():
            (archive,) = source.glob("files.tar.*")
            with tarfile.open(archive) as packed:
                packed.extractall(target, filter="data")
        return target

    def copy(self, name: str, target: Path) -> Path:
        """A copy of a cache that a test may damage; its main file."""
        facts = self.facts(name)
        shutil.copytree(facts.path.parent, target, copy_function=shutil.copyfile)
        target.chmod(0o755)
        for junk in target.glob("*.json"):
            junk.unlink()
        return target / facts.path.name

    def source(self, name: str) -> Path:
        """The folder of the fixtures, with atlases beside the facts."""
        kind, name, *_ = name.split("/")
        return fixture_folder("cache") / {"built": "built-1378"}.get(kind, kind) / name

    def facts(self, name: str) -> Facts:
        """What is known of a cache."""
        if name not in self._facts:
            kind, _, rest = name.partition("/")
            self._facts[name] = {"real": self._real, "built": self._built, "split": self._split, "scale": self._scale}[
                kind
            ](rest)
        return self._facts[name]

    def _real(self, name: str) -> Facts:
        folder = self.folder(f"real/{name}")
        (facts_path,) = folder.glob("*.facts.json")
        path = folder / facts_path.name.removesuffix(".facts.json")
        manifest = load(fixture_folder("cache") / "real" / "MANIFEST.json")
        entry = next(each for each in manifest["fixtures"] if each["file"] == f"{name}/{path.name}")
        facts = load(facts_path)
        pointers: dict[int, tuple[int, Authentication | None]] = {}
        for mapping in facts["mappings"]:
            for address, target, auth in mapping["rebases_vmaddr_value_auth"]:
                pointers[address] = (target, auth and (auth[0], int(auth[1]), ("IA", "IB", "DA", "DB")[auth[2]]))
        return Facts(
            path=path,
            uuid=UUID(entry["cache_uuid"]),
            magic=entry["magic"],
            images=[
                ImageFacts(
                    image["path"],
                    UUID(image["uuid"]),
                    image["address"],
                    [SegmentFacts(*segment) for segment in image["segments"]],
                    [tuple(section) for section in image["sections"]],
                )
                for image in facts["images"]
            ],
            mappings=[
                MappingFacts(
                    file=path,
                    address=each["address"],
                    size=each["size"],
                    file_offset=each["file_offset"],
                    flags=each["flags"],
                    max_protection=each["max_prot"],
                    slide_version=each["slide_version"],
                    pointers=each["rebases"],
                )
                for each in facts["mappings"]
            ],
            pointers=pointers,
            header={
                key: entry[key]
                for key in ("mapping_offset", "platform", "shared_region_start", "shared_region_size", "max_slide")
            },
        )

    def _built(self, name: str) -> Facts:
        folder, main = self.folder(f"built/{name}"), name.split("/")[1]
        facts = load(self.source(f"built/{name}") / "facts.json.gz")[main]
        header = facts["files"][0]["header"]
        symbols = [file["name"] for file in facts["files"] if file["name"].endswith(".symbols")]
        return Facts(
            path=folder / main,
            uuid=UUID(header["uuid"]),
            magic=header["magic"],
            images=[
                ImageFacts(
                    image["path"],
                    UUID(image["uuid"]),
                    int(image["address"]),
                    [
                        SegmentFacts(
                            each["name"],
                            int(each["vmaddr"]),
                            int(each["vmsize"]),
                            int(each["fileoff"]),
                            int(each["filesize"]),
                        )
                        for each in image["segments"]
                    ],
                    [(segment, section, int(at), int(size)) for segment, section, at, size in image["sections"]],
                )
                for image in facts["images"]
            ],
            mappings=[
                MappingFacts(
                    file=folder / file["name"],
                    address=int(each["address"]),
                    size=int(each["size"]),
                    file_offset=int(each["file_offset"]),
                    flags=int(each["flags"]),
                    max_protection=each["max_prot"],
                    slide_version=each["slide_version"],
                    pointers=each["rebase_count"],
                    digest=each["rebases_fnv1a64"],
                )
                for file in facts["files"]
                if file["name"] not in symbols
                for each in file["mappings"]
            ],
            header=header,
            symbols=folder / symbols[0] if symbols else None,
        )

    def _split(self, name: str) -> Facts:
        """What the cache was made from, but for the one image whose place a header took, and for the order of files."""
        manifest = load(fixture_folder("cache") / "split" / "MANIFEST.json")
        entry = next(each for each in manifest if each["dir"] == name)
        folder, whole = self.folder(f"split/{name}"), self._real(entry["made_from"])
        kept = {UUID(uuid) for _, _, uuid in entry["images"]}
        main = folder / entry["main"]
        header = main.read_bytes()[:0x68]
        return Facts(
            path=main,
            uuid=UUID(bytes=header[0x58:0x68]),
            magic=header[:15].decode(),
            images=[image for image in whole.images if image.uuid in kept],
            mappings=[],
            pointers=whole.pointers,
            split_from=whole,
            symbols=folder / f"{entry['main']}.symbols",
        )

    def _scale(self, name: str) -> Facts:
        folder, main = self.folder(f"scale/{name}"), name.split("/")[1]
        facts = load(self.source(f"scale/{name}") / "facts.json.xz")
        # The facts were read from one of two main files, which differ in stub islands alone.
        files = [file for file in facts["files"] if not file["name"].endswith(".symbols")]
        symbols = [file["name"] for file in facts["files"] if file["name"].endswith(".symbols")]
        main_bytes = (folder / main).read_bytes()[:0x68]
        return Facts(
            path=folder / main,
            uuid=UUID(bytes=main_bytes[0x58:0x68]),
            magic=main_bytes[:15].decode(),
            images=[
                ImageFacts(
                    image["path"],
                    UUID(image["uuid"]),
                    int(image["address"]),
                    [
                        SegmentFacts(each[0], int(each[1]), int(each[2]), int(each[3]), int(each[4]))
                        for each in image["segments"]
                    ],
                    None,
                )
                for image in facts["images"]
            ],
            mappings=list(_scale_mappings(folder, files)) if main == facts["main_file"] else [],
            pointers={
                int(at): (int(target), auth and (auth[0], auth[1], "DA" if auth[2] else "IA"))
                for at, target, auth in facts["pointers"]
            },
            symbols=folder / symbols[0] if symbols else None,
        )


def _scale_mappings(folder: Path, files: Sequence[dict[str, Any]]) -> Iterator[MappingFacts]:
    for file in files:
        slides = {slide["address"]: slide for slide in file["slide"]}
        for each in file["mappings"]:
            slide = slides.get(each["address"], {"version": 0, "pointers": 0, "fnv1a64": fnv1a64(b"")})
            yield MappingFacts(
                file=folder / file["name"],
                address=int(each["address"]),
                size=int(each["size"]),
                file_offset=int(each["file_offset"]),
                flags=None,
                max_protection=each["max_prot"],
                slide_version=slide["version"],
                pointers=slide["pointers"],
                digest=slide["fnv1a64"],
            )
