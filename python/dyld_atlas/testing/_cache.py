"""Builds the record of a shared cache."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ._records import (
    AUTOMATIC,
    Automatic,
    Record,
    SegmentLike,
    UUIDLike,
    automatic_uuid,
    overlay,
    segment_records,
    signed,
    uuid_bytes,
)

if TYPE_CHECKING:
    from typing import Self

__all__ = ["CacheBuilder"]

_ALIGNMENT = 0x4000


class CacheBuilder:
    """Describes a shared cache as its atlas does: the files it consists of and the images in it.

    Used by :meth:`SnapshotBuilder.shared_cache`, and alone for the ``.atlas`` that lies beside a cache file.
    :meth:`image` and :meth:`subcache` return the builder, so that calls can be chained.
    """

    def __init__(
        self,
        path: str = "/System/Volumes/Preboot/Cryptexes/OS/System/Library/dyld/dyld_shared_cache_arm64e",
        *,
        uuid: UUIDLike | Automatic = AUTOMATIC,
        preferred_load_address: int = 0x1_8000_0000,
        vm_size: int | None = None,
        pointer_size: int = 8,
        local_symbols_uuid: UUIDLike | None = None,
        local_symbols_name: str | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """A cache without images.

        Args:
            path: the main file, on the machine that the record comes from.
            uuid: derived from the path unless given.
            preferred_load_address: unslid address of the main file's first byte.
            vm_size: bytes of address space; up to the end of the last image or mapping unless given.
            pointer_size: bytes. Apple's own builder writes it inverted (``extra={"psze": 4}``).
            local_symbols_uuid: of the ``.symbols`` file, if there is one.
            local_symbols_name: its name; the main file's plus ``.symbols`` unless given.
            extra: raw keys by their four letters, put over the record; None takes a key away.
        """
        self.path = path
        self.uuid = automatic_uuid("cache", path) if uuid == AUTOMATIC else UUID(bytes=uuid_bytes(uuid))
        self.preferred_load_address = int(preferred_load_address)
        self._vm_size = vm_size
        self._pointer_size = pointer_size
        self._symbols_uuid = local_symbols_uuid
        self._symbols_name = local_symbols_name
        self._extra = dict(extra or {})
        self._images: list[Record] = []
        self._subcaches: list[Record] = []
        self._end = self.preferred_load_address + _ALIGNMENT

    @property
    def install_names(self) -> Sequence[str]:
        """The install names of the images so far, in their order."""
        return tuple(record.get("name", "") for record in self._images)

    def image(
        self,
        install_name: str,
        *,
        uuid: UUIDLike | Automatic | None = AUTOMATIC,
        preferred_load_address: int | None = None,
        segments: Mapping[str, int] | Sequence[SegmentLike] = (("__TEXT", 0x4000), ("__LINKEDIT", 0x4000)),
        extra: Mapping[str, object] | None = None,
    ) -> "Self":
        """Adds an image.

        Args:
            install_name: where programs expect it, such as ``/usr/lib/libobjc.A.dylib``.
            uuid: derived from the install name unless given; None leaves it out.
            preferred_load_address: unslid address; after the image before, at the next 16 KiB, unless given.
            segments: sizes by name, or a list of tuples or mappings (see :data:`SegmentLike`).
            extra: raw keys, put over the record; None takes a key away.
        """
        address = self._end if preferred_load_address is None else int(preferred_load_address)
        records, end = segment_records(segments, address, address - self.preferred_load_address)
        record: Record = {"segs": records, "name": install_name, "padr": signed(address)}
        if uuid is not None:
            record["uuid"] = uuid_bytes(automatic_uuid("image", install_name) if uuid == AUTOMATIC else uuid)
        self._images.append(overlay(record, extra))
        self._end = max(self._end, -(-max(end, address + 1) // _ALIGNMENT) * _ALIGNMENT)
        return self

    def subcache(
        self,
        suffix: str,
        *,
        vm_offset: int,
        mappings: Sequence[tuple[int, int, int, int]],
        uuid: UUIDLike | Automatic = AUTOMATIC,
        vm_size: int | None = None,
        file_size: int | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> "Self":
        """Adds a file of the cache. The main file is one, too, with the suffix ``""`` and the offset 0.

        Args:
            suffix: what follows the main file's name, such as ``.01`` or ``.02.dylddata``.
            vm_offset: bytes from the start of the cache to the start of this file, in memory.
            mappings: ``(preferred_load_address, size, file_offset, max_protection)`` of each.
            uuid: derived from the name unless given; that of the cache for the main file.
            vm_size: bytes in memory; up to the end of the last mapping unless given.
            file_size: bytes on disk; up to the end of the last mapping unless given.
            extra: raw keys, put over the record; None takes a key away.
        """
        start = self.preferred_load_address + vm_offset
        name = self.path.rpartition("/")[2] + suffix
        if uuid == AUTOMATIC:
            uuid = automatic_uuid("cache", self.path + suffix) if suffix else self.uuid
        end = max((address + size for address, size, _, _ in mappings), default=start)
        if vm_size is None:
            vm_size = end - start
        if file_size is None:
            file_size = max((offset + size for _, size, offset, _ in mappings), default=0)
        maps = [
            {"size": size, "padr": signed(address), "foff": offset, "prot": int(protection)}
            for address, size, offset, protection in mappings
        ]
        record: Record = {
            "name": name,
            "uuid": uuid_bytes(uuid),
            "voff": vm_offset,
            "fsze": file_size,
            "padr": signed(start),
            "maps": maps,
            "size": vm_size,
        }
        self._subcaches.append(overlay(record, extra))
        return self

    def to_plist(self) -> dict[str, Any]:
        """The property list of the atlas, as plain values: the record under its UUID and under its name."""
        record = self._record()
        return {
            "uuids": {str(self.uuid).upper(): record},
            "names": {self.path.rpartition("/")[2]: record},
        }

    def build_atlas(self, *, codec: str | None = None) -> bytes:
        """The bytes of the ``.atlas`` file: an archive, in a container if there is a ``codec``."""
        from .._native import ArchiveWriter, plist_dumps

        name = self.path.rpartition("/")[2]
        writer = ArchiveWriter()
        writer.add_link(f"caches/names/{name}.plist", f"../uuids/{str(self.uuid).upper()}.plist")
        writer.add_file(self.entry, plist_dumps(self.to_plist()))
        return writer.to_bytes(codec=codec)

    @property
    def entry(self) -> str:
        """The path of the record within an archive."""
        return f"caches/uuids/{str(self.uuid).upper()}.plist"

    def _record(self) -> Record:
        # The order of Apple's builder.
        record: Record = {
            "uuid": self.uuid.bytes,
            "padr": signed(self.preferred_load_address),
            "size": self._size(),
        }
        if self._symbols_uuid is not None:
            record["snme"] = self._symbols_name or self.path.rpartition("/")[2] + ".symbols"
            record["suid"] = uuid_bytes(self._symbols_uuid)
        record["dscs"] = self._subcaches or self._whole()._subcaches
        record["psze"] = self._pointer_size
        record["imgs"] = self._images
        return overlay(record, self._extra)

    def _size(self) -> int:
        if self._vm_size is not None:
            return self._vm_size
        ends: list[int] = [sub["padr"] % (1 << 64) + sub["size"] for sub in self._subcaches]
        return max([self._end, *ends]) - self.preferred_load_address

    def _whole(self) -> "CacheBuilder":
        """One file for everything, where no files were described."""
        size = self._size()
        whole = CacheBuilder(self.path, uuid=self.uuid, preferred_load_address=self.preferred_load_address)
        return whole.subcache("", vm_offset=0, mappings=[(self.preferred_load_address, size, 0, 5)])
