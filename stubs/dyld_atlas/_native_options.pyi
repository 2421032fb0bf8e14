"""What bounds an input, and what names a file.

A part of the stub of the compiled module; there is no module of this name. See _native.pyi.
"""

from typing import Self, final
from uuid import UUID

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
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

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
        """The path on the machine that the record came from. It says nothing about this machine.

        Bytes that are no text survive by surrogateescape, as in `os.fsdecode`.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
