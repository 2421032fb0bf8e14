"""``dyld-atlas validate``: what is sound, and what is wrong where."""

from typing import Any
from uuid import UUID

import pytest

from command_line import CACHE_UUID, Command, cache, snapshot
from dyld_atlas.formats import Archive, ArchiveWriter, plist_dumps
from dyld_atlas.testing import SnapshotBuilder

CACHE_ENTRY = f"caches/uuids/{CACHE_UUID}.plist"


def test_a_sound_snapshot(command: Command) -> None:
    path = command.file("a.aar", snapshot().build(codec="lzfse"))
    result = command("validate", path)
    assert (result.code, result.err) == (0, "")
    head, process, atlas, verdict = result.out.splitlines()
    assert head == f"{path}: Apple Archive (LZFSE), 2 entries, checksums right"
    assert process.split()[:2] == ["process.plist", "ok"]
    assert process.endswith("2 images")
    assert atlas.split()[:2] == [CACHE_ENTRY, "ok"]
    assert atlas.endswith("10 images, 1 file")
    assert verdict == "valid: snapshot"


def test_json(command: Command) -> None:
    document = command("validate", command.file("a.aar", snapshot().build()), "--json").json
    assert (document["version"], document["valid"], document["kind"]) == (1, True, "snapshot")
    assert (document["codec"], document["checksum"], document["problems"]) == (None, "ok", [])
    entry = document["entries"][0]
    assert (entry["path"], entry["kind"], entry["state"], entry["checksum"]) == ("process.plist", "F", "ok", "ok")


def test_a_sound_atlas(command: Command) -> None:
    path = command.file("cache.atlas", cache().build_atlas(codec="lzbitmap"))
    result = command("validate", path)
    assert result.code == 0
    assert "LZBITMAP" in result.out
    assert result.out.splitlines()[-1] == "valid: atlas of a shared cache"
    document = command("validate", path, "--json").json
    assert document["kind"] == "cache-atlas"
    assert [entry["kind"] for entry in document["entries"]] == ["L", "F"]


def test_a_broken_record(command: Command) -> None:
    path = command.file("a.aar", snapshot().image("/y", extra={"addr": "text"}).image("/x", address=None).build())
    result = command("validate", path)
    assert result.code == 3
    assert "imgs[2].addr" in result.out
    assert "hint:" in result.out
    assert result.out.splitlines()[-1] == "not valid: snapshot"
    document = command("validate", path, "--json").json
    (problem,) = document["problems"]
    assert (problem["error"], problem["code"], problem["entry"]) == ("SchemaError", 3, "process.plist")
    assert problem["key_path"] == "imgs[2].addr"
    assert problem["expected"]
    assert problem["found"]
    assert document["entries"][0]["state"] == "bad"
    assert any("imgs[3]" in warning for warning in document["warnings"])
    lenient = command("validate", path, "--lenient", "--json")
    assert lenient.code == 0
    # The address that is none, and the image that never had one.
    assert len(lenient.json["warnings"]) == 2


def test_a_wrong_checksum(command: Command) -> None:
    data = bytearray(snapshot().build())
    at = data.index(b"/usr/lib/lib2.dylib")
    data[at + 1] ^= 0x20
    path = command.file("a.aar", bytes(data))
    document = command("validate", path, "--json").json
    assert (document["valid"], document["checksum"]) == (False, "bad")
    assert [problem["error"] for problem in document["problems"]] == ["ArchiveError"]
    states = {entry["path"]: entry["state"] for entry in document["entries"]}
    assert states == {"process.plist": "ok", CACHE_ENTRY: "bad"}
    result = command("validate", path)
    assert result.code == 3
    assert "checksum wrong" in result.out
    assert command("validate", path, "--lenient").code == 0


@pytest.mark.parametrize("codec", [None, "zlib"])
def test_a_file_cut_short(command: Command, codec: str | None) -> None:
    path = command.file("a.aar", snapshot().build(codec=codec)[:-40])
    result = command("validate", path, "--json")
    assert result.code == 3
    assert result.json["problems"][0]["error"] == "ArchiveError"
    assert result.json["problems"][0]["offset"] is not None


def test_a_broken_property_list(command: Command) -> None:
    writer = ArchiveWriter()
    writer.add_file("process.plist", b"bplist00nonsense")
    result = command("validate", command.file("a.aar", writer.to_bytes()), "--json")
    assert result.code == 3
    (problem,) = result.json["problems"]
    assert (problem["error"], problem["entry"]) == ("PlistError", "process.plist")


def test_a_broken_atlas(command: Command) -> None:
    root = cache().to_plist()
    record = dict(root["uuids"][CACHE_UUID], padr="text")
    del record["imgs"]
    writer = ArchiveWriter()
    writer.add_link("caches/names/gone.plist", "../uuids/gone.plist")
    writer.add_file(CACHE_ENTRY, plist_dumps({"uuids": {CACHE_UUID: record}}))
    result = command("validate", command.file("c.atlas", writer.to_bytes()), "--json")
    assert result.code == 3
    (problem,) = result.json["problems"]
    assert (problem["entry"], problem["key_path"]) == (CACHE_ENTRY, f"uuids.{CACHE_UUID}.imgs")
    assert problem["found"] == "no such key"
    assert any("leads nowhere" in warning for warning in result.json["warnings"])


def broken(path: list[str | int], value: object) -> bytes:
    """An atlas whose record has ``value`` at ``path``; None takes it out."""
    root = cache().to_plist()
    node: Any = root["uuids"][CACHE_UUID]
    for key in path[:-1]:
        node = node[key]
    if value is None:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    writer = ArchiveWriter()
    writer.add_file(CACHE_ENTRY, plist_dumps(root))
    return writer.to_bytes()


@pytest.mark.parametrize(
    ("path", "value", "fatal"),
    [
        (["uuid"], None, True),
        (["uuid"], bytes(16), False),
        (["padr"], "text", True),
        (["psze"], None, True),
        (["snme"], 7, False),
        (["dscs"], {}, True),
        (["dscs", 0], "nonsense", False),
        (["dscs", 0, "size"], -1, False),
        (["dscs", 0, "maps"], None, False),
        (["dscs", 0, "maps", 0], 1, False),
        (["dscs", 0, "maps", 0, "foff"], "text", False),
        (["imgs", 3], "nonsense", False),
        (["imgs", 0, "padr"], "text", False),
        (["imgs", 0, "segs"], "nonsense", False),
        (["imgs", 0, "segs", 1], "nonsense", False),
        (["imgs", 0, "segs", 1, "size"], "text", False),
    ],
)
def test_every_level_of_a_record(command: Command, path: list[str | int], value: object, fatal: bool) -> None:
    file = command.file("c.atlas", broken(path, value))
    result = command("validate", file, "--json")
    (problem,) = result.json["problems"]
    where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    assert (result.code, problem["error"], problem["entry"]) == (3, "SchemaError", CACHE_ENTRY)
    assert problem["key_path"] == f"uuids.{CACHE_UUID}{where}"
    lenient = command("validate", file, "--json", "--lenient")
    assert (lenient.code, bool(lenient.json["problems"]), bool(lenient.json["warnings"])) == (
        3 * fatal,
        fatal,
        not fatal,
    )


def test_an_entry_of_more_caches_than_there_are(command: Command) -> None:
    root = cache().to_plist()
    for number in range(64):
        root["uuids"][str(UUID(int=number)).upper()] = root["uuids"][CACHE_UUID]
    writer = ArchiveWriter()
    writer.add_file(CACHE_ENTRY, plist_dumps(root))
    (problem,) = command("validate", command.file("c.atlas", writer.to_bytes()), "--json").json["problems"]
    assert problem["error"] == "LimitExceededError"


def test_the_wrong_atlas(command: Command) -> None:
    writer = ArchiveWriter()
    writer.add_file("caches/uuids/00000000-0000-0000-0000-000000000000.plist", plist_dumps(cache().to_plist()))
    result = command("validate", command.file("c.atlas", writer.to_bytes()))
    assert result.code == 3
    assert "uuids: expected the cache after which the entry is called, found none" in result.out


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"", "the file is empty"),
        (b"bplist00", "bare property list"),
        (b"dyld_v1  arm64e\0", "file of a shared cache"),
        (b"\xcf\xfa\xed\xfe" + bytes(28), "Mach-O"),
        (b"AEA1" + bytes(20), "encrypted"),
        (b"PK\x03\x04", "ZIP"),
        (b"\x7fELF\x02\x01\x01", "ELF"),
        (b"<?xml version='1.0'?><plist/>", "XML"),
        (b"AA01\xff", "cut short or damaged"),
        (b"pbze\0\0", "cut short or damaged"),
        (b"hello world", "begins with AA01"),
    ],
)
def test_other_files(command: Command, data: bytes, hint: str) -> None:
    path = command.file("other", data)
    result = command("validate", path)
    assert result.code == 3
    assert hint in result.out
    show = command("show", path)
    assert show.code == 3
    assert hint in show.err


def test_an_atlas_is_no_snapshot(command: Command) -> None:
    shown = command("show", command.file("c.atlas", cache().build_atlas(codec="lz4")))
    assert shown.code == 3
    assert shown.err.splitlines()[1] == "hint: this is the atlas of a shared cache; dyld-atlas validate looks it over"


def test_a_snapshot_without_the_record_of_its_cache(command: Command) -> None:
    path = command.file("a.aar", snapshot().shared_cache(cache(), used=[0], embed=False).build())
    result = command("validate", path, "--json")
    assert (result.code, result.json["valid"]) == (0, True)
    assert len(result.json["warnings"]) == 1


def test_archives_of_something_else(command: Command) -> None:
    writer = ArchiveWriter()
    writer.add_file("readme.txt", b"hello")
    path = command.file("a.aar", writer.to_bytes())
    result = command("validate", path, "--json")
    assert (result.code, result.json["kind"]) == (3, "archive")
    assert "expected an entry process.plist, found another entry" in command("show", path).err


def test_repeated_entries(command: Command) -> None:
    data = SnapshotBuilder().file("process.plist", b"second").build()
    assert len(Archive.from_bytes(data).entries) == 2
    result = command("validate", command.file("a.aar", data))
    assert "repeated: the first counts" in result.out


def test_standard_input_and_tsv(command: Command) -> None:
    result = command("validate", "-", "--format", "tsv", stdin=snapshot().build())
    assert result.code == 0
    assert result.rows[0] == ["path", "kind", "size", "checksum", "state", "detail"]
    assert result.rows[1][0] == "process.plist"
    assert int(result.rows[1][2]) > 100
