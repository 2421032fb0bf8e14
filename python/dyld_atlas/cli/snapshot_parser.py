"""The arguments of the commands for snapshots. As in parser.py, nothing but argparse is imported."""

import argparse

from . import process_parser

TYPE_CHECKING = False  # that of typing, which takes time to import
if TYPE_CHECKING:
    from .cache_parser import Add

__all__ = ["add_commands"]

_EITHER = "a snapshot, or the main file of a cache; - reads a snapshot from standard input"


def add_commands(add: "Add", inputs: argparse.ArgumentParser, outputs: argparse.ArgumentParser) -> None:
    """Adds them to the parser, with the function that makes a command of it and the options that commands share."""
    _add_views(add, inputs, outputs)
    _add_checks(add, inputs, outputs)


def _add_views(add: "Add", inputs: argparse.ArgumentParser, outputs: argparse.ArgumentParser) -> None:
    show = add(
        "show",
        "sum a snapshot, a running process or a core file up",
        inputs,
        outputs,
        examples="show process.aar\nshow - < process.aar\nshow --pid 4711\nshow --core demo.core",
    )
    process_parser.add_source(show, "a snapshot; - reads standard input")

    images = add(
        "images",
        "list the images of a snapshot, a shared cache, a running process or a core file",
        inputs,
        outputs,
        examples="images process.aar --outside-cache\nimages --pid 4711\n"
        "images dyld_shared_cache_arm64e --grep Security --json",
    )
    process_parser.add_source(images, _EITHER)
    images.add_argument(
        "--grep", metavar="PATTERN", help="only images whose install name, path or UUID the regular expression finds"
    )
    images.add_argument("-i", "--ignore-case", action="store_true", help="--grep makes no difference of case")
    images.add_argument("--outside-cache", action="store_true", help="only images that do not lie in the shared cache")

    segments = add(
        "segments",
        "list the segments of images",
        inputs,
        outputs,
        examples="segments process.aar\nsegments --pid 4711 Calculator\n"
        "segments dyld_shared_cache_arm64e libobjc.A.dylib",
    )
    process_parser.add_source(segments, _EITHER, words=("IMAGE", "name, path or UUID of an image; all unless given"))

    at = add(
        "at",
        "say what lies at addresses",
        inputs,
        outputs,
        examples="at process.aar 0x102ec5000\nat --pid 4711 0x102ec5000\n"
        "at dyld_shared_cache_arm64e --slide 0xa2cc000 0x18a2d0004",
    )
    address = (
        "an address in the process, such as 0x1a2b or 6699; of a cache, one without slide; "
        "- reads a list from standard input"
    )
    process_parser.add_source(at, _EITHER, words=("ADDRESS", address))
    at.add_argument("--slide", metavar="N", help="of a cache: how far the addresses given were moved")


def _add_checks(add: "Add", inputs: argparse.ArgumentParser, outputs: argparse.ArgumentParser) -> None:
    validate = add(
        "validate",
        "say whether a snapshot or a cache's atlas is sound, and what is wrong where",
        outputs,
        examples="validate process.aar\nvalidate dyld_shared_cache_arm64e.atlas",
    )
    validate.add_argument("file", metavar="FILE", help="a snapshot or an .atlas; - reads standard input")
    validate.add_argument(
        "--lenient", action="store_true", help="what lenient opening can do without counts as a warning"
    )

    diff = add(
        "diff",
        "say which images were loaded, unloaded and moved, or which of two caches differ",
        inputs,
        outputs,
        examples="diff before.aar after.aar\n"
        "diff 26.0/dyld_shared_cache_arm64e 26.1/dyld_shared_cache_arm64e --fail-on removed",
    )
    for name in ("old", "new"):
        diff.add_argument(name, metavar=name.upper(), help=_EITHER)
    diff.add_argument(
        "--fail-on",
        metavar="CHANGE",
        action="append",
        choices=("loaded", "unloaded", "moved", "added", "removed", "rebuilt", "none"),
        help="exit code 1 for this kind of change alone: loaded, unloaded, moved; of caches added, removed, rebuilt; "
        "none for none; may be repeated (default: any)",
    )
