"""Real Mach-O files for X1, from a wheel that the index serves, and a reader of their headers by `struct`."""

import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from uuid import UUID

TOP = Path(__file__).resolve().parents[1]
FOLDER = TOP / "build" / "macho-samples"
WHEEL = ("numpy==1.26.4", "macosx_10_9_x86_64", "3.11")
THIN_64 = b"\xcf\xfa\xed\xfe"

# Name, address, bytes in memory, offset in the file.
SegmentValues = tuple[str, int, int, int]


def sample_files(most: int = 19, largest: int = 3_000_000) -> list[Path]:
    """Thin Mach-O files of 64 bits from a wheel for macOS, fetched once by pip."""
    if not FOLDER.exists():
        name, platform, python = WHEEL
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
        choice = ["--no-deps", "--only-binary=:all:", "--platform", platform, "--python-version", python]
        subprocess.run([*pip, *choice, "--dest", str(FOLDER / "wheel"), name], check=True)
        (wheel,) = (FOLDER / "wheel").glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for info in archive.infolist():
                data = archive.read(info) if info.file_size < largest else b""
                if data[:4] == THIN_64:
                    (FOLDER / info.filename.replace("/", "_")).write_bytes(data)
        wheel.unlink()
    return sorted(path for path in FOLDER.iterdir() if path.is_file())[:most]


def by_struct(data: bytes) -> list[tuple[UUID | None, list[SegmentValues]]]:
    """UUID and segments of every slice: the least that must be read, in Python. Thin files of 64 bits only."""
    magic, *_, count, _, _, _ = struct.unpack_from("<8I", data)
    if magic != 0xFEEDFACF:
        raise ValueError("not a thin Mach-O file of 64 bits")
    uuid, segments, at = None, [], 32
    for _ in range(count):
        command, size = struct.unpack_from("<II", data, at)
        if command == 0x1B:
            uuid = UUID(bytes=data[at + 8 : at + 24])
        elif command == 0x19:
            name, address, vm_size, offset = struct.unpack_from("<16s3Q", data, at + 8)
            segments.append((name.rstrip(b"\0").decode("ascii"), address, vm_size, offset))
        at += size
    return [(uuid, segments)]
