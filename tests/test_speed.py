"""What scripts/bench measures with: its yardsticks are right, and what is measured agrees with them.

Nothing here is timed: how fast it is, a busy machine cannot tell. What can be told exactly is guarded elsewhere:
allocations in rust/atlas-core/tests/allocations.rs, instructions against the number of images in growth.rs.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import cache_listing, cache_memory, columns, corpus, lookup, opening, peers, report, scaling
from benchmarks.context import Context
from benchmarks.timing import Clock

# As little as there can be: the rounds are for figures, and here none is wanted.
ONCE = Clock(rounds=1, round_seconds=0.0)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """Both corpora."""
    return Context(ONCE, quick=True, folder=tmp_path_factory.mktemp("bench"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workload", "peer"),
    [(opening.with_new_cache, "plistlib"), (columns.columns, "plistlib"), (lookup.in_bulk, "numpy")],
)
def test_what_is_measured_agrees_with_the_peer(
    context: Context, workload: Callable[[Context], Iterable[report.Row]], peer: str
) -> None:
    # Each workload compares its results before it takes the time.
    rows = list(workload(context))
    assert {row.corpus for row in rows} >= {"typical", "huge"}
    assert any(peer in row.peers for row in rows)
    assert all(row.value > 0 for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["M1", "M2", "M3", "M4", "O2c"])
def test_what_is_measured_of_shared_caches_agrees(context: Context, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the fixtures, whose cache of realistic scale takes seconds to unpack.
    monkeypatch.delenv("DYLD_ATLAS_FIXTURES", raising=False)
    rows = list((cache_memory.WORKLOADS | cache_listing.WORKLOADS)[name](context))
    assert {row.id for row in rows} >= {name}
    assert all(row.value >= 0 for row in rows)


@pytest.mark.slow
def test_growth_is_taken_of_every_work() -> None:
    assert set(scaling.exponents(ONCE, (20, 40), seed=1)) == set(scaling.works(20, seed=1))


def test_an_exponent_is_found() -> None:
    assert scaling.exponent((1, 10, 100), (1, 10, 100)) == pytest.approx(1)
    assert scaling.exponent((1, 10, 100), (1, 100, 10_000)) == pytest.approx(2)


def test_the_corpus_depends_on_the_seed_alone() -> None:
    first, again, other = (corpus.make("a", 5, 10, seed, cache_images=30) for seed in (1, 1, 2))
    assert (first.archive, first.atlas) == (again.archive, again.atlas)
    assert first.archive != other.archive


def test_the_yardsticks_are_right() -> None:
    rows = [
        peers.ImageRow(0x1000, 0, bytes(16), "a", None, [peers.SegmentRow("__TEXT", 0x1000, 0x10, 0x10, 5)], False),
        peers.ImageRow(
            0x2000,
            0,
            bytes(16),
            "b",
            None,
            [peers.SegmentRow("__TEXT", 0x2000, 8, 8, 5), peers.SegmentRow("__LINKEDIT", 0x9000, 8, 8, 1)],
            True,
        ),
    ]
    asked = np.array([0, 0xFFF, 0x1000, 0x100F, 0x1010, 0x2007, 0x2008, 0x9000, (1 << 64) - 1], np.uint64)
    assert peers.numpy_indices(peers.ranges(rows), asked).tolist() == [-1, -1, 0, 0, -1, 1, -1, -1, -1]
    assert peers.changed([(1, b"a"), (2, b"b")], [(2, b"b"), (2, b"c")]) == (1, 1)


def test_a_target_is_judged() -> None:
    row = report.Row(
        "X", "", "", "us", 10.0, peers={"slow": 100.0}, target=report.Target(most=12, ratio=9, peer="slow")
    )
    assert row.met is True
    assert report.Row("X", "", "", "us", 13.0, target=report.Target(most=12)).met is False
    assert report.Row("X", "", "", "things/s", 10.0, peers={"slow": 5.0}).ratios == {"slow": 2.0}
    assert report.Row("X", "", "", "us", 10.0, peers={"slow": 20.0}).met is None
