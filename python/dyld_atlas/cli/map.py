"""``dyld-atlas map``: where everything in a cache lies, as in the ``.map`` file that Apple's builder writes."""

import argparse
import sys

from . import cache_inputs, cache_records, exits, records
from .progress import Progress
from .terminal import plain


def run(options: argparse.Namespace) -> int:
    """Runs the command."""
    cache = cache_inputs.cache(options.file, options)
    if not options.json:
        with Progress("listing the cache"):
            text = cache.map_text()
        sys.stdout.write(shown(text) if sys.stdout.isatty() else text)
        return exits.OK
    images = (
        {
            "path": image.install_name,
            "segments": [
                {
                    "name": segment.name,
                    "address": records.address(segment.preferred_load_address),
                    "vm_size": segment.vm_size,
                }
                for segment in image.segments
            ],
        }
        for image in cache.images
    )
    mappings = map(cache_records.mapping_record, cache.mappings())
    records.write_document("map", {"file": options.file}, mappings=mappings, images=images)
    return exits.OK


def shown(text: str) -> str:
    r"""The text for a terminal: what separates is kept, and names command nothing.

    >>> shown("/usr/lib/a\x1b[2J\n\t__TEXT 0x1000\n")
    '/usr/lib/a\\x1b[2J\n\t__TEXT 0x1000\n'
    """
    return "\n".join("\t".join(map(plain, line.split("\t"))) for line in text.split("\n"))
