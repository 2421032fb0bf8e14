"""Records of dyld's own encoder, as snapshots: every value, from Python."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from dyld_atlas import FileIdentifier, Image, RebasedAddress, SchemaError, Snapshot
from dyld_atlas.formats import ArchiveWriter
from dyld_atlas.testing import SnapshotBuilder
from dyld_records import records

MASK = 2**64 - 1
KNOWN = {"proc", "plat", "time", "stat", "imgs", "init", "flag", "flags", "envp", "metr", "aots", "dsc1", "cput"}


def wrap(plist: bytes, entry: str = "process.plist") -> bytes:
    writer = ArchiveWriter()
    writer.add_file(entry, plist)
    return writer.to_bytes()


def sound(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The images that lenient reading keeps: those with an address of either kind."""
    return [image for image in record["imgs"] if "addr" in image or "padr" in image]


def check_image(image: Image, record: dict[str, Any], own_slide: int) -> None:
    preferred = record.get("padr", 0) & MASK
    address = record["addr"] & MASK if "addr" in record else (preferred + own_slide) & MASK
    slide = (address - preferred) & MASK
    assert image.address == address
    assert image.preferred_load_address == preferred
    assert image.slide == slide
    assert image.install_name == record.get("name")
    assert image.file_path == record.get("file")
    assert image.name == (record.get("name") or record.get("file") or "").rpartition("/")[2]
    assert image.uuid == (UUID(bytes=record["uuid"]) if "uuid" in record else None)
    assert image.identifier.uuid == image.uuid
    segments = record.get("segs", [])
    assert [segment.name for segment in image.segments] == [segment["name"] for segment in segments]
    for found, segment in zip(image.segments, segments, strict=True):
        assert found.preferred_load_address == segment["padr"] & MASK
        assert found.address == (segment["padr"] + slide) & MASK
        assert found.vm_size == segment["size"]
        assert found.file_size == segment["fsze"]
        assert found.file_offset == segment.get("foff")
        assert int(found.permissions) == segment["perm"]
        assert image.segment(found.name).name == found.name


def check_columns(snapshot: Snapshot) -> None:
    images = snapshot.images
    columns, segments = images.columns(), images.segment_columns()
    assert np.asarray(columns.address).tolist() == [image.address for image in images]
    assert list(columns.install_name) == [image.install_name for image in images]
    assert list(columns.file_path) == [image.file_path for image in images]
    parts = [(index, part) for index, image in enumerate(images) for part in image.segments]
    assert np.asarray(segments.image_index).tolist() == [index for index, _ in parts]
    assert np.asarray(segments.address).tolist() == [part.address for _, part in parts]
    assert np.asarray(segments.permissions).tolist() == [int(part.permissions) for _, part in parts]
    assert list(segments.name) == [part.name for _, part in parts]


def check_process(snapshot: Snapshot, record: dict[str, Any]) -> None:
    flags = record.get("flags", record.get("flag", 0))
    assert (snapshot.pid, snapshot.timestamp) == (record["proc"], record["time"])
    assert (snapshot.platform, snapshot.state) == (record["plat"], record["stat"])
    assert snapshot.initial_image_count == record.get("init")
    assert int(snapshot.flags) == flags
    assert snapshot.page_size == (4096 if flags & 1 else 16384)
    assert snapshot.pointer_size == (4 if flags & 2 else 8)
    assert snapshot.metrics == record.get("metr")
    assert snapshot.unknown_keys == {key: value for key, value in record.items() if key not in KNOWN}
    environment = snapshot.environment
    assert (environment is None) == ("envp" not in record)
    if environment is not None:
        assert environment.root_path == record["envp"].get("root")
        assert len(environment.variables) == len(record["envp"])
    assert (snapshot.aot_images is None) == ("aots" not in record)
    for found, image in zip(snapshot.aot_images or (), record.get("aots", []), strict=True):
        assert (found.x86_address, found.aot_address) == (image["xadr"] & MASK, image["aadr"] & MASK)
        assert (found.aot_size, found.image_key) == (image["asze"], image["ikey"])
    cache = snapshot.shared_cache_record
    assert (cache is None) == ("dsc1" not in record)
    if cache is not None:
        expected = record["dsc1"]
        assert (cache.uuid.bytes, cache.address) == (expected["uuid"], expected["addr"] & MASK)
        assert cache.file_path == expected["file"]
        assert cache.aot_address == (expected["aadr"] & MASK if "aadr" in expected else None)
        assert cache.aot_uuid == (UUID(bytes=expected["auid"]) if "auid" in expected else None)
        bits = np.unpackbits(np.frombuffer(expected["bitm"], np.uint8), bitorder="little")
        assert list(cache.used_images) == bits.astype(bool).tolist()


def test_process_records() -> None:
    seen = 0
    for name, plist, record in records("proc_"):
        snapshot = Snapshot.from_bytes(wrap(plist), providers=(), lenient=True)
        check_process(snapshot, record)
        images = sound(record)
        assert len(snapshot.images) == len(images), name
        for image, expected in zip(snapshot.images, images, strict=True):
            check_image(image, expected, 0)
            assert image.shared_cache is None
        check_columns(snapshot)
        assert len(snapshot.to_dict()["images"]) == len(images)  # type: ignore[arg-type]
        again = Snapshot.from_bytes(snapshot.to_bytes(codec="lzfse"), providers=(), lenient=True)
        assert again.to_dict() == snapshot.to_dict(), name
        if len(images) == len(record["imgs"]):
            assert Snapshot.from_bytes(wrap(plist), providers=()).to_dict() == snapshot.to_dict()
        else:
            with pytest.raises(SchemaError) as caught:
                Snapshot.from_bytes(wrap(plist), providers=())
            assert caught.value.key_path == "imgs[7]"
        seen += 1
    assert seen >= 19


class Atlas:
    """A provider of one atlas, as bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[FileIdentifier] = []

    def file(self, identifier: FileIdentifier, /) -> None:
        return None

    def shared_cache_atlas(self, identifier: FileIdentifier, /) -> bytes:
        self.asked.append(identifier)
        return self.data


class Process:
    """The record of a process that uses a cache at a slide."""

    def __init__(self, uuid: UUID, address: int, bitmap: bytes) -> None:
        self.path = "/System/Library/dyld/dyld_shared_cache_arm64e"
        usage = {"bitm": bitmap, "file": self.path, "addr": address, "uuid": uuid.bytes}
        self.data = SnapshotBuilder(extra={"dsc1": usage}).build()


def check_files(snapshot: Snapshot, files: Sequence[dict[str, Any]]) -> None:
    cache = snapshot.shared_cache
    assert cache is not None
    main = files[0]["name"]
    names = [main + file["name"] if file["name"].startswith(".") else file["name"] for file in files]
    assert [file.name for file in cache.subcaches] == names
    assert list(cache.file_paths) == [f"/System/Library/dyld/{name}" for name in names]
    for found, file in zip(cache.subcaches, files, strict=True):
        assert found.uuid.bytes == file["uuid"]
        assert (found.vm_offset, found.vm_size, found.file_size) == (file["voff"], file["size"], file["fsze"])
        assert found.preferred_load_address == file["padr"]
        for mapping, expected in zip(found.mappings, file["maps"], strict=True):
            assert mapping.preferred_load_address == expected["padr"]
            assert (mapping.size, mapping.file_offset) == (expected["size"], expected["foff"])
            protection = expected["prot"]
            assert int(mapping.max_protection) == protection
            name = "__TEXT" if protection & 4 else "__DATA" if protection & 2 else "__LINKEDIT"
            assert (mapping.name, mapping.file_path) == (name, found.file_path)


def test_cache_records() -> None:
    seen = 0
    slide = 0x1_2340_0000
    for name, plist, atlas in records("cache_"):
        for text, cache in atlas["uuids"].items():
            uuid, images = UUID(text), cache["imgs"]
            process = Process(uuid, cache["padr"] + slide, b"\xff" * (len(images) // 8 + 3))
            provider = Atlas(wrap(plist, f"caches/uuids/{text}.plist"))
            snapshot = Snapshot.from_bytes(process.data, providers=[provider])
            assert provider.asked == [FileIdentifier(uuid=uuid, path=process.path)]
            found = snapshot.shared_cache
            assert found is not None, name
            assert (found.uuid, found.slide, found.address) == (uuid, slide, RebasedAddress(cache["padr"] + slide))
            assert (found.vm_size, found.raw_pointer_size) == (cache["size"], cache["psze"])
            symbols = cache.get("snme")
            assert found.local_symbols_path == (None if symbols is None else f"/System/Library/dyld/{symbols}")
            assert found.local_symbols_uuid == (UUID(bytes=cache["suid"]) if "suid" in cache else None)
            check_files(snapshot, cache["dscs"])
            assert len(snapshot.images) == len(found.images) == len(images), name
            for image, whole, expected in zip(snapshot.images, found.images, images, strict=True):
                check_image(image, expected, slide)
                assert image == whole
                assert image.is_in_shared_cache
            check_columns(snapshot)
            # Written again, it stands alone.
            again = Snapshot.from_bytes(snapshot.to_bytes(), providers=())
            assert list(again.images) == list(snapshot.images)
            assert again.to_dict()["shared_cache"] == snapshot.to_dict()["shared_cache"]
            seen += 1
    assert seen >= 7


def test_some_images_of_a_cache_among_own_ones() -> None:
    """The merge of the original: each side keeps its order, the lower of the next two goes first."""
    for name, plist, atlas in records("cache_0400"):
        ((text, cache),) = ((key, value) for key, value in list(atlas["uuids"].items())[:1])
        images = cache["imgs"]
        bits = bytes(range(0, len(images) // 8 + 1)) * 2
        slide, own = 0x4000, [cache["padr"] + 0x40_0000 * step for step in (5, 1, 9)]
        used = [image for index, image in enumerate(images) if bits[index // 8] >> (index % 8) & 1]
        expected: list[int] = []
        waiting = [image["padr"] + slide for image in used]
        for address in own:
            while waiting and waiting[0] <= address:
                expected.append(waiting.pop(0))
            expected.append(address)
        usage = {"bitm": bits, "file": "/x", "addr": cache["padr"] + slide, "uuid": UUID(text).bytes}
        builder = SnapshotBuilder(extra={"dsc1": usage})
        for address in own:
            builder.image("/own", address=address)
        provider = Atlas(wrap(plist, f"caches/uuids/{text}.plist"))
        snapshot = Snapshot.from_bytes(builder.build(), providers=[provider])
        assert [image.address for image in snapshot.images] == expected + waiting, name
        assert len(snapshot.images.outside_cache) == 3
