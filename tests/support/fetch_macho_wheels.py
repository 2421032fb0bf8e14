"""Fetches the Mach-O files that the conformance tests read: members of published wheels.

`macho/EXPECTED.json` of the fixtures names each by package, version, platform, wheel and SHA-256. pip downloads the
wheels, the sums are verified, and the members are unpacked to `DIRECTORY/WHEEL WITHOUT SUFFIX/MEMBER`. What is there
already, with the right sum, is left alone, so that a second run needs no network.

    python tests/support/fetch_macho_wheels.py [DIRECTORY]

The directory is the argument, else `DYLD_ATLAS_MACHO_DIR`, else `build/macho-wheels` in the checkout. The fixtures are
those of `DYLD_ATLAS_FIXTURES`, else `../shared/fixtures` beside the checkout.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]


class FetchError(RuntimeError):
    """A wheel could not be had, or is not the one whose facts were written down."""


def default_directory() -> Path:
    """Where the members go."""
    given = os.environ.get("DYLD_ATLAS_MACHO_DIR")
    return Path(given) if given else CHECKOUT / "build" / "macho-wheels"


def expected_path() -> Path:
    """Where the facts stand; the file may be absent."""
    given = os.environ.get("DYLD_ATLAS_FIXTURES")
    fixtures = Path(given) if given else CHECKOUT.parent / "shared" / "fixtures"
    return fixtures / "macho" / "EXPECTED.json"


def expected_files(path: Path | None = None) -> list[dict[str, Any]]:
    """The records of `EXPECTED.json`, one for each Mach-O file."""
    files: list[dict[str, Any]] = json.loads((path or expected_path()).read_text(encoding="utf-8"))["files"]
    return files


def member_path(directory: Path, record: dict[str, Any]) -> Path:
    """Where the member of `record` lies once it is fetched."""
    wheel, member = str(record["wheel"]), str(record["member"])
    path = directory / Path(wheel).stem / member
    if ".." in path.parts:
        raise FetchError(f"{member}: the name of a member leaves its wheel")
    return path


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_there(path: Path, record: dict[str, Any]) -> bool:
    return path.is_file() and path.stat().st_size == record["size"] and _sha256(path.read_bytes()) == record["sha256"]


def _write(path: Path, data: bytes) -> None:
    # By renaming, so that a run that is cut short, or another at the same time, leaves no half file.
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    Path(name).replace(path)


def _download(record: dict[str, Any], folder: Path) -> Path:
    requirement = f"{record['package']}=={record['version']}"
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--platform", record["platform"], "--python-version", record["python"]]
    done = subprocess.run([*command, "-d", str(folder), requirement], capture_output=True, text=True, check=False)
    wheel = folder / str(record["wheel"])
    if done.returncode != 0 or not wheel.is_file():
        said = done.stderr.strip().splitlines()
        got = sorted(path.name for path in folder.iterdir())
        reason = said[-1] if said else f"pip brought {got or 'nothing'}"
        raise FetchError(f"cannot download {record['wheel']} ({requirement}); is there a network? {reason}")
    found = _sha256(wheel.read_bytes())
    if found != record["wheel_sha256"]:
        raise FetchError(f"{record['wheel']}: expected SHA-256 {record['wheel_sha256']}, found {found}")
    return wheel


def fetch(directory: Path | None = None, *, files: list[dict[str, Any]] | None = None) -> list[Path]:
    """Makes sure that every member lies in `directory`, and returns their paths in the order of the records.

    Raises FetchError, without touching what is there, where a wheel cannot be had or has another sum.
    """
    directory = directory or default_directory()
    files = expected_files() if files is None else files
    missing: dict[str, list[dict[str, Any]]] = {}
    for record in files:
        if not _is_there(member_path(directory, record), record):
            missing.setdefault(record["wheel"], []).append(record)
    for records in missing.values():
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(_download(records[0], Path(folder))) as wheel:
            for record in records:
                data = wheel.read(record["member"])
                if _sha256(data) != record["sha256"]:
                    raise FetchError(f"{record['member']}: expected SHA-256 {record['sha256']}, found {_sha256(data)}")
                _write(member_path(directory, record), data)
    return [member_path(directory, record) for record in files]


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Fetch the Mach-O files that the conformance tests read.")
    parser.add_argument("directory", nargs="?", type=Path, default=None)
    given = parser.parse_args(arguments)
    try:
        paths = fetch(given.directory)
    except (FetchError, FileNotFoundError) as error:
        print(f"fetch_macho_wheels: {error}", file=sys.stderr)
        return 1
    for path in paths:
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
