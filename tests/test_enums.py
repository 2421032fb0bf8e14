"""Enumerations: the numbers are Apple's, and a number without a name survives."""

import copy
import pickle
from typing import Any

import pytest

from dyld_atlas import Permissions, Platform, ProcessState, SnapshotFlags


def test_numbers() -> None:
    # <mach-o/loader.h>, dyld's process information and SnapshotShared.h.
    assert [int(p) for p in Platform] == [*range(25), 0xFFFF_FFFF]
    assert (Platform.MACOS, Platform.IOS, Platform.DRIVERKIT, Platform.VISIONOS) == (1, 2, 10, 11)
    assert [int(s) for s in ProcessState] == [0, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60]
    assert int(ProcessState.RUNNING) == 0x50
    assert [int(p) for p in Permissions] == [1, 2, 4]
    assert [int(f) for f in SnapshotFlags] == [1, 2, 4]


@pytest.mark.parametrize("kind", [Platform, ProcessState])
@pytest.mark.parametrize("number", [99, 2**31, 2**63 - 1])
def test_unknown_numbers_survive(kind: type[Platform], number: int) -> None:
    member = kind(number)
    assert isinstance(member, kind)
    assert member == number
    assert member.value == number
    assert member.name == f"UNKNOWN_{number}"
    assert repr(member) == f"<{kind.__name__}.UNKNOWN_{number}: {number}>"
    assert not member.is_known
    assert member in {kind(number)}
    for other in (pickle.loads(pickle.dumps(member)), copy.copy(member), copy.deepcopy(member)):
        assert other == member
        assert other.name == member.name


def test_unknown_numbers_do_not_pile_up() -> None:
    before = len(Platform._value2member_map_)
    for number in range(1000, 1100):
        Platform(number)
    assert len(Platform._value2member_map_) == before
    assert len(Platform) == 26


@pytest.mark.parametrize("value", [-1, "MACOS", None, 1.5])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(ValueError, match="is not a valid Platform"):
        Platform(value)


def test_known_members() -> None:
    assert Platform.MACOS.is_known
    assert Platform(1) is Platform.MACOS
    assert Platform.IOS_SIMULATOR.is_simulator
    assert not Platform.IOS.is_simulator
    assert not Platform(99).is_simulator


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "---"), (1, "r--"), (3, "rw-"), (5, "r-x"), (7, "rwx"), (13, "r-x+0x8"), (0x80, "---+0x80")],
)
def test_permissions_text(value: int, text: str) -> None:
    permissions = Permissions(value)
    assert str(permissions) == f"{permissions}" == text
    assert int(permissions) == value
    assert f"{permissions:d}" == str(value)


def test_flags_keep_bits_without_a_name() -> None:
    flags = SnapshotFlags(0x15)
    assert SnapshotFlags.PAGE_SIZE_4K in flags
    assert SnapshotFlags.PRIVATE_SHARED_REGION in flags
    assert SnapshotFlags.POINTER_SIZE_4 not in flags
    assert int(flags) == 0x15
    assert pickle.loads(pickle.dumps(flags)) == flags
