"""The command ``dyld-atlas``.

Data goes to standard output, messages to standard error. What a command needs is imported when the command runs, so
that ``--help`` and completion answer at once.
"""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from . import exits
from .parser import build_parser

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command with ``arguments`` (those of the process unless given) and returns its exit code."""
    try:
        return _run(arguments)
    except BrokenPipeError:
        # The reader has seen enough.
        _discard_output()
        return exits.BROKEN_PIPE
    except KeyboardInterrupt:
        return exits.INTERRUPTED


def _discard_output() -> None:
    """Sees to it that what is still buffered does not raise again when the interpreter ends."""
    with open(os.devnull, "wb") as sink:
        try:
            os.dup2(sink.fileno(), sys.stdout.fileno())
        except (OSError, ValueError):
            pass


def _run(arguments: Sequence[str] | None) -> int:
    if sys.stdout is None or sys.stderr is None:
        # Closed by whoever started this, as by `>&-`: the first write would fail somewhere, and say nothing of why.
        if sys.stderr is not None:
            print("dyld-atlas: error: standard output is closed", file=sys.stderr)
        return exits.USAGE
    parser = build_parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and (any(word.startswith("-") and word != "-" for word in rest) or not hasattr(options, "words")):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if hasattr(options, "words"):
        # argparse gives the list what stands before the first option, and leaves what stands behind it.
        options.words += rest
    for stream in (sys.stdout, sys.stderr):
        # Names come from other machines; what this terminal cannot show must not stop the rest.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    from importlib import import_module

    command = import_module("." + options.command.replace("-", "_"), __package__)
    try:
        code: int = command.run(options)
        sys.stdout.flush()
        return code
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:
        from . import failures

        code = failures.report(error, options)
        if failures.is_of_output(error):
            _discard_output()
        return code
