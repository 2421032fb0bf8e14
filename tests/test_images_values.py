"""What images and segments say, and when two of them are equal."""

import pickle
from uuid import UUID

import pytest

from dyld_atlas import (
    FileIdentifier,
    Image,
    Permissions,
    PreferredAddress,
    RebasedAddress,
    Segment,
    Slide,
    Snapshot,
    diff,
)
from dyld_atlas.testing import SnapshotBuilder
from samples import BASE, LINKEDIT, SLIDE, cache, opened, sample

U1 = UUID("11111111-2222-3333-4444-555555555555")


def only(builder: SnapshotBuilder) -> Image:
    (image,) = opened(builder).images
    return image


def described(**fields: object) -> Image:
    """One image with a UUID of its own, and what else is asked for."""
    return only(SnapshotBuilder().image("/bin/demo", **{"uuid": U1, "address": 0x1000, **fields}))  # type: ignore[arg-type]


def test_every_value() -> None:
    image = described(
        address=0x1_0480_0000,
        preferred_load_address=0x1_0000_0000,
        install_name="@rpath/demo.1",
        segments=[("__TEXT", 0x4000), ("__DATA", 0x8000, 3, 0x1000), ("__MINE", 0x10, 0)],
    )
    assert image.uuid == U1
    assert image.install_name == "@rpath/demo.1"
    assert image.file_path == "/bin/demo"
    assert image.name == "demo.1"
    assert image.identifier == FileIdentifier(uuid=U1, path="/bin/demo")
    assert (image.address, type(image.address)) == (0x1_0480_0000, RebasedAddress)
    assert (image.preferred_load_address, type(image.preferred_load_address)) == (0x1_0000_0000, PreferredAddress)
    assert (image.slide, type(image.slide)) == (0x480_0000, Slide)
    assert image.address == image.preferred_load_address + image.slide
    assert image.pointer_size == 8
    assert image.shared_cache is None
    assert not image.is_in_shared_cache
    names = [segment.name for segment in image.segments]
    assert names == ["__TEXT", "__DATA", "__MINE"]
    text, data, mine = image.segments
    assert (text.permissions, data.permissions, mine.permissions) == (Permissions(5), Permissions(3), Permissions(0))
    assert (data.address, type(data.address)) == (0x1_0480_4000, RebasedAddress)
    assert (data.preferred_load_address, type(data.preferred_load_address)) == (0x1_0000_4000, PreferredAddress)
    assert (data.slide, type(data.slide)) == (0x480_0000, Slide)
    assert (data.vm_size, data.file_size, data.file_offset) == (0x8000, 0x1000, 0x4000)
    assert repr(image) == f"<Image demo.1 uuid={U1} address=0x104800000 segments=3>"
    assert repr(data) == "<Segment __DATA address=0x104804000 vm_size=0x8000 rw->"


def test_a_cache_image() -> None:
    snapshot = sample()
    image = snapshot.images[2]
    assert image.install_name == "/usr/lib/libSystem.B.dylib"
    assert (image.file_path, image.name) == (None, "libSystem.B.dylib")
    assert image.identifier == FileIdentifier(uuid=image.uuid)
    assert image.preferred_load_address == BASE + 0x4000
    assert image.slide == SLIDE
    assert image.shared_cache is snapshot.shared_cache
    assert image.is_in_shared_cache
    assert image.segment("__LINKEDIT").preferred_load_address == LINKEDIT
    assert image.segment("__LINKEDIT").slide == SLIDE


def test_what_an_image_need_not_have() -> None:
    image = only(SnapshotBuilder().image(None, uuid=None, segments=None))
    assert (image.uuid, image.install_name, image.file_path, image.name) == (None, None, None, "")
    assert image.identifier == FileIdentifier()
    assert image.preferred_load_address == 0
    assert int(image.slide) == image.address
    assert image.segments == ()
    assert repr(image) == "<Image  address=0x100000000 segments=0>"


def test_paths_that_are_no_text() -> None:
    """They are told apart as any others, and shown as the system would show them."""

    def snapshot(byte: bytes) -> Snapshot:
        described = SnapshotBuilder().image("/bin/dem#", uuid=None, address=0x1000)
        data = described.shared_cache(cache("/dyld/x#"), embed=False).build()
        for path in (b"/bin/dem", b"/dyld/x"):
            data = data.replace(path + b"#", path + byte)
        return Snapshot.from_bytes(data, providers=(), lenient=True)

    one, other, same = snapshot(b"\xff"), snapshot(b"\xfe"), snapshot(b"\xff")
    assert one.images[0] != other.images[0]
    assert one.images[0] == same.images[0]
    assert hash(one.images[0]) == hash(same.images[0])
    difference = diff(one, other)
    assert (len(difference.loaded), len(difference.unloaded), len(difference.moved)) == (1, 1, 0)
    identifier = one.images[0].identifier
    assert identifier.path == one.images[0].file_path == "/bin/dem\udcff"
    assert identifier != other.images[0].identifier
    assert identifier == FileIdentifier(path="/bin/dem\udcff") == pickle.loads(pickle.dumps(identifier))
    assert repr(identifier) == "FileIdentifier(path='/bin/dem\\udcff')"
    assert one.shared_cache_record is not None
    assert one.shared_cache_record.file_path == "/dyld/x\udcff"
    assert one.to_dict()["shared_cache_record"]["file_path"] == "/dyld/x\udcff"  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "install_name", "name"),
    [
        ("/a/b", None, "b"),
        ("/a/b", "/c/d", "d"),
        (None, "/c/d", "d"),
        ("b", None, "b"),
        ("/a/", None, ""),
        ("/ü/😀", None, "😀"),
    ],
)
def test_names(path: str | None, install_name: str | None, name: str) -> None:
    image = only(SnapshotBuilder().image(path, install_name=install_name))
    assert image.name == name
    assert image.name is image.name


def test_moved_down() -> None:
    image = described(address=0x1000, preferred_load_address=0x5000, segments={"__TEXT": 0x1000})
    assert image.slide.signed == -0x4000
    assert image.segments[0].address == 0x1000
    assert image.preferred_load_address + image.slide == image.address


def test_values_at_the_edges() -> None:
    top = 2**64 - 0x1000
    segments = [{"name": "__TEXT", "size": 2**63 - 1, "file_size": 0, "permissions": 255, "file_offset": 2**62}]
    (segment,) = described(address=top, preferred_load_address=top, segments=segments).segments
    assert (segment.address, segment.vm_size, segment.file_size) == (top, 2**63 - 1, 0)
    assert (int(segment.permissions), segment.file_offset) == (255, 2**62)
    (segment,) = described(segments=[{"name": "x" * 300, "size": 0, "foff": None}]).segments
    assert (segment.name, segment.vm_size, segment.file_offset) == ("x" * 300, 0, None)


def test_segment_by_name() -> None:
    image = described(segments=[("__TEXT", 0x1000), ("__DATA", 0x1000), ("__TEXT", 0x2000)])
    assert image.segment("__TEXT") is image.segments[0]
    with pytest.raises(KeyError, match=r"no segment \"__text\" in demo, which has __TEXT, __DATA, __TEXT"):
        image.segment("__text")
    with pytest.raises(KeyError, match="which has no segments"):
        described(segments=None).segment("__TEXT")
    with pytest.raises(TypeError):
        image.segment(0)  # type: ignore[arg-type]


def test_segments_are_kept() -> None:
    image = described()
    assert image.segments is image.segments
    assert image.segments[0].name is image.segments[0].name
    assert isinstance(image.segments[0], Segment)


def test_equal_is_the_same_load() -> None:
    image = described()
    for same in (
        described(),
        described(install_name="/other"),
        only(SnapshotBuilder(pid=9).image("/elsewhere", uuid=U1, address=0x1000)),
    ):
        assert image == same
        assert hash(image) == hash(same)
        assert image.same_file(same)
    for other, same_file in (
        (described(address=0x2000), True),
        (described(uuid=UUID(int=5)), False),
        (described(uuid=None), False),
    ):
        assert image != other
        assert image.same_file(other) is same_file
        assert len({image, other, described()}) == 2
    for thing in (5, "demo", None, object(), image.segments):
        assert image != thing
    with pytest.raises(TypeError):
        image.same_file(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        image < image  # type: ignore[operator]  # noqa: B015


def test_without_a_uuid_the_path_counts() -> None:
    def image(path: str | None, install_name: str | None = None, address: int = 0x1000) -> Image:
        return only(SnapshotBuilder().image(path, uuid=None, install_name=install_name, address=address))

    assert image("/a") == image("/a", "/name")
    assert hash(image("/a")) == hash(image("/a", "/name"))
    assert image("/a") != image("/b")
    assert image(None, "/a") == image(None, "/a")
    assert image("/a").same_file(image("/a", address=0x5000))
    assert image("/a") != image("/a", address=0x5000)


def test_equal_segments() -> None:
    first, again = (described(segments=[("__TEXT", 0x1000), ("__DATA", 0x1000)]) for _ in range(2))
    assert first.segments == again.segments
    assert [hash(segment) for segment in first.segments] == [hash(segment) for segment in again.segments]
    assert first.segments[0] != first.segments[1]
    assert len({*first.segments, *again.segments}) == 2
    for change in ({"size": 0x2000}, {"permissions": 7}, {"file_size": 1}, {"file_offset": 1}, {"name": "__OTHER"}):
        segment = {"name": "__TEXT", "size": 0x1000, **change}
        assert described(segments=[segment]).segments[0] != first.segments[0], change
    assert described(uuid=UUID(int=5), segments={"__TEXT": 0x1000}).segments[0] != first.segments[0]
    assert first.segments[0] != "__TEXT"


def test_patterns() -> None:
    match described():
        case Image(name, address):
            assert (name, address) == ("demo", 0x1000)
        case _:
            raise AssertionError
    match described().segments[0]:
        case Segment("__TEXT", vm_size=size, permissions=Permissions.READ):
            raise AssertionError(size)
        case Segment("__TEXT", address, size):
            assert (address, size) == (0x1000, 0x4000)
        case _:
            raise AssertionError


@pytest.mark.parametrize("name", ["uuid", "address", "segments", "anything"])
def test_nothing_can_be_set(name: str) -> None:
    for thing in (described(), described().segments[0]):
        with pytest.raises(AttributeError):
            setattr(thing, name, 1)


def test_no_image_is_made_by_hand() -> None:
    for kind in (Image, Segment):
        with pytest.raises(TypeError):
            kind()
