"""What is logged, and that nobody has to load :mod:`logging` for it."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from dyld_atlas import CacheLibrary, DirectoryProvider, FileIdentifier, Provider, Snapshot
from dyld_atlas.testing import SharedCacheBuilder, SnapshotBuilder

A = "/usr/lib/liba.dylib"


def test_what_providers_were_asked_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    system = SharedCacheBuilder().image(A)
    system.write(tmp_path / "caches")
    report = SnapshotBuilder().image("/bin/demo").shared_cache(system.record(), used=[A], embed=False).build()
    providers: list[Provider] = [DirectoryProvider(tmp_path), CacheLibrary(tmp_path / "caches")]
    with caplog.at_level(logging.DEBUG, logger="dyld_atlas"):
        snapshot = Snapshot.from_bytes(report, providers=providers)
        assert snapshot.shared_cache is not None
        snapshot.images.by_name("liba.dylib").segment("__TEXT").data().release()
    assert {record.name for record in caplog.records} == {"dyld_atlas.providers"}
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}
    said = [record.getMessage() for record in caplog.records]
    assert said[0].startswith(f"DirectoryProvider({str(tmp_path)!r}): atlas of FileIdentifier(")
    assert said[0].endswith(": None")
    assert any(line.startswith("<CacheLibrary") and f": {str(tmp_path / 'caches')!r}"[:-1] in line for line in said)


def test_names_command_no_terminal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="dyld_atlas"):
        DirectoryProvider(tmp_path).file(FileIdentifier(path="/evil\x1b[2J\nERROR forged"))
    (record,) = caplog.records
    assert record.getMessage().isprintable()


def test_nothing_is_shown_unless_asked_for() -> None:
    code = """
import sys
from dyld_atlas import DirectoryProvider, FileIdentifier
before = "logging" in sys.modules
DirectoryProvider(".").file(FileIdentifier(path="/a"))
assert before == ("logging" in sys.modules)
import logging
DirectoryProvider(".").file(FileIdentifier(path="/a"))
top = logging.getLogger("dyld_atlas")
print([type(handler).__name__ for handler in top.handlers], top.level, logging.getLogger().handlers)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("['NullHandler'] 0 []\n", "")
