"""Runs the command ``dyld-atlas`` within the test, and describes the snapshots that the tests of it share."""

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dyld_atlas.cli import main
from dyld_atlas.testing import CacheBuilder, SnapshotBuilder

NASTY = "/usr/lib/evil\x1b[31m\n\t.dylib"
SLIDE = 0x8000
CACHE_UUID = "A2EED3ED-72F9-43B1-99B2-E9F79A3502B2"


def cache() -> CacheBuilder:
    """Ten images; they share the last segment, as in a real cache."""
    builder = CacheBuilder(uuid=CACHE_UUID, preferred_load_address=0x1_8000_0000, vm_size=0x1000_0000)
    for number in range(10):
        segments = [("__TEXT", 0x4_0000), ("__DATA", 0x1234), ("__LINKEDIT", 0x8000, 1, 0x8000, 0x1_8F00_0000)]
        builder.image(f"/usr/lib/lib{number}.dylib", segments=segments)
    return builder


def snapshot() -> SnapshotBuilder:
    """Two images of its own and every second one of the cache."""
    return (
        SnapshotBuilder(pid=4242, flags=4, timestamp=99)
        .image("/Applications/한글.app/한글", segments={"__TEXT": 0x2B_0000, "__DATA": 0x4000})
        .image(NASTY, segments={"__TEXT": 0x4000})
        .shared_cache(cache(), slide=SLIDE, used=range(0, 10, 2))
        .environment("/sim")
        .metrics({"init": 5})
    )


@dataclass
class Result:
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def rows(self) -> list[list[str]]:
        """Standard output as tab-separated values."""
        return [line.split("\t") for line in self.out.splitlines()]


@dataclass
class Command:
    """The command, with a folder for its files."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def file(self, name: str, data: bytes) -> str:
        """Writes a file and gives its path."""
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def __call__(self, *arguments: object, stdin: bytes | None = None) -> Result:
        """Runs the command."""
        if stdin is not None:
            self.patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        self.capture.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 0
        captured = self.capture.readouterr()
        return Result(code, captured.out, captured.err)
