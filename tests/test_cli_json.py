"""docs/cli.md describes the JSON that is printed: every field of every command, no more and no less."""

import re
from pathlib import Path

import pytest

from command_line import Command, snapshot
from dyld_atlas.formats import ArchiveWriter
from dyld_atlas.testing import SharedCacheBuilder

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "cli.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (`[^|]*) \|(.*)\|$", re.MULTILINE)


def words(text: str) -> list[str]:
    """The words in backquotes, but for examples of values, which stand in brackets."""
    return re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", text))


def part(heading: str) -> str:
    """What stands below a heading in bold, up to the next."""
    return TEXT.split(f"**{heading}**", 1)[1].split("\n**", 1)[0]


def fields(text: str) -> dict[str, str]:
    """The fields of a table, and what its row says of each."""
    return {name: row[2] for row in ROW.finditer(text) for name in words(row[1])}


@pytest.fixture
def file(command: Command) -> str:
    return command.file("a.aar", snapshot().build())


@pytest.mark.parametrize("verb", ["show", "images", "segments", "at", "validate", "diff"])
def test_documents(command: Command, file: str, verb: str) -> None:
    more = {"at": ["0x100000000"], "diff": [file]}.get(verb, [])
    table = TEXT.split("may be added at any time.", 1)[1].split("**Snapshot**", 1)[0]
    listed = set()
    for row in ROW.finditer(table):
        names, places = [words(group) for group in row[1].split(";")], row[2].split("|")[0]
        for group, place in zip(names, places.split(";"), strict=False):
            if verb in words(place) or ("all" in place and not (verb == "diff" and group == ["file"])):
                listed |= set(group)
    assert set(command(verb, file, *more, "--json").json) == listed


def test_snapshot(command: Command, file: str) -> None:
    shown = command("show", file, "--json").json["snapshot"]
    table = fields(part("Snapshot"))
    assert set(shown) == set(table)
    assert set(shown["shared_cache"]) == set(words(table["shared_cache"]))


def test_image_segment_and_place(command: Command, file: str) -> None:
    image = command("images", file, "--json").json["images"][0]
    assert set(image) == set(fields(part("Image")))
    (place,) = command("at", file, "0x100000000", "--json").json["addresses"]
    assert set(place["image"]) == set(image) - {"index"}
    assert list(place) == words(TEXT.split("**Place**", 1)[1].split("\n\n", 1)[0])
    segment = command("segments", file, "--json").json["segments"][0]
    assert list(segment) == words(TEXT.split("**Segment**", 1)[1].split("\n\n", 1)[0])


def test_validation(command: Command) -> None:
    writer = ArchiveWriter()
    writer.add_file("process.plist", b"bplist00nonsense")
    shown = command("validate", command.file("a.aar", writer.to_bytes()), "--json").json
    table = fields(part("validate"))
    assert set(shown) == set(table) | {"version", "command", "file"}
    for name in ("entries", "problems"):
        assert list(shown[name][0]) == words(table[name])


@pytest.fixture
def main(command: Command) -> str:
    """The main file of a cache."""
    return str(SharedCacheBuilder().image("/usr/lib/liba.dylib").write(command.folder / "cache"))


def listed_for(verb: str) -> set[str]:
    """The fields that the table of documents has for a command on caches."""
    table = TEXT.split("may be added at any time.", 1)[1].split("**Snapshot**", 1)[0]
    places = {row[2].split("|")[0].strip(): set(words(row[1])) for row in ROW.finditer(table)}
    return places[f"`{verb}`"] | {"version", "command", "file"}


@pytest.mark.parametrize(
    ("verb", "more"),
    [
        ("cache", []),
        ("subcaches", []),
        ("read", ["0x180000000", "4"]),
        ("map", []),
        ("extract-data", ["liba.dylib", "__DATA", "-o", "OUT"]),
        ("atlas", ["-o", "OUT"]),
        ("verify", []),
    ],
)
def test_documents_of_caches(command: Command, main: str, verb: str, more: list[str]) -> None:
    arguments = [str(command.folder / "out") if each == "OUT" else each for each in more]
    assert set(command(verb, main, *arguments, "--json").json) == listed_for(verb)


def test_caches_files_and_mappings(command: Command, main: str) -> None:
    shown = command("caches", command.folder, "--json").json
    assert set(shown) == listed_for("caches") - {"file"}
    document = command("cache", main, "--json").json
    assert shown["caches"] == [document["cache"]]
    assert set(document["cache"]) == set(fields(part("Cache")))
    for name, heading in (("files", "File"), ("mappings", "Mapping")):
        text = TEXT.split(f"**{heading}**:", 1)[1].split("\n\n", 1)[0].split(". ", 1)[0]
        assert list(document[name][0]) == words(text)


def test_differences_of_caches(command: Command, main: str) -> None:
    other = SharedCacheBuilder().image("/usr/lib/libb.dylib").write(command.folder / "other")
    shown = command("diff", main, other, "--json").json
    table = TEXT.split("may be added at any time.", 1)[1].split("**Snapshot**", 1)[0]
    (row,) = (row for row in ROW.finditer(table) if "diff of two caches" in row[2])
    assert set(shown) == set(words(row[1])) | {"version", "command", "old", "new"}
