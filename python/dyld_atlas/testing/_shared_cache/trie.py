"""Tries: names of exports, and paths of images. dyld codes both in one way."""

from collections.abc import Mapping

__all__ = ["export", "trie", "uleb"]


def uleb(value: int) -> bytes:
    """A number in groups of seven bits, the lowest first.

    >>> uleb(300)
    b'\\xac\\x02'
    """
    coded = bytearray()
    while value > 0x7F:
        coded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*coded, value])


def export(offset: int) -> bytes:
    """What a regular export ends with: no flags, and the offset from the image's header."""
    return uleb(0) + uleb(offset)


class _Node:
    def __init__(self) -> None:
        self.payload: bytes | None = None
        self.edges: dict[bytes, _Node] = {}
        self.offset = 0

    def coded(self) -> bytes:
        terminal = b"" if self.payload is None else self.payload
        coded = bytearray(uleb(len(terminal)) + terminal)
        coded.append(len(self.edges))
        for label, node in self.edges.items():
            coded += label + b"\0" + uleb(node.offset)
        return bytes(coded)


def trie(entries: Mapping[str, bytes]) -> bytes:
    """A trie of names with what each ends with; nothing at all for no names."""
    if not entries:
        return b""
    root = _tree(sorted((name.encode(), payload) for name, payload in entries.items()))
    nodes = [root]
    for node in nodes:
        nodes += node.edges.values()
    # A node's size depends on where its children lie: repeat until nothing moves any more.
    moved = True
    while moved:
        moved, end = False, 0
        for node in nodes:
            moved |= node.offset != end
            node.offset = end
            end += len(node.coded())
    return b"".join(node.coded() for node in nodes)


def _tree(entries: list[tuple[bytes, bytes]]) -> _Node:
    node = _Node()
    while entries:
        name, payload = entries[0]
        if not name:
            node.payload = payload
            entries = entries[1:]
            continue
        same = [entry for entry in entries if entry[0][:1] == name[:1]]
        first, last = same[0][0], same[-1][0]
        shared = next(
            (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
        )
        node.edges[first[:shared]] = _tree([(rest[shared:], ending) for rest, ending in same])
        entries = entries[len(same) :]
    return node
