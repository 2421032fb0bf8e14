"""The compiled part of dyld_atlas. Import its names from ``dyld_atlas`` and ``dyld_atlas.formats``.

Everything here is immutable but :class:`ArchiveWriter`, and may be used from many threads at once. What a property says
was checked when the record was opened: a property costs no I/O and does not fail.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal, Protocol, Self, TypeAlias, TypeVar, final, overload
from uuid import UUID

from typing_extensions import Buffer

from .addresses import PreferredAddress, RebasedAddress, Slide
from .enums import Permissions, Platform, ProcessState, SnapshotFlags
from .providers import Provider

_StrPath: TypeAlias = str | os.PathLike[str]
_Item = TypeVar("_Item", covariant=True)

class _Array(Protocol):
    """An array of numpy, of which type checkers know only since Python 3.12 that it is a buffer."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...

_Numbers: TypeAlias = Buffer | _Array
_Indices = TypeVar("_Indices", bound=Buffer | _Array)

# ---------------------------------------------------------------- options
@final
class Limits:
    """Upper bounds for untrusted input; a breach raises LimitExceededError before memory is spent.

    >>> Snapshot.open("examples/calculator.aar", limits=Limits(decoded_bytes=1000))
    Traceback (most recent call last):
      ...
    dyld_atlas.errors.LimitExceededError: ...
    """

    def __new__(cls, *, decoded_bytes: int = 1073741824, images: int = 1048576, depth: int = 512) -> Self:
        """Make limits.

        Args:
            decoded_bytes: most bytes that a compressed container may decode to, and most bytes of text and data that
                one property list may yield as Python objects. 1 GiB by default.
            images: most images in one record. 2**20 by default; the largest real caches hold about 4 000.
            depth: deepest nesting of a property list that is turned into Python objects. 512 by default.
        """

    @property
    def decoded_bytes(self) -> int:
        """Most bytes that a compressed container may decode to, and most bytes that one property list may yield."""

    @property
    def images(self) -> int:
        """Most images in one record."""

    @property
    def depth(self) -> int:
        """Deepest nesting of a property list."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class FileIdentifier:
    """What names a file: a UUID, a path, or both, as dyld names the file behind an image or a cache.

    >>> from dyld_atlas import FileIdentifier
    >>> FileIdentifier(path="/usr/lib/dyld").path
    '/usr/lib/dyld'
    """

    def __new__(cls, *, uuid: UUID | str | bytes | None = None, path: str | None = None) -> Self: ...
    @property
    def uuid(self) -> UUID | None:
        """The UUID of the Mach-O file or the cache."""

    @property
    def path(self) -> str | None:
        """The path on the machine that the record came from. It says nothing about this machine."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

# --------------------------------------------------------------- snapshot
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
                files, which count only if their UUID fits; ``()`` means that no file is opened.
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

        A newer dyld may write more than this version reads; it is not lost.

        Raises:
            PlistError: a value is not well formed. Values of unknown keys are not checked when a snapshot is opened.
        """

    def resolve(self, address: RebasedAddress | int, /) -> Location | None:
        """The image and segment at an address of the process; None where there is none.

        >>> snapshot = Snapshot.open("examples/calculator.aar")
        >>> place = snapshot.resolve(0x191F50010)
        >>> place.image.name, place.segment.name, place.offset
        ('CoreGraphics', '__TEXT', 16)
        """

    def to_bytes(self, *, codec: str | None = None) -> bytes:
        """The snapshot as an archive again, with the cache's record embedded, so that it stands alone.

        Entries are copied byte for byte, also those that this version does not know, and stamped with a new checksum.

        Args:
            codec: inside a container, compressed with "lzfse", "lz4", "zlib", "lzma", "lzbitmap" or "none"; bare if
                None.

        Raises:
            ValueError: there is no such codec.

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
        * warnings; unknown_keys.

        >>> record = Snapshot.open("examples/calculator.aar").to_dict()
        >>> record["pid"], record["platform_name"], len(record["images"])
        (4711, 'MACOS', 584)
        """

    def __reduce__(self) -> tuple[object, ...]: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class ImageList(Sequence[Image]):
    """The images of a snapshot or a cache: a sequence in which nothing is made until it is asked for, and then once.

    The same image is the same object, however it is found, as long as the list lives.
    """

    def at(self, address: RebasedAddress | int, /) -> Image | None:
        """The image one of whose segments holds the address; None where there is none.

        The ``__LINKEDIT`` that the images of a cache share belongs to none of them. O(log n).

        >>> images = Snapshot.open("examples/calculator.aar").images
        >>> images.at(0x191F50010).name
        'CoreGraphics'
        >>> images.at(0) is None
        True
        """

    def by_uuid(self, uuid: UUID | str | bytes, /) -> Image:
        """The first image with the UUID.

        Raises:
            KeyError: there is none.
            ValueError: `uuid` is no UUID.
        """

    def by_name(self, name: str, /) -> Image:
        """The first image whose install name or file path is `name`, or ends in it as its last component.

        >>> Snapshot.open("examples/calculator.aar").images.by_name("AppKit").install_name
        '/System/Library/Frameworks/AppKit.framework/Versions/C/AppKit'

        Raises:
            KeyError: there is none; the message names an image whose name begins like that, if there is one.
        """

    @property
    def outside_cache(self) -> Sequence[Image]:
        """The images that do not lie in the shared cache, in the order of the list.

        >>> [image.name for image in Snapshot.open("examples/calculator.aar").images.outside_cache][:2]
        ['Calculator', 'dyld']
        """

    def columns(self) -> ImageColumns:
        """The whole list as arrays, without an object per image.

        >>> columns = Snapshot.open("examples/calculator.aar").images.columns()
        >>> memoryview(columns.uuid).shape, hex(memoryview(columns.address)[0])
        ((584, 16), '0x102ec4000')
        """

    def segment_columns(self) -> SegmentColumns:
        """The segments of all images as arrays, image after image."""

    @overload
    def indices_at(self, addresses: _Numbers, /, *, out: None = None) -> ColumnBuffer[int]:
        """The index of the image at each of many addresses, as `at` finds it; the GIL is released.

        Args:
            addresses: a buffer of uint64, of one dimension. Contiguous memory is read in place, other memory is copied.
                If another thread writes to it meanwhile, it is open which addresses are looked up.
            out: a writable, contiguous buffer of as many int32, filled and returned; a new one if None.

        Returns:
            int32 indices into this list; -1 where there is no image.

        Raises:
            TypeError, ValueError: a buffer has another item type, length or number of dimensions.
            BufferError: `out` is read-only or not contiguous.

        >>> from array import array
        >>> images = Snapshot.open("examples/calculator.aar").images
        >>> memoryview(images.indices_at(array("Q", [0x102EC4000, 0]))).tolist()
        [0, -1]
        """

    @overload
    def indices_at(self, addresses: _Numbers, /, *, out: _Indices) -> _Indices: ...

    @overload
    def __getitem__(self, index: int, /) -> Image: ...
    @overload
    def __getitem__(self, index: slice, /) -> Sequence[Image]: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Image]: ...
    def __reversed__(self) -> Iterator[Image]: ...
    def __contains__(self, value: object, /) -> bool: ...
    def index(self, value: object, start: int = ..., stop: int = ..., /) -> int: ...
    def count(self, value: object, /) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class ColumnBuffer(Generic[_Item]):
    """A read-only array: a buffer for numpy and memoryview, which copy nothing, and a plain sequence for the rest."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> _Item: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class ImageColumns:
    """A list of images as arrays, row by row as in the list.

    Each array is a read-only buffer; ``memoryview(x)`` and ``numpy.asarray(x)`` copy nothing and keep it alive.
    """

    @property
    def address(self) -> ColumnBuffer[int]:
        """Where each image lies: uint64, shape (n,)."""

    @property
    def preferred_load_address(self) -> ColumnBuffer[int]:
        """Unslid addresses: uint64, shape (n,); 0 where the record has none."""

    @property
    def vm_end(self) -> ColumnBuffer[int]:
        """The end of the highest segment in the process: uint64, shape (n,); 0 if there is none."""

    @property
    def uuid(self) -> ColumnBuffer[bytes]:
        """UUIDs: uint8, shape (n, 16); all zero where there is none."""

    @property
    def install_name(self) -> Sequence[str | None]:
        """Install names, made when asked for."""

    @property
    def file_path(self) -> Sequence[str | None]:
        """File paths, made when asked for."""

    def __len__(self) -> int: ...

@final
class SegmentColumns:
    """The segments of a list of images as arrays. Each is a read-only buffer, as in `ImageColumns`."""

    @property
    def image_index(self) -> ColumnBuffer[int]:
        """The row of the image in its list: int32, shape (n,)."""

    @property
    def address(self) -> ColumnBuffer[int]:
        """Where each segment lies in the process: uint64, shape (n,)."""

    @property
    def vm_size(self) -> ColumnBuffer[int]:
        """Bytes in memory: uint64, shape (n,)."""

    @property
    def file_size(self) -> ColumnBuffer[int]:
        """Bytes in the file: uint64, shape (n,)."""

    @property
    def permissions(self) -> ColumnBuffer[int]:
        """VM_PROT_* bits: uint8, shape (n,)."""

    @property
    def name(self) -> Sequence[str]:
        """Names, made when asked for."""

    def __len__(self) -> int: ...

@final
class Image:
    """A Mach-O file as it is loaded. Equal and hashed as a load: the same file at the same address.

    The same file is the one with the same UUID, or with the same path where there is no UUID; see `same_file`.

    >>> image = Snapshot.open("examples/calculator.aar").images.by_name("CoreGraphics")
    >>> image.address, image.slide
    (RebasedAddress(0x191f50000), Slide(0xa2cc000))
    >>> image.address == image.preferred_load_address + image.slide
    True
    >>> image.segment("__TEXT").vm_size
    2834432
    """

    __match_args__: ClassVar[tuple[str, str]] = ("name", "address")
    @property
    def uuid(self) -> UUID | None:
        """The Mach-O UUID (``uuid``)."""

    @property
    def install_name(self) -> str | None:
        """Where programs expect the file (``name``)."""

    @property
    def file_path(self) -> str | None:
        """Where the file lies on the process's machine (``file``); None for images of the shared cache."""

    @property
    def name(self) -> str:
        """The last component of the install name, else of the path, else ""."""

    @property
    def identifier(self) -> FileIdentifier:
        """What names the file: compare this to compare files rather than loads."""

    @property
    def address(self) -> RebasedAddress:
        """Where the image lies in the process (``addr``, or the preferred address plus the slide of the cache)."""

    @property
    def preferred_load_address(self) -> PreferredAddress:
        """Where it was linked to lie (``padr``); 0 where the record has none."""

    @property
    def slide(self) -> Slide:
        """address - preferred_load_address, modulo 2**64."""

    @property
    def pointer_size(self) -> int:
        """Bytes in a pointer: 4 or 8."""

    @property
    def segments(self) -> Sequence[Segment]:
        """The segments (``segs``), in the order of the record; empty where the record has none."""

    @property
    def shared_cache(self) -> SharedCache | None:
        """The cache that the image lies in; None for a file of its own."""

    @property
    def is_in_shared_cache(self) -> bool:
        """Whether the image lies in the shared cache."""

    def same_file(self, other: Image, /) -> bool:
        """Whether both are the same file, at whatever addresses: by UUID, or by path where there is no UUID."""

    def segment(self, name: str, /) -> Segment:
        """The first segment of that name, such as ``__TEXT``.

        Raises:
            KeyError: there is none.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
    def __reduce__(self) -> tuple[object, ...]: ...

@final
class Segment:
    """A part of an image that is mapped as one. Equal where the image is the same load and all values are the same.

    >>> segment = Snapshot.open("examples/calculator.aar").images[0].segments[0]
    >>> segment.name, str(segment.permissions)
    ('__TEXT', 'r-x')
    """

    __match_args__: ClassVar[tuple[str, str, str]] = ("name", "address", "vm_size")
    @property
    def name(self) -> str:
        """Such as ``__TEXT`` (``name``)."""

    @property
    def address(self) -> RebasedAddress:
        """Where it lies in the process: the preferred address plus the slide of the image."""

    @property
    def preferred_load_address(self) -> PreferredAddress:
        """Where it was linked to lie (``padr``)."""

    @property
    def slide(self) -> Slide:
        """address - preferred_load_address, modulo 2**64: the slide of the image."""

    @property
    def vm_size(self) -> int:
        """Bytes in memory (``size``)."""

    @property
    def file_size(self) -> int:
        """Bytes in the file (``fsze``); the rest of the segment is zero."""

    @property
    def file_offset(self) -> int | None:
        """Bytes from the start of the file (``foff``); None where the record does not say."""

    @property
    def permissions(self) -> Permissions:
        """What it may be used for at first (``perm``)."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
    def __reduce__(self) -> tuple[object, ...]: ...

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

# ----------------------------------------------------------- shared cache
@final
class SharedCacheRecord:
    """What a process says of its shared cache."""

    @property
    def uuid(self) -> UUID:
        """The UUID of the cache (``uuid``)."""

    @property
    def address(self) -> RebasedAddress:
        """Where the cache lies in the process (``addr``)."""

    @property
    def file_path(self) -> str:
        """The main file on the process's machine (``file``)."""

    @property
    def used_images(self) -> Sequence[bool]:
        """Which images of the cache are loaded (``bitm``), by index. Its length is a multiple of 8."""

    @property
    def aot_uuid(self) -> UUID | None:
        """The UUID of Rosetta's translated cache (``auid``)."""

    @property
    def aot_address(self) -> RebasedAddress | None:
        """Where that lies (``aadr``)."""

@final
class SharedCache:
    """A dyld shared cache, as its atlas describes it.

    >>> cache = Snapshot.open("examples/calculator.aar").shared_cache
    >>> len(cache.images), cache.slide, [file.name for file in cache.subcaches][:2]
    (797, Slide(0xa2cc000), ['dyld_shared_cache_arm64e', 'dyld_shared_cache_arm64e.01'])
    """

    @property
    def uuid(self) -> UUID:
        """The UUID of the cache (``uuid``)."""

    @property
    def address(self) -> RebasedAddress:
        """Where the cache lies in the process; outside of a process, its preferred address."""

    @property
    def preferred_load_address(self) -> PreferredAddress:
        """Where the builder placed it (``padr``)."""

    @property
    def slide(self) -> Slide:
        """address - preferred_load_address, modulo 2**64."""

    @property
    def vm_size(self) -> int:
        """Bytes of address space (``size``)."""

    @property
    def pointer_size(self) -> int:
        """Bytes in a pointer: 4 or 8. From the snapshot's flags: ``psze`` of Apple's own atlases is inverted."""

    @property
    def raw_pointer_size(self) -> int:
        """``psze`` as the record has it: 4 for 64-bit caches that Apple's builder described."""

    @property
    def architecture(self) -> str:
        """Such as ``arm64e``, from the name of the main file."""

    @property
    def platform(self) -> Platform | None:
        """What the cache is for; None where nothing says it, as in a record."""

    @property
    def mapped_private(self) -> bool:
        """Whether the process maps its own copy instead of the region that all processes share."""

    @property
    def images(self) -> ImageList:
        """Every image in the cache, in the order of the cache, whether the process uses it or not."""

    @property
    def subcaches(self) -> Sequence[SubCache]:
        """The files that make up the cache (``dscs``), the main file first."""

    @property
    def file_paths(self) -> Sequence[str]:
        """The paths of these files on the process's machine."""

    @property
    def missing_files(self) -> Sequence[str]:
        """Names of files that the cache needs and that are not there; empty where no file was looked for."""

    @property
    def aot_uuid(self) -> UUID | None:
        """The UUID of Rosetta's translated cache."""

    @property
    def aot_address(self) -> RebasedAddress | None:
        """Where that lies in the process."""

    @property
    def local_symbols_path(self) -> str | None:
        """The path of the ``.symbols`` file on the process's machine (``snme``)."""

    @property
    def local_symbols_uuid(self) -> UUID | None:
        """Its UUID (``suid``)."""

    @property
    def warnings(self) -> Sequence[str]:
        """What was passed over while reading the record."""

    def mappings(self) -> Sequence[Mapping_]:
        """The mappings of all files but ``.symbols``."""

    def resolve(self, address: PreferredAddress | int, /) -> Location | None:
        """The image and segment at an unslid address of the cache; None where there is none.

        >>> cache = Snapshot.open("examples/calculator.aar").shared_cache
        >>> image = cache.images[0]
        >>> cache.resolve(image.preferred_load_address + 4).offset
        4
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class SubCache:
    """One file of a shared cache."""

    @property
    def name(self) -> str:
        """The name of the file (``name``).

        Records that give a suffix only, as dyld's scavenger wrote up to dyld-1340, are completed.
        """

    @property
    def uuid(self) -> UUID:
        """Its UUID (``uuid``)."""

    @property
    def vm_offset(self) -> int:
        """Bytes from the start of the cache to the start of the file, in memory (``voff``)."""

    @property
    def vm_size(self) -> int:
        """Bytes in memory (``size``)."""

    @property
    def file_size(self) -> int:
        """Bytes on disk (``fsze``)."""

    @property
    def file_path(self) -> str:
        """The path of the file on the process's machine: beside the main file."""

    @property
    def preferred_load_address(self) -> PreferredAddress:
        """Unslid address of its first byte (``padr``)."""

    @property
    def mappings(self) -> Sequence[Mapping_]:
        """What of the file is mapped where (``maps``)."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Mapping_:
    """A range of a cache file and where it is mapped. Public as ``dyld_atlas.Mapping``."""

    @property
    def name(self) -> str:
        """By dyld's rule for records, which do not tell ``__DATA_CONST`` or ``__AUTH`` apart.

        ``__TEXT`` where it may be executed, else ``__DATA`` where it may be written, else ``__LINKEDIT``.
        """

    @property
    def preferred_load_address(self) -> PreferredAddress:
        """Unslid address (``padr``)."""

    @property
    def size(self) -> int:
        """Bytes (``size``)."""

    @property
    def file_offset(self) -> int:
        """Bytes from the start of the file (``foff``)."""

    @property
    def max_protection(self) -> Permissions:
        """What it may ever be used for (``prot``)."""

    @property
    def file_path(self) -> str:
        """The file, on the process's machine."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

# ----------------------------------------------------------------- places
@final
class Location:
    """What lies at an address."""

    __match_args__: ClassVar[tuple[str, str, str]] = ("image", "segment", "offset")
    @property
    def image(self) -> Image:
        """The image."""

    @property
    def segment(self) -> Segment | None:
        """The segment."""

    @property
    def offset(self) -> int:
        """Bytes from the address of the image; negative for a segment that lies below it."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

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

    def __bool__(self) -> bool: ...

def diff(old: Snapshot, new: Snapshot, /) -> SnapshotDiff:
    """What changed from `old` to `new`, by UUID (by path where there is none) and address. O(n + d log d).

    >>> earlier = Snapshot.open("examples/calculator-at-launch.aar")
    >>> changes = diff(earlier, Snapshot.open("examples/calculator.aar"))
    >>> len(changes.loaded), len(changes.unloaded), len(changes.moved)
    (91, 0, 0)
    """

# ---------------------------------------------------------------- formats
@final
class ArchiveEntry:
    """A record of an archive."""

    @property
    def path(self) -> str:
        """The path (``PAT``) as it stands; "" where there is none. Undecodable bytes survive by surrogateescape."""

    @property
    def kind(self) -> str:
        """The letter of ``TYP``: F file, D directory, L symbolic link, M metadata; "" where there is none."""

    @property
    def size(self) -> int:
        """Bytes of the data blob (``DAT``); 0 where there is none."""

    @property
    def link_target(self) -> str | None:
        """Where a symbolic link leads (``LNK``), as it stands."""

    @property
    def fields(self) -> Mapping[str, object]:
        """Every field by its three-letter key, the first of a repeated one.

        An unsigned integer as int, a string as str, a digest as bytes, a time as int nanoseconds since 1970, a blob as
        its size, a flag as True.
        """

    @property
    def checksum_ok(self) -> bool | None:
        """Whether the checksums of the entry are right; None where it carries none."""

    def data(self) -> memoryview:
        """The bytes of the data blob, read-only and not copied."""

@final
class Archive:
    """An Apple Archive (AA01, YAA1), also inside a ``pbz?`` container.

    A wrong checksum does not stop opening: see `checksum_ok`.

    >>> from dyld_atlas.formats import Archive
    >>> archive = Archive.open("examples/calculator.aar")
    >>> archive.codec, archive.checksum_ok, archive.entries[0].path
    ('lzfse', True, 'process.plist')
    >>> bytes(archive["process.plist"][:8])
    b'bplist00'
    """

    @classmethod
    def from_bytes(cls, data: Buffer, /, *, limits: Limits | None = None) -> Self:
        """Open an archive that is in memory; the GIL is released meanwhile.

        Raises:
            ArchiveError: it is not well formed.
            LimitExceededError: the container decodes to more than `limits` allows.
        """

    @classmethod
    def open(cls, path: _StrPath, /, *, limits: Limits | None = None) -> Self:
        """Open the file of an archive.

        Raises:
            OSError: the operating system refuses the file.
            ArchiveError, LimitExceededError: as `from_bytes`.
        """

    @property
    def codec(self) -> str | None:
        """How the container is compressed: "lzfse", "lz4", "zlib", "lzma", "lzbitmap" or "none"; None without one."""

    @property
    def checksum_ok(self) -> bool | None:
        """Whether every checksum is right; None where the archive carries none."""

    @property
    def entries(self) -> Sequence[ArchiveEntry]:
        """Every record, in the order of the archive, also those that no path leads to."""

    def __contains__(self, path: str, /) -> bool: ...
    def __getitem__(self, path: str, /) -> memoryview:
        """The data of the file that a path leads to, links followed; read-only and not copied.

        Raises:
            KeyError: no file is there.
        """

@final
class ArchiveWriter:
    """Writes an Apple Archive as dyld does: links first, each record stamped with its CRC-32C (dyld-1376 and later).

    >>> from dyld_atlas.formats import Archive, ArchiveWriter
    >>> writer = ArchiveWriter()
    >>> writer.add_file("hello.txt", b"hello")
    >>> bytes(Archive.from_bytes(writer.to_bytes(codec="zlib"))["hello.txt"])
    b'hello'
    """

    def __new__(cls) -> Self: ...
    def add_file(self, path: str, data: Buffer, /) -> None:
        """Add a file. The data is copied."""

    def add_link(self, path: str, target: str, /) -> None:
        """Add a symbolic link."""

    def to_bytes(self, *, codec: str | None = None) -> bytes:
        """The archive; with a codec (see `Archive.codec`) inside a container.

        Raises:
            ValueError: there is no such codec.
        """

def plist_loads(data: Buffer, /, *, limits: Limits | None = None) -> object:
    """A binary property list as Python objects, as ``plistlib.loads`` gives them.

    Of a repeated key the first value counts. Text that is no text survives: stray bytes of an ASCII-marked string by
    surrogateescape (it is read as UTF-8), lone surrogates as they are.

    Raises:
        PlistError: it is not well formed.
        LimitExceededError: it nests deeper, or yields more, than `limits` allows.

    >>> from dyld_atlas.formats import plist_dumps, plist_loads
    >>> plist_loads(plist_dumps({"key": [1, "two", b"three"]}))
    {'key': [1, 'two', b'three']}
    """

def plist_dumps(value: object, /) -> bytes:
    """A Python object as a binary property list. Equal scalars are written once, as dyld's own writer does.

    Raises:
        TypeError: a property list cannot hold a value of that type.
        OverflowError: an integer is out of range.
    """

@final
class MachOSlice:
    """The Mach-O file for one architecture."""

    @property
    def uuid(self) -> UUID | None:
        """``LC_UUID``."""

    @property
    def architecture(self) -> str:
        """Such as ``arm64e``, from the CPU type and subtype."""

    @property
    def file_type(self) -> int:
        """``MH_EXECUTE`` is 2, ``MH_CORE`` 4, ``MH_DYLIB`` 6, ``MH_DYLINKER`` 7, ``MH_BUNDLE`` 8."""

    @property
    def offset(self) -> int:
        """Bytes from the start of the file; 0 unless the file is universal."""

    @property
    def size(self) -> int:
        """Bytes of this slice."""

    @property
    def install_name(self) -> str | None:
        """``LC_ID_DYLIB``."""

    @property
    def segments(self) -> Sequence[tuple[str, int, int, int, int, int]]:
        """name, vmaddr, vmsize, fileoff, filesize, initprot of each."""

    @property
    def sections(self) -> Sequence[tuple[str, str, int, int, int]]:
        """segment, name, address, size, offset of each."""

@final
class MachO:
    """A Mach-O file, thin or universal. Only headers are read."""

    @classmethod
    def from_bytes(cls, data: Buffer, /) -> Self:
        """Read a file that is in memory.

        Raises:
            MachOError: it is not well formed.
        """

    @classmethod
    def open(cls, path: _StrPath, /) -> Self:
        """Read a file.

        Raises:
            OSError: the operating system refuses the file.
            MachOError: it is not well formed.
        """

    @property
    def slices(self) -> Sequence[MachOSlice]:
        """One for each architecture, in the order of the file."""
