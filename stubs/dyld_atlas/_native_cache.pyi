"""The shared cache: what a process says of it, and what its record says.

A part of the stub of the compiled module; there is no module of this name. See _native.pyi.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Self, TypeAlias, final
from uuid import UUID

from typing_extensions import Buffer

from ._native_images import Image, ImageList, Location
from ._native_memory import DynamicData, FunctionVariant, MemoryRegion, PointerList
from .addresses import PlainInt, PreferredAddress, RebasedAddress, Slide
from .enums import MappingFlags, Permissions, Platform

_StrPath: TypeAlias = str | os.PathLike[str]

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
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class SharedCache:
    """A dyld shared cache: opened from its files, or as a snapshot describes it.

    A cache that was opened has its files at hand, and all of it works. That of a snapshot has its record, which lists
    files, images and segments; its files are looked for when something in them is asked for: with the snapshot's
    providers, else on this machine, and only a file with the right UUID is used.

    A SharedCache does not pickle: it stands for files of this machine. Pass the path, and open it again.

    >>> cache = Snapshot.open("examples/calculator.aar").shared_cache
    >>> len(cache.images), cache.slide, [file.name for file in cache.subcaches][:2]
    (797, Slide(0xa2cc000), ['dyld_shared_cache_arm64e', 'dyld_shared_cache_arm64e.01'])
    """

    @classmethod
    def open(
        cls,
        path: _StrPath,
        /,
        *,
        scavenge: bool = False,
        slide: Slide | PlainInt = 0,
        mode: Literal["map", "copy"] = "map",
    ) -> Self:
        """Open the cache whose main file is at `path`; all other files are found from its header, beside it, or where
        it is a link, beside the file that it leads to. The GIL is released.

        The record of images and segments comes from the ``.atlas`` beside the main file or inside of it; where there is
        none, or it cannot be used, from the headers of the files ("scavenged", see `record_origin`). A file that is
        missing, or has another UUID than the main file says, is named in `missing_files`; what the others hold can be
        read.

        Args:
            path: the main file, such as ``dyld_shared_cache_arm64e``.
            scavenge: read the headers, and ignore any atlas.
            slide: how far the cache is taken to be moved, modulo 2**64. It says where images and segments lie
                (`Image.address`), and changes no bytes: see `read`.
            mode: "map" maps the files: nothing is read before it is used. If another program cuts a mapped file short,
                reading the lost part ends this process. "copy" reads the files into memory, whole.

        Raises:
            OSError: the operating system refuses the main file; `filename` is set.
            CacheError: it is no main file of a shared cache, or is not well formed; `entry` names the file.
            TypeError: `slide` is an address.
            ValueError: `mode` is another word.
        """

    @classmethod
    def installed(cls, root: _StrPath = "/") -> list[SharedCache]:
        """The caches of the system below `root`, each UUID once.

        Looked for in the directories in which dyld looks (Preboot and OS cryptexes, ``/System/Library/dyld`` and the
        older ``/System/Library/Caches/com.apple.dyld``, DriverKit, ExclaveKit), and in those of simulators. What cannot
        be opened is left out, with a RuntimeWarning that says why.
        """

    @classmethod
    def find(cls, folder: _StrPath, /) -> list[SharedCache]:
        """Every cache in a tree of folders, wherever it was extracted to.

        One that lies there twice is found twice, since one of them may lack files that the other has.
        They come in the order of their names, those of a folder before those of folders in it. Links are not followed.
        What looks like a cache and cannot be opened is left out, with a RuntimeWarning that says why; folders below
        that cannot be read are passed by.

        Raises:
            OSError: `folder` cannot be read.
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
        """Bytes in a pointer: 4 or 8, from the images or the snapshot: ``psze`` of Apple's own atlases is inverted."""

    @property
    def raw_pointer_size(self) -> int:
        """``psze`` as the record has it: 4 for 64-bit caches that Apple's builder described."""

    @property
    def architecture(self) -> str:
        """Such as ``arm64e``, from the header; without one, from the name of the main file."""

    @property
    def platform(self) -> Platform | None:
        """What the cache is for; None where nothing says it: in a record, and in headers before iOS 12."""

    @property
    def os_version(self) -> str | None:
        """The system that the cache was built for, such as ``15.4.1``; None in records and in older headers."""

    @property
    def mapped_private(self) -> bool:
        """Whether the process maps its own copy instead of the region that all processes share."""

    @property
    def images(self) -> ImageList:
        """Every image in the cache, in the order of the cache, whether the process uses it or not."""

    @property
    def subcaches(self) -> Sequence[SubCache]:
        """The files that make up the cache (``dscs``), the main file first.

        Of a cache that was opened they are the files themselves: an atlas that lists others is believed about those
        that are missing alone, and `warnings` says so.
        """

    @property
    def file_paths(self) -> Sequence[str]:
        """The paths of these files: on this machine if the cache was opened, else on the process's.

        Bytes of a name that are no text are surrogates, as of `os.fsdecode`: `open` takes such a path.
        """

    @property
    def missing_files(self) -> Sequence[str]:
        """Names of files that the cache needs and that are not there; empty where no file was looked for.

        Everything else still works. A file counts as missing, too, if its UUID is not the one that the main file names;
        `warnings` then says so.
        """

    @property
    def aot_uuid(self) -> UUID | None:
        """The UUID of Rosetta's translated cache."""

    @property
    def aot_address(self) -> RebasedAddress | None:
        """Where that lies in the process."""

    @property
    def local_symbols_path(self) -> str | None:
        """The path of the ``.symbols`` file (``snme``), whether it is there or not; None where the cache has none."""

    @property
    def local_symbols_uuid(self) -> UUID | None:
        """Its UUID (``suid``)."""

    @property
    def warnings(self) -> Sequence[str]:
        """What was passed over while the record was read, and files that are not the ones that belong there."""

    @property
    def record_origin(self) -> Literal["provider", "atlas", "embedded", "scavenged"]:
        """Where the record of images and files comes from.

        "provider": a provider of the snapshot gave it; "atlas": the ``.atlas`` beside the main file; "embedded": it lay
        inside of the snapshot, or of the cache; "scavenged": it was made from the headers of the cache's files.
        """

    @property
    def header(self) -> Mapping[str, object]:
        """The header of the main file: ``dyld_cache_header``, by the names of its fields, spelt out, in snake case.

        Holds what this generation of header has and does not leave empty. Numbers are int, addresses are
        PreferredAddress, UUIDs are UUID, `magic` is str; ranges are (address or offset, size), tables (offset, count).
        `unknown_bytes` are those between the last field that is known and the mappings. Empty where the files of the
        cache were not opened.

        >>> cache.header["magic"], cache.header["max_slide"]  # doctest: +SKIP
        ('dyld_v1  arm64e', 268435456)
        """

    def aliases(self) -> Mapping[str, Image]:
        """Other paths by which programs find images, such as ``/usr/lib/libc.dylib``.

        They come from the trie of paths, and in caches from before there was one from the rows of the table of images
        that are no images of their own. A path that an image itself has is none. What of the trie
        is broken is left out, with a RuntimeWarning.

        Raises:
            CacheError: the trie does not lie where the header says, or a file was cut short.
            MissingDataError: the files are not to be had.
        """

    def mappings(self) -> Sequence[Mapping_]:
        """The mappings of all files but ``.symbols``, file by file."""

    def memory_map(self, *, slide: Slide | PlainInt | None = None) -> Sequence[MemoryRegion]:
        """The cache as an emulator maps it: regions of whole pages of 4 KiB, by their addresses.

        Mappings that follow each other at once and are protected in the same way are one region; so are those that
        share a page, with the permissions of all. Files that are missing are left out.

        Args:
            slide: where the process is taken to have the cache; `slide` of the cache unless given, so 0 for one that
                was opened without.

        Raises:
            MissingDataError: the files are not to be had.

        >>> cache = SharedCache.open("examples/cache/dyld_shared_cache_arm64e")
        >>> cache.memory_map(slide=0x4000)[0]
        <MemoryRegion 0x180004000 size=0x10000 r-x>
        """

    def local_symbols(self) -> memoryview | None:
        """The local symbols as they lie in the ``.symbols`` file, or in the main file before iOS 15; None without any.

        The block begins with ``dyld_cache_local_symbols_info``; offsets in it count from its start. Read-only, not
        copied.

        Raises:
            CacheError: the block does not lie in its file.
            MissingDataError: the cache is that of a snapshot, and its main file is not to be had.
        """

    def tpro_mappings(self) -> Sequence[tuple[PreferredAddress, int]]:
        """Memory that is writable only while dyld asks for it, each as (unslid address, size); since dyld-1231.

        Raises:
            CacheError: the table does not lie in its file.
            MissingDataError: the files are not to be had.
        """

    def prewarming(self) -> Sequence[tuple[PreferredAddress, int]]:
        """Memory worth reading early, each as (unslid address, size); since dyld-1284. Empty without the table.

        Raises:
            CacheError: the table does not lie where the header says, or is not of version 1.
            LimitExceededError: it has more than 2**20 rows.
            MissingDataError: the files are not to be had.
        """

    def function_variants(self) -> Sequence[FunctionVariant]:
        """Pointers that are set when a system starts, each to one of several variants of a function; since dyld-1284.

        The sequence is lazy. Errors are those of `prewarming`.
        """

    def dynamic_data(self, region: Buffer | None = None, /) -> DynamicData | None:
        """What a running system says of the cache, in the memory that it fills when it starts; None where it has not.

        That memory begins at `preferred_load_address` (in a process `address`) plus the first number of
        ``header["dynamic_data"]``, and may have as many bytes as the second one says.

        Args:
            region: its bytes, as read from a process. Without, those in the files, where a builder leaves no more than
                zeros: None for caches on disk.

        Raises:
            CacheError: the file that holds it was cut short.
            MissingDataError: the files are wanted, and not to be had.
        """

    def read(
        self, address: PreferredAddress | PlainInt, size: int, /, *, slide: Slide | PlainInt | None = None
    ) -> bytes:
        """Bytes at an unslid address, as they are in the file.

        Args:
            address: unslid, as in Mach-O headers and in `Image.preferred_load_address`.
            size: how many; they may cross from one mapping into another that follows at once.
            slide: give the bytes as a process sees them in whose address space the cache was moved so far: pointers are
                rebased, modulo 2**64. A pointer with an authentication code is given without the code, which nobody can
                know but that process.

        Raises:
            UnmappedAddressError: no file that is there is mapped there; `address` is the first one without bytes. Its
                `hint` names files that are missing.
            CacheError: pointers are wanted, and the slide information is not well formed; or a file was cut short.
            MissingDataError: the files of the cache are not to be had at all.
            TypeError: `address` is a RebasedAddress or a Slide.
        """

    def pointers(self, *, lenient: bool = False) -> PointerList:
        """Every pointer that dyld rebases, by the addresses of the mappings, and in each in the order of the chains.

        The GIL is released. Files that are missing are left out.

        Args:
            lenient: where a chain is broken, go on with the next page and say so in the list's `warnings`.

        Raises:
            CacheError: the slide information is not well formed (unless lenient); `entry` names the file.
            MissingDataError: the files are not to be had.
        """

    def pin(self) -> None:
        """Map the whole cache into one stretch of memory; counted, and shared by all users of the same files.

        Until as many calls of `unpin`, `read` and `Segment.data` need no look at the files. Nothing is read for this.

        Raises:
            OSError: there is no room for it in the address space.
            MissingDataError: the cache is that of a snapshot, and its main file is not to be had.
        """

    def unpin(self) -> None:
        """Undo one `pin`; the last one unmaps the cache.

        Raises:
            BufferError: it is the last one, and there are still views of the memory. The cache stays pinned.
            ValueError: the cache is not pinned.
        """

    def pinned(self) -> AbstractContextManager[memoryview]:
        """Pin the cache for a ``with`` block, which gets its memory.

        That reaches from `preferred_load_address` to the end of the last mapping that is there.

        Bytes that no file fills are 0. On leaving, the view is released; BufferError if others of it are left.
        """

    def to_atlas(self, *, codec: str | None = None) -> bytes:
        """The record as an atlas, which Apple's builder puts beside a cache as ``.atlas``.

        Opened with it, the cache is the same, whatever `record_origin` is. A cache without a UUID, from before
        dyld-239.3, is written under zeros; it is opened by its headers all the same, with a warning, since nothing
        tells what that atlas is of.

        Args:
            codec: put it into a container, as `Snapshot.to_bytes` does.

        Raises:
            ValueError: there is no such codec.
        """

    def verify(self) -> Sequence[str]:
        """What does not fit together: UUIDs, sizes, ranges, slide information of files; atlas against headers.

        Also segments that are mapped from elsewhere in their file than they say, sections outside of them, paths that
        lead to other images, local symbols of no image, and tables that are not where the header says. Empty where all
        is well. Reads every header and follows every pointer that slides; the GIL is released.

        Raises:
            MissingDataError: the cache is that of a snapshot, and its main file is not to be had.
        """

    def map_text(self) -> str:
        """The text of the ``.map`` file that Apple puts beside a cache: mappings, then each image with its segments.

        Raises:
            MissingDataError: the cache is that of a snapshot, and its main file is not to be had.
        """

    def resolve(self, address: PreferredAddress | PlainInt, /) -> Location | None:
        """The image, segment and section at an unslid address of the cache; None where there is none.

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
        """The path of the file: on this machine if the cache was opened, else on the process's."""

    @property
    def preferred_load_address(self) -> PreferredAddress:
        """Unslid address of its first byte (``padr``)."""

    @property
    def mappings(self) -> Sequence[Mapping_]:
        """What of the file is mapped where (``maps``)."""

    @property
    def header(self) -> Mapping[str, object]:
        """The header of the file, as `SharedCache.header`; empty where the file was not opened."""

    def layout(self) -> memoryview:
        """The file laid out as in memory: `vm_size` bytes, every mapping at its offset, holes zero. Read-only.

        Raises:
            MissingDataError: the file is not there, or is not the one that belongs there.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class Mapping_:
    """A range of a cache file and where it is mapped. Public as ``dyld_atlas.Mapping``."""

    @property
    def name(self) -> str:
        """By dyld's rule, from flags and highest protection, such as ``__AUTH_CONST``.

        A record has no flags, nor have headers before iOS 15. Then it is ``__TEXT`` where it may be executed, else
        ``__DATA`` where it may be written, else ``__LINKEDIT``.
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
    def initial_protection(self) -> Permissions | None:
        """What it may be used for at first; None in a record, which does not say."""

    @property
    def flags(self) -> MappingFlags | None:
        """What it holds; None in a record, which does not say. 0 in headers before iOS 14, which had no flags."""

    @property
    def slide_version(self) -> int | None:
        """The version of its slide information, 1 to 5; None where it has none, or the file was not opened."""

    @property
    def file_path(self) -> str:
        """The file: on this machine if the cache was opened, else on the process's."""

    def data(self) -> memoryview:
        """Its bytes, read-only, and not copied where the platform can map them.

        Raises:
            MissingDataError: the file is not there, or is not the one that belongs there.
            CacheError: the file is shorter than its header says.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
