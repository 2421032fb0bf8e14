"""Apple Archives: reading, links, checksums, writing."""

import hashlib
import json
import os
import random
import threading
import types
from pathlib import Path
from typing import Any

import pytest

import dyld_atlas
from dyld_atlas import ArchiveError, FormatError, LimitExceededError, Limits
from dyld_atlas.formats import Archive, ArchiveEntry, ArchiveWriter
from fixture_files import fixture_folder

CODECS = ["lzfse", "lz4", "zlib", "lzma", "lzbitmap", "none"]


def sample(codec: str | None = None) -> bytes:
    writer = ArchiveWriter()
    writer.add_file("dir/process.plist", b"first")
    writer.add_file("b\udcff", b"second" * 1000)
    writer.add_link("atlas", "dir/process.plist")
    return writer.to_bytes(codec=codec)


def test_what_was_written_is_read() -> None:
    archive = Archive.from_bytes(sample())
    assert (archive.codec, archive.checksum_ok, len(archive.entries)) == (None, True, 3)
    assert repr(archive) == "<Archive entries=3>"
    link, first, second = archive.entries
    assert link in archive.entries
    assert (archive.entries.index(second), archive.entries[0] == link, len({link, first, archive.entries[0]})) == (
        2,
        True,
        2,
    )
    assert (link.path, link.kind, link.size, link.link_target) == ("atlas", "L", 0, "dir/process.plist")
    assert (first.path, first.kind, first.size, first.link_target) == ("dir/process.plist", "F", 5, None)
    assert (second.path, second.size) == ("b\udcff", 6000)
    assert bytes(first.data()) == b"first"
    assert [entry.checksum_ok for entry in archive.entries] == [True] * 3
    assert repr(first) == "<ArchiveEntry F 'dir/process.plist' size=5>"
    assert dict(first.fields) == {"TYP": ord("F"), "PAT": "dir/process.plist", "DAT": 5, "XAT": first.fields["XAT"]}
    assert isinstance(first.fields, types.MappingProxyType)
    assert isinstance(first.data(), memoryview)


def test_paths_lead_over_links() -> None:
    archive = Archive.from_bytes(sample())
    assert (
        bytes(archive["atlas"])
        == bytes(archive["dir/process.plist"])
        == bytes(archive["./dir//process.plist"])
        == b"first"
    )
    assert bytes(archive["b\udcff"]) == b"second" * 1000
    assert "atlas" in archive
    assert "b\udcff" in archive
    for absent in ("", "nothing", "dir", "ATLAS", "\ud800", "b", "../atlas"):
        assert absent not in archive
        with pytest.raises(KeyError) as caught:
            archive[absent]
        assert caught.value.args == (absent,)
    assert 5 not in archive  # type: ignore[operator]
    with pytest.raises(TypeError):
        archive[0]  # type: ignore[index]
    with pytest.raises(TypeError):
        iter(archive)  # type: ignore[call-overload]


@pytest.mark.parametrize("codec", CODECS)
def test_containers(codec: str) -> None:
    data = sample(codec)
    assert data[:3] == b"pbz"
    archive = Archive.from_bytes(data)
    assert (archive.codec, archive.checksum_ok) == (codec, True)
    assert bytes(archive["atlas"]) == b"first"
    with pytest.raises(LimitExceededError) as caught:
        Archive.from_bytes(data, limits=Limits(decoded_bytes=1000))
    assert caught.value.limit == 1000 < caught.value.requested


def test_a_wrong_checksum_does_not_stop_opening() -> None:
    data = bytearray(sample())
    data[data.index(b"first")] ^= 1
    archive = Archive.from_bytes(data)
    assert archive.checksum_ok is False
    # The writer stamps each record: the others are as good as before.
    assert [entry.checksum_ok for entry in archive.entries] == [True, False, True]


def test_a_codec_that_is_none() -> None:
    with pytest.raises(ValueError, match="gzip"):
        sample("gzip")


@pytest.mark.parametrize(
    "data", [b"", b"AA01", b"pbze", b"AEA1" + bytes(100), bytes(100), sample()[:-1], sample("zlib")[:-1]]
)
def test_what_is_no_archive(data: bytes) -> None:
    with pytest.raises(ArchiveError) as caught:
        Archive.from_bytes(data)
    assert caught.value.code == 1
    assert caught.value.offset is not None
    assert caught.value.expected
    assert caught.value.found


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "a.aar"
    path.write_bytes(sample())
    opened = [Archive.open(path), Archive.open(str(path))]
    path.write_bytes(b"")
    for archive in opened:
        assert bytes(archive["atlas"]) == b"first", "the file is not mapped"
    with pytest.raises(FileNotFoundError) as absent:
        Archive.open(tmp_path / "nothing")
    assert absent.value.filename == str(tmp_path / "nothing")
    assert absent.value.strerror == os.strerror(absent.value.errno)
    with pytest.raises(IsADirectoryError):
        Archive.open(tmp_path)
    with pytest.raises(ValueError, match="null byte"):
        Archive.open("a\0b")
    with pytest.raises(TypeError):
        Archive.open(5)  # type: ignore[arg-type]


def test_errors_are_of_the_public_classes() -> None:
    assert issubclass(ArchiveError, FormatError)
    assert Archive.__module__ == "dyld_atlas.formats"
    assert ArchiveEntry.__module__ == "dyld_atlas.formats"
    assert dyld_atlas.ArchiveError is ArchiveError


def test_a_writer_may_be_shared_by_threads() -> None:
    writer = ArchiveWriter()

    def add(number: int) -> None:
        for index in range(50):
            writer.add_file(f"{number}/{index}", bytes([number]) * 3000)
            if index % 10 == 0:
                writer.to_bytes(codec="zlib")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    archive = Archive.from_bytes(writer.to_bytes())
    assert len(archive.entries) == 200
    assert archive.checksum_ok is True


def test_hostile_bytes_raise_nothing_but_the_errors_of_the_family() -> None:
    generator = random.Random(7)
    for codec in (None, "zlib", "lz4"):
        good = sample(codec)[:400]
        for _ in range(3000):
            data = bytearray(good)
            for _ in range(generator.randint(1, 4)):
                data[generator.randrange(len(data))] = generator.randrange(256)
            try:
                archive = Archive.from_bytes(
                    data[: generator.randint(0, len(data))] if generator.random() < 0.3 else data
                )
            except FormatError:
                continue
            for entry in archive.entries:
                repr((entry, entry.fields, entry.checksum_ok, bytes(entry.data()), entry.link_target))


@pytest.mark.parametrize("kind", ["oracle", "real"])
def test_archives_of_other_writers(kind: str) -> None:
    folder = fixture_folder("archive") / kind
    compared = 0
    for file in json.loads((folder / "MANIFEST.json").read_text())["files"]:
        archive = Archive.open(folder / file["file"])
        if "entries" not in file:
            continue
        for entry, wanted in zip(archive.entries, file["entries"], strict=True):
            where = f"{file['file']}, entry {wanted.get('index')}"
            assert entry.path == text(wanted.get("path", "")), where
            assert entry.kind == (wanted.get("type") or ""), where
            if "data_sha256" in wanted:
                assert hashlib.sha256(entry.data()).hexdigest() == wanted["data_sha256"], where
            fields: dict[str, object] = {}
            for field in wanted.get("fields", ()):
                fields.setdefault(field["key"], value(field))
            if fields:
                assert dict(entry.fields) == fields, where
            compared += 1
    assert compared > 3


def text(wanted: Any) -> str:
    if isinstance(wanted, dict):
        return bytes.fromhex(wanted["bytes_hex"]).decode("utf-8", "surrogateescape")
    return wanted or ""


def value(field: dict[str, Any]) -> object:
    """What the Python class says of a field, from what the manifest says."""
    found = field["value"]
    if field["subtype"] in "FGHIJ":
        return bytes.fromhex(found)
    if field["subtype"] in "ST":
        return found["sec"] * 10**9 + found.get("nsec", 0)
    if field["subtype"] in "ABC":
        return found["size"]
    return text(found) if field["subtype"] == "P" else found
