"""Lazy sequences behave as lists do, and slices of them are lazy as well."""

import bisect
import copy
import itertools
import operator
import pickle
import random
from collections.abc import Sequence

import pytest

from dyld_atlas.formats import Archive, ArchiveEntry, ArchiveWriter

COUNT = 9


def entries(count: int = COUNT) -> Sequence[ArchiveEntry]:
    writer = ArchiveWriter()
    for number in range(count):
        writer.add_file(str(number), b"")
    return Archive.from_bytes(writer.to_bytes()).entries


def paths(sequence: Sequence[ArchiveEntry]) -> list[str]:
    return [entry.path for entry in sequence]


ALL = [str(number) for number in range(COUNT)]


def test_length_indices_and_iteration() -> None:
    sequence = entries()
    assert len(sequence) == COUNT
    assert paths(sequence) == ALL
    assert paths(list(reversed(sequence))) == ALL[::-1]
    assert [sequence[index].path for index in range(-COUNT, COUNT)] == ALL * 2
    for index in (COUNT, -COUNT - 1, 1 << 80, -(1 << 80)):
        with pytest.raises(IndexError):
            sequence[index]
    for wrong in ("0", 1.0, None):
        with pytest.raises(TypeError, match="indices must be integers or slices"):
            sequence[wrong]  # type: ignore[call-overload]
    assert sequence[True].path == "1"
    assert operator.length_hint(iter(sequence)) == COUNT


def test_slices_equal_those_of_a_list_at_every_bound() -> None:
    sequence = entries()
    bounds = [None, -10, -9, -8, -3, -1, 0, 1, 4, 8, 9, 10, 1 << 70, -(1 << 70)]
    steps = [None, 1, 2, 3, 20, -1, -2, -5, -20]
    for start, stop, step in itertools.product(bounds, bounds, steps):
        cut = slice(start, stop, step)
        assert paths(sequence[cut]) == ALL[cut], cut
        assert paths(list(reversed(sequence[cut]))) == ALL[cut][::-1], cut
    with pytest.raises(ValueError, match="zero"):
        sequence[::0]


def test_slices_of_slices() -> None:
    generator = random.Random(5)
    for _ in range(2000):
        lazy, eager = entries_once, ALL
        for _ in range(3):
            cut = slice(
                *(generator.choice([None, generator.randint(-12, 12)]) for _ in range(2)),
                generator.choice([None, 1, 2, -1, -2, 3, -3]),
            )
            lazy, eager = lazy[cut], eager[cut]
            assert len(lazy) == len(eager)
        assert paths(lazy) == eager
        assert paths(list(reversed(lazy))) == eager[::-1]


entries_once = entries()


def test_it_is_a_sequence_to_everybody() -> None:
    sequence = entries(3)
    assert isinstance(sequence, Sequence)
    match sequence:
        case [first, *rest]:
            assert first.path == "0"
            assert paths(rest) == ["1", "2"]
        case _:
            pytest.fail("does not match a sequence pattern")
    first, second, third = sequence
    assert paths([first, second, third]) == ALL[:3]
    assert random.Random(1).choice(sequence).path in {"0", "1", "2"}
    assert bisect.bisect_left(sequence, "1", key=lambda entry: entry.path) == 1
    assert bool(entries(1))
    assert not sequence[:0]


def test_membership_is_by_equality() -> None:
    sequence = entries()
    # Entries are made anew at each access, and are the same entry all the same.
    assert sequence[0] is not sequence[0]
    assert sequence[0] in sequence
    assert sequence.index(sequence[-1]) == len(sequence) - 1
    assert entries()[0] not in sequence
    assert "0" not in sequence
    assert sequence.count(5) == 0
    with pytest.raises(ValueError, match="not in the sequence"):
        sequence.index("0")

    class Same:
        def __eq__(self, other: object) -> bool:
            return isinstance(other, ArchiveEntry) and other.path in {"3", "5"}

        __hash__ = None  # type: ignore[assignment]

    same = Same()
    assert same in sequence
    assert sequence.count(same) == 2
    assert sequence.index(same) == 3
    assert sequence.index(same, 4) == 5
    assert sequence.index(same, -5, -1) == 5
    with pytest.raises(ValueError, match="not in the sequence"):
        sequence.index(same, 4, 5)


def test_an_error_of_a_comparison_comes_through() -> None:
    class Broken:
        def __eq__(self, other: object) -> bool:
            raise ZeroDivisionError

        __hash__ = None  # type: ignore[assignment]

    with pytest.raises(ZeroDivisionError):
        Broken() in entries()  # noqa: B015


def test_repr_is_short() -> None:
    assert repr(entries(2)) == "[<ArchiveEntry F '0' size=0>, <ArchiveEntry F '1' size=0>]"
    assert repr(entries()).endswith("<ArchiveEntry F '4' size=0>, ... 9 in all]")
    assert repr(entries(2)[:0]) == "[]"


def test_copies_are_the_same_and_pickling_is_refused() -> None:
    sequence = entries()
    assert copy.copy(sequence) is sequence
    assert copy.deepcopy(sequence) is sequence
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(sequence)


def test_an_iterator_that_ended_stays_ended() -> None:
    iterator = iter(entries(1))
    assert next(iterator).path == "0"
    for _ in range(3):
        assert next(iterator, None) is None
    assert operator.length_hint(iterator) == 0
    assert iter(iterator) is iterator
