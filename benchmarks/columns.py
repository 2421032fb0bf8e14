"""C and P: everything about all images, as arrays and as Python objects."""

import marshal
from collections.abc import Callable, Iterator
from functools import partial
from uuid import UUID

import numpy as np

from dyld_atlas import ImageList, Snapshot

from . import peers
from .context import Context, per_corpus
from .corpus import make
from .report import Row, Target


def image_columns(images: ImageList) -> int:
    """All columns of images, as arrays."""
    columns = images.columns()
    np.asarray(columns.address), np.asarray(columns.preferred_load_address), np.asarray(columns.vm_end)
    return len(np.asarray(columns.uuid))


def segment_columns(images: ImageList) -> int:
    """All columns of segments, as arrays."""
    columns = images.segment_columns()
    np.asarray(columns.image_index), np.asarray(columns.address), np.asarray(columns.vm_size)
    np.asarray(columns.file_size)
    return len(np.asarray(columns.permissions))


def check_columns(snapshot: Snapshot, rows: list[peers.ImageRow]) -> None:
    """Columns are what plistlib reads."""
    columns, parts = snapshot.images.columns(), snapshot.images.segment_columns()
    assert np.asarray(columns.address).tolist() == [row.address for row in rows]
    assert np.asarray(columns.preferred_load_address).tolist() == [row.preferred for row in rows]
    assert np.asarray(columns.uuid).tobytes() == b"".join(row.uuid for row in rows)
    ends = [max((part.address + part.vm_size for part in row.segments), default=0) for row in rows]
    assert np.asarray(columns.vm_end).tolist() == ends
    assert list(columns.install_name) == [row.install_name for row in rows]
    assert list(columns.file_path) == [row.file_path for row in rows]
    segments = [(index, *part) for index, row in enumerate(rows) for part in row.segments]
    assert np.asarray(parts.image_index).tolist() == [row[0] for row in segments]
    assert list(parts.name) == [row[1] for row in segments]
    assert np.asarray(parts.address).tolist() == [row[2] for row in segments]
    assert np.asarray(parts.vm_size).tolist() == [row[3] for row in segments]
    assert np.asarray(parts.file_size).tolist() == [row[4] for row in segments]
    assert np.asarray(parts.permissions).tolist() == [row[5] for row in segments]


def columns(context: Context) -> Iterator[Row]:
    """C1 and C3: columns of images and of segments."""
    for each, snapshot, rows in context.each():
        check_columns(snapshot, rows)
        peer_listing = partial(peers.listing, each.process_plist, each.cache_plist)
        times = context.clock.compare({"plistlib": peer_listing})
        times |= {"C1": context.fresh(each, image_columns), "C3": context.fresh(each, segment_columns)}
        peer = {"plistlib": times["plistlib"].minimum * 1e3}
        target = Target(per_corpus(each.name, 0.20, 1.7), ratio=per_corpus(each.name, 500, 97), peer="plistlib")
        for name, what in (("C1", "columns of images"), ("C3", "columns of segments")):
            yield Row(name, each.name, what, "ms", times[name].minimum * 1e3, times[name].median * 1e3, peer, target)


def cold_cache_columns(context: Context) -> Iterator[Row]:
    """C2: columns of all 3500 images of a cache that was just opened."""
    each = make("all", 0, 3500, context.seed)
    rows = peers.listing(each.process_plist, each.cache_plist)
    context.store.add(str(each.uuid), each.atlas)
    check_columns(context.open(each), rows)

    def unknown() -> Iterator[Callable[[], object]]:
        # A file written anew is a cache that nobody has seen.
        for _ in range(2 * context.clock.rounds):
            context.store.add(str(each.uuid), each.atlas)
            yield partial(image_columns, context.open(each).images)

    times = context.clock.compare({"plistlib": partial(peers.listing, each.process_plist, each.cache_plist)})
    times |= {"": context.clock.once(unknown())}
    peer = {"plistlib": times["plistlib"].minimum * 1e3}
    ms = times[""].minimum * 1e3, times[""].median * 1e3
    yield Row("C2", "all 3500", "columns of images", "ms", *ms, peer, Target(most=1.3))


def objects(images: ImageList) -> list[object]:
    """An object for every image and every segment."""
    return [(image, list(image.segments)) for image in images]


def values(images: ImageList) -> list[peers.ImageRow]:
    """Every value of every image and segment, read through those objects."""
    return [
        peers.ImageRow(
            image.address,
            image.preferred_load_address,
            image.uuid.bytes if image.uuid else b"",
            image.install_name,
            image.file_path,
            [
                peers.SegmentRow(part.name, part.address, part.vm_size, part.file_size, part.permissions)
                for part in image.segments
            ],
            image.shared_cache is not None,
        )
        for image in images
    ]


def python_objects(context: Context) -> Iterator[Row]:
    """P1: the full listing as Python objects."""
    for each, snapshot, rows in context.each():
        assert values(snapshot.images) == rows
        plain = marshal.dumps([tuple(row[:5]) + tuple(tuple(part) for part in row.segments) for row in rows])
        times = context.clock.compare(
            {
                "plistlib": partial(peers.listing, each.process_plist, each.cache_plist),
                "marshal": partial(marshal.loads, plain),
            }
        )
        times |= {"objects": context.fresh(each, objects), "values": context.fresh(each, values)}
        compared = {name: times[name].minimum * 1e3 for name in ("plistlib", "marshal")}
        target = Target(per_corpus(each.name, 1.4, 10.5), ratio=per_corpus(each.name, 70, 16), peer="plistlib")
        ms = times["objects"].minimum * 1e3, times["objects"].median * 1e3
        yield Row("P1", each.name, "an object for each image and segment", "ms", *ms, compared, target)
        ms = times["values"].minimum * 1e3, times["values"].median * 1e3
        yield Row("P1", each.name, "the same, every value of each read", "ms", *ms, compared)


def three_fields(images: ImageList) -> None:
    """What most programs ask for."""
    for image in images:
        image.address, image.uuid, image.install_name  # noqa: B018


def three_fields_of_tree(rows: list[peers.ImageRow]) -> None:
    """The same from a decoded tree."""
    for row in rows:
        row.address, UUID(bytes=row.uuid), row.install_name


def loop(context: Context) -> Iterator[Row]:
    """P2: a loop over images that reads three fields."""
    for each, _, rows in context.each():
        times = context.clock.compare({"decoded tree": partial(three_fields_of_tree, rows)})
        times |= {"": context.fresh(each, three_fields)}
        scale = 1e9 / len(rows)
        peer = {"decoded tree": times["decoded tree"].minimum * scale}
        ns = times[""].minimum * scale, times[""].median * scale
        yield Row("P2", each.name, "address, uuid, install_name of an image", "ns", *ns, peer, Target(most=350))


WORKLOADS = {"C1": columns, "C2": cold_cache_columns, "C3": columns, "P1": python_objects, "P2": loop}
