"""Tests that only a Mac can run: anywhere else nothing of this folder is collected.

    python -m pytest tests/macos                    what this user may do
    sudo -E python -m pytest tests/macos            and what needs root

A test that lacks a right says which, and is skipped.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import LIBRARY, PROGRAM, Target

collect_ignore_glob = [] if sys.platform == "darwin" else ["test_*.py"]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The program and its library, built and signed so that debuggers may attach."""
    folder = tmp_path_factory.mktemp("target")
    (folder / "library.c").write_text(LIBRARY)
    (folder / "program.c").write_text(PROGRAM)
    (folder / "entitlements.plist").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>'
        "<key>com.apple.security.get-task-allow</key><true/></dict></plist>"
    )
    program, library = folder / "program", folder / "library.dylib"
    subprocess.run(["cc", "-dynamiclib", "-o", library, folder / "library.c"], check=True)
    subprocess.run(["cc", "-o", program, folder / "program.c"], check=True)
    entitlements = ["--entitlements", str(folder / "entitlements.plist")]
    subprocess.run(["codesign", "--force", "--sign", "-", *entitlements, program], check=True)
    return program, library


@pytest.fixture
def target(built: tuple[Path, Path]) -> Iterator[Target]:
    """A running target."""
    target = Target(*built)
    yield target
    target.process.kill()
    target.process.wait()
