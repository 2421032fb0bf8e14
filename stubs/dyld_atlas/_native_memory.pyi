"""What lies in the files: sections of images, pointers, regions and tables of a cache.

A part of the stub of the compiled module; there is no module of this name. See _native.pyi.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, Self, final, overload

from ._native_images import ColumnBuffer
from .addresses import PreferredAddress, RebasedAddress, Slide
from .enums import Permissions

@final
class Section:
    """A part of a segment, from the load commands of the image. Equal where the image is the same load."""

    __match_args__: ClassVar[tuple[Literal["name"], Literal["address"], Literal["size"]]] = ("name", "address", "size")
    @property
    def segment_name(self) -> str:
        """The segment that the section says it is in, such as ``__TEXT``."""

    @property
    def name(self) -> str:
        """Such as ``__text``."""

    @property
    def address(self) -> RebasedAddress:
        """Where it lies in the process: the preferred address plus the slide of the image."""

    @property
    def preferred_load_address(self) -> PreferredAddress:
        """Where it was linked to lie."""

    @property
    def slide(self) -> Slide:
        """address - preferred_load_address, modulo 2**64: the slide of the image."""

    @property
    def size(self) -> int:
        """Bytes in memory."""

    @property
    def flags(self) -> int:
        """Type (the lowest 8 bits, ``S_ZEROFILL`` is 1) and attributes, as in ``<mach-o/loader.h>``."""

    def data(self) -> memoryview:
        """`size` bytes, read-only, zero where the file holds none, and not copied where the platform can map them.

        Raises:
            MissingDataError: the file is not to be had.
            UnmappedAddressError: it lies outside of what the cache maps: see `Segment.data`.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class Pointer:
    """A pointer in a shared cache, as the slide information describes it."""

    __match_args__: ClassVar[tuple[Literal["address"], Literal["target"], Literal["key"]]] = (
        "address",
        "target",
        "key",
    )
    @property
    def address(self) -> PreferredAddress:
        """Where the pointer lies, unslid."""

    @property
    def target(self) -> PreferredAddress:
        """What it points to, unslid, with what the pointer carries in its highest byte."""

    @property
    def key(self) -> Literal["IA", "IB", "DA", "DB"] | None:
        """The key that its authentication code is made with; None for a plain pointer."""

    @property
    def diversity(self) -> int:
        """The 16 bits that are mixed into the code; 0 for a plain pointer."""

    @property
    def address_diversity(self) -> bool:
        """Whether its own address is mixed in, too."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class PointerList(Sequence[Pointer]):
    """The pointers of a cache, as a sequence in which nothing is made until it is asked for."""

    @property
    def warnings(self) -> Sequence[str]:
        """Which pages were left, and why; empty unless broken chains were to be passed over."""

    def columns(self) -> PointerColumns:
        """The whole list as arrays, without an object per pointer."""

    @overload
    def __getitem__(self, index: int, /) -> Pointer: ...
    @overload
    def __getitem__(self, index: slice, /) -> Sequence[Pointer]: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Pointer]: ...
    def __reversed__(self) -> Iterator[Pointer]: ...
    def __contains__(self, value: object, /) -> bool: ...
    def index(self, value: object, start: int = ..., stop: int = ..., /) -> int: ...
    def count(self, value: object, /) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class PointerColumns:
    """The pointers of a cache as arrays. Each is a read-only buffer, as in `ImageColumns`."""

    @property
    def address(self) -> ColumnBuffer[int]:
        """Where each pointer lies, unslid: uint64, shape (n,)."""

    @property
    def target(self) -> ColumnBuffer[int]:
        """What each points to, unslid: uint64, shape (n,)."""

    @property
    def key(self) -> ColumnBuffer[int]:
        """uint8, shape (n,): 0 IA, 1 IB, 2 DA, 3 DB, as Apple numbers them; 255 for a plain pointer."""

    @property
    def diversity(self) -> ColumnBuffer[int]:
        """uint16, shape (n,)."""

    @property
    def address_diversity(self) -> ColumnBuffer[int]:
        """uint8, shape (n,): 1 where the pointer's own address is mixed in."""

    def __len__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class FunctionVariant:
    """A pointer that is set when a system starts, to the variant of a function that fits the system."""

    @property
    def fixup_location(self) -> PreferredAddress:
        """Where the pointer lies, unslid."""

    @property
    def variants_table(self) -> PreferredAddress:
        """Where the table of the variants lies, unslid."""

    @property
    def variants_table_size(self) -> int:
        """Bytes of that table."""

    @property
    def dylib_header(self) -> PreferredAddress:
        """Where the header of the library lies that has the variants, unslid."""

    @property
    def target_dylib(self) -> int:
        """The position of that library in the list of images of the main file."""

    @property
    def variant(self) -> int:
        """Which function of the table."""

    @property
    def key(self) -> Literal["IA", "IB", "DA", "DB"] | None:
        """The key that the pointer is signed with; None for a plain pointer."""

    @property
    def diversity(self) -> int:
        """The 16 bits that are mixed into the signature; 0 for a plain pointer."""

    @property
    def address_diversity(self) -> bool:
        """Whether the pointer's own address is mixed in, too."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class DynamicData:
    """What a running system says of its cache, from the memory that it fills when it starts."""

    @property
    def version(self) -> int:
        """Of the region: 0 to 3 so far."""

    @property
    def file_system(self) -> int:
        """``fsid_t`` of the file system that the main file lies in."""

    @property
    def file(self) -> int:
        """``fs_obj_id_t`` of the main file: its number in that file system."""

    @property
    def os_cryptex_path(self) -> str | None:
        """Where the cryptex with the system is mounted; since version 1."""

    @property
    def cache_path(self) -> str | None:
        """The path of the main file; since version 2."""

    @property
    def function_variant_flags(self) -> tuple[int, int] | None:
        """Which variants fit the system, and which the processor: 128 bits each; since version 3."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class MemoryRegion:
    """A region of the memory of a cache: whole pages that are protected in the same way. From `SharedCache`."""

    @property
    def address(self) -> RebasedAddress:
        """Where it begins in the process: the preferred address plus the slide asked for. A multiple of 4 KiB."""

    @property
    def preferred_load_address(self) -> PreferredAddress:
        """The same without slide."""

    @property
    def size(self) -> int:
        """Bytes, a multiple of 4 KiB."""

    @property
    def permissions(self) -> Permissions:
        """What it may be used for at first."""

    def data(self) -> memoryview:
        """`size` bytes as a process has them, pointers moved by the slide; zeros where nothing is mapped. A copy.

        Raises:
            CacheError: the slide information is not well formed, or a file was cut short.
            UnmappedAddressError: a file is shorter than its header says.
        """

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
