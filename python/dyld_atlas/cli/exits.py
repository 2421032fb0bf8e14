"""Exit codes. They are part of the interface, and listed in ``dyld-atlas --help``."""

OK = 0
NOT_FOUND = 1
"""There is a difference, or what was asked for is not there."""
USAGE = 2
"""Wrong arguments, or a file that cannot be opened: nothing is known of its content."""
MALFORMED = 3
"""The content is not what it ought to be."""
DENIED = 4
"""The operating system denies access."""
INTERRUPTED = 130
"""Ctrl-C, as shells report it."""
BROKEN_PIPE = 141
"""The reader of standard output went away, as shells report it."""
