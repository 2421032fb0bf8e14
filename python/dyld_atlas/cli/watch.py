"""``dyld-atlas watch``: what a process loads and unloads, as it happens."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from . import exits, live, records
from .images import path
from .terminal import Column, Style, count, exact, human_size, plain

if TYPE_CHECKING:
    from .._native import Change

_COLUMNS = (
    Column("change"),
    Column("address", "address"),
    Column("size", "size"),
    Column("uuid", "uuid", color="dim"),
    Column("path"),
)
_WIDTHS = (8, 18, 9, 36, 0)


def run(options: argparse.Namespace) -> int:
    """Runs the command; it ends with the process."""
    as_json = options.json or not sys.stdout.isatty()
    style = Style(sys.stdout, options.color)
    with live.attach(options.pid) as process, process.watch(reply_within=options.reply_within) as watcher:
        if not as_json:
            headings = [column.heading.upper() for column in _COLUMNS]
            print("  ".join(style(text.ljust(room), "bold") for text, room in zip(headings, _WIDTHS, strict=True)))
        changes = 0
        for change in watcher:
            if change.initial and options.changes_only:
                continue
            changes += not change.initial
            _print(change, style, as_json=as_json)
        print(f"dyld-atlas: process {options.pid} has ended after {count(changes, 'change')}", file=sys.stderr)
    return exits.OK


def _print(change: "Change", style: Style, *, as_json: bool) -> None:
    image = change.image
    if as_json:
        head = {"version": records.VERSION, "command": "watch", "pid": change.snapshot.pid, "kind": change.kind.value}
        when = {"initial": change.initial, "timestamp": change.snapshot.timestamp}
        print(json.dumps(head | when | {"image": records.image_record(image)}), flush=True)
        return
    kind = "" if change.initial else change.kind.value
    size = human_size(image.vm_size)
    cells = (kind, exact(image.address, "address"), size, exact(image.uuid, "uuid"), plain(path(image)))
    colors = ("green" if kind == "loaded" else "red", None, None, "dim", None)
    parts = []
    for cell, room, color, column in zip(cells, _WIDTHS, colors, _COLUMNS, strict=True):
        gap = " " * max(room - len(cell), 0)
        text = style(cell, color)
        parts.append(gap + text if column.kind in ("address", "size") else text + gap)
    print("  ".join(parts).rstrip(" "), flush=True)
