"""The shared cache: what a process says of it, and what its record says.

A part of the stub of the compiled module; there is no module of this name. See _native.pyi.
"""

from collections.abc import Sequence
from typing import Self, final
from uuid import UUID

from ._native_images import ImageList, Location
from .addresses import PreferredAddress, RebasedAddress, Slide
from .enums import Permissions, Platform

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
