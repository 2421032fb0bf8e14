"""Where the command line writes bytes to: never over what it reads, and whole or not at all."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import NASTY, Command
from dyld_atlas.cli import inputs, outputs
from dyld_atlas.testing import SharedCacheBuilder, SnapshotBuilder
from test_snapshot_memory import DEMO, TEXT, macho

A = "/usr/lib/liba.dylib"


@pytest.fixture
def main(command: Command) -> Path:
    """The main file of a cache that has an atlas and a file of symbols."""
    return SharedCacheBuilder().image(A).write(command.folder / "cache", atlas=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_no_command_writes_over_what_it_reads(command: Command, main: Path) -> None:
    before = contents(main.parent)
    assert {Path(name).suffix for name in before} >= {".01", ".atlas", ".symbols"}
    link = main.parent / "link"
    address = hex(SharedCacheBuilder().image(A).address(A))
    for name in before:
        link.symlink_to(name)
        for words in (["atlas", main], ["read", main, address, "4"], ["extract-data", main, A, "__TEXT"]):
            for output in (name, link):
                result = command(*words, "-o", output)
                assert (result.code, "is read here" in result.err) == (2, True), (words, output)
        link.unlink()
    assert contents(main.parent) == before
    # An atlas that was not read may be replaced.
    atlas = next(name for name in before if name.endswith(".atlas"))
    assert "--scavenge" in command("atlas", main, "-o", atlas).err
    assert command("atlas", main, "--scavenge", "--codec", "lzfse", "-o", atlas).code == 0
    assert Path(atlas).read_bytes() != before[atlas]


def test_no_command_writes_over_a_file_that_a_snapshot_names(command: Command) -> None:
    program = command.folder / "root" / "bin" / "demo"
    program.parent.mkdir(parents=True)
    program.write_bytes(macho())
    snapshot = SnapshotBuilder().image("/bin/demo", uuid=DEMO, segments={"__TEXT": TEXT})
    file = command.file("a.aar", snapshot.build())
    before = contents(command.folder)
    words = ["extract-data", file, "demo", "__TEXT", "--provider-root", command.folder / "root"]
    for output in (program, file):
        result = command(*words, "-o", output)
        assert (result.code, "is read here" in result.err) == (2, True)
    assert contents(command.folder) == before
    assert command(*words, "-o", command.folder / "out").code == 0


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    def torn() -> Iterator[bytes]:
        yield b"new"
        raise KeyboardInterrupt

    for name, old in (("there", b"old"), ("new", None)):
        path = tmp_path / name
        if old is not None:
            path.write_bytes(old)
        with pytest.raises(KeyboardInterrupt):
            outputs.write(str(path), torn())
        assert (path.read_bytes() if path.exists() else None) == old
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_the_mode_of_a_file_stays(tmp_path: Path) -> None:
    path, link = tmp_path / "there", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    assert outputs.write(str(link), [b"n", b"ew"]) == 3
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode), link.is_symlink()) == (b"new", 0o640, True)
    made = tmp_path / "made"
    with made.open("wb"):
        usual = stat.S_IMODE(made.stat().st_mode)
    outputs.write(str(tmp_path / "new"), [b""])
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == usual
    for wrong in (tmp_path, tmp_path / "none" / "new", f"{tmp_path}/new/"):
        with pytest.raises(OSError, match=str(wrong)):
            outputs.write(str(wrong), [b""])


def test_pipes_and_devices_are_written_to(command: Command, main: Path) -> None:
    pipe = command.folder / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert command("extract-data", main, A, "__TEXT", "-o", pipe).code == 0
    reader.join(60)
    words = [sys.executable, "-m", "dyld_atlas", "extract-data", main, A, "__TEXT", "-o"]
    piped = subprocess.run([*words, "/dev/stdout"], capture_output=True, check=True).stdout
    assert read == [piped]
    assert piped.startswith(b"\xcf\xfa\xed\xfe")
    with (command.folder / "redirected").open("wb") as file:
        subprocess.run([*words, "/dev/stdout"], stdout=file, check=True)
        assert os.path.samestat(os.fstat(file.fileno()), (command.folder / "redirected").stat())
    assert (command.folder / "redirected").read_bytes() == piped


def test_what_was_written_is_said_in_plain_words(command: Command) -> None:
    main = SharedCacheBuilder().image(NASTY).write(command.folder / "cache")
    result = command("extract-data", main, NASTY, "__TEXT", "-o", command.folder / "out\x1b[31m")
    assert (result.code, result.out) == (0, "")
    assert result.err.count(r"\x1b[31m") == 2
    assert "\x1b" not in result.err


def test_a_slide_is_repeated_as_an_address_is(command: Command, main: Path) -> None:
    address = hex(SharedCacheBuilder().image(A).address(A))
    for words, shown in (["4096", "0x1000"], ["-16384", "-0x4000"], ["0X4000", "0x4000"]):
        assert command("read", main, address, "4", "--slide", words, "--json").json["slide"] == shown


def test_hints_are_of_the_input_that_is_read(command: Command) -> None:
    inputs.read(command.file("before", b"AA01, as an archive begins"))
    begun = inputs.begin(command.file("after", b"dyld_v1"), "cache")
    assert inputs.current is begun
    assert begun.again() == b"dyld_v1"


def test_a_map_on_a_terminal(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    main = SharedCacheBuilder().image(NASTY).write(command.folder / "cache")
    assert "\x1b[31m" in command("map", main).out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown = command("map", main).out
    assert r"\x1b[31m" in shown
    assert "\x1b[31m" not in shown
    assert "\n\t          __TEXT" in shown
