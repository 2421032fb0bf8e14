"""The three kinds of addresses: what may be added to what, and that they are integers in everything else."""

import copy
import itertools
import json
import operator
import pickle
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyld_atlas import PreferredAddress, RebasedAddress, Slide

TOP = 2**64
WORDS = st.integers(min_value=0, max_value=TOP - 1)
KINDS = (PreferredAddress, RebasedAddress, Slide)

# What comes of each sum and difference; everything that is not here is a TypeError.
SUMS: dict[tuple[type, type], type] = {
    (PreferredAddress, Slide): RebasedAddress,
    (Slide, PreferredAddress): RebasedAddress,
    (Slide, Slide): Slide,
}
DIFFERENCES: dict[tuple[type, type], type] = {
    (RebasedAddress, PreferredAddress): Slide,
    (RebasedAddress, Slide): PreferredAddress,
    (PreferredAddress, PreferredAddress): int,
    (RebasedAddress, RebasedAddress): int,
    (Slide, Slide): Slide,
}


@pytest.mark.parametrize(("left", "right"), list(itertools.product(KINDS, KINDS)))
@pytest.mark.parametrize(("operation", "table"), [(operator.add, SUMS), (operator.sub, DIFFERENCES)])
def test_every_pair_of_kinds(
    left: type, right: type, operation: Callable[[Any, Any], Any], table: dict[tuple[type, type], type]
) -> None:
    kind = table.get((left, right))
    if kind is None:
        with pytest.raises(TypeError, match=f"{left.__name__}|{right.__name__}"):
            operation(left(3), right(5))
        return
    result = operation(left(3), right(5))
    assert type(result) is kind
    assert result == (operation(3, 5) if kind is int else operation(3, 5) % TOP)


@given(WORDS, WORDS)
def test_slide_leads_there_and_back(preferred: int, slide: int) -> None:
    rebased = PreferredAddress(preferred) + Slide(slide)
    assert rebased == (preferred + slide) % TOP
    assert rebased - PreferredAddress(preferred) == slide
    assert rebased - Slide(slide) == preferred
    assert Slide(slide) + PreferredAddress(preferred) == rebased


@pytest.mark.parametrize("kind", KINDS)
@given(word=WORDS, number=st.integers())
def test_plain_integers_keep_the_kind(kind: type[PreferredAddress], word: int, number: int) -> None:
    for result in (kind(word) + number, number + kind(word)):
        assert type(result) is kind
        assert result == (word + number) % TOP
    moved = kind(word) - number
    assert type(moved) is kind
    assert moved == (word - number) % TOP


@pytest.mark.parametrize("kind", [PreferredAddress, RebasedAddress])
def test_distances_are_exact_and_signed(kind: type[PreferredAddress]) -> None:
    assert kind(0x1000) - kind(0x2000) == -0x1000
    assert kind(TOP - 1) - kind(0) == TOP - 1
    # A program counter from elsewhere, such as a crash report, is a plain integer.
    assert 0x1010 - kind(0x1000) == 0x10
    assert type(0x1010 - kind(0x1000)) is int


def test_slides_of_both_directions() -> None:
    down = RebasedAddress(0x1000) - PreferredAddress(0x5000)
    assert down == TOP - 0x4000
    assert down.signed == -0x4000
    assert Slide(0x4000).signed == 0x4000
    assert Slide(2**63).signed == -(2**63)
    assert -down == Slide(0x4000)
    assert type(-down) is Slide
    assert PreferredAddress(0x5000) + Slide(-0x4000) == 0x1000


def test_text() -> None:
    address = RebasedAddress(0x1_8000_4000)
    assert repr(address) == "RebasedAddress(0x180004000)"
    assert eval(repr(address), {"RebasedAddress": RebasedAddress}) == address
    assert str(address) == f"{address}" == "0x180004000"
    assert f"{address:d}" == "6442467328"
    assert f"{address:#018x}" == "0x0000000180004000"
    assert f"{address:>12x}" == "   180004000"
    assert json.dumps(address) == "6442467328"


@pytest.mark.parametrize("kind", KINDS)
def test_integers_in_everything_else(kind: type[PreferredAddress]) -> None:
    address = kind(0x1234)
    assert isinstance(address, int)
    assert address == 0x1234
    assert hash(address) == hash(0x1234)
    assert {0x1234: "found"}[address] == "found"
    assert list(range(0x2000))[address] == 0x1234
    assert struct.pack("<Q", address) == struct.pack("<Q", 0x1234)
    assert address & ~0xFFF == 0x1000
    assert address % 16 == 4
    assert sorted([kind(3), kind(1), kind(2)]) == [1, 2, 3]
    assert not hasattr(address, "__dict__")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_and_copy(kind: type[PreferredAddress], protocol: int) -> None:
    address = kind(TOP - 3)
    for other in (pickle.loads(pickle.dumps(address, protocol)), copy.copy(address), copy.deepcopy(address)):
        assert type(other) is kind
        assert other == address


def test_construction() -> None:
    assert PreferredAddress() == 0
    assert PreferredAddress(TOP + 5) == 5
    assert PreferredAddress("0x1f", 16) == PreferredAddress(b"31") == 31
    assert type(PreferredAddress(RebasedAddress(7))) is PreferredAddress
    with pytest.raises(TypeError):
        PreferredAddress(1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="invalid literal"):
        PreferredAddress("nonsense")


def test_what_makes_no_sense() -> None:
    operands: list[tuple[Any, Any]] = [(PreferredAddress(8), 2), (2, Slide(8)), (RebasedAddress(8), Slide(2))]
    for left, right in operands:
        with pytest.raises(TypeError, match="divide"):
            left / right
    with pytest.raises(TypeError):
        RebasedAddress(1) + "x"  # type: ignore[operator]


def test_foreign_integers_count_as_plain() -> None:
    class Number:
        def __index__(self) -> int:
            return 4

    assert PreferredAddress(8) + Number() == 12  # type: ignore[operator]
    assert type(Slide(8) - Number()) is Slide  # type: ignore[operator]


def test_arrays_are_asked_first() -> None:
    class Array:
        def __radd__(self, other: object) -> str:
            return f"array + {other}"

    assert PreferredAddress(8) + Array() == "array + 0x8"


def test_sums_of_subclasses_stay_sane() -> None:
    class Mine(RebasedAddress):
        pass

    assert type(Mine(1) + 1) is Mine
    assert type(Mine(5) - PreferredAddress(1)) is Slide
    with pytest.raises(TypeError):
        Mine(1) + PreferredAddress(1)  # type: ignore[operator]
