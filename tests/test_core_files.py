"""Mach-O core files, as LLDB read them."""

import json
import struct
from pathlib import Path
from uuid import UUID

import pytest

from command_line import Command
from dyld_atlas import LimitExceededError, Limits, MachOError, MissingDataError, Snapshot
from dyld_atlas.testing import SnapshotBuilder
from fixture_files import fixture_folder

_INFOS, _ATLAS = 0x1_F000_0000, 0x1_F100_0000


def core_with(atlas: bytes) -> bytes:
    """A core of a process that published ``atlas``, with a note by which the infos are found."""
    infos = bytearray(368)
    struct.pack_into("<I", infos, 0, 18)
    struct.pack_into("<Q", infos, 0xB8, 99)
    struct.pack_into("<QQ", infos, 0x130, _ATLAS, len(atlas))
    # 'main bin spec', version 2, type 4: the address is that of dyld_all_image_infos.
    note = struct.pack("<IIQQ16sII", 2, 4, _INFOS, (1 << 64) - 1, bytes(16), 0, 0)
    blobs = [(_INFOS, bytes(infos)), (_ATLAS, atlas)]
    commands_size = 72 * len(blobs) + 40
    place = 32 + commands_size
    commands, body = b"", b""
    for address, blob in blobs:
        where = place + len(body)
        commands += struct.pack("<II16sQQQQiiII", 0x19, 72, b"", address, len(blob), where, len(blob), 3, 3, 0, 0)
        body += blob
    commands += struct.pack("<II16sQQ", 0x31, 40, b"main bin spec", place + len(body), len(note))
    header = struct.pack("<IIIIIIII", 0xFEEDFACF, 0x0100000C, 0, 4, len(blobs) + 1, commands_size, 0, 0)
    return header + commands + body + note


def test_every_core_is_read_as_lldb_read_it() -> None:
    folder = fixture_folder("core/lldb")
    facts = json.loads((folder / "MANIFEST.json").read_text(encoding="utf-8"))["files"]
    assert len(facts) >= 6
    for fact in facts:
        for mode in ("map", "copy"):
            snapshot = Snapshot.from_core(folder / fact["file"], providers=(), mode=mode)  # type: ignore[arg-type]
            read = [(image.file_path, str(image.uuid).upper(), int(image.address)) for image in snapshot.images]
            written = [
                (image["path"], str(UUID(image["uuid"])).upper(), int(image["load_address"], 16))
                for image in fact["written_images"]
            ]
            assert read == written
            seen = [(image["path"], image["uuid"], int(image["header"], 16)) for image in fact["lldb_images"]]
            assert seen in ([], read)
            for image, expected in zip(snapshot.images, fact["written_images"], strict=True):
                for segment in image.segments:
                    assert int(segment.address) == int(expected["segments"][segment.name], 16)
            assert snapshot.warnings


def test_a_core_with_an_atlas_gives_the_whole_snapshot(tmp_path: Path) -> None:
    archive = SnapshotBuilder(pid=7, timestamp=99).image("/bin/demo").image("/usr/lib/a.dylib").build()
    path = tmp_path / "core"
    path.write_bytes(core_with(archive))
    snapshot = Snapshot.from_core(path, providers=())
    assert snapshot.to_dict() == Snapshot.from_bytes(archive, providers=()).to_dict()
    with pytest.raises(LimitExceededError):
        Snapshot.from_core(path, limits=Limits(decoded_bytes=10))


def test_what_is_no_core(tmp_path: Path) -> None:
    path = tmp_path / "core"
    path.write_bytes(SnapshotBuilder().image("/bin/demo").build())
    with pytest.raises(MachOError):
        Snapshot.from_core(path)
    with pytest.raises(FileNotFoundError) as caught:
        Snapshot.from_core(tmp_path / "none")
    assert caught.value.filename == str(tmp_path / "none")
    with pytest.raises(ValueError, match="mode"):
        Snapshot.from_core(path, mode="read")  # type: ignore[arg-type]


def bare_core(kind: int = 4) -> bytes:
    """A core without memory and notes, or a Mach-O of another type that is as empty."""
    return struct.pack("<IIIIIIII", 0xFEEDFACF, 0x0100000C, 0, kind, 0, 0, 0, 0)


def test_a_core_that_names_no_image_says_why(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "core"
    path.write_bytes(bare_core())
    with pytest.raises(MachOError) as caught:
        Snapshot.from_core(path)
    assert "does not hold dyld_all_image_infos" in str(caught.value.hint)
    result = command("show", "--core", str(path))
    assert result.code == 3
    assert "does not hold dyld_all_image_infos" in result.err
    assert "no core" not in result.err
    path.write_bytes(bare_core(kind=6))
    assert "no core of a process" in command("show", "--core", str(path)).err


def test_a_damaged_atlas_leaves_the_lists(tmp_path: Path) -> None:
    archive = bytearray(SnapshotBuilder(pid=7, timestamp=99).image("/bin/demo").build())
    archive[-1] ^= 1
    path = tmp_path / "core"
    path.write_bytes(core_with(bytes(archive)))
    # This core has nothing else.
    with pytest.raises(MachOError) as caught:
        Snapshot.from_core(path, providers=())
    assert "is damaged in the core file" in str(caught.value.hint)
    snapshot = Snapshot.from_core(path, providers=(), lenient=True)
    assert (snapshot.pid, bool(snapshot.warnings)) == (7, True)


def test_bytes_of_images_come_from_files(tmp_path: Path) -> None:
    path = tmp_path / "core"
    path.write_bytes(core_with(SnapshotBuilder(pid=7).image("/bin/demo", segments={"__TEXT": 0x4000}).build()))
    image = Snapshot.from_core(path, providers=()).images[0]
    with pytest.raises(MissingDataError) as caught:
        image.segment("__TEXT").data()
    assert caught.value.identifier == image.identifier
    assert "not from the memory in the core" in str(caught.value.hint)


def test_the_command_shows_cores(command: Command) -> None:
    archive = SnapshotBuilder(pid=7).image("/bin/demo").build()
    result = command("show", "--core", command.file("core", core_with(archive)), "--json", "--no-files")
    assert result.code == 0, result.err
    assert result.json["snapshot"]["pid"] == 7
    for words in (["images"], ["segments"], ["segments", "demo"], ["at", "0x100000000"]):
        result = command(words[0], "--core", command.file("core", core_with(archive)), *words[1:], "--no-files")
        assert (result.code, "demo" in result.out) == (0, True), result.err
    result = command("show", "--core", command.file("no core", archive))
    assert (result.code, result.out) == (3, "")
    assert "without --core" in result.err
    assert command("show", "--core", "none").code == 2
    result = command("show")
    assert result.code == 2
    assert "--pid" in result.err
