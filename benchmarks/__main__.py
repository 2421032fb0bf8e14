"""`python -m benchmarks`: run the workloads and print the table."""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator

import dyld_atlas

from . import cache_listing, cache_memory, columns, files, fleet, lookup, memory, opening, processes, scaling
from .context import Context
from .report import Row, as_json, table
from .timing import Clock, load_warning, memcpy_speed

Workload = Callable[[Context], Iterator[Row]]
GROUPS = (opening, columns, lookup, fleet, scaling, memory, files, cache_listing, cache_memory, processes)
WORKLOADS: dict[str, Workload] = {name: work for group in GROUPS for name, work in group.WORKLOADS.items()}


def chosen(only: str) -> tuple[set[str], list[Workload]]:
    """The names that were asked for and their workloads, each once: one workload can give several figures."""
    names = {name.strip() for name in only.split(",")} if only else set(WORKLOADS)
    unknown = names - set(WORKLOADS)
    if unknown:
        raise SystemExit(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(WORKLOADS)}")
    return names, list(dict.fromkeys(work for name, work in WORKLOADS.items() if name in names))


def facts() -> dict[str, object]:
    """What is known of the machine and the run."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return {"version": dyld_atlas.__version__, "machine": machine, "load": load, "memcpy_GB_per_s": memcpy_speed()}


def main() -> int:
    """Run, print, and say whether a target was missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure dyld_atlas and its peers.")
    parser.add_argument("--only", default="", metavar="O1,C1", help=f"some of {', '.join(WORKLOADS)}")
    parser.add_argument("--quick", action="store_true", help="short rounds and smaller inputs: to see that it runs")
    parser.add_argument("--rounds", type=int, default=0, help="interleaved rounds (9)")
    parser.add_argument("--seed", type=int, default=1, help="of the corpus (1)")
    parser.add_argument("--json", action="store_true", help="figures for programs")
    options = parser.parse_args()
    rounds = options.rounds or (3 if options.quick else 9)
    context = Context(Clock(rounds, 0.002 if options.quick else 0.02), options.seed, options.quick)
    names, works = chosen(options.only)
    known = facts()
    if warning := load_warning():
        print(f"warning: {warning}", file=sys.stderr)
    rows: list[Row] = []
    for work in works:
        for row in work(context):
            if row.id in names:
                rows.append(row)
                print(f"{row.id} {row.corpus} {row.what}: {row.value:.4g} {row.unit}", file=sys.stderr, flush=True)
    if options.json:
        print(as_json(rows, known))
        return 0
    print(f"dyld_atlas {known['version']} on {known['machine']}; memcpy {known['memcpy_GB_per_s']:.1f} GB/s")
    print(f"minima of {rounds} interleaved rounds; ratios in brackets: how many times better than the peer\n")
    print(table(rows))
    missed = [row for row in rows if row.met is False]
    print(f"\n{sum(row.met is True for row in rows)} targets met, {len(missed)} missed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
