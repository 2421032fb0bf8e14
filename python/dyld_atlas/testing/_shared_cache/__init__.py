"""Writes the files of a small shared cache. Nothing is compiled or linked: text is what the caller gives.

`architectures` and `generations` say what differs, `contents` what callers give, `layout` places it, `slide` encodes
pointers, `macho`, `trie` and `symbols` write what belongs to images, `header` and `tables` what belongs to files,
`assembly` puts the files together, `record` is what an atlas says of them, `builder` is the public class.
"""

from .builder import SharedCacheBuilder
from .contents import Content, PointerTo

__all__ = ["Content", "PointerTo", "SharedCacheBuilder"]
