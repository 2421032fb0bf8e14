"""``dyld-atlas subcaches``: the files of a shared cache, and which of them are missing."""

import argparse
import sys

from . import cache_inputs, exits
from .cache import file_records, write_files
from .records import write_document
from .terminal import Style


def run(options: argparse.Namespace) -> int:
    """Runs the command. A file that is missing is "not found"."""
    cache = cache_inputs.cache(options.file, options)
    if options.json:
        write_document("subcaches", {"file": options.file}, files=file_records(cache))
    else:
        write_files(cache, form=options.format, style=Style(sys.stdout, options.color))
    return exits.NOT_FOUND if cache.missing_files else exits.OK
