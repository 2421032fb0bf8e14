"""``dyld-atlas diff``: what changed between two snapshots, or two shared caches."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from . import cache_inputs, exits, inputs, records
from .images import path
from .terminal import Column, Style, count, write_table

if TYPE_CHECKING:
    from .._native import Image, SharedCache, Snapshot

_COLUMNS = [
    Column("change"),
    Column("address", "address"),
    Column("was", "address"),
    Column("uuid", "uuid", color="dim"),
    Column("path", flexible=True),
]

_OF_SNAPSHOTS = ("loaded", "unloaded", "moved")
_OF_CACHES = ("added", "removed", "rebuilt")


def run(options: argparse.Namespace) -> int:
    """Runs the command. As with diff, the exit code is 0 where nothing changed and 1 where something did."""
    if options.old == "-" and options.new == "-":
        raise inputs.UsageError("standard input cannot be both snapshots")
    kinds = {cache_inputs.is_cache(options.old), cache_inputs.is_cache(options.new)}
    if len(kinds) == 2:
        raise inputs.UsageError("one of these is a shared cache, and the other is none")
    unfit = set(options.fail_on or ()) - {"none", *(_OF_CACHES if kinds == {True} else _OF_SNAPSHOTS)}
    if unfit:
        raise inputs.UsageError(f"--fail-on {min(unfit)}: two of this kind never differ so")
    if kinds == {True}:
        return _caches(cache_inputs.cache(options.old, options), cache_inputs.cache(options.new, options), options)
    return _snapshots(inputs.snapshot(options.old, options), inputs.snapshot(options.new, options), options)


def _snapshots(old: "Snapshot", new: "Snapshot", options: argparse.Namespace) -> int:
    from .._native import diff

    changes = diff(old, new)
    loaded, unloaded, moved = list(changes.loaded), list(changes.unloaded), list(changes.moved)
    if options.json:
        records.write_document(
            "diff",
            {"old": options.old, "new": options.new},
            loaded=map(records.image_record, loaded),
            unloaded=map(records.image_record, unloaded),
            moved=({"from": records.image_record(was), "to": records.image_record(now)} for was, now in moved),
        )
    else:
        rows: list[tuple[object, ...]] = [("loaded", image.address, None, image.uuid, path(image)) for image in loaded]
        rows += [("unloaded", None, image.address, image.uuid, path(image)) for image in unloaded]
        rows += [("moved", now.address, was.address, now.uuid, path(now)) for was, now in moved]
        parts = ((loaded, "loaded"), (unloaded, "unloaded"), (moved, "moved"))
        summary = ", ".join(count(len(images), what, what) for images, what in parts if images)
        _show(rows, summary or "no image was loaded, unloaded or moved", options)
    return _code(options, loaded=loaded, unloaded=unloaded, moved=moved)


def _caches(old: "SharedCache", new: "SharedCache", options: argparse.Namespace) -> int:
    """Images by their paths: addresses change with every build of a cache, and say nothing."""
    before, after = _by_name(old), _by_name(new)
    added = [image for name, image in after.items() if name not in before]
    removed = [image for name, image in before.items() if name not in after]
    both = [(image, after[name]) for name, image in before.items() if name in after]
    rebuilt = [(was, now) for was, now in both if was.uuid != now.uuid]
    unchanged = len(both) - len(rebuilt)
    if options.json:
        records.write_document(
            "diff",
            {"old": options.old, "new": options.new, "unchanged_count": unchanged},
            added=map(records.image_record, added),
            removed=map(records.image_record, removed),
            rebuilt=({"from": records.image_record(was), "to": records.image_record(now)} for was, now in rebuilt),
        )
    else:
        rows: list[tuple[object, ...]] = [("added", image.address, None, image.uuid, path(image)) for image in added]
        rows += [("removed", None, image.address, image.uuid, path(image)) for image in removed]
        rows += [("rebuilt", now.address, was.address, now.uuid, path(now)) for was, now in rebuilt]
        numbers = ((len(added), "added"), (len(removed), "removed"), (len(rebuilt), "rebuilt"))
        parts = [count(number, what, what) for number, what in (*numbers, (unchanged, "unchanged"))]
        _show(rows, ", ".join(parts), options)
    return _code(options, added=added, removed=removed, rebuilt=rebuilt)


def _code(options: argparse.Namespace, **changes: list[Any]) -> int:
    """Whether there is a difference, or one of those that ``--fail-on`` names."""
    wanted = options.fail_on or changes
    return exits.NOT_FOUND if any(changes.get(kind) for kind in wanted) else exits.OK


def _by_name(cache: "SharedCache") -> "dict[str, Image]":
    return {image.install_name or f"<{image.address:#x}>": image for image in cache.images}


def _show(rows: list[tuple[object, ...]], summary: str, options: argparse.Namespace) -> None:
    if rows or options.format == "tsv":
        write_table(_COLUMNS, rows, form=options.format, style=Style(sys.stdout, options.color))
    if options.format == "table":
        print(summary)
