"""Images, their segments, and whole lists of them as columns.

A part of the stub of the compiled module; there is no module of this name. See _native.pyi.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Generic, Literal, Protocol, Self, TypeAlias, TypeVar, final, overload
from uuid import UUID

from typing_extensions import Buffer

from ._native_cache import SharedCache
from ._native_memory import Section
from ._native_options import FileIdentifier
from .addresses import PlainInt, PreferredAddress, RebasedAddress, Slide
from .enums import Permissions

_Item = TypeVar("_Item", covariant=True)

class _Array(Protocol):
    """An array of numpy, of which type checkers know only since Python 3.12 that it is a buffer."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...

_Numbers: TypeAlias = Buffer | _Array
_Indices = TypeVar("_Indices", bound=Buffer | _Array)

@final
class ImageList(Sequence[Image]):
    """The images of a snapshot or a cache: a sequence in which nothing is made until it is asked for, and then once.

    The same image is the same object, however it is found, as long as the list lives.
    """

    def at(self, address: RebasedAddress | PlainInt, /) -> Image | None:
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

        Images of a cache whose files are at hand are found by their other paths, too, by the whole of them: see
        `SharedCache.aliases`.

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
    """A read-only array: a buffer for numpy and memoryview, which copy nothing; items by index and by iteration."""

    def __iter__(self) -> Iterator[_Item]: ...
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
        """The end of the highest segment in the process: uint64, shape (n,); 0 if there is none.

        For images of a cache whose files with the segments are missing, the end of their text, where the cache says it.
        """

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
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

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
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

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

    __match_args__: ClassVar[tuple[Literal["name"], Literal["address"]]] = ("name", "address")
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
    def vm_size(self) -> int:
        """Bytes of memory that the segments take.

        Of an image of a cache without ``__LINKEDIT``, which all of its images share.
        """

    @property
    def segments(self) -> Sequence[Segment]:
        """The segments (``segs``), in the order of the record; empty where the record has none."""

    @property
    def sections(self) -> Sequence[Section]:
        """The sections of all segments, in the order of the load commands.

        Raises:
            MissingDataError: the file is not to be had; `identifier` names it.
            MachOError: its load commands are not well formed.
        """

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

    __match_args__: ClassVar[tuple[Literal["name"], Literal["address"], Literal["vm_size"]]] = (
        "name",
        "address",
        "vm_size",
    )
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

    @property
    def sections(self) -> Sequence[Section]:
        """The sections that the load commands of the image put into this segment. Raises as `Image.sections`."""

    def data(self) -> memoryview:
        """`vm_size` bytes, read-only, zero past `file_size`, and not copied where the platform can map them.

        They are the bytes of the file: of an image of the cache, those of the cache's files, of another those of the
        Mach-O file with the image's UUID. What dyld writes into the memory of the process, is not in them.

        Raises:
            MissingDataError: the file is not to be had; `identifier` names it.
            UnmappedAddressError: the segment lies outside of what the cache maps; or in a file of the cache that is
                missing, if no atlas says what that file has.
            MachOError, CacheError: the file is not well formed, or shorter than its headers say.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
    def __reduce__(self) -> tuple[object, ...]: ...

@final
class Location:
    """What lies at an address."""

    __match_args__: ClassVar[tuple[Literal["image"], Literal["segment"], Literal["offset"]]] = (
        "image",
        "segment",
        "offset",
    )
    @property
    def image(self) -> Image:
        """The image."""

    @property
    def segment(self) -> Segment | None:
        """The segment; None where its file is missing, and only the cache's tables say where the image lies."""

    @property
    def section(self) -> Section | None:
        """The section; None where no section covers the address. Looked up when asked for.

        Raises:
            MissingDataError: the file with the load commands of the image is not to be had.
            MachOError: they are not well formed.
        """

    @property
    def offset(self) -> int:
        """Bytes from the address of the image; negative for a segment that lies below it."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
