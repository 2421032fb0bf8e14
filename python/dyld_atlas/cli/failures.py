"""Says what went wrong: one message, one hint, one exit code."""

import argparse
import sys

from ..errors import (
    AtlasError,
    FormatError,
    LimitExceededError,
    SchemaError,
    UnsupportedPlatformError,
    WatcherError,
)
from . import exits, hints, inputs
from .terminal import Style, plain


def exit_code(error: Exception) -> int:
    """The exit code of an error."""
    if isinstance(error, FormatError):
        return exits.MALFORMED
    if isinstance(error, PermissionError):
        return exits.DENIED
    if isinstance(error, (OSError, UnsupportedPlatformError, WatcherError, inputs.UsageError)):
        return exits.USAGE
    if isinstance(error, LookupError):
        return exits.NOT_FOUND
    return exits.MALFORMED


def is_of_output(error: Exception) -> bool:
    """Whether something could not be written: what has no name was no file that was opened."""
    return isinstance(error, OSError) and not isinstance(error, AtlasError) and error.filename is None


def report(error: Exception, options: argparse.Namespace) -> int:
    """Writes what is to be said of ``error`` to standard error and returns the exit code; raises what is a defect."""
    if not isinstance(error, (AtlasError, OSError, inputs.UsageError)):
        raise error
    style = Style(sys.stderr, getattr(options, "color", "auto"))
    path = inputs.current.name or ""
    if isinstance(error, OSError) and not isinstance(error, AtlasError):
        written = getattr(options, "output", None) or "standard output"
        message = f"{written if is_of_output(error) else error.filename}: {error.strerror or error}"
    elif isinstance(error, inputs.UsageError):
        message = str(error)
    else:
        message = f"{path}: {error}" if path else str(error)
    print(f"{style('dyld-atlas: error:', 'red')} {plain(message)}", file=sys.stderr)
    hint = _hint(error) or hint_of(error)
    if hint:
        print(f"{style('hint:', 'cyan')} {plain(hint)}", file=sys.stderr)
    return exit_code(error)


def hint_of(error: Exception) -> str | None:
    """The error's own hint, in the words of the command line where it is in those of Python."""
    hint = getattr(error, "hint", None)
    return "--lenient shows what is sound" if hint and "lenient=True" in hint else hint


def _hint(error: Exception) -> str | None:
    """What helps, as far as the command knows more than the error: it can look at the file again."""
    if not isinstance(error, FormatError) or isinstance(error, LimitExceededError):
        return None
    if inputs.current.kind == "snapshot" and isinstance(error, SchemaError) and error.key_path is not None:
        return "--lenient shows what is sound"
    return hints.what_it_is()
