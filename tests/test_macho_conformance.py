"""Real Mach-O files against facts that dyld's own reader printed, and against LIEF.

The facts are `macho/EXPECTED.json` of the fixtures; the files are members of published wheels, which
`support/fetch_macho_wheels.py` fetches. Where either cannot be had the tests fail under `CI=true`, and otherwise say
that they are skipped.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

IN_CI = os.environ.get("CI") == "true"
if IN_CI:
    from dyld_atlas import formats
else:
    formats = pytest.importorskip("dyld_atlas.formats")

Record = dict[str, Any]


def _load_fetcher() -> ModuleType:
    # By path, so that it does not matter how the test runner sets sys.path.
    name = "fetch_macho_wheels"
    if name not in sys.modules:
        specification = importlib.util.spec_from_file_location(name, Path(__file__).parent / "support" / f"{name}.py")
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules[name] = module
        specification.loader.exec_module(module)
    return sys.modules[name]


fetcher = _load_fetcher()


def _absent(reason: str) -> None:
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def files() -> list[tuple[Path, Record]]:
    """Every file with its record."""
    if not fetcher.expected_path().is_file():
        _absent(f"{fetcher.expected_path()} is absent (DYLD_ATLAS_FIXTURES)")
    records = fetcher.expected_files()
    try:
        paths = fetcher.fetch(files=records)
    except fetcher.FetchError as error:
        _absent(str(error))
    assert paths
    return list(zip(paths, records, strict=True))


def _expected_slices(record: Record) -> list[tuple[int, int, Record]]:
    """Offset, size and facts of each slice."""
    expected = record["expected"]
    if not expected["universal"]:
        return [(0, record["size"], expected["macho"])]
    return [(int(one["file_offset"]), int(one["size"]), one["macho"]) for one in expected["slices"]]


def _pairs(files: list[tuple[Path, Record]]) -> Iterator[tuple[Any, int, int, Record]]:
    for path, record in files:
        slices = formats.MachO.open(path).slices
        expected = _expected_slices(record)
        assert len(slices) == len(expected), path
        for one, (offset, size, facts) in zip(slices, expected, strict=True):
            yield one, offset, size, facts


def test_identity(files: list[tuple[Path, Record]]) -> None:
    """Place, processor, type, UUID and install name of every slice."""
    for one, offset, size, facts in _pairs(files):
        assert (one.offset, one.size) == (offset, size)
        assert one.architecture == facts["arch"]
        assert one.file_type == facts["filetype"]
        assert one.uuid == UUID(facts["uuid"])
        assert one.install_name == facts["install_name"]


def test_segments(files: list[tuple[Path, Record]]) -> None:
    """Every segment; dyld keeps file offsets and sizes in 32 bits."""
    for one, _, _, facts in _pairs(files):
        found = [
            (name, address, vm_size, file_offset & 0xFFFFFFFF, file_size & 0xFFFFFFFF, protection)
            for name, address, vm_size, file_offset, file_size, protection in one.segments
        ]
        assert found == [
            (s["name"], int(s["vmaddr"]), int(s["vmsize"]), int(s["fileoff"]), int(s["filesize"]), s["init_prot"])
            for s in facts["segments"]
        ]


def test_sections(files: list[tuple[Path, Record]]) -> None:
    """Every section."""
    for one, _, _, facts in _pairs(files):
        assert [tuple(section) for section in one.sections] == [
            (s["segment"], s["name"], int(s["addr"]), int(s["size"]), int(s["offset"])) for s in facts["sections"]
        ]


def test_from_bytes_reads_the_same(files: list[tuple[Path, Record]]) -> None:
    """A buffer and a file give the same slices."""
    for path, _ in files:
        opened = formats.MachO.open(path).slices
        for buffer in (path.read_bytes(), memoryview(path.read_bytes()), bytearray(path.read_bytes())):
            read = formats.MachO.from_bytes(buffer).slices
            assert [(one.uuid, list(one.segments)) for one in read] == [
                (one.uuid, list(one.segments)) for one in opened
            ]


def test_lief_agrees(files: list[tuple[Path, Record]]) -> None:
    """A second oracle: UUIDs and segments as LIEF reads them."""
    if IN_CI:
        import lief
    else:
        lief = pytest.importorskip("lief")
    for path, _ in files:
        ours = {one.offset: one for one in formats.MachO.open(path).slices}
        fat = lief.MachO.parse(str(path))
        assert fat is not None
        assert len(fat) == len(ours)
        for binary in fat:
            one = ours[binary.fat_offset]
            assert one.uuid is not None
            assert one.uuid.bytes == bytes(binary.uuid.uuid)
            assert [tuple(segment) for segment in one.segments] == [
                (s.name, s.virtual_address, s.virtual_size, s.file_offset, s.file_size, int(s.init_protection))
                for s in binary.segments
            ]


def test_a_slice_that_is_no_macho_is_named() -> None:
    """A universal file of static libraries is an error that says so and where."""
    table = bytes.fromhex("cafebabe 00000001 0100000c 00000000 00004000 00000008 0000000e").ljust(0x4000, b"\0")
    with pytest.raises(ValueError, match="static library") as caught:
        formats.MachO.from_bytes(table + b"!<arch>\n")
    assert caught.type.__name__ == "MachOError"
    assert (caught.value.offset, caught.value.key_path) == (0x4000, "slices[arm64]")


def test_a_wheel_with_another_sum_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fetcher takes nothing but the file whose facts were written down."""
    record = {
        "package": "a", "version": "1", "platform": "any", "python": "3.11", "wheel": "a-1-py3-none-any.whl",
        "wheel_sha256": "0" * 64, "member": "a/b.so", "size": 1, "sha256": "0" * 64,
    }  # fmt: skip

    class Done:
        returncode = 0
        stderr = ""

    def pip(command: list[str], **_: object) -> Done:
        (Path(command[command.index("-d") + 1]) / "a-1-py3-none-any.whl").write_bytes(b"not it")
        return Done()

    monkeypatch.setattr(fetcher.subprocess, "run", pip)
    with pytest.raises(fetcher.FetchError, match="expected SHA-256 0000"):
        fetcher.fetch(tmp_path, files=[record])
    assert list(tmp_path.iterdir()) == []


def test_the_fetcher_says_when_there_is_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline, the error names the wheel and what pip said."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    record = {
        "package": "MarkupSafe", "version": "2.1.5", "platform": "macosx_10_9_universal2", "python": "3.11",
        "wheel": "x-1-py3-none-any.whl", "wheel_sha256": "", "member": "a/b.so", "size": 1, "sha256": "",
    }  # fmt: skip
    with pytest.raises(fetcher.FetchError, match=r"cannot download x-1-py3-none-any\.whl .*is there a network"):
        fetcher.fetch(tmp_path, files=[record])
