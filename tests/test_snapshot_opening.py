"""From bytes, files and providers to a snapshot, and every way in which that is refused."""

import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dyld_atlas import (
    ArchiveError,
    DirectoryProvider,
    FileIdentifier,
    LimitExceededError,
    Limits,
    PlistError,
    Provider,
    SchemaError,
    Snapshot,
)
from dyld_atlas.formats import ArchiveWriter
from dyld_atlas.testing import SnapshotBuilder
from samples import CACHE_PATH, CACHE_UUID, builder, cache, opened


class Giver:
    """A provider that gives the same to everybody, and notes who asked."""

    def __init__(self, given: object) -> None:
        self.given = given
        self.asked: list[FileIdentifier] = []

    def file(self, identifier: FileIdentifier, /) -> None:
        """Nothing: it gives records alone."""

    def shared_cache_atlas(self, identifier: FileIdentifier, /) -> bytes:
        self.asked.append(identifier)
        if isinstance(self.given, BaseException):
            raise self.given
        return self.given  # type: ignore[return-value]

    def __repr__(self) -> str:
        return "<Giver of the test>"


@pytest.mark.parametrize("codec", [None, "none", "zlib", "lzma", "lz4", "lzfse", "lzbitmap"])
@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, lambda data: memoryview(b"x" + data)[1:]])
def test_from_every_buffer_and_container(codec: str | None, wrap: Callable[[bytes], bytes]) -> None:
    data = builder().build(codec=codec)
    snapshot = Snapshot.from_bytes(wrap(data), providers=())
    assert (snapshot.pid, len(snapshot.images)) == (7, 4)


def test_a_buffer_may_change_afterwards() -> None:
    data = bytearray(builder().build())
    snapshot = Snapshot.from_bytes(data, providers=())
    for index in range(len(data)):
        data[index] = 0xAA
    data.clear()
    assert [image.name for image in snapshot.images][:2] == ["demo", "libextra.1.dylib"]
    assert snapshot.shared_cache is not None


@pytest.mark.parametrize("mode", ["map", "copy"])
@pytest.mark.parametrize("kind", [str, pathlib.Path])
def test_from_a_file(tmp_path: pathlib.Path, mode: str, kind: Callable[[pathlib.Path], str]) -> None:
    path = tmp_path / "snäpshot.aar"
    path.write_bytes(builder().build())
    snapshot = Snapshot.open(kind(path), providers=(), mode=mode)  # type: ignore[arg-type]
    path.unlink()
    assert snapshot.images[0].name == "demo"


def test_files_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(FileNotFoundError) as caught:
        Snapshot.open(missing)
    assert caught.value.filename == str(missing)
    for mode in ("map", "copy"):
        with pytest.raises(OSError, match=r"directory|regular file") as refused:
            Snapshot.open(tmp_path, mode=mode)
        assert refused.value.filename == str(tmp_path)
    with pytest.raises(ValueError, match="null byte"):
        Snapshot.open("a\0b")
    with pytest.raises(TypeError):
        Snapshot.open(b"bytes")  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["open", "from_bytes"])
def test_options_that_are_none(method: str) -> None:
    data = builder().build()
    call = getattr(Snapshot, method)
    with pytest.raises(ValueError, match='"map" or "copy", not "mmap"'):
        call(data if method == "from_bytes" else "missing", mode="mmap")
    with pytest.raises(TypeError):
        call(data, limits=5)
    with pytest.raises(TypeError):
        call(data, ())
    with pytest.raises(TypeError):
        call()


def test_what_is_no_snapshot() -> None:
    for wrong in (5, "text", None, object()):
        with pytest.raises(TypeError):
            Snapshot.from_bytes(wrong)  # type: ignore[arg-type]
    writer = ArchiveWriter()
    writer.add_file("process.plist", b"no list")
    with pytest.raises(PlistError) as caught:
        Snapshot.from_bytes(writer.to_bytes())
    assert (caught.value.entry, caught.value.offset) == ("process.plist", 0)
    with pytest.raises(ArchiveError, match=r"process\.plist"):
        Snapshot.from_bytes(cache().build_atlas())
    with pytest.raises(ArchiveError):
        Snapshot.from_bytes(b"")
    with pytest.raises(TypeError, match=r"No constructor|cannot create"):
        Snapshot()


def test_errors_name_the_place() -> None:
    broken = SnapshotBuilder().image("/a").image("/b", extra={"addr": "text"}).build()
    with pytest.raises(SchemaError) as caught:
        Snapshot.from_bytes(broken, providers=())
    error = caught.value
    assert (error.entry, error.key_path, error.found) == ("process.plist", "imgs[1].addr", "string")
    assert error.hint is not None
    snapshot = Snapshot.from_bytes(broken, providers=(), lenient=True)
    assert [image.name for image in snapshot.images] == ["a"]
    assert all("imgs[1]" in warning for warning in snapshot.warnings)
    assert snapshot.warnings


def test_a_wrong_checksum_is_refused_unless_lenient() -> None:
    data = bytearray(builder().build())
    data[data.index(b"/bin/demo") + 1] ^= 2
    with pytest.raises(ArchiveError) as caught:
        Snapshot.from_bytes(data, providers=())
    assert caught.value.expected != caught.value.found
    snapshot = Snapshot.from_bytes(data, providers=(), lenient=True)
    assert snapshot.images[0].file_path == "/`in/demo"
    assert len(snapshot.warnings) == 1


def test_limits() -> None:
    data = builder().build(codec="zlib")
    with pytest.raises(LimitExceededError) as caught:
        Snapshot.from_bytes(data, providers=(), limits=Limits(images=1))
    assert (caught.value.limit, caught.value.requested, caught.value.key_path) == (1, 2, "imgs")
    with pytest.raises(LimitExceededError):
        Snapshot.from_bytes(data, providers=(), limits=Limits(decoded_bytes=100), lenient=True)
    # The limit holds for the records of caches as well.
    alone, atlas = builder(embed=False), cache().build_atlas()
    with pytest.raises(LimitExceededError):
        Snapshot.from_bytes(alone.build(), providers=[Giver(atlas)], limits=Limits(images=3))


def test_bits_past_the_images_of_a_cache_are_not_listed() -> None:
    bitmap = bytes([0b101, 0, 0, 0x80])
    for embed, expected in ((True, [0, 2]), (False, [0, 2, 31])):
        record: Any = opened(builder().shared_cache(cache(), used=bitmap, embed=embed)).to_dict()["shared_cache_record"]
        assert record["used_images"] == expected


def test_a_bitmap_of_more_images_than_are_allowed() -> None:
    data = builder().shared_cache(cache(), used=bytes(3), embed=False).build()
    assert Snapshot.from_bytes(data, providers=(), limits=Limits(images=17)).pid == 7
    for lenient in (False, True):
        with pytest.raises(LimitExceededError) as caught:
            Snapshot.from_bytes(data, providers=(), limits=Limits(images=16), lenient=lenient)
        assert (caught.value.key_path, caught.value.limit, caught.value.requested) == ("dsc1.bitm", 2, 3)


def test_without_a_record_of_the_cache() -> None:
    snapshot = opened(builder(embed=False))
    assert snapshot.shared_cache is None
    assert snapshot.shared_cache_record is not None
    assert len(snapshot.images) == 2
    assert [warning for warning in snapshot.warnings if str(CACHE_UUID).upper() in warning] == list(snapshot.warnings)
    assert len(snapshot.warnings) == 1


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("codec", [None, "lzfse"])
def test_providers_give_bytes(wrap: Callable[[bytes], object], codec: str | None) -> None:
    giver = Giver(wrap(cache().build_atlas(codec=codec)))
    snapshot = opened(builder(embed=False), giver)
    assert [image.name for image in snapshot.images][2:] == ["libSystem.B.dylib", "libz.1.dylib"]
    assert snapshot.warnings == ()
    assert giver.asked == [FileIdentifier(uuid=CACHE_UUID, path=CACHE_PATH)]


class Path:
    """A path that is no `str`."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


@pytest.mark.parametrize("wrap", [str, pathlib.Path, Path])
def test_providers_give_paths(tmp_path: pathlib.Path, wrap: Callable[[pathlib.Path], object]) -> None:
    path = tmp_path / "some.atlas"
    path.write_bytes(cache().build_atlas())
    assert len(opened(builder(embed=False), Giver(wrap(path))).images) == 4
    with pytest.raises(FileNotFoundError) as caught:
        opened(builder(embed=False), Giver(wrap(tmp_path / "missing")))
    assert caught.value.filename == str(tmp_path / "missing")
    assert "<Giver of the test>" in caught.value.__notes__[0]


def test_providers_are_asked_in_order_until_one_has_it() -> None:
    other = cache("/other/dyld_shared_cache_x86_64")
    other.uuid = type(CACHE_UUID)(int=5)
    nothing, another, right, never = (
        Giver(None),
        Giver(other.build_atlas()),
        Giver(cache().build_atlas()),
        Giver(AssertionError("asked too many")),
    )
    snapshot = opened(builder(embed=False), nothing, another, right, never)
    assert snapshot.shared_cache is not None
    assert [len(giver.asked) for giver in (nothing, another, right, never)] == [1, 1, 1, 0]


def test_any_iterable_of_providers() -> None:
    data, atlas = builder(embed=False).build(), cache().build_atlas()
    providers = iter([Giver(None), Giver(atlas)])
    assert Snapshot.from_bytes(data, providers=providers).shared_cache is not None  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Snapshot.from_bytes(data, providers=5)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="shared_cache_atlas"):
        Snapshot.from_bytes(data, providers=[object()])  # type: ignore[list-item]


def test_what_providers_raise_passes_through() -> None:
    class Mine(Exception):
        pass

    for error in (Mine("no"), KeyboardInterrupt(), OSError(5, "x")):
        with pytest.raises(type(error)) as caught:
            opened(builder(embed=False), Giver(error))
        assert caught.value is error


@pytest.mark.parametrize("wrong", [5, 1.5, ["x"], object(), Ellipsis])
def test_providers_that_give_something_else(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"<Giver of the test> returned \w+: .* bytes, a path or None"):
        opened(builder(embed=False), Giver(wrong))


def test_a_broken_atlas_names_its_provider() -> None:
    with pytest.raises(ArchiveError) as caught:
        opened(builder(embed=False), Giver(b"no archive"))
    assert "<Giver of the test>" in caught.value.__notes__[-1]
    snapshot = opened(builder(embed=False), Giver(b"no archive"), lenient=True)
    assert snapshot.shared_cache is None
    assert len(snapshot.warnings) == 2
    assert snapshot.warnings[0].startswith("the atlas that provider <Giver of the test> gave: ")


def test_own_images_that_only_a_cache_can_place() -> None:
    def described() -> SnapshotBuilder:
        alone = SnapshotBuilder().image("/bin/demo", address=0x1_0000_0000)
        return alone.image("/lib/inside", address=None, preferred_load_address=0x1_8100_0000)

    with pytest.raises(SchemaError) as caught:
        opened(described())
    assert (caught.value.key_path, caught.value.expected) == ("imgs[1]", "addr")
    snapshot = opened(described(), lenient=True)
    assert [image.name for image in snapshot.images] == ["demo"]
    assert len(snapshot.warnings) == 1
    # With a cache it moves as that does; where the cache is not found, nobody knows how far that is.
    snapshot = opened(described().shared_cache(cache(), slide=0x4000, used=()))
    assert snapshot.images.by_name("inside").address == 0x1_8100_4000
    for lenient in (False, True):
        snapshot = opened(described().shared_cache(cache(), slide=0x4000, used=(), embed=False), lenient=lenient)
        assert [image.name for image in snapshot.images] == ["demo"]
        assert "1 images have a preferred address alone" in snapshot.warnings[1]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/x", "..", "a/b"])
def test_names_that_lead_out_of_the_folder_of_a_cache(name: str) -> None:
    atlas = cache()
    atlas.subcache(".01", vm_offset=0x100_0000, mappings=[(0x1_8100_0000, 0x4000, 0, 5)], extra={"name": name})
    with pytest.raises(SchemaError) as caught:
        opened(builder(embed=False), Giver(atlas.build_atlas()))
    assert caught.value.key_path is not None
    assert caught.value.key_path.endswith("dscs[0].name")
    snapshot = opened(builder(embed=False), Giver(atlas.build_atlas()), lenient=True)
    assert snapshot.shared_cache is not None
    assert not any(name in path for path in snapshot.shared_cache.file_paths)


def test_a_provider_comes_before_the_embedded_record() -> None:
    given = cache(names=["/given/a", "/given/b", "/given/c", "/given/d"])
    snapshot = opened(builder(), Giver(given.build_atlas()))
    assert [image.install_name for image in snapshot.images][2:] == ["/given/a", "/given/c"]


def test_no_cache_no_question() -> None:
    giver = Giver(AssertionError("asked"))
    assert opened(SnapshotBuilder().image("/bin/demo"), giver).shared_cache is None
    assert giver.asked == []


def test_directory_provider(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "System/Library/dyld"
    folder.mkdir(parents=True)
    (folder / "dyld_shared_cache_arm64e.atlas").write_bytes(cache().build_atlas())
    provider: Provider = DirectoryProvider(tmp_path)
    assert len(opened(builder(embed=False), provider).images) == 4


def test_the_atlas_of_this_machine(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "dyld_shared_cache_arm64e"
    described = SnapshotBuilder().image("/bin/demo").shared_cache(cache(str(path)), embed=False)
    assert len(Snapshot.from_bytes(described.build()).images) == 1
    path.with_suffix(".atlas").write_bytes(cache(str(path)).build_atlas())
    assert len(Snapshot.from_bytes(described.build()).images) == 5
    assert len(Snapshot.from_bytes(described.build(), providers=()).images) == 1
    # A broken one was not asked for: it is noted and passed over.
    other = tmp_path / "dyld_shared_cache_x86_64"
    other.with_suffix(".atlas").write_bytes(b"broken")
    described = SnapshotBuilder().image("/bin/demo").shared_cache(cache(str(other)), embed=False)
    snapshot = Snapshot.from_bytes(described.build())
    assert (len(snapshot.images), len(snapshot.warnings)) == (1, 2)


def test_a_relative_path_is_never_opened(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dyld_shared_cache_arm64e.atlas").write_bytes(cache("dyld_shared_cache_arm64e").build_atlas())
    described = SnapshotBuilder().shared_cache(cache("dyld_shared_cache_arm64e"), embed=False)
    assert Snapshot.from_bytes(described.build()).shared_cache is None


def test_the_same_atlas_is_read_once() -> None:
    atlas, data = cache().build_atlas(), builder(embed=False).build()
    one, two = (Snapshot.from_bytes(data, providers=[Giver(atlas)]) for _ in range(2))
    # The names of cache images are the same objects, because the record behind them is.
    assert one.images[2].install_name is two.images[2].install_name
    assert one.images[2].uuid is two.images[2].uuid
    assert one.images[2] is not two.images[2]
    assert one.images[2] == two.images[2]


def test_a_changed_atlas_file_is_read_again(tmp_path: pathlib.Path) -> None:
    path, data = tmp_path / "x.atlas", builder(embed=False).build()
    names: list[Sequence[str]] = []
    for number, letter in enumerate("ab"):
        path.write_bytes(cache(names=[f"/{letter}/{i}" for i in range(4)]).build_atlas())
        os.utime(path, (1000 + number, 1000 + number))
        names.append([image.install_name or "" for image in Snapshot.from_bytes(data, providers=[Giver(path)]).images])
    assert names[0][2:] == ["/a/0", "/a/2"]
    assert names[1][2:] == ["/b/0", "/b/2"]
