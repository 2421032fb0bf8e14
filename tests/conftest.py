"""Fixtures that several files of tests share."""

import signal
from pathlib import Path

import pytest

from cache_files import CacheFiles
from command_line import Command

# Shells start what runs in the background with SIGINT ignored, and children inherit that; some tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command ``dyld-atlas``."""
    return Command(tmp_path, capsys, monkeypatch)


@pytest.fixture(scope="session")
def cache_files(tmp_path_factory: pytest.TempPathFactory) -> CacheFiles:
    """The shared caches of the conformance fixtures."""
    return CacheFiles(tmp_path_factory.mktemp("caches"))
