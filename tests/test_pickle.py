"""Snapshots pickle by their bytes; their parts say that they do not."""

import copy
import pickle

import pytest

from dyld_atlas import Image, Limits, Segment, Snapshot
from dyld_atlas.testing import SnapshotBuilder
from samples import builder, cache, opened, sample
from test_snapshot_opening import Giver


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_round_trip(protocol: int) -> None:
    snapshot = opened(builder(embed=False), Giver(cache().build_atlas()))
    again = pickle.loads(pickle.dumps(snapshot, protocol))
    assert isinstance(again, Snapshot)
    assert again.to_dict() == snapshot.to_dict()
    assert list(again.images) == list(snapshot.images)


def test_no_file_is_opened_again() -> None:
    snapshot = opened(builder(embed=False))
    again = pickle.loads(pickle.dumps(snapshot))
    assert again.shared_cache is None
    assert again.warnings == snapshot.warnings


def test_lenience_and_limits_are_kept() -> None:
    broken = SnapshotBuilder().image("/a").image("/b", address=None)
    again = pickle.loads(pickle.dumps(opened(broken, lenient=True)))
    assert [image.name for image in again.images] == ["a"]
    assert len(again.warnings) == 1
    # A snapshot that needs higher limits than the default takes them along.
    narrow = Snapshot.from_bytes(builder(used=[0]).build(), providers=(), limits=Limits(images=4, depth=7))
    state = pickle.dumps(narrow)
    assert pickle.loads(state).pid == 7
    assert b"Limits" in state


@pytest.mark.parametrize("pick", [lambda s: s.images[0], lambda s: s.images[0].segments[0]])
def test_parts_do_not_pickle(pick: object) -> None:
    part = pick(sample())  # type: ignore[operator]
    assert isinstance(part, Image | Segment)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="pickle the Snapshot"):
            pickle.dumps(part, protocol)
    assert copy.copy(part) is part
    assert copy.deepcopy(part) is part


@pytest.mark.parametrize("name", ["images", "shared_cache", "shared_cache_record"])
def test_other_parts_do_not_pickle_either(name: str) -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(getattr(sample(), name))
