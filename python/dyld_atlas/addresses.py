"""Addresses by what they mean: integers that know whether dyld has moved them.

dyld places everything twice. The linker, or the builder of the shared cache, gives it a *preferred* address; the kernel
and dyld then move it by a *slide* to the *rebased* address at which it lies in the process. The three are different
things that look alike, and mixing them up is the classic mistake of tools that read dyld's records. So only the sums
that mean something exist:

===================================  ====================
``PreferredAddress + Slide``         ``RebasedAddress``
``RebasedAddress - Slide``           ``PreferredAddress``
``RebasedAddress - PreferredAddress``  ``Slide``
an address plus or minus an ``int``  the same kind
a kind minus the same kind           ``int``, exact and signed
``Slide`` plus or minus ``Slide``    ``Slide``
===================================  ====================

Every other mix of kinds is a :class:`TypeError`, and an error to a type checker. Results of the first four are taken
modulo 2**64, as dyld's own arithmetic is, so that a cache moved down in memory has a slide that is the two's complement
of the distance (:attr:`Slide.signed` gives it back). In everything else the three are integers: they compare, hash,
index, pack and format as such. A type checker also refuses to order addresses of two kinds; at run time the comparison
is that of ``int``, which keeps sorting and bisecting as fast as they are for plain integers.

>>> image = PreferredAddress(0x1_8000_0000) + Slide(0x4000)
>>> image
RebasedAddress(0x180004000)
>>> image + 0x10 - image
16
>>> image + PreferredAddress(1)
Traceback (most recent call last):
  ...
TypeError: cannot add RebasedAddress and PreferredAddress
"""

from __future__ import annotations

from operator import index

# Type checkers take this for true. At run time nothing here needs typing, whose import takes longer than all the rest.
TYPE_CHECKING = False
if not TYPE_CHECKING:
    Protocol = object

    def overload(function: object) -> object:
        """Nothing: what follows the overloads replaces them."""
        return function


if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol, Self, SupportsIndex, overload

__all__ = ["PreferredAddress", "RebasedAddress", "Slide"]

_MASK = (1 << 64) - 1

# The constructor of int, past the one below: what is made here is in range already. The native module does the same.
_make: Callable[..., Any] = int.__new__


class PlainInt(Protocol):
    """An integer that is none of the three kinds: they alone have no true division, as floats cannot hold addresses."""

    def __index__(self) -> int: ...
    def __truediv__(self, other: int, /) -> float: ...


class _Word(int):
    """What the three kinds share: 64 bits, hexadecimal text, no mixing."""

    __slots__ = ()

    def __new__(cls, value: SupportsIndex | str | bytes = 0, base: SupportsIndex = 10) -> Self:
        """As ``int``, modulo 2**64. Text is read in ``base``; an address of another kind is taken for its number."""
        if isinstance(value, (str, bytes, bytearray)):
            number = int(value, base)
        else:
            number = index(value)
        return _make(cls, number & _MASK)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({int(self):#x})"

    def __str__(self) -> str:
        return f"{int(self):#x}"

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        """Arrays of numpy see a plain integer: they would take a class of its own for a signed one, and give floats."""
        plain = (int(operand) if isinstance(operand, _Word) else operand for operand in operands)
        return getattr(ufunc, method)(*plain, **options)

    if TYPE_CHECKING:
        # Sets these kinds apart from PlainInt.
        __truediv__: None  # type: ignore[assignment]
        __rtruediv__: None  # type: ignore[assignment]
    else:

        def __truediv__(self, other: object) -> object:
            return _refuse("divide", self, other)

        def __rtruediv__(self, other: object) -> object:
            return _refuse("divide", other, self)


def _refuse(verb: str, left: object, right: object) -> Any:
    """Raises the TypeError for two operands that have no common meaning."""
    word = "from" if verb == "subtract" else "by" if verb == "divide" else "and"
    if verb == "subtract":
        left, right = right, left
    raise TypeError(f"cannot {verb} {type(left).__name__} {word} {type(right).__name__}")


def _plain(value: Any) -> int | None:
    """The number of what is an integer and none of the three kinds; None for anything else."""
    if isinstance(value, int):
        return None if isinstance(value, _Word) else value
    # An array has __index__, too, but is none; a number of numpy is an array without dimensions.
    return index(value) if hasattr(type(value), "__index__") and not getattr(value, "shape", ()) else None


class PreferredAddress(_Word):
    """Where the linker or the cache builder placed something: "unslid".

    The same in every process that uses the file; what Mach-O headers and cache records hold.
    """

    __slots__ = ()

    @overload  # type: ignore[override]  # wider than int's: Slide is an int that gives another kind
    def __add__(self, other: Slide, /) -> RebasedAddress: ...
    @overload
    def __add__(self, other: PlainInt, /) -> PreferredAddress: ...
    def __add__(self, other: Any, /) -> Any:
        if isinstance(other, Slide):
            return _make(RebasedAddress, (int(self) + int(other)) & _MASK)
        return _move(self, other, 1)

    @overload
    def __radd__(self, other: Slide, /) -> RebasedAddress: ...
    @overload
    def __radd__(self, other: PlainInt, /) -> PreferredAddress: ...
    def __radd__(self, other: Any, /) -> Any:
        return self.__add__(other)

    @overload  # type: ignore[override]  # only a plain integer gives the same kind
    def __sub__(self, other: PreferredAddress, /) -> int: ...
    @overload
    def __sub__(self, other: PlainInt, /) -> PreferredAddress: ...
    def __sub__(self, other: Any, /) -> Any:
        if isinstance(other, PreferredAddress):
            return int(self) - int(other)
        return _move(self, other, -1)

    def __rsub__(self, other: PlainInt, /) -> int:
        return _distance(other, self)  # type: ignore[no-any-return]

    if TYPE_CHECKING:

        def __lt__(self, other: PreferredAddress | PlainInt, /) -> bool: ...
        def __le__(self, other: PreferredAddress | PlainInt, /) -> bool: ...
        def __gt__(self, other: PreferredAddress | PlainInt, /) -> bool: ...
        def __ge__(self, other: PreferredAddress | PlainInt, /) -> bool: ...


class RebasedAddress(_Word):
    """Where something lies in the process: what a program counter or a pointer of that process holds."""

    __slots__ = ()

    def __add__(self, other: PlainInt, /) -> RebasedAddress:
        return _move(self, other, 1)  # type: ignore[no-any-return]

    def __radd__(self, other: PlainInt, /) -> RebasedAddress:
        return _move(self, other, 1)  # type: ignore[no-any-return]

    @overload  # type: ignore[override]  # each kind gives another
    def __sub__(self, other: PreferredAddress, /) -> Slide: ...
    @overload
    def __sub__(self, other: Slide, /) -> PreferredAddress: ...
    @overload
    def __sub__(self, other: RebasedAddress, /) -> int: ...
    @overload
    def __sub__(self, other: PlainInt, /) -> RebasedAddress: ...
    def __sub__(self, other: Any, /) -> Any:
        if isinstance(other, PreferredAddress):
            return _make(Slide, (int(self) - int(other)) & _MASK)
        if isinstance(other, Slide):
            return _make(PreferredAddress, (int(self) - int(other)) & _MASK)
        if isinstance(other, RebasedAddress):
            return int(self) - int(other)
        return _move(self, other, -1)

    def __rsub__(self, other: PlainInt, /) -> int:
        return _distance(other, self)  # type: ignore[no-any-return]

    if TYPE_CHECKING:

        def __lt__(self, other: RebasedAddress | PlainInt, /) -> bool: ...
        def __le__(self, other: RebasedAddress | PlainInt, /) -> bool: ...
        def __gt__(self, other: RebasedAddress | PlainInt, /) -> bool: ...
        def __ge__(self, other: RebasedAddress | PlainInt, /) -> bool: ...


class Slide(_Word):
    """How far something was moved from its preferred address.

    A slide towards lower addresses is the two's complement of the distance, as in dyld; see :attr:`signed`.
    """

    __slots__ = ()

    @property
    def signed(self) -> int:
        """The distance in bytes, negative where the file was moved down: -2**63 up to 2**63 - 1."""
        return (int(self) ^ (1 << 63)) - (1 << 63)

    def __neg__(self) -> Slide:
        return _make(Slide, -int(self) & _MASK)  # type: ignore[no-any-return]

    @overload  # type: ignore[override]  # wider than int's: an address is an int that gives another kind
    def __add__(self, other: PreferredAddress, /) -> RebasedAddress: ...
    @overload
    def __add__(self, other: Slide | PlainInt, /) -> Slide: ...
    def __add__(self, other: Any, /) -> Any:
        if isinstance(other, PreferredAddress):
            return _make(RebasedAddress, (int(self) + int(other)) & _MASK)
        if isinstance(other, Slide):
            return _make(Slide, (int(self) + int(other)) & _MASK)
        return _move(self, other, 1)

    @overload
    def __radd__(self, other: PreferredAddress, /) -> RebasedAddress: ...
    @overload
    def __radd__(self, other: PlainInt, /) -> Slide: ...
    def __radd__(self, other: Any, /) -> Any:
        return self.__add__(other)

    def __sub__(self, other: Slide | PlainInt, /) -> Slide:
        if isinstance(other, Slide):
            return _make(Slide, (int(self) - int(other)) & _MASK)  # type: ignore[no-any-return]
        return _move(self, other, -1)  # type: ignore[no-any-return]

    def __rsub__(self, other: PlainInt, /) -> Slide:
        distance = _distance(other, self)
        return NotImplemented if distance is NotImplemented else Slide(distance)

    if TYPE_CHECKING:

        def __lt__(self, other: Slide | PlainInt, /) -> bool: ...
        def __le__(self, other: Slide | PlainInt, /) -> bool: ...
        def __gt__(self, other: Slide | PlainInt, /) -> bool: ...
        def __ge__(self, other: Slide | PlainInt, /) -> bool: ...


def _move(word: _Word, other: object, sign: int) -> Any:
    """``word`` moved by a plain integer; NotImplemented for what may know better, such as an array."""
    number = _plain(other)
    if number is None:
        if isinstance(other, _Word):
            return _refuse("add" if sign > 0 else "subtract", word, other)
        return NotImplemented
    return _make(type(word), (int(word) + sign * number) & _MASK)


def _distance(other: object, word: _Word) -> Any:
    """``other - word`` for a plain integer, which then is taken for an address of the same kind."""
    number = _plain(other)
    if number is None:
        return _refuse("subtract", other, word) if isinstance(other, _Word) else NotImplemented
    return number - int(word)
