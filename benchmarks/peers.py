"""What others do with the same bytes: plistlib, numpy, bisect, sets. Also the independent decoding to compare with."""

import bisect
import plistlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt

MASK = (1 << 64) - 1
Indices = npt.NDArray[np.int32]
Addresses = npt.NDArray[np.uint64]


class SegmentRow(NamedTuple):
    """A segment as plain values."""

    name: str
    address: int
    vm_size: int
    file_size: int
    permissions: int


class ImageRow(NamedTuple):
    """An image as plain values."""

    address: int
    preferred: int
    uuid: bytes
    install_name: str | None
    file_path: str | None
    segments: list[SegmentRow]
    in_cache: bool


def image_row(image: dict[str, Any], cache_slide: int) -> ImageRow:
    """One image of a decoded property list."""
    preferred = image.get("padr", 0) & MASK
    in_cache = "addr" not in image
    address = (preferred + cache_slide if in_cache else image["addr"]) & MASK
    slide = address - preferred
    segments = [
        SegmentRow(s["name"], (s["padr"] + slide) & MASK, s["size"], s["fsze"], s["perm"])
        for s in image.get("segs", ())
    ]
    return ImageRow(address, preferred, image["uuid"], image.get("name"), image.get("file"), segments, in_cache)


def cache_rows(cache: dict[str, Any], uuid: UUID, address: int) -> list[ImageRow]:
    """All images of a cache that lies at `address`."""
    record = cache["uuids"][str(uuid).upper()]
    return [image_row(image, address - record["padr"]) for image in record["imgs"]]


def used(rows: list[ImageRow], bitmap: bytes) -> list[ImageRow]:
    """The rows whose bit is set."""
    bits = int.from_bytes(bitmap, "little")
    return [row for index, row in enumerate(rows) if bits >> index & 1]


def merged(own: list[ImageRow], cached: list[ImageRow]) -> list[ImageRow]:
    """The two-way merge of dyld's reader: the cache's image first at equal addresses."""
    result, i, j = [], 0, 0
    while i < len(own) and j < len(cached):
        if own[i].address < cached[j].address:
            result.append(own[i])
            i += 1
        else:
            result.append(cached[j])
            j += 1
    return result + own[i:] + cached[j:]


def listing(process_plist: bytes, cache_plist: bytes) -> list[ImageRow]:
    """Parse both records and list every image in use with its segments: the whole job, by plistlib."""
    process, cache = plistlib.loads(process_plist), plistlib.loads(cache_plist)
    return list_decoded(process, cache)


def list_decoded(process: dict[str, Any], cache: dict[str, Any]) -> list[ImageRow]:
    """The same from decoded records."""
    reference = process["dsc1"]
    uuid = UUID(bytes=reference["uuid"])
    base = cache["uuids"][str(uuid).upper()]["padr"]
    images = cache["uuids"][str(uuid).upper()]["imgs"]
    bits = int.from_bytes(reference["bitm"], "little")
    cached = [image_row(image, reference["addr"] - base) for index, image in enumerate(images) if bits >> index & 1]
    return merged([image_row(image, 0) for image in process["imgs"]], cached)


def ranges(rows: list[ImageRow]) -> tuple[Addresses, Addresses, Indices]:
    """Starts, ends and images of all segments but the shared `__LINKEDIT`, sorted, neighbours of one image joined."""
    parts: list[tuple[int, int, int]] = []
    for index, row in enumerate(rows):
        for part in row.segments:
            if part.vm_size and not (row.in_cache and part.name == "__LINKEDIT"):
                parts.append((part.address, part.address + part.vm_size, index))
    joined: list[tuple[int, int, int]] = []
    for start, end, index in sorted(parts):
        if joined and joined[-1][1] == start and joined[-1][2] == index:
            joined[-1] = (joined[-1][0], end, index)
        else:
            joined.append((start, end, index))
    assert all(left[1] <= right[0] for left, right in pairwise(joined))
    starts, ends, images = zip(*joined, strict=True)
    return np.array(starts, np.uint64), np.array(ends, np.uint64), np.array(images, np.int32)


def numpy_indices(table: tuple[Addresses, Addresses, Indices], addresses: Addresses) -> Indices:
    """The image of each address by searchsorted and a check of the range; -1 where there is none."""
    starts, ends, images = table
    places = np.searchsorted(starts, addresses, side="right") - 1
    found: Indices = np.where((places >= 0) & (addresses < ends[places]), images[places], np.int32(-1))
    return found


class Bisector:
    """A class as one writes it by hand for one address at a time. Like most, it does not check the end of the range."""

    def __init__(self, rows: list[ImageRow]) -> None:
        starts, _, images = ranges(rows)
        self.starts: list[int] = starts.tolist()
        self.images: list[int] = images.tolist()

    def at(self, address: int) -> int:
        """The number of the image that starts last before the address."""
        return self.images[bisect.bisect_right(self.starts, address) - 1]


def changed(old: Iterable[tuple[int, bytes]], new: Iterable[tuple[int, bytes]]) -> tuple[int, int]:
    """How many loads came and went, by two sets."""
    before, after = set(old), set(new)
    return len(after - before), len(before - after)
