"""What lies in the files: sections of images, pointers of a cache.

A part of the stub of the compiled module; there is no module of this name. See _native.pyi.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, Self, final, overload

from ._native_images import ColumnBuffer
from .addresses import PreferredAddress, RebasedAddress, Slide

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
