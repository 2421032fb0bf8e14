"""Records that snapshots and caches share: UUIDs, segments, raw keys. Four-letter keys are those of dyld's format."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID, uuid5

__all__ = [
    "AUTOMATIC",
    "Automatic",
    "Record",
    "SegmentLike",
    "UUIDLike",
    "automatic_uuid",
    "overlay",
    "segment_records",
]

Record: TypeAlias = dict[str, Any]

UUIDLike: TypeAlias = UUID | str | bytes
"""A UUID, its text, or its 16 bytes."""

SegmentLike: TypeAlias = Mapping[str, object] | tuple[str, int] | tuple[str, int, int] | Sequence[object]
"""A segment: ``(name, size[, permissions[, file_size[, preferred_load_address]]])``, or a mapping with these names."""

Automatic: TypeAlias = Literal["automatic"]
AUTOMATIC: Final[Automatic] = "automatic"

# An own name space, so that derived UUIDs never meet those of real files.
_NAMESPACE: Final = UUID("b6b9d3a4-6c0e-5f6b-9d0c-2f5f1d9e7a10")

_SEGMENT_FIELDS: Final[tuple[str, ...]] = ("name", "size", "permissions", "file_size", "preferred_load_address")
_SEGMENT_KEYS: Final = {
    "name": "name",
    "size": "size",
    "permissions": "perm",
    "file_size": "fsze",
    "file_offset": "foff",
    "preferred_load_address": "padr",
}
# What dyld's cache builder writes, by name; 3 for every other segment.
_PERMISSIONS: Final = {"__TEXT": 5, "__LINKEDIT": 1}


def automatic_uuid(*names: str) -> UUID:
    """A UUID that depends on the names alone."""
    return uuid5(_NAMESPACE, "\n".join(names))


def uuid_bytes(value: UUIDLike) -> bytes:
    """The 16 bytes of what names a UUID; bytes of any other length pass as they are, for malformed records."""
    if isinstance(value, UUID):
        return value.bytes
    return UUID(value).bytes if isinstance(value, str) else bytes(value)


def overlay(record: Record, extra: Mapping[str, object] | None) -> Record:
    """``record`` with raw keys put over it; a value of None takes the key away."""
    for key, value in (extra or {}).items():
        if value is None:
            record.pop(key, None)
        else:
            record[key] = value
    return record


def signed(address: int) -> int:
    """An address as the format holds it: 64 bits, signed."""
    word = int(address) & 0xFFFF_FFFF_FFFF_FFFF
    return word - (1 << 64) if word >> 63 else word


def segment_records(
    segments: Mapping[str, int] | Sequence[SegmentLike], preferred: int, file_offset: int = 0
) -> tuple[list[Record], int]:
    """The records of an image's segments, laid end to end from ``preferred`` on, and where the next would lie."""
    records = []
    for given in _fields(segments):
        unknown = {key: value for key, value in given.items() if key not in _SEGMENT_KEYS}
        name, size = given["name"], int(given["size"])
        address = int(given.get("preferred_load_address", preferred))
        file_size = int(given.get("file_size", size))
        offset = int(given.get("file_offset", file_offset))
        permissions = given.get("permissions", _PERMISSIONS.get(name, 3))
        record = {
            "name": name,
            "padr": signed(address),
            "size": size,
            "foff": offset,
            "fsze": file_size,
            "perm": int(permissions),
        }
        records.append(overlay(record, unknown))
        # What is placed by hand, such as the __LINKEDIT that the images of a cache share, does not move what follows.
        if "preferred_load_address" not in given:
            preferred = address + size
        if "file_offset" not in given:
            file_offset = offset + file_size
    return records, preferred


def _fields(segments: Mapping[str, int] | Sequence[SegmentLike]) -> Iterator[dict[str, Any]]:
    if isinstance(segments, Mapping):
        for name, size in segments.items():
            yield {"name": name, "size": size}
        return
    for segment in segments:
        if isinstance(segment, Mapping):
            fields: dict[str, Any] = dict(segment)
        else:
            values = tuple(segment)
            if len(values) > len(_SEGMENT_FIELDS):
                raise TypeError(f"a segment has at most {len(_SEGMENT_FIELDS)} fields, not {len(values)}: {values!r}")
            fields = dict(zip(_SEGMENT_FIELDS, values, strict=False))
        missing = {"name", "size"} - fields.keys()
        if missing:
            raise TypeError(f"a segment needs {' and '.join(sorted(missing))}: {segment!r}")
        yield fields
