"""The formats below the model.

A part of the stub of the compiled module; there is no module of this name. See _native.pyi.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Self, TypeAlias, final
from uuid import UUID

from typing_extensions import Buffer, disjoint_base

from ._native_options import Limits
from .addresses import PreferredAddress

_StrPath: TypeAlias = str | os.PathLike[str]

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
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

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
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@disjoint_base
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

def check_atlas_entry(data: Buffer, path: str, /, *, lenient: bool = False) -> tuple[int, int, list[str]]:
    """Checks the property list at `path` of an atlas as opening a cache with it would.

    For ``dyld-atlas validate``. Gives the numbers of images and of files of the cache after which the entry is called,
    and what was passed over if `lenient`.

    Raises:
        PlistError: it is not well formed.
        SchemaError: what it says of a cache is missing or wrong.
        LimitExceededError: it asks for too much.
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
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

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
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class AOTCacheHeader:
    """The header of an ``aot_shared_cache`` file: Rosetta's translations of an x86_64 cache. Its code is not read.

    Apple publishes no layout of it; this is the one that others have found.
    """

    @classmethod
    def from_bytes(cls, data: Buffer, /) -> Self:
        """Read a file that is in memory, or its beginning.

        Raises:
            CacheError: it does not begin with ``AotCache``, or the header leaves it.
        """

    @classmethod
    def open(cls, path: _StrPath, /) -> Self:
        """Read a file, such as ``aot_shared_cache.0`` beside a cache for Intel processors.

        Raises:
            OSError: the operating system refuses the file.
            CacheError: as `from_bytes`.
        """

    @property
    def uuid(self) -> UUID:
        """Of this file; what a process names in `SharedCacheRecord.aot_uuid`."""

    @property
    def x86_uuid(self) -> UUID:
        """Of the cache that was translated."""

    @property
    def cambria_version(self) -> bytes:
        """The version of the translator, 32 bytes as they stand there."""

    @property
    def code_signature(self) -> tuple[int, int]:
        """Where the code signature lies in the file, and how many bytes it has."""

    @property
    def fragment_count(self) -> int:
        """How many pieces of code were translated."""

    @property
    def header_size(self) -> int:
        """Bytes of the header with its mappings."""

    @property
    def mappings(self) -> Sequence[tuple[PreferredAddress, int, int]]:
        """What of the file is mapped where: unslid address, size, offset in the file."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
