"""``dyld-atlas diff``: what changed between two snapshots."""

import argparse
import sys

from . import exits, inputs, records
from .images import path
from .terminal import Column, Style, count, write_table

_COLUMNS = [
    Column("change"),
    Column("address", "address"),
    Column("was", "address"),
    Column("uuid", "uuid", color="dim"),
    Column("path", flexible=True),
]


def run(options: argparse.Namespace) -> int:
    """Runs the command. As with diff, the exit code is 0 where nothing changed and 1 where something did."""
    from .._native import diff

    if options.old == "-" and options.new == "-":
        raise inputs.UsageError("standard input cannot be both snapshots")
    changes = diff(inputs.snapshot(options.old, options), inputs.snapshot(options.new, options))
    loaded, unloaded, moved = list(changes.loaded), list(changes.unloaded), list(changes.moved)
    if options.json:
        records.write_document(
            "diff",
            {"old": options.old, "new": options.new},
            loaded=map(records.image_record, loaded),
            unloaded=map(records.image_record, unloaded),
            moved=({"from": records.image_record(old), "to": records.image_record(new)} for old, new in moved),
        )
    else:
        rows: list[tuple[object, ...]] = [("loaded", image.address, None, image.uuid, path(image)) for image in loaded]
        rows += [("unloaded", None, image.address, image.uuid, path(image)) for image in unloaded]
        rows += [("moved", new.address, old.address, new.uuid, path(new)) for old, new in moved]
        if rows or options.format == "tsv":
            write_table(_COLUMNS, rows, form=options.format, style=Style(sys.stdout, options.color))
        if options.format == "table":
            parts = ((loaded, "loaded"), (unloaded, "unloaded"), (moved, "moved"))
            summary = ", ".join(count(len(images), what, what) for images, what in parts if images)
            print(summary or "no image was loaded, unloaded or moved")
    return exits.NOT_FOUND if loaded or unloaded or moved else exits.OK
