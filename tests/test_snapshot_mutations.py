"""Damaged records: opening says what is wrong, or all that was opened can be read. Nothing else is ever raised."""

import pickle
import random
from collections.abc import Iterator

import numpy as np
import pytest

from dyld_atlas import ArchiveError, FormatError, Limits, Snapshot, diff
from dyld_atlas.formats import Archive, ArchiveWriter
from samples import builder, cache, sample
from test_snapshot_opening import Giver

ROUNDS = 400


def rewrap(data: bytes, change: dict[str, bytes]) -> bytes:
    """An archive with other contents of some entries, and right checksums again."""
    writer = ArchiveWriter()
    for entry in Archive.from_bytes(data).entries:
        if entry.kind == "F":
            writer.add_file(entry.path, change.get(entry.path, bytes(entry.data())))
    return writer.to_bytes()


def damaged(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """The same with bytes changed, cut out, doubled or cut off."""
    for _ in range(ROUNDS):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
            at = rng.randrange(len(changed))
            kind = rng.randrange(8)
            if kind < 5:
                changed[at] = rng.choice((rng.randrange(256), changed[at] ^ 1 << rng.randrange(8), 0, 0xFF, 0x7F))
            elif kind == 5:
                del changed[at : at + rng.randrange(1, 9)]
            elif kind == 6:
                changed[at:at] = changed[at : at + rng.randrange(1, 9)]
            else:
                changed[at:] = changed[at : at + rng.randrange(len(changed))]
        yield bytes(changed)


def touch(snapshot: Snapshot) -> None:
    """Reads everything there is."""
    snapshot.to_dict()
    dict(snapshot.unknown_keys)
    images = snapshot.images
    repr((snapshot, images, snapshot.shared_cache, snapshot.environment, snapshot.metrics, snapshot.warnings))
    for image in images:
        repr((image, image.uuid, image.identifier, image.segments, image.slide, hash(image), image.name))
        assert image.shared_cache is None or image.is_in_shared_cache
        assert image in images
        assert not image.name or images.by_name(image.name).name == image.name
        for segment in image.segments:
            repr((segment, segment.name, segment.preferred_load_address, segment.slide, hash(segment)))
            images.at(segment.address)
            snapshot.resolve(segment.address)
    columns = images.columns()
    assert len(columns) == len(images) == len(list(columns.install_name))
    assert np.array_equal(np.asarray(columns.address), np.array([image.address for image in images], np.uint64))
    assert len(list(images.segment_columns().name)) == sum(len(image.segments) for image in images)
    found = images.indices_at(np.asarray(columns.address))
    assert [None if i < 0 else images[i] for i in memoryview(found)] == [images.at(image.address) for image in images]
    cache = snapshot.shared_cache
    if cache is not None:
        repr((cache.subcaches, cache.mappings(), cache.local_symbols_path, cache.architecture, list(cache.images)))
    diff(snapshot, sample())
    try:
        data = pickle.dumps(snapshot)
    except ArchiveError:
        # Entries are copied with their extended attributes, which nothing else looks at.
        return
    assert pickle.loads(data).pid == snapshot.pid


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("entry", ["process.plist", "cache", "archive"])
def test_damage(entry: str, seed: int) -> None:
    data, rng, opened = builder().build(), random.Random(f"{entry} {seed}"), 0
    if entry == "archive":
        inputs = damaged(data, rng)
    else:
        path = entry if entry != "cache" else cache().entry
        record = bytes(Archive.from_bytes(data)[path])
        inputs = (rewrap(data, {path: each}) for each in damaged(record, rng))
    for number, changed in enumerate(inputs):
        lenient = number % 2 == 1
        try:
            snapshot = Snapshot.from_bytes(changed, providers=(), lenient=lenient, limits=Limits(decoded_bytes=1 << 20))
        except FormatError:
            continue
        touch(snapshot)
        opened += 1
    assert opened >= 10, "hardly any damage was survivable: the test reads nothing"


@pytest.mark.parametrize("seed", range(2))
def test_damaged_atlases_of_providers(seed: int) -> None:
    data, atlas, rng, opened = builder(embed=False).build(), cache().build_atlas(), random.Random(seed), 0
    for number, changed in enumerate(damaged(atlas, rng)):
        try:
            snapshot = Snapshot.from_bytes(data, providers=[Giver(changed)], lenient=number % 2 == 1)
        except FormatError:
            continue
        touch(snapshot)
        opened += 1
    assert opened >= 10, "hardly any damage was survivable: the test reads nothing"
