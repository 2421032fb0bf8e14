"""Mach-O headers, thin and universal."""

import struct
from pathlib import Path
from uuid import UUID

import pytest

from dyld_atlas import MachOError
from dyld_atlas.formats import MachO

ID = UUID("00112233-4455-6677-8899-aabbccddeeff")


def thin(cpu: int = 0x0100000C, subtype: int = 0) -> bytes:
    def name(text: bytes) -> bytes:
        return text.ljust(16, b"\0")

    section = name(b"__text") + name(b"__TEXT") + struct.pack("<QQIIIIIIII", 0x1100, 0x80, 0x100, 2, 0, 0, 0, 0, 0, 0)
    commands = [
        struct.pack("<II", 0x19, 72 + 80)
        + name(b"__TEXT")
        + struct.pack("<QQQQIIII", 0x1000, 0x4000, 0, 0x4000, 5, 5, 1, 0)
        + section,
        struct.pack("<II", 0x19, 72)
        + name(b"__odd\xff")
        + struct.pack("<QQQQIIII", 0x5000, 0x4000, 0x4000, 16, 1, 1, 0, 0),
        struct.pack("<II", 0x1B, 24) + ID.bytes,
        struct.pack("<IIIIII", 0xD, 40, 24, 2, 1, 1) + b"/usr/lib/libx\0\0\0",
    ]
    body = b"".join(commands)
    header = struct.pack("<IIIIIIII", 0xFEEDFACF, cpu, subtype, 6, len(commands), len(body), 0, 0)
    return (header + body).ljust(0x4100, b"\0")


def test_a_thin_file() -> None:
    file = MachO.from_bytes(thin())
    (found,) = file.slices
    assert (found.architecture, found.file_type, found.offset, found.size) == ("arm64", 6, 0, 0x4100)
    assert (found.uuid, found.install_name) == (ID, "/usr/lib/libx")
    assert found.segments == (
        ("__TEXT", 0x1000, 0x4000, 0, 0x4000, 5),
        ("__odd\udcff", 0x5000, 0x4000, 0x4000, 16, 1),
    )
    assert found.sections == (("__TEXT", "__text", 0x1100, 0x80, 0x100),)
    assert repr(file) == "<MachO arm64>"
    assert repr(found) == f"<MachOSlice /usr/lib/libx arm64 file_type=6 uuid={ID} segments=2>"
    assert file.slices is file.slices


def test_a_universal_file(tmp_path: Path) -> None:
    members = [
        (0x01000007, 3, 0x4000, thin(0x01000007, 3)),
        (0x0100000C, 0x80000002, 0xC000, thin(0x0100000C, 0x80000002)),
    ]
    data = bytearray(0xC000 + 0x4100)
    table = struct.pack(">II", 0xCAFEBABE, 2)
    for cpu, subtype, offset, content in members:
        table += struct.pack(">IIIII", cpu, subtype, offset, len(content), 14)
        data[offset : offset + len(content)] = content
    data[: len(table)] = table
    path = tmp_path / "libx.dylib"
    path.write_bytes(data)
    for file in (MachO.from_bytes(data), MachO.open(path)):
        assert [(found.architecture, found.offset) for found in file.slices] == [("x86_64", 0x4000), ("arm64e", 0xC000)]
        assert {found.uuid for found in file.slices} == {ID}


@pytest.mark.parametrize(
    "data", [b"", b"\xcf\xfa\xed\xfe", thin()[:40], b"\x7fELF" + bytes(100), b"\xca\xfe\xba\xbe\0\0\0\1" + bytes(20)]
)
def test_what_is_no_macho(data: bytes) -> None:
    with pytest.raises(MachOError) as caught:
        MachO.from_bytes(data)
    assert caught.value.code == 4
    assert caught.value.expected
    assert caught.value.offset is not None


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        MachO.open(tmp_path / "nothing")
    with pytest.raises(MachOError):
        MachO.open(Path(__file__))
