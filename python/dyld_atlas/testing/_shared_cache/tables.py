"""What stands behind a file's header, and what the header says of it."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import header as headers
from .contents import Image
from .layout import File

if TYPE_CHECKING:
    from .assembly import Assembled, Plan

__all__ = ["Tables", "tables"]

# More mappings than any file here has: behind them, everything of the main file has its place before there are any.
_MOST_MAPPINGS = 10
_LOCALLY_BUILT, _NEW_THREAD_LOCALS = 1 << 10, 1 << 12
_MAX_SLIDE = 0x1000_0000


@dataclass
class Tables:
    """Where the tables of a file lie: offsets from its beginning."""

    header_size: int
    images: int
    texts: int
    subcaches: int
    paths: list[int]
    aliases: list[list[int]]
    """Where the other paths of each image stand, if they have rows of their own."""
    path_bytes: bytes
    subcache_entry_size: int
    size: int

    def values(self, plan: "Plan", file: File) -> dict[str, tuple[Any, ...]]:
        """The fields that every file of a cache has."""
        regions, count = file.regions, len(file.regions)
        legacy = next((region.slide_info for region in regions if region.kind == "data"), (0, 0))
        values: dict[str, tuple[Any, ...]] = {
            "magic": (plan.architecture.magic,),
            "mappingOffset": (plan.header_size,),
            "mappingCount": (count,),
            "uuid": (file.uuid.bytes,),
            "cacheType": (plan.cache_type,),
            "platform": (plan.platform,),
            "formatVersion": (_LOCALLY_BUILT | _NEW_THREAD_LOCALS,),
            "sharedRegion": (file.address, 0),
            "mappingWithSlide": (plan.header_size + 32 * count, count),
            "osVersion": (plan.os_version,),
            "tproMappings": (self._end_of_mappings(plan, file), 0),
            "cpu": plan.architecture.cpu,
        }
        if not headers.has(plan.header_size, "mappingWithSlide"):
            values["slideInfo"] = legacy
        return values

    def main_values(
        self, plan: "Plan", made: "Assembled", trie: tuple[int, int], end: int
    ) -> dict[str, tuple[Any, ...]]:
        """The fields that the main file alone has."""
        count = len(made.images)
        rows = count + sum(map(len, self.aliases))
        is_new = headers.has(plan.header_size, "images")
        # Old single files say how large the region is that caches are mapped in.
        size = end - plan.base if plan.suffixes or is_new else 0x1_0000_0000
        values: dict[str, tuple[Any, ...]] = {
            "images" if is_new else "imagesOld": (self.images, rows),
            "imagesText": (self.texts, count),
            "sharedRegion": (plan.base, size),
            "maxSlide": (_MAX_SLIDE,),
            "dylibsTrie": trie,
            "subCacheArray": (self.subcaches, len(plan.suffixes)),
        }
        if plan.local_symbols and ".symbols" in plan.uuids:
            values["symbolFileUUID"] = (plan.uuids[".symbols"].bytes,)
        return values

    def coded(self, file: File, made: "Assembled") -> bytes:
        """What follows the header of a file."""
        plan = made.plan
        coded = headers.mappings(file.regions)
        if headers.has(plan.header_size, "mappingWithSlide"):
            coded += headers.mappings_and_slide(file.regions)
        if file.suffix:
            return coded
        coded += bytes(self.images - self.header_size - len(coded))
        paths = self._own_paths(made)
        infos = [
            (each.address, path)
            for each, own, others in zip(made.images, paths, self.aliases, strict=True)
            for path in (own, *others)
        ]
        coded += headers.image_infos([address for address, _ in infos], [path for _, path in infos])
        rows = [
            (each.image.uuid.bytes if each.image.uuid else bytes(16), each.address, each.segments[0].vm_size)
            for each in made.images
        ]
        coded += headers.text_infos(rows, paths)
        for each in made.files[1:]:
            coded += struct.pack("<16sQ", each.uuid.bytes, each.address - plan.base)
            if self.subcache_entry_size > 24:
                coded += struct.pack("<32s", each.suffix.encode())
        return coded + self.path_bytes

    def _own_paths(self, made: "Assembled") -> list[int]:
        """Where the paths of images stand: in the images if there are rows of aliases, which tells them apart."""
        if not any(self.aliases):
            return self.paths
        body = made.files[0].regions[0].data
        names = [each.image.install_name.encode() + b"\0" for each in made.images]
        return [body.index(name, each.address - made.plan.base) for each, name in zip(made.images, names, strict=True)]

    def _end_of_mappings(self, plan: "Plan", file: File) -> int:
        return plan.header_size + 88 * len(file.regions)


def tables(header_size: int, base: int, images: Sequence[Image], subcache_count: int) -> Tables:
    """Lays the tables of a main file out."""
    entry_size = 56 if headers.has(header_size, "cacheSubType") else 24
    at_images = header_size + 88 * _MOST_MAPPINGS
    has_alias_rows = not headers.has(header_size, "dylibsTrie")
    others = [image.aliases if has_alias_rows else () for image in images]
    at_texts = at_images + 32 * (len(images) + sum(map(len, others)))
    at_subcaches = at_texts + 32 * len(images)
    at_paths = at_subcaches + entry_size * subcache_count
    coded = b""

    def add(path: str) -> int:
        nonlocal coded
        offset = at_paths + len(coded)
        coded += path.encode() + b"\0"
        return offset

    paths = [add(image.install_name) for image in images]
    aliases = [[add(path) for path in each] for each in others]
    size = at_paths + len(coded)
    return Tables(header_size, at_images, at_texts, at_subcaches, paths, aliases, coded, entry_size, size)
