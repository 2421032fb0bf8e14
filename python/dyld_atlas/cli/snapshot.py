"""``dyld-atlas snapshot``: what a process has loaded, as a file."""

import argparse
import sys

from . import exits, inputs, live, outputs, records
from .terminal import count, human_size, plain


def run(options: argparse.Namespace) -> int:
    """Runs the command."""
    if options.json and options.output == "-":
        raise inputs.UsageError("--json and -o - both want standard output")
    outputs.check(options.output)
    with live.attach(options.pid) as process:
        snapshot = process.snapshot()
    inputs.begin(f"process {options.pid}", "process")
    inputs.warn(snapshot.warnings, options)
    data = snapshot.to_bytes(codec=options.codec)
    size = outputs.write(options.output, [data])
    if options.json:
        head = {
            "pid": options.pid,
            "timestamp": snapshot.timestamp,
            "image_count": len(snapshot.images),
            "size": size,
            "output": options.output,
        }
        records.write_document("snapshot", head)
    elif options.output != "-":
        what = f"{human_size(size)}, {count(len(snapshot.images), 'image')}"
        print(f"{plain(options.output)}: {what}", file=sys.stderr)
    return exits.OK
