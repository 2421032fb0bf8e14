"""Numbers as arguments: addresses, sizes, slides."""

from .inputs import UsageError

__all__ = ["address", "size", "slide"]

_END = 1 << 64


def address(text: str) -> int:
    """Reads ``0x1a2b`` or ``6699``; hexadecimal digits without 0x are refused, as some of them look decimal."""
    return _number(text, "address")


def size(text: str) -> int:
    """Reads a number of bytes, written as an address is."""
    return _number(text, "size")


def slide(text: str) -> int:
    """Reads a slide, written as an address is; it may be negative."""
    return -_number(text[1:], "slide") if text.startswith("-") else _number(text, "slide")


def _number(text: str, what: str) -> int:
    lower = text.lower()
    digits = lower.removeprefix("0x")
    base = 16 if digits != lower else 10
    try:
        if "_" in digits or not digits[:1].isalnum():
            raise ValueError
        number = int(digits, base)
    except ValueError:
        raise UsageError(f"{text!r} is no {what}: write 0x1a2b or 6699") from None
    if number >= _END:
        raise UsageError(f"{text!r} is no {what}: it does not fit into 64 bits")
    return number
