"""Fixtures that several files of tests share."""

from pathlib import Path

import pytest

from command_line import Command


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command ``dyld-atlas``."""
    return Command(tmp_path, capsys, monkeypatch)
