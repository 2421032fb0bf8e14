"""``dyld-atlas verify``: whether the files of a cache fit together, and its atlas to them."""

import argparse
import sys

from . import cache_inputs, exits, records
from .progress import Progress
from .terminal import Column, Style, count, plain, write_table


def run(options: argparse.Namespace) -> int:
    """Runs the command. As with diff, the exit code is 1 where something differs."""
    cache = cache_inputs.cache(options.file, options)
    with Progress("comparing"):
        problems = list(cache.verify())
    if options.json:
        head = {"file": options.file, "valid": not problems, "missing_files": list(cache.missing_files)}
        records.write_document("verify", head, problems=problems)
    elif options.format == "tsv":
        write_table([Column("problem")], ([each] for each in problems), form="tsv", style=Style(sys.stdout, "never"))
    else:
        style = Style(sys.stdout, options.color)
        for problem in problems:
            print(f"{style('differs:', 'red')} {plain(problem)}")
        files = f"{count(len(cache.subcaches), 'file')}, {count(len(cache.images), 'image')}"
        verdict = style(f"{count(len(problems), 'difference')}", "red") if problems else style("all fits", "green")
        print(f"{verdict}: {files}")
    return exits.NOT_FOUND if problems else exits.OK
