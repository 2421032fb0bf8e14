"""Speed that holds on a noisy machine: how time grows, and ratios to peers in the same run, with much slack.

The figures themselves are taken by `scripts/bench` on a quiet machine; see docs/benchmarks.md.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import columns, corpus, lookup, opening, peers, report, scaling
from benchmarks.context import Context
from benchmarks.timing import Clock

QUICK = Clock(rounds=5, round_seconds=0.004)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """Both corpora, in short rounds."""
    return Context(QUICK, quick=True, folder=tmp_path_factory.mktemp("bench"))


def ratios(rows: list[report.Row], peer: str) -> dict[str, float]:
    """The best ratio of each corpus to a peer."""
    best: dict[str, float] = {}
    for row in rows:
        if peer in row.peers:
            best[row.corpus] = max(best.get(row.corpus, 0), row.ratios[peer])
    return best


def test_time_grows_no_faster_than_the_number_of_images() -> None:
    # A quadratic step shows as 2; small inputs with a fixed cost show as less than 1.
    growth = scaling.exponents(QUICK, (1000, 4000, 16000), seed=1)
    assert {name: slope for name, slope in growth.items() if slope > 1.35} == {}


def test_an_exponent_is_found() -> None:
    assert scaling.exponent((1, 10, 100), (1, 10, 100)) == pytest.approx(1)
    assert scaling.exponent((1, 10, 100), (1, 100, 10_000)) == pytest.approx(2)


@pytest.mark.slow
def test_opening_is_far_from_plistlib(context: Context) -> None:
    for corpus_name, ratio in ratios(list(opening.with_new_cache(context)), "plistlib").items():
        assert ratio > 15, corpus_name


@pytest.mark.slow
def test_columns_are_far_from_plistlib(context: Context) -> None:
    found = ratios([row for row in columns.columns(context) if row.id == "C1"], "plistlib")
    assert found["typical"] > 150
    assert found["huge"] > 30


@pytest.mark.slow
def test_a_million_addresses_are_far_from_numpy(context: Context) -> None:
    for corpus_name, ratio in ratios([row for row in lookup.in_bulk(context) if row.id == "L2"], "numpy").items():
        assert ratio > 3, corpus_name


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
