"""``dyld-atlas atlas``: the atlas of a cache, as Apple's builder puts it beside the main file."""

import argparse
import sys

from . import cache_inputs, exits, inputs, outputs, records
from .progress import Progress
from .terminal import count, human_size, plain


def run(options: argparse.Namespace) -> int:
    """Runs the command."""
    outputs.check(options.output)
    if options.json and options.output == "-":
        raise inputs.UsageError("--json and the atlas cannot both go to standard output: name a file with -o")
    cache = cache_inputs.cache(options.file, options)
    outputs.refuse_inputs(options.output, cache_inputs.files(cache, options))
    with Progress("writing the atlas"):
        atlas = cache.to_atlas(codec=options.codec)
    size = outputs.write(options.output, [atlas])
    if options.json:
        head = {
            "file": options.file,
            "uuid": records.uuid(cache.uuid),
            "image_count": len(cache.images),
            "record_origin": cache.record_origin,
            "size": size,
            "output": options.output,
        }
        records.write_document("atlas", head)
    elif options.output != "-":
        what = f"{human_size(size)}, {count(len(cache.images), 'image')}"
        print(f"{plain(options.output)}: {what}", file=sys.stderr)
    return exits.OK
