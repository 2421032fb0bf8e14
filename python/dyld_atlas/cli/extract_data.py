"""``dyld-atlas extract-data``: the bytes of a segment."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import cache_inputs, exits, inputs, outputs, records
from .segments import choose
from .terminal import human_size, plain

if TYPE_CHECKING:
    from .._native import Image

_PART = 1 << 20


def run(options: argparse.Namespace) -> int:
    """Runs the command. An image or segment that is not there is "not found"."""
    outputs.check(options.output)
    if options.json and options.output == "-":
        raise inputs.UsageError("--json and the bytes cannot both go to standard output: name a file with -o")
    opened = cache_inputs.either(options.file, options)
    found, _ = choose(opened.images, [options.image])
    if not found:
        print(f"dyld-atlas: no image {plain(options.image)}", file=sys.stderr)
        return exits.NOT_FOUND
    if len(found) > 1:
        paths = "\n".join(f"  {plain(image.install_name or image.name)}" for _, image in found)
        raise inputs.UsageError(f"{options.image} is the name of {len(found)} images; give a path or a UUID:\n{paths}")
    ((_, image),) = found
    segment = next((each for each in image.segments if each.name == options.segment), None)
    if segment is None and not image.segments and (gone := _missing_file(image)) is not None:
        print(f"dyld-atlas: {plain(image.name)} lies in {plain(gone)}, which is missing", file=sys.stderr)
        return exits.NOT_FOUND
    if segment is None:
        names = ", ".join(each.name for each in image.segments)
        message = f"{plain(image.name)} has no segment {plain(options.segment)}; it has {plain(names)}"
        print(f"dyld-atlas: {message}", file=sys.stderr)
        return exits.NOT_FOUND
    outputs.refuse_inputs(options.output, cache_inputs.files(opened, options))
    with segment.data() as data:
        size = outputs.write(options.output, _parts(data))
    if options.json:
        head = {
            "file": options.file,
            "image": records.image_record(image),
            "segment": segment.name,
            "address": records.address(segment.preferred_load_address),
            "size": size,
            "output": options.output,
        }
        records.write_document("extract-data", head)
    elif options.output != "-":
        print(f"{plain(options.output)}: {human_size(size)}, {plain(f'{image.name} {segment.name}')}", file=sys.stderr)
    return exits.OK


def _missing_file(image: "Image") -> str | None:
    """The file of its cache that the image lies in, if that is missing. What the file maps is not known then."""
    cache = image.shared_cache
    if cache is None:
        return None
    below = [file for file in cache.subcaches if file.preferred_load_address <= image.preferred_load_address]
    file = max(below, key=lambda file: file.preferred_load_address, default=None)
    return file.name if file is not None and file.name in cache.missing_files else None


def _parts(data: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(data), _PART):
        yield data[start : start + _PART]
