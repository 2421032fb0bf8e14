"""The arguments. Nothing but argparse is imported here: help and completion need no more."""

import argparse
import os
import re
import sys

_EPILOG = """\
exit codes:
  0  done
  1  there is a difference, or what was asked for is not there
  2  wrong arguments, or a file that cannot be opened
  3  the content is malformed
  4  access is denied

FILE is a snapshot of dyld (an Apple Archive with process.plist, bare or
compressed; - reads standard input), or the main file of a shared cache: the
others are found from its header. Data goes to standard output, messages to
standard error. Colour is used on terminals only, and not if NO_COLOR is set.
With --json, addresses are hexadecimal text ("0x1a2b"), sizes are numbers, and
"version" changes when a field is taken away or means something else; fields may
be added at any time.
"""


_NEGATIVE_NUMBER = re.compile(r"^-(?:0[xX][0-9a-fA-F_]+|\d+|\d*\.\d+)$")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Finds the width of the terminal by itself: argparse loads shutil for it, and with that three compressors."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=min(_columns(), 120) - 2, max_help_position=28)


def _columns() -> int:
    try:
        return int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):
        return 80


class _Version(argparse.Action):
    """Looks the version up only if it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from .. import __version__

        print(f"dyld-atlas {__version__}")
        parser.exit()


def _input_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False, formatter_class=_Formatter)
    options.add_argument("--lenient", action="store_true", help="drop what is broken, say so, and show the rest")
    files = options.add_mutually_exclusive_group()
    files.add_argument(
        "--provider-root",
        metavar="DIR",
        action="append",
        default=[],
        help="a folder that stands for the root of the machine the data came from, such as a mounted disk image; "
        "may be repeated",
    )
    files.add_argument("--no-files", action="store_true", help="open no file but FILE, not even a shared cache's atlas")
    return options


def _opening_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False, formatter_class=_Formatter)
    options.add_argument("--scavenge", action="store_true", help="read the headers, and ignore any .atlas")
    return options


def _output_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False, formatter_class=_Formatter)
    shape = options.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="one JSON document, with a line for each record")
    shape.add_argument(
        "--format",
        choices=("table", "tsv"),
        default="table",
        help="a table for people (the default), or tab-separated values with exact numbers",
    )
    options.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="when to use colour (default: auto)"
    )
    return options


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command."""
    from . import cache_parser, process_parser, snapshot_parser

    parser = argparse.ArgumentParser(
        prog="dyld-atlas",
        description="Shows what a process of an Apple system has loaded, from the records that dyld keeps, and what\n"
        "is in the shared caches of these systems.",
        epilog=_EPILOG,
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    inputs, outputs = _input_options(), _output_options()

    def add(name: str, summary: str, *parents: argparse.ArgumentParser, examples: str = "") -> argparse.ArgumentParser:
        lines = "".join(f"  dyld-atlas {line}\n" for line in examples.splitlines())
        command = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog=f"examples:\n{lines}" if lines else None,
            parents=parents,
            formatter_class=_Formatter,
            allow_abbrev=False,
        )
        # argparse takes -0x4000 for an option, but not -16384: slides are written in either way.
        command._negative_number_matcher = _NEGATIVE_NUMBER
        return command

    snapshot_parser.add_commands(add, inputs, outputs)
    process_parser.add_commands(add)
    cache_parser.add_commands(add, inputs, _opening_options(), outputs)

    completion = add("completion", "print the completion script of a shell", examples="completion fish | source")
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")
    return parser
