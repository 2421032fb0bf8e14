"""The JSON of the command: a contract, with a version.

Every document is an object with ``version`` (1), ``command`` and ``file`` (``-`` for standard input; ``old`` and
``new`` for ``diff``), and what the command has to say. Addresses, slides and offsets from addresses are hexadecimal
text, because JSON numbers above 2**53 are not safe; sizes, counts and indices are numbers; UUIDs are upper case; what
is not there is null. An enumeration is ``{"value": 1, "name": "MACOS"}``. A list stands with one record on each line.

The fields of each are listed in docs/cli.md; a test compares them with what is printed.
"""

import json
import sys
from bisect import bisect_right
from collections.abc import Iterable
from enum import IntEnum, IntFlag
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uuid import UUID

    from .._native import Image, SharedCache, SubCache

VERSION = 1


def write_document(command: str, head: dict[str, Any], **lists: Iterable[Any]) -> None:
    """Writes one document to standard output: ``head``, then each list with a record per line."""
    out = sys.stdout
    fields = {"version": VERSION, "command": command, **head}
    out.write("{" + ", ".join(f"{_dump(key)}: {_dump(value)}" for key, value in fields.items()))
    for key, records in lists.items():
        out.write(f", {_dump(key)}: [")
        separator = "\n"
        for record in records:
            out.write(separator + _dump(record))
            separator = ",\n"
        out.write("\n]" if separator != "\n" else "]")
    out.write("}\n")


def _dump(value: Any) -> str:
    return json.dumps(value)


def address(value: int | None) -> str | None:
    """An address or an offset as text."""
    return None if value is None else f"{int(value):#x}"


def uuid(value: "UUID | None") -> str | None:
    """A UUID as dyld writes it."""
    return None if value is None else str(value).upper()


def named(value: IntEnum) -> dict[str, object]:
    """An enumeration's number and name."""
    return {"value": int(value), "name": value.name}


def flags(value: IntFlag) -> list[str]:
    """The names of the flags that are set; a bit without a name as its number."""
    names = [member.name or str(int(member)) for member in type(value) if member in value]
    known = sum(int(member) for member in type(value))
    rest = int(value) & ~known
    return names + ([f"{rest:#x}"] if rest else [])


@lru_cache(maxsize=2)
def _files(cache: "SharedCache", _missing: tuple[str, ...]) -> tuple[list[int], list["SubCache"]]:
    """The files of a cache in the order of their addresses, for all of its images.

    Caches are equal by UUID, path and address; what is missing of them is told apart here.
    """
    files = sorted((file for file in cache.subcaches if file.vm_size), key=lambda file: file.preferred_load_address)
    return [int(file.preferred_load_address) for file in files], files


def subcache(image: "Image") -> str | None:
    """The name of the file of the shared cache that holds the image's header."""
    cache = image.shared_cache
    if cache is None:
        return None
    starts, files = _files(cache, cache.missing_files)
    at = bisect_right(starts, image.preferred_load_address) - 1
    if at < 0 or image.preferred_load_address - starts[at] >= files[at].vm_size:
        return None
    return files[at].name


def image_record(image: "Image", index: int | None = None) -> dict[str, Any]:
    """An image."""
    record = {} if index is None else {"index": index}
    return record | {
        "name": image.name,
        "uuid": uuid(image.uuid),
        "address": address(image.address),
        "preferred_load_address": address(image.preferred_load_address),
        "slide": address(image.slide),
        "install_name": image.install_name,
        "file_path": image.file_path,
        "in_shared_cache": image.shared_cache is not None,
        "subcache": subcache(image),
        "segment_count": len(image.segments),
        "vm_size": image.vm_size,
    }
