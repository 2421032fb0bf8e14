"""Builds snapshots."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..enums import Platform, ProcessState
from ._cache import CacheBuilder
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

    from typing_extensions import Buffer

__all__ = ["SnapshotBuilder"]

_ALIGNMENT = 0x4000

# dyld's environment record, by the names of the variables (dyld's SnapshotShared.h).
_ENVIRONMENT_KEYS = {
    "DYLD_ROOT_PATH": "root",
    "DYLD_LIBRARY_PATH": "libp",
    "DYLD_FRAMEWORK_PATH": "fwkp",
    "DYLD_FALLBACK_LIBRARY_PATH": "libf",
    "DYLD_FALLBACK_FRAMEWORK_PATH": "fwkf",
    "DYLD_VERSIONED_LIBRARY_PATH": "libv",
    "DYLD_VERSIONED_FRAMEWORK_PATH": "fwkv",
    "DYLD_INSERT_LIBRARIES": "istd",
    "DYLD_IMAGE_SUFFIX": "isuf",
}


class SnapshotBuilder:
    """Assembles a snapshot from plain values; :meth:`build` gives the bytes of its archive.

    Every method but :meth:`build`, :meth:`build_atlas` and :meth:`to_plist` returns the builder, so that calls can be
    chained. A builder can be built many times, also with more added in between.
    """

    def __init__(
        self,
        *,
        pid: int = 1,
        platform: int = Platform.MACOS,
        state: int = ProcessState.RUNNING,
        timestamp: int = 1,
        initial_image_count: int | Automatic | None = AUTOMATIC,
        flags: int | None = 0,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """A process without images.

        Args:
            pid: its number.
            platform: what it was built for; see :class:`~dyld_atlas.Platform`.
            state: how far dyld had come; see :class:`~dyld_atlas.ProcessState`.
            timestamp: ``mach_absolute_time`` of the last change.
            initial_image_count: how many images were there at launch; as many as the snapshot has of its own when it is
                built unless given; None leaves it out.
            flags: see :class:`~dyld_atlas.SnapshotFlags`; None leaves them out.
            extra: raw keys by their four letters, put over the record; None takes a key away.
        """
        self._record: Record = {"proc": pid, "plat": int(platform), "stat": int(state), "time": timestamp}
        self._initial_image_count = initial_image_count
        self._flags = flags
        self._extra = dict(extra or {})
        self._images: list[Record] = []
        self._aot_images: list[Record] = []
        self._cache: CacheBuilder | None = None
        self._embed = True
        self._cache_record: dict[str, Any] = {}
        self._used: Iterable[int | str] | bytes | None = None
        self._files: list[tuple[str, bytes]] = []
        self._links: list[tuple[str, str]] = []
        self._end = 0x1_0000_0000

    def image(
        self,
        path: str | None,
        *,
        uuid: UUIDLike | Automatic | None = AUTOMATIC,
        address: int | Automatic | None = AUTOMATIC,
        preferred_load_address: int | None = None,
        install_name: str | None = None,
        segments: Mapping[str, int] | Sequence[SegmentLike] | None = (("__TEXT", 0x4000), ("__LINKEDIT", 0x4000)),
        extra: Mapping[str, object] | None = None,
    ) -> "Self":
        """Adds an image of the process's own, one outside of the shared cache.

        Args:
            path: of the file; None leaves it out.
            uuid: derived from the path unless given; None leaves it out.
            address: where it lies; after the image before, at the next 16 KiB, unless given; None leaves it out.
            preferred_load_address: None, as dyld writes it for images that are linked at 0, leaves it out.
            install_name: dyld writes it only where it differs from the path.
            segments: sizes by name, or a list of tuples or mappings (see :data:`SegmentLike`); None leaves the key out.
            extra: raw keys, put over the record; None takes a key away.
        """
        if address == AUTOMATIC:
            address = self._end
        record: Record = {}
        if path is not None:
            record["file"] = path
        if address is not None:
            record["addr"] = signed(int(address))
        if preferred_load_address is not None:
            record["padr"] = signed(int(preferred_load_address))
        if uuid is not None:
            name = path or install_name or f"image {len(self._images)}"
            record["uuid"] = uuid_bytes(automatic_uuid("image", name) if uuid == AUTOMATIC else uuid)
        if install_name is not None:
            record["name"] = install_name
        preferred = int(preferred_load_address or 0)
        end = preferred
        if segments is not None:
            record["segs"], end = segment_records(segments, preferred)
        self._images.append(overlay(record, extra))
        if address is not None:
            after = int(address) + max(end - preferred, 1)
            self._end = max(self._end, -(-after // _ALIGNMENT) * _ALIGNMENT)
        return self

    def aot_image(
        self,
        *,
        x86_address: int,
        aot_address: int,
        aot_size: int = 0x4000,
        image_key: bytes | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> "Self":
        """Adds a file that Rosetta translated ahead of time; ``image_key`` is its 32-byte key, derived unless given."""
        if image_key is None:
            image_key = automatic_uuid("aot", str(x86_address)).bytes * 2
        record = {
            "xadr": signed(x86_address),
            "aadr": signed(aot_address),
            "asze": aot_size,
            "ikey": bytes(image_key),
        }
        self._aot_images.append(overlay(record, extra))
        return self

    def environment(self, root_path: str | None = None, /, **variables: str) -> "Self":
        """Sets dyld's path variables, by their names.

        >>> SnapshotBuilder().environment("/sim", DYLD_LIBRARY_PATH="/opt/lib").to_plist()["envp"]
        {'root': '/sim', 'libp': '/opt/lib'}
        """
        if root_path is not None:
            variables = {"DYLD_ROOT_PATH": root_path, **variables}
        unknown = variables.keys() - _ENVIRONMENT_KEYS.keys()
        if unknown:
            raise TypeError(f"dyld records no {', '.join(sorted(unknown))}; it knows {', '.join(_ENVIRONMENT_KEYS)}")
        self._record["envp"] = {_ENVIRONMENT_KEYS[name]: value for name, value in variables.items()}
        return self

    def metrics(self, metrics: Mapping[str, int], /) -> "Self":
        """Sets dyld's launch metrics, by the format's own four-letter keys."""
        self._record["metr"] = dict(metrics)
        return self

    def shared_cache(
        self,
        cache: CacheBuilder,
        *,
        slide: int = 0,
        address: int | None = None,
        used: Iterable[int | str] | bytes | None = None,
        embed: bool = True,
        aot_uuid: UUIDLike | None = None,
        aot_address: int | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> "Self":
        """Says which shared cache the process uses.

        Args:
            cache: the cache; images added to it later count, too.
            slide: how far it was moved, in bytes; may be negative.
            address: where it lies, instead of ``slide``.
            used: the images in use, by index or install name; all of them unless given. Bytes are the bitmap itself,
                least significant bit first.
            embed: whether the snapshot carries the cache's record. Without it, a reader needs the ``.atlas``
                (:meth:`build_atlas`).
            aot_uuid: of Rosetta's translated cache.
            aot_address: where that lies.
            extra: raw keys, put over the record of the process; None takes a key away.
        """
        self._cache = cache
        self._embed = embed
        self._used = used if used is None or isinstance(used, bytes) else tuple(used)
        where = cache.preferred_load_address + slide if address is None else int(address)
        record: Record = {"file": cache.path, "addr": signed(where), "uuid": cache.uuid.bytes}
        if aot_address is not None:
            record["aadr"] = signed(aot_address)
        if aot_uuid is not None:
            record["auid"] = uuid_bytes(aot_uuid)
        self._cache_record = {"record": record, "extra": dict(extra or {})}
        return self

    def file(self, path: str, data: "Buffer", /) -> "Self":
        """Adds another entry to the archive, after all others."""
        self._files.append((path, bytes(data)))
        return self

    def link(self, path: str, target: str, /) -> "Self":
        """Adds a symbolic link to the archive."""
        self._links.append((path, target))
        return self

    def to_plist(self) -> dict[str, Any]:
        """The property list ``process.plist``, as plain values."""
        record: Record = {"imgs": list(self._images), **self._record}
        if self._flags is not None:
            # dyld writes the first, and the reader of Apple's framework looks for the second.
            record["flag"] = record["flags"] = int(self._flags)
        if self._initial_image_count == AUTOMATIC:
            record["init"] = len(self._images)
        elif self._initial_image_count is not None:
            record["init"] = self._initial_image_count
        if self._cache is not None:
            usage = {"bitm": self._bitmap(self._cache), **self._cache_record["record"]}
            record["dsc1"] = overlay(usage, self._cache_record["extra"])
        if self._aot_images:
            record["aots"] = list(self._aot_images)
        return overlay(record, self._extra)

    def build(self, *, codec: str | None = None) -> bytes:
        """The bytes of the snapshot: an archive, in a container if there is a ``codec`` (see ``ArchiveWriter``)."""
        from .._native import ArchiveWriter, plist_dumps

        writer = ArchiveWriter()
        for path, target in self._links:
            writer.add_link(path, target)
        writer.add_file("process.plist", plist_dumps(self.to_plist()))
        if self._cache is not None and self._embed:
            writer.add_file(self._cache.entry, plist_dumps(self._cache.to_plist()))
        for path, data in self._files:
            writer.add_file(path, data)
        return writer.to_bytes(codec=codec)

    def build_atlas(self, *, codec: str | None = None) -> bytes:
        """The bytes of the ``.atlas`` that would lie beside the cache's main file."""
        if self._cache is None:
            raise ValueError("the snapshot uses no shared cache: call shared_cache() first")
        return self._cache.build_atlas(codec=codec)

    def _bitmap(self, cache: CacheBuilder) -> bytes:
        if isinstance(self._used, bytes):
            return self._used
        names = cache.install_names
        bits = bytearray(-(-len(names) // 8))
        if self._used is None:
            indices: Iterable[int] = range(len(names))
        else:
            by_name = {name: index for index, name in reversed(list(enumerate(names)))}
            try:
                indices = [by_name[image] if isinstance(image, str) else image for image in self._used]
            except KeyError as error:
                raise ValueError(f"no image {error.args[0]!r} in the cache {cache.path}") from None
        for index in indices:
            if not 0 <= index < len(names):
                raise ValueError(f"no image {index} in the cache {cache.path}, which has {len(names)}")
            bits[index // 8] |= 1 << (index % 8)
        return bytes(bits)
