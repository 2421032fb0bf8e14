"""Text for people: tables, sizes, colour, and names from other machines that must not command the terminal."""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TextIO

_COLORS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_LEAST_FLEXIBLE = 28


class Style:
    """Colours text for one stream: on terminals, unless ``NO_COLOR`` is set or the user says otherwise."""

    def __init__(self, stream: TextIO, when: str = "auto") -> None:
        if when == "auto":
            self.on = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        else:
            self.on = when == "always"

    def __call__(self, text: str, color: str | None) -> str:
        """``text`` in ``color``, where this stream has any."""
        return f"\x1b[{_COLORS[color]}m{text}\x1b[0m" if self.on and color and text else text


def plain(text: str) -> str:
    """``text`` with everything that moves a cursor or hides text written as an escape.

    >>> plain("a\\x1b[2Jb\\tc")
    'a\\\\x1b[2Jb\\\\tc'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def human_size(size: int) -> str:
    """``size`` in bytes as people write it.

    >>> [human_size(n) for n in (0, 512, 16384, 2831155, 1 << 40)]
    ['0 B', '512 B', '16 KiB', '2.7 MiB', '1 TiB']
    """
    if size < 1024:
        return f"{size} B"
    value = float(size)
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB"):
        value /= 1024
        if value < 999.95 or unit == "EiB":
            break
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun, digits in groups.

    >>> count(1, "image"), count(3500, "image"), count(2, "entry", "entries")
    ('1 image', '3 500 images', '2 entries')
    """
    return f"{number:,}".replace(",", " ") + " " + (noun if number == 1 else plural or noun + "s")


class Column(NamedTuple):
    """A column of a table: its heading and what its values are.

    ``kind`` is ``text``, ``address``, ``size``, ``number`` or ``uuid``. Flexible columns give way on narrow terminals.
    """

    heading: str
    kind: str = "text"
    flexible: bool = False
    color: str | None = None


def exact(value: Any, kind: str) -> str:
    """A value as other programs read it: addresses in hexadecimal, sizes in bytes, nothing for None."""
    if value is None:
        return ""
    if kind == "address":
        return f"{int(value):#x}"
    if kind == "uuid":
        return str(value).upper()
    if kind in ("size", "number"):
        return str(int(value))
    return plain(str(value))


def _shown(value: Any, kind: str) -> str:
    if kind == "size" and value is not None:
        return human_size(int(value))
    return exact(value, kind) or "-"


def write_table(columns: Sequence[Column], rows: Iterable[Sequence[Any]], *, form: str, style: Style) -> None:
    """Writes rows to standard output as ``form`` (``table`` or ``tsv``) says."""
    out = sys.stdout
    if form == "tsv":
        out.write("\t".join(column.heading for column in columns) + "\n")
        for row in rows:
            out.write("\t".join(exact(value, column.kind) for value, column in zip(row, columns, strict=True)) + "\n")
        return
    cells = [[_shown(value, column.kind) for value, column in zip(row, columns, strict=True)] for row in rows]
    widths = [max([width(row[i]) for row in cells] + [len(column.heading)]) for i, column in enumerate(columns)]
    shown = _fit(columns, widths) if out.isatty() else range(len(columns))
    lines = [([column.heading.upper().replace("_", " ") for column in columns], True), *((row, False) for row in cells)]
    for row, is_heading in lines:
        parts = []
        for i in shown:
            cell, column = row[i], columns[i]
            text = shorten(cell, widths[i])
            gap = " " * (widths[i] - width(text))
            text = style(text, "bold" if is_heading else column.color)
            if column.kind in ("text", "uuid"):
                parts.append(text if i == shown[-1] else text + gap)
            else:
                parts.append(gap + text)
        out.write("  ".join(parts).rstrip(" ") + "\n")


def _fit(columns: Sequence[Column], widths: list[int]) -> Sequence[int]:
    """Takes what the terminal does not have from the flexible columns; gives the columns to show.

    Where a path would be left with too little to be told from others, the UUIDs give way.
    """
    everything = range(len(columns))
    try:
        room = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return everything
    for shown in (everything, [i for i in everything if columns[i].kind != "uuid"]):
        excess = sum(widths[i] for i in shown) + 2 * (len(shown) - 1) - room
        flexible = sorted((i for i in shown if columns[i].flexible), key=lambda i: -widths[i])
        if excess <= sum(max(widths[i] - _LEAST_FLEXIBLE, 0) for i in flexible):
            break
    for i in flexible:
        taken = min(max(excess, 0), max(widths[i] - _LEAST_FLEXIBLE, 0))
        widths[i] -= taken
        excess -= taken
    return shown


def width(text: str) -> int:
    """How many cells of a terminal ``text`` takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def shorten(text: str, room: int) -> str:
    """``text`` with its middle left out where it takes more than ``room``; the ends of paths tell the most.

    >>> shorten("/System/Library/Frameworks/Foundation.framework/Foundation", 24)
    '/System…ework/Foundation'
    """
    if width(text) <= room:
        return text
    head, tail = "", ""
    head_room = (room - 1) // 3
    for c in text:
        if width(head + c) > head_room:
            break
        head += c
    for c in reversed(text):
        if width(c + tail) > room - 1 - width(head):
            break
        tail = c + tail
    return f"{head}…{tail}"
