"""Rows of figures, targets, and the table that shows them."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


@dataclass(frozen=True)
class Target:
    """What a figure must reach: at most or at least a value, and at least a ratio to a peer."""

    most: float | None = None
    least: float | None = None
    ratio: float | None = None
    peer: str = ""

    def met(self, value: float, ratios: Mapping[str, float]) -> bool | None:
        """Whether it is reached; None where nothing is asked."""
        asked = []
        if self.most is not None:
            asked.append(value <= self.most)
        if self.least is not None:
            asked.append(value >= self.least)
        if self.ratio is not None and self.peer in ratios:
            asked.append(ratios[self.peer] >= self.ratio)
        return all(asked) if asked else None

    def __str__(self) -> str:
        bound = [f"≤ {self.most:g}"] if self.most is not None else []
        bound += [f"≥ {self.least:g}"] if self.least is not None else []
        bound += [f"≥ {self.ratio:g}x {self.peer}"] if self.ratio is not None else []
        return ", ".join(bound) or "—"


NO_TARGET = Target()


@dataclass(frozen=True)
class Row:
    """One figure, with the peers' figures in the same unit."""

    id: str
    corpus: str
    what: str
    unit: str
    value: float
    median: float | None = None
    peers: Mapping[str, float] = field(default_factory=dict)
    target: Target = NO_TARGET
    note: str = ""

    @property
    def ratios(self) -> dict[str, float]:
        """How many times better than each peer: times are better when small, rates when large."""
        rate = self.unit.endswith("/s")
        pairs = {name: (self.value, peer) if rate else (peer, self.value) for name, peer in self.peers.items()}
        # Growth of memory may be nothing at all.
        return {name: better / than if than else math.inf for name, (better, than) in pairs.items()}

    @property
    def met(self) -> bool | None:
        """Whether the target is met."""
        return self.target.met(self.value, self.ratios)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {**asdict(self), "ratios": self.ratios, "met": self.met}


def number(value: float | None) -> str:
    """Three or four digits that matter."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


HEADINGS = ("id", "corpus", "what", "min", "median", "unit", "peers", "target", "met")


def cells(row: Row) -> tuple[str, ...]:
    """A row as text."""
    peers = ", ".join(f"{name} {number(value)} ({row.ratios[name]:.3g}x)" for name, value in row.peers.items())
    met = {True: "yes", False: "NO", None: ""}[row.met]
    target = str(row.target) if row.target is not NO_TARGET else ""
    what = f"{row.what} ({row.note})" if row.note else row.what
    return row.id, row.corpus, what, number(row.value), number(row.median), row.unit, peers, target, met


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table that also reads well as text."""
    lines = [HEADINGS, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def as_json(rows: Iterable[Row], facts: Mapping[str, object]) -> str:
    """The rows and what is known of the run."""
    return json.dumps({**facts, "rows": [row.as_dict() for row in rows]}, indent=1)
