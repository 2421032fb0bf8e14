"""``dyld-atlas subcaches``: the files of a cache."""

from pathlib import Path

import pytest

from command_line import Command
from dyld_atlas import SharedCache
from dyld_atlas.testing import SharedCacheBuilder


@pytest.fixture
def main(command: Command) -> Path:
    return SharedCacheBuilder().image("/usr/lib/liba.dylib").write(command.folder)


def test_files(command: Command, main: Path) -> None:
    files = SharedCache.open(main).subcaches
    result = command("subcaches", main, "--format", "tsv")
    assert (result.code, result.err) == (0, "")
    head, *rows = result.rows
    assert head == ["address", "memory", "file", "uuid", "name"]
    expected = [
        [hex(file.preferred_load_address), str(file.vm_size), str(file.file_size), str(file.uuid).upper(), file.name]
        for file in files
    ]
    assert rows == expected
    assert command("subcaches", main).out in command("cache", main).out
    document = command("subcaches", main, "--json").json
    assert document["files"] == command("cache", main, "--json").json["files"]


def test_missing_files(command: Command, main: Path) -> None:
    (main.parent / f"{main.name}.01").unlink()
    result = command("subcaches", main)
    assert result.code == 1
    assert f"{main.name}.01 (missing)" in result.out
    assert command("subcaches", main, "--json").json["files"][1]["missing"] is True


def test_what_is_none(command: Command) -> None:
    assert command("subcaches", command.file("text", b"text")).code == 3
    assert command("subcaches", "-").code == 2
