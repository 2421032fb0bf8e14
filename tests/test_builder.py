"""SnapshotBuilder and CacheBuilder: what is asked for stands in the records, and the same calls give the same bytes.

The standard library's plistlib reads the records back, so that the builder is not checked by its own kind.
"""

import plistlib
from uuid import UUID

import pytest

from dyld_atlas import Platform, ProcessState, SnapshotFlags
from dyld_atlas.formats import Archive
from dyld_atlas.testing import CacheBuilder, SnapshotBuilder

U1 = UUID("11111111-2222-3333-4444-555555555555")


def process(data: bytes) -> dict[str, object]:
    record = plistlib.loads(bytes(Archive.from_bytes(data)["process.plist"]))
    assert isinstance(record, dict)
    return record


def cache_builder() -> CacheBuilder:
    return (
        CacheBuilder("/System/Library/dyld/dyld_shared_cache_arm64e", uuid=U1)
        .image("/usr/lib/liba.dylib", segments={"__TEXT": 0x4000, "__DATA": 0x100})
        .image("/usr/lib/libb.dylib", uuid=None)
        .image("/usr/lib/libc.dylib", preferred_load_address=0x1_9000_0000)
    )


def test_everything_a_process_record_can_hold() -> None:
    data = (
        SnapshotBuilder(
            pid=7,
            platform=Platform.IOS,
            state=ProcessState.LIBSYSTEM_INITIALIZED,
            timestamp=99,
            initial_image_count=5,
            flags=SnapshotFlags.PAGE_SIZE_4K,
        )
        .image(
            "/bin/demo",
            uuid=U1,
            address=0x1_0000_8000,
            preferred_load_address=0x1_0000_0000,
            install_name="/bin/other",
            segments=[
                ("__TEXT", 0x4000),
                ("__DATA", 0x8000, 3, 0x1000),
                {"name": "__LINKEDIT", "size": 0x100, "preferred_load_address": 0x2_0000_0000, "odd1": b"!"},
            ],
            extra={"unkn": [1]},
        )
        .aot_image(x86_address=1, aot_address=2, aot_size=3, image_key=b"k" * 32)
        .environment("/root", DYLD_LIBRARY_PATH="/opt", DYLD_IMAGE_SUFFIX="_debug")
        .metrics({"init": 4, "dlo#": 5})
        .build()
    )
    assert process(data) == {
        "proc": 7,
        "plat": 2,
        "stat": 0x30,
        "time": 99,
        "init": 5,
        "flag": 1,
        "flags": 1,
        "envp": {"root": "/root", "libp": "/opt", "isuf": "_debug"},
        "metr": {"init": 4, "dlo#": 5},
        "aots": [{"xadr": 1, "aadr": 2, "asze": 3, "ikey": b"k" * 32}],
        "imgs": [
            {
                "file": "/bin/demo",
                "addr": 0x1_0000_8000,
                "padr": 0x1_0000_0000,
                "uuid": U1.bytes,
                "name": "/bin/other",
                "unkn": [1],
                "segs": [
                    {"name": "__TEXT", "padr": 0x1_0000_0000, "size": 0x4000, "foff": 0, "fsze": 0x4000, "perm": 5},
                    {
                        "name": "__DATA",
                        "padr": 0x1_0000_4000,
                        "size": 0x8000,
                        "foff": 0x4000,
                        "fsze": 0x1000,
                        "perm": 3,
                    },
                    {
                        "name": "__LINKEDIT",
                        "padr": 0x2_0000_0000,
                        "size": 0x100,
                        "foff": 0x5000,
                        "fsze": 0x100,
                        "perm": 1,
                        "odd1": b"!",
                    },
                ],
            }
        ],
    }


def test_the_same_calls_give_the_same_bytes() -> None:
    def build() -> bytes:
        builder = SnapshotBuilder().image("/bin/a").image("/bin/b").shared_cache(cache_builder(), slide=0x4000)
        return builder.aot_image(x86_address=1, aot_address=2).build()

    assert build() == build()


def test_images_follow_each_other() -> None:
    record = SnapshotBuilder().image("/a", segments={"__TEXT": 0x4001}).image("/b").to_plist()
    first, second = record["imgs"]
    assert first["addr"] == 0x1_0000_0000
    assert second["addr"] == 0x1_0000_8000
    assert first["uuid"] != second["uuid"]
    assert record["init"] == 2


def test_what_is_none_is_left_out() -> None:
    builder = SnapshotBuilder(initial_image_count=None, flags=None, extra={"plat": None, "more": True})
    record = builder.image(None, uuid=None, address=None, segments=None).to_plist()
    assert record == {"proc": 1, "stat": 80, "time": 1, "imgs": [{}], "more": True}


def test_addresses_are_the_bits() -> None:
    record = SnapshotBuilder().image("/top", address=2**64 - 0x4000, segments=()).to_plist()
    assert record["imgs"][0]["addr"] == -0x4000


def test_cache_embedded() -> None:
    data = SnapshotBuilder().shared_cache(cache_builder(), slide=-0x4000, used=[0, "/usr/lib/libc.dylib"]).build()
    record = process(data)
    assert record["dsc1"] == {
        "bitm": b"\x05",
        "file": "/System/Library/dyld/dyld_shared_cache_arm64e",
        "addr": 0x1_8000_0000 - 0x4000,
        "uuid": U1.bytes,
    }
    entry = f"caches/uuids/{U1}.plist".replace(str(U1), str(U1).upper())
    atlas = plistlib.loads(bytes(Archive.from_bytes(data)[entry]))
    cache = atlas["uuids"][str(U1).upper()]
    assert atlas["names"]["dyld_shared_cache_arm64e"] == cache
    assert [image["name"] for image in cache["imgs"]] == [f"/usr/lib/lib{x}.dylib" for x in "abc"]
    assert [image["padr"] for image in cache["imgs"]] == [0x1_8000_4000, 0x1_8000_C000, 0x1_9000_0000]
    assert "uuid" not in cache["imgs"][1]
    assert cache["size"] == 0x1000_8000
    assert [sub["name"] for sub in cache["dscs"]] == ["dyld_shared_cache_arm64e"]


def test_cache_beside() -> None:
    builder = SnapshotBuilder().shared_cache(cache_builder(), embed=False)
    assert [entry.path for entry in Archive.from_bytes(builder.build()).entries] == ["process.plist"]
    for codec in (None, "lzfse", "zlib"):
        atlas = Archive.from_bytes(builder.build_atlas(codec=codec))
        assert atlas.codec == codec
        assert [entry.kind for entry in atlas.entries] == ["L", "F"]
        by_name = atlas["caches/names/dyld_shared_cache_arm64e.plist"]
        assert bytes(by_name) == bytes(atlas[f"caches/uuids/{str(U1).upper()}.plist"])


def test_subcaches() -> None:
    cache = (
        cache_builder()
        .subcache("", vm_offset=0, mappings=[(0x1_8000_0000, 0x4000, 0, 5)])
        .subcache(".01.dylddata", vm_offset=0x8000, mappings=[(0x1_8000_8000, 0x4000, 0, 3)], file_size=0x5000)
    )
    record = cache.to_plist()["uuids"][str(U1).upper()]
    main, data = record["dscs"]
    assert main["uuid"] == U1.bytes
    assert data["name"] == "dyld_shared_cache_arm64e.01.dylddata"
    assert (data["voff"], data["size"], data["fsze"], data["padr"]) == (0x8000, 0x4000, 0x5000, 0x1_8000_8000)
    assert data["maps"] == [{"size": 0x4000, "padr": 0x1_8000_8000, "foff": 0, "prot": 3}]


@pytest.mark.parametrize("codec", [None, "none", "zlib", "lzma", "lz4", "lzfse", "lzbitmap"])
def test_codecs(codec: str | None) -> None:
    data = SnapshotBuilder(pid=77).build(codec=codec)
    assert Archive.from_bytes(data).codec == codec
    assert process(data)["proc"] == 77


def test_other_entries() -> None:
    data = SnapshotBuilder().file("process.cinfo", b"old").link("alias.plist", "process.plist").build()
    archive = Archive.from_bytes(data)
    assert bytes(archive["process.cinfo"]) == b"old"
    assert bytes(archive["alias.plist"]) == bytes(archive["process.plist"])
    assert archive.checksum_ok


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: SnapshotBuilder().environment(DYLD_PRINT_LIBRARIES="1"), TypeError),
        (lambda: SnapshotBuilder().image("/a", segments=[("__TEXT",)]), TypeError),
        (lambda: SnapshotBuilder().image("/a", segments=[("__TEXT", 1, 2, 3, 4, 5)]), TypeError),
        (lambda: SnapshotBuilder().image("/a", segments=[{"name": "__TEXT"}]), TypeError),
        (lambda: SnapshotBuilder().image("/a", uuid="nonsense"), ValueError),
        (lambda: CacheBuilder(uuid=b"short"), ValueError),
        (lambda: SnapshotBuilder().build_atlas(), ValueError),
        (lambda: SnapshotBuilder().shared_cache(cache_builder(), used=[3]).build(), ValueError),
        (lambda: SnapshotBuilder().shared_cache(cache_builder(), used=["/nothing"]).build(), ValueError),
    ],
)
def test_mistakes(call: object, error: type[Exception]) -> None:
    assert callable(call)
    with pytest.raises(error):
        call()
