"""Binary property lists, compared with plistlib."""

import datetime
import enum
import gzip
import json
import plistlib
import struct
from typing import Any

import pytest

from dyld_atlas import LimitExceededError, Limits, PlistError, RebasedAddress
from dyld_atlas.formats import plist_dumps, plist_loads
from fixture_files import fixture_folder

UTC = datetime.UTC
VALUES: list[object] = [
    None, True, False, 0, 1, 127, 128, 255, 256, 32767, 65535, 1 << 31, (1 << 63) - 1, 1 << 63, (1 << 64) - 1,
    -1, -(1 << 63),
    0.0, -0.5, 1e300, float("inf"), "", "text", "ü", "😀", "a" * 15, "é" * 300, b"", b"x" * 20, [], {}, [[]], {"": {}},
    [1, [2, [3, {"a": [4]}]]], {"b": 1, "a": 2}, {str(number): number for number in range(300)},
    datetime.datetime(2001, 1, 1), datetime.datetime(1969, 7, 20, 20, 17, 40),
    datetime.datetime(2026, 11, 22, 1, 2, 3, 500000), datetime.datetime(1, 1, 1),
    datetime.datetime(9999, 12, 31, 23, 59, 59), plistlib.UID(0), plistlib.UID((1 << 64) - 1),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:30])
def test_round_trip_with_plistlib_on_either_side(value: object) -> None:
    for loads, dumps in [(plist_loads, plist_dumps), (plistlib.loads, plist_dumps), (plist_loads, dumps_plistlib)]:
        again = loads(dumps(value))  # type: ignore[operator]
        assert again == value
        assert type(again) is type(value)
        assert repr(again) == repr(value), "also the order of keys and the sign of zero"


def dumps_plistlib(value: Any) -> bytes:
    return plistlib.dumps(value, fmt=plistlib.FMT_BINARY, sort_keys=False)


def test_not_a_number_survives() -> None:
    value = plist_loads(plist_dumps(float("nan")))
    assert value != value


def test_equal_objects_of_other_types_are_taken() -> None:
    class Word(enum.StrEnum):
        KEY = "key"

    taken = {Word.KEY: (1, 2), "data": bytearray(b"x"), "address": RebasedAddress(5)}
    assert plist_loads(plist_dumps(taken)) == {"key": [1, 2], "data": b"x", "address": 5}
    zone = datetime.timezone(datetime.timedelta(hours=2))
    moment = datetime.datetime(2026, 1, 1, 2, tzinfo=zone)
    assert plist_loads(plist_dumps([moment, moment.astimezone(UTC)])) == [datetime.datetime(2026, 1, 1)] * 2


@pytest.mark.parametrize("wrong", [object(), {1, 2}, 1j, {1: 2}, {None: 1}, {b"x": 1}, [[object()]], memoryview(b"x")])
def test_what_a_list_cannot_hold_is_a_type_error(wrong: object) -> None:
    with pytest.raises(TypeError):
        plist_dumps(wrong)


@pytest.mark.parametrize("wrong", [1 << 64, -(1 << 63) - 1])
def test_numbers_out_of_range(wrong: int) -> None:
    with pytest.raises(OverflowError):
        plist_dumps([wrong])


def test_containers_within_themselves() -> None:
    loop: list[object] = [1]
    loop.append({"again": (loop,)})
    with pytest.raises(ValueError, match="itself"):
        plist_dumps(loop)


def test_containers_that_occur_twice_are_written_once_and_read_as_one() -> None:
    shared = {"k": [1, 2, 3]}
    written = plist_dumps([shared, shared, {"x": shared}])
    assert len(written) == len(plist_dumps([shared, 5, {"x": 5}])) - 3
    first, second, third = plist_loads(written)  # type: ignore[misc]
    assert first is second is third["x"]
    wide: object = []
    for _ in range(100):
        wide = [wide, wide]
    assert len(plist_dumps(wide)) < 1000


def nested(depth: int) -> object:
    value: object = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth_is_limited_in_reading_and_no_danger_in_writing() -> None:
    deep = plist_dumps(nested(100_000))
    with pytest.raises(LimitExceededError) as caught:
        plist_loads(deep)
    assert (caught.value.limit, caught.value.requested, caught.value.code) == (512, 513, 6)
    assert plist_loads(plist_dumps(nested(512))) == nested(512)
    with pytest.raises(LimitExceededError):
        plist_loads(plist_dumps(nested(4)), limits=Limits(depth=3))
    assert isinstance(plist_loads(deep, limits=Limits(depth=100_000)), list)


def test_the_limit_of_bytes_holds() -> None:
    data = plist_dumps([b"x" * 1000, "y" * 1000])
    with pytest.raises(LimitExceededError) as caught:
        plist_loads(data, limits=Limits(decoded_bytes=1999))
    assert caught.value.limit == 1999
    assert plist_loads(data, limits=Limits(decoded_bytes=2000))


def frame(objects: list[bytes], top: int = 0) -> bytes:
    body, offsets = b"bplist00", []
    for item in objects:
        offsets.append(len(body))
        body += item
    table = b"".join(struct.pack(">H", offset) for offset in offsets)
    return body + table + bytes(6) + struct.pack(">BBQQQ", 2, 1, len(objects), top, len(body))


def test_of_a_repeated_key_the_first_value_counts() -> None:
    data = frame([b"\xd3\x01\x02\x01\x03\x04\x05", b"\x51k", b"\x51l", b"\x10\x01", b"\x10\x02", b"\x10\x03"])
    assert plist_loads(data) == {"k": 1, "l": 2}
    assert list(plist_loads(data)) == ["k", "l"]  # type: ignore[call-overload]


def test_text_that_is_no_text_survives() -> None:
    assert plist_loads(frame([b"\x53a\xffb"])) == "a\udcffb"
    assert plist_loads(frame([b"\x52\xc3\xa9"])) == "é"
    assert plist_loads(frame([b"\x62\xd8\x00\x00a"])) == "\ud800a"
    for text in ("\ud800", "a\udcff", "\udfff\ud800 é"):
        assert plist_loads(plist_dumps([text, {text: text}])) == [text, {text: text}]


@pytest.mark.parametrize(
    "objects",
    [
        [b"\x33" + struct.pack(">d", float("nan"))],
        [b"\x33" + struct.pack(">d", 1e18)],
        [b"\x8f" + b"\xff" * 16],
        [b"\xa1\x00"],
        [b"\xa1\x09"],
        [b"\xd1\x01\x01", b"\x10\x01"],
        [b"\x70"],
        [b"\x5f\x10"],
    ],
)
def test_bad_objects_are_plist_errors_with_a_place(objects: list[bytes]) -> None:
    with pytest.raises(PlistError) as caught:
        plist_loads(frame(objects))
    error = caught.value
    assert error.code == 2
    assert error.expected
    assert error.found
    assert isinstance(error, ValueError)
    assert error.expected in str(error)
    assert error.offset is not None


def test_what_python_cannot_hold_has_a_place() -> None:
    for bad in (b"\x33" + struct.pack(">d", 1e18), b"\x8f" + b"\xff" * 16):
        data = frame([b"\xa2\x01\x02", b"\x51x", bad])
        with pytest.raises(PlistError) as caught:
            plist_loads(data)
        assert caught.value.offset == data.index(bad)


def test_unusual_kinds() -> None:
    assert plist_loads(frame([b"\xc1\x01", b"\x09"])) == [True], "sets become lists"
    assert plist_loads(frame([b"\x0f"])) == b""
    assert plist_loads(frame([b"\x14" + b"\xff" * 16])) == -1
    assert plist_loads(frame([b"\x22" + struct.pack(">f", 0.5)])) == 0.5
    assert plist_loads(frame([b"\x82\x01\x00\x00"])) == plistlib.UID(65536)


@pytest.mark.parametrize("data", [b"", b"bplist00", b"<?xml version='1.0'?>" + b" " * 40, b"bplist00" + b"\xff" * 40])
def test_what_is_no_binary_list(data: bytes) -> None:
    with pytest.raises(PlistError):
        plist_loads(data)


def test_every_list_that_dyld_wrote_reads_as_its_writer_says() -> None:
    folder = fixture_folder("plist") / "dyld"
    files = json.loads((folder / "MANIFEST.json").read_text())["files"]
    assert len(files) >= 30
    for file in files:
        data, expected = (
            gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            for path in (folder / file["file"], folder / file["expected"])
        )
        value = plist_loads(data)
        matches(value, json.loads(expected), value, file["name"])


def matches(value: object, expected: Any, root: Any, where: str) -> None:
    if isinstance(expected, list):
        assert isinstance(value, list), where
        assert len(value) == len(expected), where
        for index, (item, wanted) in enumerate(zip(value, expected, strict=True)):
            matches(item, wanted, root, f"{where}[{index}]")
        return
    (kind, wanted), *_ = expected.items()
    if kind == "dict":
        assert isinstance(value, dict), where
        first: dict[str, object] = {}
        for key, item in wanted:
            first.setdefault(key, item)
        assert list(value) == list(first), where
        for key, item in first.items():
            matches(value[key], item, root, f"{where}.{key}")
        return
    if kind == "same_as":
        for step in wanted:
            root = root[step]
        assert value is root, where
        return
    decode = {
        "int": int,
        "str": str,
        "data": bytes.fromhex,
        "ascii_raw": lambda digits: bytes.fromhex(digits).decode("utf-8", "surrogateescape"),
        "utf16": lambda units: bytes.fromhex("".join(units)).decode("utf-16-be", "surrogatepass"),
    }
    assert value == decode[kind](wanted), where
    assert type(value) is type(decode[kind](wanted)), where
