"""Exceptions: the hierarchy, the numbers, and that everything an exception knows survives a pickle."""

import pickle
import traceback

import pytest

import dyld_atlas
from dyld_atlas import errors

HIERARCHY = {
    "AtlasError": (Exception, 0),
    "FormatError": (ValueError, 0),
    "ArchiveError": (errors.FormatError, 1),
    "PlistError": (errors.FormatError, 2),
    "SchemaError": (errors.FormatError, 3),
    "MachOError": (errors.FormatError, 4),
    "CacheError": (errors.FormatError, 5),
    "LimitExceededError": (errors.FormatError, 6),
    "MissingDataError": (LookupError, 7),
    "UnmappedAddressError": (LookupError, 8),
    "MachError": (OSError, 9),
    "TaskAccessError": (PermissionError, 10),
    "TaskGoneError": (ProcessLookupError, 11),
    "SnapshotTornError": (errors.AtlasError, 12),
    "WatcherError": (errors.AtlasError, 13),
    "UnsupportedPlatformError": (NotImplementedError, 14),
}


@pytest.mark.parametrize("name", HIERARCHY)
def test_hierarchy_and_codes(name: str) -> None:
    base, code = HIERARCHY[name]
    kind = getattr(dyld_atlas, name)
    assert issubclass(kind, base)
    assert issubclass(kind, dyld_atlas.AtlasError)
    assert kind("message").code == code
    assert kind.__doc__


def test_all_of_them_are_listed() -> None:
    assert sorted(errors.__all__) == sorted(HIERARCHY)


def test_place_of_a_format_error() -> None:
    error = errors.SchemaError(
        "process.plist: imgs[3].addr: expected integer, found string at offset 0x1f",
        entry="process.plist",
        key_path="imgs[3].addr",
        offset=0x1F,
        expected="integer",
        found="string",
        hint="written by a newer dyld?",
    )
    assert (error.entry, error.key_path, error.offset) == ("process.plist", "imgs[3].addr", 0x1F)
    assert (error.expected, error.found, error.hint) == ("integer", "string", "written by a newer dyld?")
    assert str(error).startswith("process.plist: imgs[3].addr")
    assert "written by a newer dyld?" in "".join(traceback.format_exception(error))


def test_what_is_not_known_is_none() -> None:
    error = errors.ArchiveError("cut")
    for name in ("entry", "key_path", "offset", "expected", "found", "hint"):
        assert getattr(error, name) is None
    assert not hasattr(error, "__notes__")


def test_own_attributes() -> None:
    limit = errors.LimitExceededError("too much", limit=10, requested=20, entry="a", hint="ask for less")
    assert (limit.limit, limit.requested, limit.entry) == (10, 20, "a")
    assert errors.UnmappedAddressError("nothing there", address=0x1000).address == 0x1000
    assert errors.MissingDataError("no such file").identifier is None
    # A place that a class does not declare must not turn an error into a TypeError.
    assert vars(errors.UnmappedAddressError("nothing there", address=1, entry="e"))["entry"] == "e"


def test_errors_of_processes() -> None:
    error = errors.TaskGoneError("process 7: process_vm_readv: gone", call="process_vm_readv", errno=3, pid=7)
    assert isinstance(error, errors.MachError)
    assert (error.call, error.errno, error.pid, error.kern_return, error.kern_return_name) == (
        "process_vm_readv",
        3,
        7,
        0,
        "",
    )
    assert str(error) == "process 7: process_vm_readv: gone"
    assert errors.SnapshotTornError("torn", attempts=100).attempts == 100


@pytest.mark.parametrize("name", HIERARCHY)
def test_pickle(name: str) -> None:
    error = getattr(errors, name)("message", hint="try again", offset=5)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        other = pickle.loads(pickle.dumps(error, protocol))
        assert type(other) is type(error)
        assert str(other) == "message"
        assert vars(other) == vars(error)
        assert other.__notes__ == ["hint: try again"]
