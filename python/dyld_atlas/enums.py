"""The numbers of dyld and Mach-O that have names.

A newer system knows more names than this module. A number without one is kept as it is: it becomes a member named
``UNKNOWN_<number>``, equal to its number, and nothing raises.
"""

from __future__ import annotations

import enum

# As in addresses.py: nothing here needs typing at run time.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "ChangeKind",
    "MappingFlags",
    "Permissions",
    "Platform",
    "ProcessEvent",
    "ProcessState",
    "SnapshotFlags",
]


class _OpenIntEnum(enum.IntEnum):
    """An enumeration that keeps numbers without a name."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            return None
        # Not remembered in the class: numbers come from input that is not trusted, and would pile up.
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{int(value)}"
        member._value_ = int(value)
        return member

    @property
    def is_known(self) -> bool:
        """Whether this version of dyld_atlas has a name for the number."""
        return self._value_ in type(self)._value2member_map_


class Platform(_OpenIntEnum):
    """What a binary was built for: the platform numbers of Mach-O's ``LC_BUILD_VERSION`` (``<mach-o/loader.h>``)."""

    UNKNOWN = 0
    """Also what dyld's scavenger writes for a process that has not started."""
    MACOS = 1
    IOS = 2
    TVOS = 3
    WATCHOS = 4
    BRIDGEOS = 5
    MAC_CATALYST = 6
    IOS_SIMULATOR = 7
    TVOS_SIMULATOR = 8
    WATCHOS_SIMULATOR = 9
    DRIVERKIT = 10
    VISIONOS = 11
    VISIONOS_SIMULATOR = 12
    FIRMWARE = 13
    SEPOS = 14
    MACOS_EXCLAVE_CORE = 15
    MACOS_EXCLAVE_KIT = 16
    IOS_EXCLAVE_CORE = 17
    IOS_EXCLAVE_KIT = 18
    TVOS_EXCLAVE_CORE = 19
    TVOS_EXCLAVE_KIT = 20
    WATCHOS_EXCLAVE_CORE = 21
    WATCHOS_EXCLAVE_KIT = 22
    VISIONOS_EXCLAVE_CORE = 23
    VISIONOS_EXCLAVE_KIT = 24
    ANY = 0xFFFF_FFFF
    """Used by tools for "no particular platform"; no file carries it."""

    @property
    def is_simulator(self) -> bool:
        """Whether this is a simulator, whose files lie below a root of their own on a Mac."""
        return self in (
            Platform.IOS_SIMULATOR,
            Platform.TVOS_SIMULATOR,
            Platform.WATCHOS_SIMULATOR,
            Platform.VISIONOS_SIMULATOR,
        )


class ProcessState(_OpenIntEnum):
    """How far dyld had come: the ``dyld_process_state_*`` values of dyld's process information."""

    NOT_STARTED = 0x00
    """Suspended before dyld's first instruction; the images come from the scavenger."""
    DYLD_INITIALIZED = 0x10
    TERMINATED_BEFORE_INITIALIZERS = 0x20
    """Ended by dyld before ``main``, as when a library or a symbol is missing."""
    LIBSYSTEM_INITIALIZED = 0x30
    RUNNING_INITIALIZERS = 0x40
    RUNNING = 0x50
    """dyld has finished and jumped into ``main``."""
    DYLD_TERMINATED = 0x60
    """Ended by dyld after ``main``, as on bad lazy binding."""


class ProcessEvent(_OpenIntEnum):
    """What dyld tells those who watch a process: the ``DYLD_REMOTE_EVENT_*`` numbers."""

    ATLAS_CHANGED = 0
    """Images were loaded or unloaded."""
    MAIN = 1
    """``main`` is about to be called."""
    BEFORE_INITIALIZERS = 2
    """Initializers are about to run. Older dyld sent the number when it had mapped the shared cache."""


class ChangeKind(enum.Enum):
    """What became of an image."""

    LOADED = "loaded"
    UNLOADED = "unloaded"


class Permissions(enum.IntFlag, boundary=enum.KEEP):
    """What a mapping may be used for: the ``VM_PROT_*`` bits. Bits without a name are kept.

    >>> str(Permissions.READ | Permissions.EXECUTE)
    'r-x'
    """

    READ = 1
    WRITE = 2
    EXECUTE = 4

    def __str__(self) -> str:
        value = int(self)
        text = "".join(letter if value & bit else "-" for letter, bit in (("r", 1), ("w", 2), ("x", 4)))
        rest = value & ~7
        return f"{text}+{rest:#x}" if rest else text


class SnapshotFlags(enum.IntFlag, boundary=enum.KEEP):
    """Facts about the whole process (``SnapshotFlags`` of dyld's ``SnapshotShared.h``). Nameless bits are kept."""

    PAGE_SIZE_4K = 1
    """Pages are 4 KiB; 16 KiB otherwise."""
    POINTER_SIZE_4 = 2
    """Pointers are 4 bytes; 8 otherwise."""
    PRIVATE_SHARED_REGION = 4
    """The process maps its own copy of the shared cache instead of the region that all processes share."""


class MappingFlags(enum.IntFlag, boundary=enum.KEEP):
    """What a mapping of a shared cache holds: ``DYLD_CACHE_MAPPING_*``. Bits without a name are kept."""

    AUTH_DATA = 1
    """Pointers with authentication codes."""
    DIRTY_DATA = 2
    """Data that processes change as a rule."""
    CONST_DATA = 4
    """Data that is not changed once dyld is done with it."""
    TEXT_STUBS = 8
    """Islands of stubs between the stretches of code."""
    DYNAMIC_CONFIG_DATA = 0x10
    """What the kernel fills in at boot."""
    READ_ONLY_DATA = 0x20
    """Data that is never written."""
    CONST_TPRO_DATA = 0x40
    """Data that only trusted code may write, for moments."""
