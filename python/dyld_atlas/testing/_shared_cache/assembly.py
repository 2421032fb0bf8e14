"""Puts the files together: places images, encodes pointers, writes headers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from . import header as headers
from . import macho
from .architectures import Architecture
from .contents import Image, PointerTo
from .layout import PAGE, File, Placed, Region, aligned, assign, in_order, place
from .slide import Space, encode
from .symbols import link_edit, local_symbols
from .tables import Tables, tables

__all__ = ["Assembled", "Plan", "assemble"]

# An empty signature: dyld wants one to end the file.
_SIGNATURE: Final = bytes.fromhex("fade0cc0 0000000c 00000000 00000000")
_MAIN_HAS_TRIE_COMMAND: Final = 0x1C8


@dataclass
class Plan:
    """All that a cache is made of."""

    architecture: Architecture
    header_size: int
    suffixes: Sequence[str]
    """Of the files for code, data and the rest; none for a single file."""
    uuids: Mapping[str, UUID]
    """Of every file by its suffix, ``""`` for the main one."""
    base: int
    platform: int
    os_version: int
    slide_version: int
    cache_type: int
    images: Sequence[Image]
    local_symbols: bool
    raw_header: Mapping[int, bytes] = field(default_factory=dict)


@dataclass
class Assembled:
    """The finished cache."""

    plan: Plan
    files: list[File]
    images: list[Placed]
    link_edit: Region
    data: dict[str, bytes]
    """The bytes of each file by its suffix; ``.symbols`` is one."""

    @property
    def vm_size(self) -> int:
        """Bytes of address space."""
        last = self.files[-1].regions[-1]
        return last.address + last.size - self.plan.base


def assemble(plan: Plan) -> Assembled:
    """The files of a cache."""
    images = [replace(image, sections=[replace(each) for each in image.sections]) for image in plan.images]
    head = tables(plan.header_size, plan.base, images, len(plan.suffixes))
    files, placed = _place(plan, images, aligned(head.size))
    assign(files, plan.base)
    for segment in (segment for each in placed for segment in each.segments):
        for section in segment.sections:
            section.address += segment.region.address
            section.file_offset += segment.region.file_offset
    for file in files:
        _encode(plan, file, placed)
    shared = files[-1].regions[-1]
    linked = link_edit(shared.data, placed, plan.architecture.pointer_size)
    end = assign(files, plan.base)
    has_trie_command = plan.header_size >= _MAIN_HAS_TRIE_COMMAND
    for each, offsets in zip(placed, linked.images, strict=True):
        known = macho.Tables(shared, linked, offsets, plan.platform, plan.os_version, has_trie_command)
        coded = macho.header(each, plan.architecture, known)
        text = each.segments[0]
        text.region.data[text.offset : text.offset + len(coded)] = coded
    made = Assembled(plan, files, placed, shared, {})
    trie = (shared.address + linked.dylibs_trie[0], linked.dylibs_trie[1])
    for file in files:
        made.data[file.suffix] = _file(made, file, head, trie, end)
    if plan.local_symbols and ".symbols" in plan.uuids:
        made.data[".symbols"] = _symbols_file(made)
    return made


def _place(plan: Plan, images: Sequence[Image], head_size: int) -> tuple[list[File], list[Placed]]:
    """Files, and images in their regions; nothing has an address yet."""
    text, data = Region("text", (5, 5)), dict[int, Region]()
    text.data += bytes(PAGE if plan.suffixes else head_size)
    has_trie_command = plan.header_size >= _MAIN_HAS_TRIE_COMMAND
    placed = []
    for image in images:
        size = macho.header_size(image, plan.architecture, has_trie_command=has_trie_command)
        # Before there was a table of mappings with flags, there was one mapping that can be written.
        by_flags = headers.has(plan.header_size, "mappingWithSlide")
        placed.append(place(image, size, text, data, by_flags=by_flags))
    rest = Region("linkedit", (1, 1))
    if not plan.suffixes:
        return [File("", plan.uuids[""], [text, *in_order(data), rest])], placed

    def page(size: int = PAGE) -> Region:
        return Region("text", (5, 5), data=bytearray(size))

    code, pointers, linked = plan.suffixes
    regions = {
        "": [page(head_size)],
        code: [text],
        pointers: [page(), *in_order(data), Region("linkedit", (1, 1))],
        linked: [page(), rest],
    }
    return [File(suffix, plan.uuids[suffix], each) for suffix, each in regions.items()], placed


def _encode(plan: Plan, file: File, placed: Sequence[Placed]) -> None:
    """Writes the pointers of a file, and their slide info into its last region."""
    architecture = plan.architecture
    starts = {each.image.install_name: each for each in placed}

    def target(pointer: PointerTo) -> int:
        if isinstance(pointer.target, int):
            return pointer.target + pointer.offset
        if pointer.target not in starts:
            raise ValueError(f"no image {pointer.target!r} in the cache: {pointer!r}")
        image = starts[pointer.target]
        start = image.address if pointer.section is None else image.image.section(pointer.section).address
        return start + pointer.offset

    last = file.regions[-1]
    space = Space(plan.base, architecture.pointer_size)
    has_slide_info = headers.has(plan.header_size, "slideInfo")
    for region in file.regions:
        found = [(each.address + at - region.address, target(p), p) for each, at, p in region.pointers]
        if region.kind != "data" and found:
            raise ValueError(f"a pointer in a segment that cannot be written: {found[0][2]!r}")
        if region.kind != "data":
            continue
        if not has_slide_info:
            for offset, value, _ in found:
                region.data[offset : offset + space.pointer_size] = value.to_bytes(space.pointer_size, "little")
            continue
        region.data += bytes(region.size - len(region.data))
        info = encode(plan.slide_version, region.data, found, space)
        last.data += bytes(-len(last.data) % 8)
        region.slide_info = (last.file_offset + len(last.data), len(info))
        last.data += info


def _file(made: Assembled, file: File, head: Tables, trie: tuple[int, int], end: int) -> bytes:
    """The bytes of one file of the cache."""
    plan, is_main = made.plan, not file.suffix
    body = bytearray()
    for region in file.regions:
        body += region.data + bytes(region.size - len(region.data))
    values = head.values(plan, file)
    tail = bytearray()
    if is_main:
        values |= head.main_values(plan, made, trie, end)
        if plan.local_symbols and ".symbols" not in plan.uuids and headers.has(plan.header_size, "localSymbols"):
            inside = local_symbols(made.images, plan.base, plan.architecture.pointer_size, wide_entries=False)
            values["localSymbols"] = (len(body), len(inside))
            tail += inside + bytes(-len(inside) % 16)
    values["codeSignature"] = (len(body) + len(tail), len(_SIGNATURE))
    raw = plan.raw_header if is_main else {}
    front = headers.header(plan.header_size, values, raw) + head.coded(file, made)
    body[: len(front)] = front
    return bytes(body + tail + _SIGNATURE)


def _symbols_file(made: Assembled) -> bytes:
    """The file of local symbols. Its mapping lies nowhere: it is never mapped."""
    plan = made.plan
    wide = headers.has(plan.header_size, "symbolFileUUID")
    file = File(".symbols", plan.uuids[".symbols"], [Region("text", (1, 1), data=bytearray(PAGE))])
    head = tables(plan.header_size, plan.base, (), 0)
    inside = local_symbols(made.images, plan.base, plan.architecture.pointer_size, wide_entries=wide)
    inside += bytes(-len(inside) % 16)
    values = head.values(plan, file) | {
        "localSymbols": (PAGE, len(inside)),
        "codeSignature": (PAGE + len(inside), len(_SIGNATURE)),
    }
    front = headers.header(plan.header_size, values, {}) + head.coded(file, made)
    return front + bytes(PAGE - len(front)) + inside + _SIGNATURE
