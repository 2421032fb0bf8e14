"""A snapshot as bytes again, and as plain values."""

import json
import plistlib
from typing import Any

import pytest

from dyld_atlas import Snapshot
from dyld_atlas.formats import Archive
from dyld_atlas.testing import SnapshotBuilder
from samples import CACHE_PATH, CACHE_UUID, SLIDE, builder, cache, opened, sample
from test_snapshot_opening import Giver


def listing(snapshot: Snapshot) -> list[tuple[object, ...]]:
    return [(i.uuid, i.install_name, i.file_path, i.address, list(i.segments)) for i in snapshot.images]


@pytest.mark.parametrize("codec", [None, "none", "zlib", "lzma", "lz4", "lzfse", "lzbitmap"])
def test_round_trip(codec: str | None) -> None:
    snapshot = sample()
    data = snapshot.to_bytes(codec=codec)
    assert Archive.from_bytes(data).codec == codec
    assert Archive.from_bytes(data).checksum_ok is True
    again = Snapshot.from_bytes(data, providers=())
    assert listing(again) == listing(snapshot)
    assert again.to_dict() == snapshot.to_dict()


def test_codecs_that_are_none() -> None:
    with pytest.raises(ValueError, match=r"'gzip'|\"gzip\""):
        sample().to_bytes(codec="gzip")
    with pytest.raises(TypeError):
        sample().to_bytes("zlib")  # type: ignore[misc]


def test_the_record_of_the_cache_is_embedded() -> None:
    alone = opened(builder(embed=False), Giver(cache().build_atlas(codec="lzfse")))
    complete = Snapshot.from_bytes(alone.to_bytes(), providers=())
    assert listing(complete) == listing(alone)
    archive = Archive.from_bytes(alone.to_bytes())
    name = CACHE_PATH.rpartition("/")[2]
    assert bytes(archive[f"caches/names/{name}.plist"]) == bytes(
        archive[f"caches/uuids/{str(CACHE_UUID).upper()}.plist"]
    )
    assert complete.to_bytes() == alone.to_bytes()


def test_other_entries_are_kept() -> None:
    data = builder().file("new.plist", b"later").link("names/x", "../new.plist").build()
    archive = Archive.from_bytes(Snapshot.from_bytes(data, providers=()).to_bytes())
    assert bytes(archive["names/x"]) == b"later"
    assert bytes(archive["process.plist"]) == bytes(Archive.from_bytes(data)["process.plist"])


def test_every_value_as_a_plain_one() -> None:
    described = (
        builder()
        .environment("/sim", DYLD_LIBRARY_PATH="/opt")
        .metrics({"init": 5})
        .aot_image(x86_address=1, aot_address=2, aot_size=3, image_key=b"\x0f" * 32)
    )
    snapshot = opened(described)
    record: dict[str, Any] = snapshot.to_dict()
    assert json.loads(json.dumps(record)) == record
    images, shared = record.pop("images"), record.pop("shared_cache")
    assert record == {
        "pid": 7,
        "platform": 1,
        "platform_name": "MACOS",
        "state": 0x50,
        "state_name": "RUNNING",
        "timestamp": 99,
        "initial_image_count": 2,
        "flags": 0,
        "page_size": 16384,
        "pointer_size": 8,
        "environment": {"DYLD_ROOT_PATH": "/sim", "DYLD_LIBRARY_PATH": "/opt"},
        "metrics": {"init": 5},
        "aot_images": [{"x86_address": 1, "aot_address": 2, "aot_size": 3, "image_key": "0f" * 32}],
        "shared_cache_record": {
            "uuid": str(CACHE_UUID).upper(),
            "address": 0x1_8000_0000 + SLIDE,
            "file_path": CACHE_PATH,
            "used_images": [0, 2],
            "aot_uuid": None,
            "aot_address": None,
        },
        "warnings": [],
        "unknown_keys": {},
    }
    assert images == [
        {
            "name": image.name,
            "uuid": str(image.uuid).upper(),
            "install_name": image.install_name,
            "file_path": image.file_path,
            "address": int(image.address),
            "preferred_load_address": int(image.preferred_load_address),
            "slide": int(image.slide),
            "in_shared_cache": image.is_in_shared_cache,
            "segments": [
                {
                    "name": segment.name,
                    "address": int(segment.address),
                    "preferred_load_address": int(segment.preferred_load_address),
                    "vm_size": segment.vm_size,
                    "file_size": segment.file_size,
                    "file_offset": segment.file_offset,
                    "permissions": int(segment.permissions),
                }
                for segment in image.segments
            ],
        }
        for image in snapshot.images
    ]
    assert [image["in_shared_cache"] for image in images] == [False, False, True, True]
    assert images[1]["install_name"] == "@rpath/libextra.1.dylib"
    (file,) = shared.pop("subcaches")
    assert shared == {
        "uuid": str(CACHE_UUID).upper(),
        "address": 0x1_8000_0000 + SLIDE,
        "preferred_load_address": 0x1_8000_0000,
        "slide": SLIDE,
        "vm_size": 0x1000_0000,
        "pointer_size": 8,
        "raw_pointer_size": 8,
        "architecture": "arm64e",
        "platform": None,
        "mapped_private": False,
        "image_count": 4,
        "aot_uuid": None,
        "aot_address": None,
        "local_symbols_path": None,
        "local_symbols_uuid": None,
        "warnings": [],
    }
    assert file == {
        "name": "dyld_shared_cache_arm64e",
        "uuid": str(CACHE_UUID).upper(),
        "vm_offset": 0,
        "vm_size": 0x1000_0000,
        "file_size": 0x1000_0000,
        "file_path": CACHE_PATH,
        "preferred_load_address": 0x1_8000_0000,
        "mappings": [
            {
                "name": "__TEXT",
                "preferred_load_address": 0x1_8000_0000,
                "size": 0x1000_0000,
                "file_offset": 0,
                "max_protection": 5,
            }
        ],
    }


def test_plain_values_of_a_bare_process() -> None:
    record: dict[str, Any] = opened(
        SnapshotBuilder(initial_image_count=None, platform=99, state=1).image(None, uuid=None, segments=None)
    ).to_dict()
    absent = ("environment", "metrics", "aot_images", "shared_cache_record", "shared_cache", "initial_image_count")
    assert [record[key] for key in absent] == [None] * len(absent)
    assert (record["platform_name"], record["state_name"]) == ("UNKNOWN_99", "UNKNOWN_1")
    (image,) = record["images"]
    assert image == {
        "name": "",
        "uuid": None,
        "install_name": None,
        "file_path": None,
        "address": 0x1_0000_0000,
        "preferred_load_address": 0,
        "slide": 0x1_0000_0000,
        "in_shared_cache": False,
        "segments": [],
    }


def test_plain_values_belong_to_the_caller() -> None:
    snapshot = opened(builder().environment("/sim"))
    first: dict[str, Any] = snapshot.to_dict()
    first["images"][0]["segments"][0]["name"] = "changed"
    first["images"][2]["uuid"] = None
    first["environment"].clear()
    second: dict[str, Any] = snapshot.to_dict()
    assert second["images"][0]["segments"][0]["name"] == "__TEXT"
    assert second["images"][1]["segments"][0]["name"] == "__TEXT"
    assert second["images"][2]["uuid"] is not None
    assert second["environment"] == {"DYLD_ROOT_PATH": "/sim"}


def test_what_plistlib_reads_of_what_was_written() -> None:
    record = plistlib.loads(bytes(Archive.from_bytes(sample().to_bytes())["process.plist"]))
    assert record == builder().to_plist()
