"""Input for the benchmarks: records of realistic names, sizes and layout, from a seed.

Nothing here is decoded or encoded by dyld_atlas but the archive around the records: the property lists are plistlib's.
"""

import plistlib
import random
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from dyld_atlas.formats import ArchiveWriter

PAGE = 0x4000
BASE = 0x1_8000_0000
CACHE_PATH = "/System/Volumes/Preboot/Cryptexes/OS/System/Library/dyld/dyld_shared_cache_arm64e"
WORDS = (
    "Account Address Analytics App Apple Asset Audio Background Biome Calendar Call Cloud Contact Core Data Device "
    "Display Document Email Event Family File Find Font Game Geo Graphics Home Icon Image Intelligence Intent "
    "Keychain Kit Language Location Mail Media Message Metal Mobile Music Network News Notes Notification Photo "
    "Power Privacy Proactive Quick Remote Safari Screen Search Security Service Share Siri Social Speech Spotlight "
    "Storage Store Symptom Sync System Text Time Trust User Video Vision Voice Web Widget Wireless Workflow "
).split()
ENDS = ("Foundation", "Services", "Support", "Core", "UI", "Kit", "Internal", "Daemon", "Model", "Analytics")
KINDS = ("__DATA_CONST", "__AUTH_CONST", "__AUTH", "__DATA", "__DATA_DIRTY", "__OBJC_CONST")
# How often an image has each: one of the cache, and one of the process's own.
CACHED = (1.0, 0.9, 0.8, 1.0, 0.65, 0.35)
OWN = (1.0, 0.15, 0.05, 1.0, 0.0, 0.0)

Plist = dict[str, Any]


@dataclass(frozen=True)
class Corpus:
    """One snapshot and the cache that it uses."""

    name: str
    process: Plist = field(repr=False)
    cache: Plist = field(repr=False)
    process_plist: bytes = field(repr=False)
    cache_plist: bytes = field(repr=False)
    archive: bytes = field(repr=False)
    atlas: bytes = field(repr=False)
    uuid: UUID

    @property
    def size(self) -> int:
        """Bytes of both property lists."""
        return len(self.process_plist) + len(self.cache_plist)


def dumps(value: Plist) -> bytes:
    """A binary property list, keys in the order in which they were put."""
    return plistlib.dumps(value, fmt=plistlib.FMT_BINARY, sort_keys=False)


def archive(files: dict[str, bytes], codec: str | None = None) -> bytes:
    """Files in a stamped archive."""
    writer = ArchiveWriter()
    for path, data in files.items():
        writer.add_file(path, data)
    return writer.to_bytes(codec=codec)


def cache_entry(uuid: UUID) -> str:
    """Where an archive keeps the record of a cache."""
    return f"caches/uuids/{str(uuid).upper()}.plist"


def install_name(rng: random.Random, number: int) -> str:
    """An install name as Apple's are; the number keeps them apart."""
    if rng.random() < 0.15:
        return f"/usr/lib/lib{rng.choice(WORDS).lower()}{rng.choice(WORDS)}{number}.dylib"
    name = f"{rng.choice(WORDS)}{rng.choice(WORDS)}{rng.choice(ENDS)}{number}"
    folder = "Frameworks" if rng.random() < 0.2 else "PrivateFrameworks"
    return f"/System/Library/{folder}/{name}.framework/Versions/A/{name}"


def sizes(rng: random.Random, chances: tuple[float, ...]) -> dict[str, int]:
    """Bytes of each segment but `__LINKEDIT`."""
    chosen = {"__TEXT": PAGE * int(1 + min(rng.lognormvariate(3.5, 1.4), 2000))}
    for kind, chance in zip(KINDS, chances, strict=True):
        if rng.random() < chance:
            chosen[kind] = PAGE * int(1 + min(rng.lognormvariate(0.7, 1.2), 200))
    return chosen


def segment(name: str, address: int, size: int, offset: int) -> Plist:
    """The record of a segment."""
    permissions = {"__TEXT": 5, "__LINKEDIT": 1}.get(name, 3)
    return {"name": name, "padr": address, "size": size, "foff": offset, "fsze": size, "perm": permissions}


def make_cache(images: int, rng: random.Random) -> tuple[Plist, UUID]:
    """The record of a cache whose images lie as the builder lays them: one mapping per kind of segment."""
    uuid = UUID(bytes=rng.randbytes(16))
    names = [install_name(rng, number) for number in range(images)]
    rows = [sizes(rng, CACHED) for _ in names]
    at = BASE + PAGE
    starts = {}
    for kind in ("__TEXT", *KINDS):
        starts[kind] = at
        at += sum(row.get(kind, 0) for row in rows) + 0x200_0000
    linkedit, linkedit_size = at, PAGE * images
    records = []
    for name, row in zip(names, rows, strict=True):
        segments = []
        for kind, size in row.items():
            segments.append(segment(kind, starts[kind], size, starts[kind] - BASE))
            starts[kind] += size
        segments.append(segment("__LINKEDIT", linkedit, linkedit_size, 0))
        records.append({"segs": segments, "name": name, "padr": segments[0]["padr"], "uuid": rng.randbytes(16)})
    vm_size = linkedit + linkedit_size - BASE
    mapping = {"size": vm_size, "padr": BASE, "foff": 0, "prot": 5}
    leaf = CACHE_PATH.rpartition("/")[2]
    file = {
        "name": leaf,
        "uuid": uuid.bytes,
        "voff": 0,
        "fsze": vm_size,
        "padr": BASE,
        "maps": [mapping],
        "size": vm_size,
    }
    record = {"uuid": uuid.bytes, "padr": BASE, "size": vm_size, "dscs": [file], "psze": 4, "imgs": records}
    return {"uuids": {str(uuid).upper(): record}, "names": {leaf: record}}, uuid


def make_process(own: int, used: int, cache: Plist, uuid: UUID, rng: random.Random) -> Plist:
    """The record of a process with images of its own and some of the cache's in use."""
    at = 0x1_0000_0000 + PAGE * rng.randrange(1 << 12) if own < 200 else 0x10_0000_0000
    images: list[Plist] = []
    for number in range(own):
        row = sizes(rng, OWN) | {"__LINKEDIT": PAGE * int(1 + rng.lognormvariate(2, 1))}
        address, offset, segments = 0, 0, []
        for name, size in row.items():
            segments.append(segment(name, address, size, offset))
            address, offset = address + size, offset + size
        path = install_name(rng, number).replace("/System/", "/Applications/Xcode.app/Contents/")
        image: Plist = {"file": path, "addr": at, "uuid": rng.randbytes(16), "segs": segments}
        images.append(image if number == 0 else {**image, "name": path})
        at += address + PAGE * rng.randrange(4)
    count = len(cache["uuids"][str(uuid).upper()]["imgs"])
    bits = bytearray(-(-count // 8))
    for index in rng.sample(range(count), used):
        bits[index // 8] |= 1 << index % 8
    slide = PAGE * rng.randrange(1, 1 << 14)
    reference = {"bitm": bytes(bits), "file": CACHE_PATH, "addr": BASE + slide, "uuid": uuid.bytes}
    facts = {
        "flag": 0,
        "time": rng.randrange(1 << 43),
        "proc": rng.randrange(1, 1 << 16),
        "stat": 0x50,
        "init": 1,
        "plat": 1,
    }
    return {"imgs": images, **facts, "dsc1": reference}


def make(name: str, own: int, used: int, seed: int = 1, cache_images: int = 3500) -> Corpus:
    """A corpus; the cache depends on the seed alone."""
    cache, uuid = make_cache(cache_images, random.Random(seed))
    process = make_process(own, used, cache, uuid, random.Random(f"{seed} {name}"))
    process_plist, cache_plist = dumps(process), dumps(cache)
    return Corpus(
        name=name,
        process=process,
        cache=cache,
        process_plist=process_plist,
        cache_plist=cache_plist,
        archive=archive({"process.plist": process_plist}),
        atlas=archive({cache_entry(uuid): cache_plist}),
        uuid=uuid,
    )


def typical(seed: int = 1) -> Corpus:
    """An application: 24 images of its own, 500 of the cache's 3500."""
    return make("typical", 24, 500, seed)


def huge(seed: int = 1) -> Corpus:
    """The largest that people report: 3000 images of its own, 1900 of the cache's."""
    return make("huge", 3000, 1900, seed)


def renamed(corpus: Corpus, number: int) -> tuple[UUID, bytes, bytes]:
    """UUID, archive and atlas of a corpus whose cache has another UUID."""
    uuid = UUID(int=corpus.uuid.int ^ number)
    pairs = ((corpus.uuid.bytes, uuid.bytes), (str(corpus.uuid).upper().encode(), str(uuid).upper().encode()))
    process, cache = corpus.process_plist, corpus.cache_plist
    for old, new in pairs:
        process, cache = process.replace(old, new), cache.replace(old, new)
    return uuid, archive({"process.plist": process}), archive({cache_entry(uuid): cache})


def fleet(base: Corpus, count: int, seed: int) -> list[Plist]:
    """Records of other processes that use the same cache at the same address."""
    rng = random.Random(f"{seed} fleet")
    processes = [
        make_process(rng.randrange(4, 45), rng.randrange(300, 700), base.cache, base.uuid, rng) for _ in range(count)
    ]
    for process in processes:
        process["dsc1"]["addr"] = base.process["dsc1"]["addr"]
    return processes
