"""What changed between two snapshots."""

import collections.abc
import random
from collections.abc import Callable
from uuid import UUID

import pytest

from dyld_atlas import Image, Snapshot, SnapshotDiff, diff
from dyld_atlas.testing import SnapshotBuilder
from samples import builder, cache, grid, opened, sample


def names(images: collections.abc.Iterable[Image]) -> list[str]:
    return [image.name for image in images]


def changes(old: Snapshot, new: Snapshot) -> tuple[list[str], list[str], list[str]]:
    found = diff(old, new)
    return names(found.loaded), names(found.unloaded), names(new for _, new in found.moved)


def test_nothing_changed() -> None:
    makers: list[Callable[[], SnapshotBuilder]] = [builder, lambda: grid(100), SnapshotBuilder]
    for make in makers:
        found = diff(opened(make()), opened(make()))
        assert not found
        assert list(found.loaded) == list(found.unloaded) == list(found.moved) == []
        assert repr(found) == "<SnapshotDiff loaded=0 unloaded=0 moved=0>"
    snapshot = sample()
    assert not diff(snapshot, snapshot)


def test_loaded_unloaded_moved() -> None:
    base = SnapshotBuilder().image("/a", address=0x10_0000)
    old = opened(base.image("/b", address=0x20_0000).image("/c", address=0x30_0000))
    new = opened(
        SnapshotBuilder().image("/a", address=0x10_0000).image("/c", address=0x50_0000).image("/d", address=0x60_0000)
    )
    found = diff(old, new)
    assert isinstance(found, SnapshotDiff)
    assert found
    assert names(found.loaded) == ["d"]
    assert names(found.unloaded) == ["b"]
    assert found.loaded[0] is new.images[2], "the very objects of the snapshots"
    assert found.unloaded[0] is old.images[1]
    ((before, after),) = found.moved
    assert before is old.images[2]
    assert after is new.images[1]
    assert before.same_file(after)
    assert repr(found) == "<SnapshotDiff loaded=1 unloaded=1 moved=1>"
    assert changes(new, old) == (["b"], ["d"], ["c"])


def test_sequences() -> None:
    found = diff(opened(SnapshotBuilder()), opened(grid(5)))
    assert isinstance(found.loaded, collections.abc.Sequence)
    assert names(found.loaded[::-2]) == ["4", "2", "0"]
    assert found.loaded[-1] in found.loaded
    assert found.loaded.index(found.loaded[3]) == 3
    with pytest.raises(IndexError):
        found.moved[0]


def test_in_the_shared_cache() -> None:
    assert changes(sample(used=[0]), sample(used=[0, 1, 3])) == (["libobjc.A.dylib", "libc++.1.dylib"], [], [])
    old = opened(builder())
    new = opened(builder(embed=False))
    assert changes(old, new) == ([], ["libSystem.B.dylib", "libz.1.dylib"], [])


def test_a_cache_that_slid_elsewhere_moves_its_images() -> None:
    def described(slide: int) -> Snapshot:
        return opened(SnapshotBuilder().image("/bin/demo").shared_cache(cache(), slide=slide))

    loaded, unloaded, moved = changes(described(0x4000), described(0x8000))
    assert (loaded, unloaded) == ([], [])
    assert moved == ["libSystem.B.dylib", "libobjc.A.dylib", "libz.1.dylib", "libc++.1.dylib"]


@pytest.mark.parametrize("seed", range(10))
def test_random_lists_against_sets(seed: int) -> None:
    rng = random.Random(seed)

    def described() -> Snapshot:
        result = SnapshotBuilder()
        for number in sorted(rng.sample(range(200), 150)):
            result.image(f"/lib/{number}", address=0x1_0000_0000 + number * 0x10_0000 + 0x1000 * (rng.random() < 0.1))
        return opened(result)

    old, new = described(), described()
    before, after = ({(image.name, image.address) for image in snapshot.images} for snapshot in (old, new))
    gone, come = before - after, after - before
    moved = {name for name, _ in gone} & {name for name, _ in come}
    loaded, unloaded, found = changes(old, new)
    assert loaded == [i.name for i in new.images if (i.name, i.address) in come and i.name not in moved]
    assert unloaded == [i.name for i in old.images if (i.name, i.address) in gone and i.name not in moved]
    assert sorted(found) == sorted(moved)


def test_arguments() -> None:
    with pytest.raises(TypeError):
        diff(sample(), 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        diff(sample())  # type: ignore[call-arg]


def of_each_fate() -> SnapshotDiff:
    """One image of each fate, and two of one name."""

    def image(builder: SnapshotBuilder, path: str, address: int, uuid: int | None) -> None:
        builder.image(path, address=address, uuid=None if uuid is None else UUID(int=uuid))

    old, new = SnapshotBuilder(), SnapshotBuilder()
    image(old, "/lib/stays", 0x1000, 1)
    image(new, "/lib/stays", 0x1000, 1)
    image(old, "/lib/moves", 0x2000, 2)
    image(new, "/lib/moves", 0x3000, 2)
    image(old, "/lib/goes", 0x4000, None)
    image(new, "/lib/comes", 0x5000, 5)
    image(new, "/other/stays", 0x6000, 6)
    return diff(*(Snapshot.from_bytes(each.build(), providers=()) for each in (old, new)))


def test_images_of_a_name() -> None:
    found = of_each_fate()
    assert [each.file_path for each in found.named("stays").loaded] == ["/other/stays"]
    assert [each.file_path for each in found.named("/other/stays").loaded] == ["/other/stays"]
    assert [each.file_path for each in found.named("goes").unloaded] == ["/lib/goes"]
    assert [(old.address, new.address) for old, new in found.named("moves").moved] == [(0x2000, 0x3000)]
    assert not found.named("HeavyKit")
    assert not found.named("/lib/stays")
    assert not found.named("stays").named("comes")
    assert repr(found.named("comes")) == "<SnapshotDiff loaded=1 unloaded=0 moved=0>"


def test_explanations() -> None:
    found = of_each_fate()
    uuid = "00000000-0000-0000-0000-00000000000"
    assert found.explain("comes") == f"comes: loaded at 0x5000, /lib/comes, UUID {uuid}5"
    assert found.explain("goes") == "goes: unloaded from 0x4000, /lib/goes"
    assert found.explain("moves") == f"moves: moved from 0x2000 to 0x3000, /lib/moves, UUID {uuid}2"
    assert found.explain("/lib/stays") == f"/lib/stays: unchanged at 0x1000, /lib/stays, UUID {uuid}1"
    assert found.explain("stays") == (
        f"stays: loaded at 0x6000, /other/stays, UUID {uuid}6; unchanged at 0x1000, /lib/stays, UUID {uuid}1"
    )
    assert found.explain("HeavyKit") == "HeavyKit: in neither snapshot"


def test_an_explanation_is_one_line() -> None:
    nasty = "/lib/evil\x1b[2J\nname"
    new = Snapshot.from_bytes(SnapshotBuilder().image(nasty).build(), providers=())
    old = Snapshot.from_bytes(SnapshotBuilder().build(), providers=())
    said = diff(old, new).explain("evil\x1b[2J\nname")
    assert said.startswith("evil\\u{1b}[2J\\nname: loaded at ")
    assert said.isprintable()
