"""The arguments of the commands about processes that are alive. As in parser.py, nothing but argparse is imported."""

import argparse

from .cache_parser import CODECS

TYPE_CHECKING = False  # that of typing, which takes time to import
if TYPE_CHECKING:
    from .cache_parser import Add

__all__ = ["add_commands", "add_source"]


def _pid(text: str) -> int:
    pid = int(text)
    if not 0 < pid < 1 << 31:
        raise ValueError
    return pid


# What argparse calls a value that is none.
_pid.__name__ = "process number"


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < 1e6:
        raise ValueError
    return seconds


_seconds.__name__ = "number of seconds"


def add_source(command: argparse.ArgumentParser, help: str, *, words: tuple[str, str] | None = None) -> None:
    """What the command is asked about: FILE, a process or a core; then words, by their name and their help."""
    source = command.add_mutually_exclusive_group()
    (source if words is None else command).add_argument("file", metavar="FILE", nargs="?", help=help)
    if words is not None:
        command.add_argument("words", metavar=words[0], nargs="*", default=[], help=words[1])
    source.add_argument("--pid", metavar="PID", type=_pid, help="a process that is running, instead of FILE")
    source.add_argument("--core", metavar="CORE", help="a Mach-O core file, instead of FILE")


def add_commands(add: "Add") -> None:
    """The commands."""
    snapshot = add(
        "snapshot",
        "write what a running process has loaded to a file",
        examples="snapshot --pid 4711 -o process.aar\nsnapshot --pid 4711 -o - | ssh host dyld-atlas show -",
    )
    snapshot.add_argument("--pid", metavar="PID", type=_pid, required=True, help="the process")
    snapshot.add_argument(
        "-o", "--output", metavar="OUT", required=True, help="where to; - is standard output, if that is no terminal"
    )
    snapshot.add_argument("--codec", choices=CODECS, help="compress it; plain unless given")
    snapshot.add_argument("--json", action="store_true", help="one JSON document that says what was written")

    watch = add(
        "watch",
        "say what a running process loads and unloads, until it ends",
        examples="watch --pid 4711\nwatch --pid 4711 --changes-only | jq .image.name",
    )
    watch.add_argument("--pid", metavar="PID", type=_pid, required=True, help="the process")
    watch.add_argument("--changes-only", action="store_true", help="leave out what is there already")
    watch.add_argument(
        "--reply-within",
        metavar="SECONDS",
        type=_seconds,
        default=0.5,
        help="the longest time that the process waits for a reader that is slow (default: 0.5)",
    )
    watch.add_argument("--json", action="store_true", help="a line of JSON for each change, also on a terminal")
    watch.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="when to use colour (default: auto)"
    )
