"""A process at one moment, and what changed between two.

A part of the stub of the compiled module; there is no module of this name. See _native.pyi.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Literal, Self, TypeAlias, final

from typing_extensions import Buffer

from ._native_cache import SharedCache, SharedCacheRecord
from ._native_images import Image, ImageList, Location
from ._native_options import Limits
from .addresses import PlainInt, RebasedAddress
from .enums import Platform, ProcessState, SnapshotFlags
from .providers import Provider

_StrPath: TypeAlias = str | os.PathLike[str]

@final
class Snapshot:
    """What one process had loaded at one moment.

    A snapshot is an Apple Archive with a binary property list ``process.plist``, as dyld publishes it in the memory of
    every process. The images of the shared cache are not in it, but a bitmap of those in use; their records come from
    the atlas of the cache, which is looked for in this order: the providers (without any, the ``.atlas`` beside the
    cache file on this machine), the record embedded in the snapshot. Without any of them, `images` holds the process's
    own alone, `shared_cache` is None, and `warnings` says so.

    Snapshots compare by identity and pickle by their bytes.

    >>> snapshot = Snapshot.open("examples/calculator.aar")
    >>> snapshot.pid, snapshot.platform, len(snapshot.images)
    (4711, <Platform.MACOS: 1>, 584)
    >>> snapshot.images[0].name
    'Calculator'
    """

    @classmethod
    def from_bytes(
        cls,
        data: Buffer,
        /,
        *,
        providers: Sequence[Provider] | None = None,
        limits: Limits | None = None,
        lenient: bool = False,
        mode: Literal["map", "copy"] = "map",
    ) -> Self:
        """Open a snapshot that is in memory. The whole record is checked here, and the GIL is released meanwhile.

        Args:
            data: the archive, bare or in a ``pbz?`` container. It is copied unless it is `bytes`.
            providers: where files come from that the snapshot names, in this order. None means this machine's own
                files, which count only if their UUID fits; ``()`` means that no file is opened. They are kept: bytes of
                images are asked for when they are needed.
            limits: upper bounds for what the input may ask for.
            lenient: drop records that are broken and list them in `warnings`, instead of raising.
            mode: "copy" reads files instead of mapping them, so that nothing done to them later can hurt.

        Raises:
            ArchiveError: the archive or its container is not well formed, or its checksum is wrong (unless lenient), or
                it holds no ``process.plist``.
            PlistError: the property list is not well formed.
            SchemaError: a key is missing, or has the wrong type or an impossible value; `key_path` names it.
            LimitExceededError: the input asks for more than `limits` allows.
            TypeError: `data` is no buffer, or a provider returned something that is no bytes, path or None.
            ValueError: `mode` is another word.

        What a provider raises passes through; of a broken atlas, a note names the provider that gave it.
        """

    @classmethod
    def open(
        cls,
        path: _StrPath,
        /,
        *,
        providers: Sequence[Provider] | None = None,
        limits: Limits | None = None,
        lenient: bool = False,
        mode: Literal["map", "copy"] = "map",
    ) -> Self:
        """Open the file of a snapshot. Options and errors are those of `from_bytes`.

        Raises:
            OSError: the operating system refuses the file; `filename` is set.
        """

    @classmethod
    def from_core(
        cls,
        path: _StrPath,
        /,
        *,
        providers: Sequence[Provider] | None = None,
        limits: Limits | None = None,
        lenient: bool = False,
        mode: Literal["map", "copy"] = "map",
    ) -> Self:
        """Open what a Mach-O core file holds of a process. Options are those of `from_bytes`.

        A core that was written full, or with its dirty pages, holds the snapshot that dyld published. Of any other the
        images come from dyld's own list, from the notes of LLDB or the kernel, and from headers in its memory; and
        what could not be known then is said in `warnings`; `pid` is 0.

        Raises:
            MachOError: the file is no core file, its load commands are broken, or it names no image.
            ArchiveError, PlistError, SchemaError, LimitExceededError: what dyld had published is broken.
            OSError: the operating system refuses the file; `filename` is set.
        """

    @property
    def pid(self) -> int:
        """The number of the process (key ``proc``)."""

    @property
    def platform(self) -> Platform:
        """What the process was built for (``plat``). 0 for a process that has not started."""

    @property
    def state(self) -> ProcessState:
        """How far dyld had come (``stat``)."""

    @property
    def timestamp(self) -> int:
        """``mach_absolute_time`` of the last change (``time``): ticks since boot, not a date. 1 if scavenged."""

    @property
    def initial_image_count(self) -> int | None:
        """How many images were there at launch (``init``); None where the record does not say."""

    @property
    def flags(self) -> SnapshotFlags:
        """Facts about the process (``flags``, and ``flag`` as dyld itself writes it); 0 where the record has none."""

    @property
    def page_size(self) -> int:
        """Bytes in a page: 4096 or 16384, from the flags."""

    @property
    def pointer_size(self) -> int:
        """Bytes in a pointer: 4 or 8, from the flags."""

    @property
    def environment(self) -> Environment | None:
        """dyld's path variables (``envp``); None where the record has none."""

    @property
    def metrics(self) -> Mapping[str, int] | None:
        """dyld's launch metrics (``metr``), by the format's own four-letter keys; None where there are none."""

    @property
    def images(self) -> ImageList:
        """Own images and the used images of the cache, merged by address as the original does."""

    @property
    def aot_images(self) -> Sequence[AOTImage] | None:
        """The files that Rosetta translated ahead of time (``aots``); None for a process without Rosetta."""

    @property
    def shared_cache_record(self) -> SharedCacheRecord | None:
        """What the process says of its cache (``dsc1``), whether the cache was found or not."""

    @property
    def shared_cache(self) -> SharedCache | None:
        """The cache, if its atlas was found."""

    @property
    def warnings(self) -> Sequence[str]:
        """What lenient opening dropped or passed over, each with its place, and that the shared cache was not found."""

    @property
    def unknown_keys(self) -> Mapping[str, object]:
        """The keys of ``process.plist`` that this version does not know, with their values as `plist_loads` gives them.

        A newer dyld may write more than this version reads; it is not lost. Values of unknown keys are not checked when
        a snapshot is opened: one that is not well formed, or exceeds the limits, stands as a text
        ``<unreadable: ...>`` that says why. A key that is no string stands as its kind, such as ``<integer 9>``.
        """

    def resolve(self, address: RebasedAddress | PlainInt, /) -> Location | None:
        """The image and segment at an address of the process; None where there is none.

        >>> snapshot = Snapshot.open("examples/calculator.aar")
        >>> place = snapshot.resolve(0x191F50010)
        >>> place.image.name, place.segment.name, place.offset
        ('CoreGraphics', '__TEXT', 16)
        """

    def read(self, address: RebasedAddress | PlainInt, size: int, /) -> bytes:
        """Bytes at an address of the process, as they are in the files: of the cache, and of its own images.

        A file comes from the providers' `file`; without providers it is the one on this machine. Only a file with the
        UUID of the image is used. The bytes are not those of the living process: what dyld writes, above all rebased
        pointers, is not in them; `SharedCache.read` can rebase those of the cache.

        Raises:
            MissingDataError: the file is not to be had; `identifier` names it.
            UnmappedAddressError: no image lies there; `address` is the first one without bytes.
            MachOError, CacheError: the file is not well formed, or shorter than its headers say.
            TypeError: `address` is a PreferredAddress or a Slide.
        """

    def to_bytes(self, *, codec: str | None = None) -> bytes:
        """The snapshot as an archive again, with the cache's record embedded, so that it stands alone.

        Entries are copied byte for byte, also those that this version does not know, and stamped with a new checksum.

        Args:
            codec: inside a container, compressed with "lzfse", "lz4", "zlib", "lzma", "lzbitmap" or "none"; bare if
                None.

        Raises:
            ValueError: there is no such codec.
            ArchiveError: an entry has extended attributes that are malformed. Nothing but copying looks at them.

        >>> snapshot = Snapshot.open("examples/calculator.aar")
        >>> len(Snapshot.from_bytes(snapshot.to_bytes(codec="lzfse"), providers=()).images)
        584
        """

    def to_dict(self) -> dict[str, object]:
        """The snapshot as plain values that JSON can hold, made in one pass: the fastest way to read everything.

        Addresses and slides are int, UUIDs upper-case text, data hexadecimal text; what is absent is None. The keys:

        * pid, platform, platform_name, state, state_name, timestamp, initial_image_count, flags, page_size,
          pointer_size;
        * environment: by ``DYLD_`` name, or None; metrics: by four-letter key, or None;
        * images: name, uuid, install_name, file_path, address, preferred_load_address, slide, in_shared_cache,
          segments: name, address, preferred_load_address, vm_size, file_size, file_offset, permissions;
        * aot_images: x86_address, aot_address, aot_size, image_key; or None;
        * shared_cache_record: uuid, address, file_path, used_images (indices), aot_uuid, aot_address; or None;
        * shared_cache: uuid, address, preferred_load_address, slide, vm_size, pointer_size, raw_pointer_size,
          architecture, platform, mapped_private, image_count, subcaches (name, uuid, vm_offset, vm_size, file_size,
          file_path, preferred_load_address, mappings: name, preferred_load_address, size, file_offset, max_protection),
          aot_uuid, aot_address, local_symbols_path, local_symbols_uuid, warnings; or None;
        * warnings; unknown_keys (as `Snapshot.unknown_keys`).

        What a newer dyld writes elsewhere is in a further key unknown_keys of the record that has it: of an image, a
        segment, the environment, an aot_image, the shared_cache_record, the shared_cache, a subcache, a mapping.
        Records without such keys have none.

        >>> record = Snapshot.open("examples/calculator.aar").to_dict()
        >>> record["pid"], record["platform_name"], len(record["images"])
        (4711, 'MACOS', 584)
        """

    def __reduce__(self) -> tuple[object, ...]: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class AOTImage:
    """A file that Rosetta translated ahead of time."""

    @property
    def x86_address(self) -> RebasedAddress:
        """Where the original lies (``xadr``)."""

    @property
    def aot_address(self) -> RebasedAddress:
        """Where the translation lies (``aadr``)."""

    @property
    def aot_size(self) -> int:
        """Bytes of the translation (``asze``)."""

    @property
    def image_key(self) -> bytes:
        """Rosetta's key of the translation (``ikey``), 32 bytes."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class Environment:
    """dyld's path variables at launch."""

    @property
    def root_path(self) -> str | None:
        """``DYLD_ROOT_PATH``: of a simulator, the folder of its system (``root``)."""

    @property
    def variables(self) -> Mapping[str, str]:
        """Every path variable that the record has, by its ``DYLD_`` name."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class SnapshotDiff:
    """What changed from one snapshot to another."""

    @property
    def loaded(self) -> Sequence[Image]:
        """Images that only the new snapshot has."""

    @property
    def unloaded(self) -> Sequence[Image]:
        """Images that only the old snapshot has."""

    @property
    def moved(self) -> Sequence[tuple[Image, Image]]:
        """Files that both have, at different addresses: the old image and the new one."""

    def named(self, name: str, /) -> SnapshotDiff:
        """The same for images of one name alone: their whole install name or path, or the last component of either.

        >>> earlier = Snapshot.open("examples/calculator-at-launch.aar")
        >>> changes = diff(earlier, Snapshot.open("examples/calculator.aar"))
        >>> len(changes.named("libSystem.B.dylib").loaded), bool(changes.named("HeavyKit"))
        (0, False)
        """

    def explain(self, name: str, /) -> str:
        """What became of the images of a name, as in `named`, in one line of text: for messages, not for programs.

        Says of each whether it was loaded, unloaded, moved or is unchanged, at which address, with its path and UUID.

        >>> earlier = Snapshot.open("examples/calculator-at-launch.aar")
        >>> diff(earlier, Snapshot.open("examples/calculator.aar")).explain("HeavyKit")
        'HeavyKit: in neither snapshot'
        """

    def __bool__(self) -> bool: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

def diff(old: Snapshot, new: Snapshot, /) -> SnapshotDiff:
    """What changed from `old` to `new`, by UUID (by path where there is none) and address. O(n + d log d).

    >>> earlier = Snapshot.open("examples/calculator-at-launch.aar")
    >>> changes = diff(earlier, Snapshot.open("examples/calculator.aar"))
    >>> len(changes.loaded), len(changes.unloaded), len(changes.moved)
    (91, 0, 0)
    """
