"""Processes that are alive, as the arguments name them."""

import argparse
from typing import TYPE_CHECKING

from . import inputs
from .progress import Progress

if TYPE_CHECKING:
    from .._native import Snapshot
    from ..processes import Process

__all__ = ["attach", "core", "process_or_core", "words"]


def attach(pid: int) -> "Process":
    """The process of that number."""
    from ..processes import Process

    # The messages name it themselves.
    inputs.begin(None, "process")
    return Process.attach(pid)


def core(path: str, options: argparse.Namespace) -> "Snapshot":
    """What a core file holds; what it lacks is said on standard error."""
    from .._native import Snapshot

    inputs.begin(path, "core")
    with Progress(f"opening {path}"):
        opened = Snapshot.from_core(path, providers=inputs.providers(options), lenient=options.lenient)
    inputs.warn(opened.warnings, options)
    return opened


def process_or_core(options: argparse.Namespace) -> "tuple[dict[str, object], Snapshot] | None":
    """What ``--pid`` or ``--core`` names, and how the JSON names it; None where FILE is asked about."""
    if options.pid is not None:
        with attach(options.pid) as process:
            snapshot = process.snapshot()
        inputs.begin(f"process {options.pid}", "process")
        inputs.warn(snapshot.warnings, options)
        return {"file": None, "pid": options.pid}, snapshot
    if options.core is not None:
        return {"file": options.core}, core(options.core, options)
    if options.file is None:
        raise inputs.UsageError("nothing is named: give FILE, --pid PID or --core CORE")
    return None


def words(options: argparse.Namespace) -> list[str]:
    """What follows FILE; with ``--pid`` or ``--core`` there is no FILE, and what stands in its place is the first."""
    found = [*([] if options.file is None else [options.file]), *options.words]
    options.file = found.pop(0) if found and options.pid is None and options.core is None else None
    return found
