"""Keys that this version does not know: kept, and shown as far as they can be read."""

import json
import struct
from typing import Any

import pytest

from dyld_atlas import Snapshot
from dyld_atlas.formats import ArchiveWriter
from dyld_atlas.testing import CacheBuilder, SnapshotBuilder
from samples import BASE, CACHE_PATH, CACHE_UUID, SLIDE, builder, opened


def test_unknown_keys() -> None:
    value = {"list": [1, 2.5, b"data", None, True], "text": "ü"}
    snapshot = opened(SnapshotBuilder(extra={"newk": value, "ver#": 3, "proc": 5, "cput": 1}))
    assert snapshot.unknown_keys == {"newk": value, "ver#": 3, "cput": 1}
    with pytest.raises(TypeError):
        snapshot.unknown_keys["x"] = 1  # type: ignore[index]
    assert snapshot.to_dict()["unknown_keys"] == {
        "newk": {"list": [1, 2.5, "64617461", None, True], "text": "ü"},
        "ver#": 3,
        "cput": 1,
    }


def test_unknown_values_that_are_broken_do_not_hinder() -> None:
    data = bytearray(SnapshotBuilder(extra={"newk": [["inner"]]}).build())
    # The list that holds "inner" becomes an object of a kind that there is not.
    at = data.index(b"\x55inner") - 2
    while data[at] != 0xA1:
        at -= 1
    data[at] = 0xE1
    snapshot = Snapshot.from_bytes(data, providers=(), lenient=True)
    assert snapshot.pid == 1
    unknown: Any
    for unknown in (snapshot.unknown_keys, snapshot.to_dict()["unknown_keys"]):
        (text,) = unknown.values()
        assert text.startswith("<unreadable: expected the marker of a known kind of object, found 0xe1 at")
        assert text.endswith(">")


def test_unknown_values_are_read_one_by_one() -> None:
    """A broken one hides no other, each says what is wrong, and none is looked at when the snapshot is opened."""
    unknown = ["k000", "k001", "k002", "k003", "k004"]
    broken = [b"\x70", b"\x8f" + b"\xff" * 16, b"\x33" + struct.pack(">d", 1e300), b"\xa1\x0f", b"\x51x"]
    known = {"proc": 42, "plat": 1, "time": 7, "stat": 0x50}
    # The list, its keys, its values; after them a key that is no string, and its value.
    objects = [b"", *(b"\x54" + key.encode() for key in [*known, "imgs", *unknown])]
    first = len(objects)
    objects += [b"\x10" + bytes([number]) for number in known.values()]
    objects += [b"\xa0", *broken, b"\x10\x09", b"\x51y"]
    count = first - 1
    keys = [*range(1, first), first + count]
    values = [*range(first, first + count), first + count + 1]
    objects[0] = b"\xdf\x10" + bytes([len(keys)]) + bytes(keys + values)
    # The fourth of the broken ones is a list that holds itself.
    itself = first + len(known) + 1 + 3
    objects[itself] = b"\xa1" + bytes([itself])
    objects.append(b"\x4f\x10\xc8" + bytes(200))
    body, offsets = b"bplist00", b""
    for item in objects:
        offsets += struct.pack(">H", len(body))
        body += item
    data = body + offsets + bytes(6) + struct.pack(">BBQQQ", 2, 1, len(objects), 0, len(body))
    writer = ArchiveWriter()
    writer.add_file("process.plist", data)
    snapshot = Snapshot.from_bytes(writer.to_bytes(), providers=())
    assert snapshot.pid == 42
    found: Any
    for found in (dict(snapshot.unknown_keys), snapshot.to_dict()["unknown_keys"]):
        assert list(found) == [*unknown, "<integer 9>"]
        assert (found["k004"], found["<integer 9>"]) == ("x", "y")
        assert "found 0x70" in found["k000"]
        assert "a uid below 2^64" in found["k001"]
        assert "no collection within itself" in found["k003"]
        assert all(str(found[key]).startswith("<unreadable: ") for key in ("k000", "k001", "k003"))
    assert "a date between the years 1 and 9999" in str(snapshot.unknown_keys["k002"])
    json.dumps(snapshot.to_dict())


def test_unknown_keys_below_the_root() -> None:
    segment = {"name": "__TEXT", "size": 16, "snew": b"2"}
    known = CacheBuilder(CACHE_PATH, uuid=CACHE_UUID, preferred_load_address=BASE, extra={"cnew": 7})
    known.image("/usr/lib/1").image("/usr/lib/2", segments=[segment], extra={"inew": [8]})
    mapping = {"padr": BASE, "size": 0x4000, "foff": 0, "prot": 5, "mnew": 9}
    known.subcache("", vm_offset=0, mappings=[(BASE, 0x4000, 0, 5)], extra={"fnew": 10, "maps": [mapping]})
    described = (
        SnapshotBuilder(extra={"envp": {"root": "/sim", "enew": 5}})
        .image("/bin/a")
        .image("/bin/b", segments=[("__DATA", 8), segment], extra={"inew": {"x": 1}, "flag": 1, "cput": 7})
        .aot_image(x86_address=1, aot_address=2, extra={"anew": 3})
        .shared_cache(known, slide=SLIDE, used=(0, 1), extra={"dnew": 4})
    )
    record: Any = opened(described).to_dict()
    images = {image["name"]: image for image in record["images"]}
    assert "unknown_keys" not in images["a"]
    assert "unknown_keys" not in images["1"]
    assert images["b"]["unknown_keys"] == {"inew": {"x": 1}, "flag": 1, "cput": 7}
    assert [segment.get("unknown_keys") for segment in images["b"]["segments"]] == [None, {"snew": "32"}]
    assert images["2"]["unknown_keys"] == {"inew": [8]}
    assert images["2"]["segments"][0]["unknown_keys"] == {"snew": "32"}
    assert record["aot_images"][0]["unknown_keys"] == {"anew": 3}
    assert record["shared_cache_record"]["unknown_keys"] == {"dnew": 4}
    assert record["environment"] == {"DYLD_ROOT_PATH": "/sim", "unknown_keys": {"enew": 5}}
    assert record["shared_cache"]["unknown_keys"] == {"cnew": 7}
    (file,) = record["shared_cache"]["subcaches"]
    assert file["unknown_keys"] == {"fnew": 10}
    assert file["mappings"][0]["unknown_keys"] == {"mnew": 9}
    assert record["unknown_keys"] == {}
    assert json.loads(json.dumps(record)) == record


def test_where_there_are_none_nothing_is_added() -> None:
    described = builder().environment("/sim").aot_image(x86_address=1, aot_address=2)
    record = opened(described).to_dict()
    assert record.pop("unknown_keys") == {}
    assert "unknown_keys" not in json.dumps(record)
