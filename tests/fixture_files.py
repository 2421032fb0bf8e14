"""Where the conformance fixtures are: bytes that none of this project's code wrote, kept outside of the repository."""

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "fixtures"


def fixture_folder(name: str) -> Path:
    """A folder of the fixtures. Where they are absent the test is skipped, but fails in continuous integration."""
    folder = Path(os.environ.get("DYLD_ATLAS_FIXTURES", _DEFAULT)) / name
    if not folder.is_dir():
        message = f"conformance fixtures are absent: no folder {folder} (set DYLD_ATLAS_FIXTURES)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder
