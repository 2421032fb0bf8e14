"""Everything that can go wrong, as classes. The native module raises these; none of it is silent.

Every kind has a number in :attr:`AtlasError.code` that never changes. Refusals of the operating system stay what they
are in Python: :class:`FileNotFoundError`, :class:`PermissionError` and so on, with ``filename`` set.
"""

from __future__ import annotations

# As in addresses.py: nothing here needs typing at run time.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from ._native import FileIdentifier

__all__ = [
    "ArchiveError",
    "AtlasError",
    "CacheError",
    "FormatError",
    "LimitExceededError",
    "MachError",
    "MachOError",
    "MissingDataError",
    "PlistError",
    "SchemaError",
    "SnapshotTornError",
    "TaskAccessError",
    "TaskGoneError",
    "UnmappedAddressError",
    "UnsupportedPlatformError",
    "WatcherError",
]


class AtlasError(Exception):
    """The base of every error of this package."""

    _code: ClassVar[int] = 0

    code: int
    """A stable number, one per kind of error."""
    hint: str | None
    """What can be done about it, in one sentence. Also a note of the exception, so that tracebacks show it."""

    def __init__(
        self, message: str = "", /, *, code: int | None = None, hint: str | None = None, **place: object
    ) -> None:
        """``place``: where it is and what is there, as far as that is known; kept as the attributes of the class."""
        super().__init__(message)
        self.code = self._code if code is None else code
        self.hint = hint
        vars(self).update(place)
        if hint:
            self.add_note(f"hint: {hint}")


class FormatError(AtlasError, ValueError):
    """Bytes are not what they ought to be. The attributes say where, what would have been right, and what is there."""

    entry: str | None = None
    """The archive entry, such as ``process.plist``."""
    key_path: str | None = None
    """The place within its property list, such as ``imgs[1207].segs[2].padr``."""
    offset: int | None = None
    """The offset in bytes within the entry, or within the whole input where there is no entry."""
    expected: str | None = None
    """What would have been right, in words."""
    found: str | None = None
    """What is there, in words."""


class ArchiveError(FormatError):
    """An Apple Archive or its compressed container is not well formed, or its checksum is wrong."""

    _code = 1


class PlistError(FormatError):
    """A binary property list is not well formed."""

    _code = 2


class SchemaError(FormatError):
    """A record lacks a key, or a key has the wrong type or a value that cannot be."""

    _code = 3


class MachOError(FormatError):
    """A Mach-O file is not well formed."""

    _code = 4


class CacheError(FormatError):
    """A shared cache or its record does not fit together."""

    _code = 5


class LimitExceededError(FormatError):
    """The input asks for more than :class:`~dyld_atlas.Limits` allows. Raise the limit if the input is trusted."""

    _code = 6

    limit: int = 0
    """The bound, in the unit of the limit."""
    requested: int = 0
    """What the input asks for, at least."""


class MissingDataError(AtlasError, LookupError):
    """No provider had a file that is needed."""

    _code = 7

    identifier: FileIdentifier = None  # type: ignore[assignment]  # every such error has one
    """What names the file."""


class UnmappedAddressError(AtlasError, LookupError):
    """Nothing is mapped at the address."""

    _code = 8

    address: int = 0
    """The address that was asked for."""


class MachError(AtlasError, OSError):
    """A call that was to reach another process failed."""

    _code = 9

    call: str = ""
    """The call, such as ``task_read_for_pid``, or ``process_vm_readv`` on Linux."""
    kern_return: int = 0
    """What Mach returned; 0 on systems without Mach, where ``errno`` says what happened."""
    kern_return_name: str = ""
    """Its name in ``<mach/kern_return.h>``, such as ``KERN_FAILURE``; empty on systems without Mach."""
    errno: int | None = None
    """What the operating system said, on systems without Mach."""
    pid: int | None = None
    """The process, as far as it is known."""


class TaskAccessError(MachError, PermissionError):
    """The operating system does not let this process read that one. The hint says what would help."""

    _code = 10


class TaskGoneError(MachError, ProcessLookupError):
    """The process has ended, or there never was one of that number."""

    _code = 11


class SnapshotTornError(AtlasError):
    """The process published anew whenever its snapshot was read, or what it publishes is none."""

    _code = 12

    attempts: int = 0
    """How often it was read."""


class WatcherError(AtlasError):
    """A watcher that cannot go on."""

    _code = 13


class UnsupportedPlatformError(AtlasError, NotImplementedError):
    """This operating system, or that process, offers nothing that could be read. The hint says what does work."""

    _code = 14
