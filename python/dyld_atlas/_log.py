"""Messages for :mod:`logging`, by loggers below ``dyld_atlas``, for programs that have imported that."""

import sys

__all__ = ["debug"]


def debug(name: str, message: str, *arguments: object) -> None:
    """Logs ``message % arguments`` by logger ``dyld_atlas.name``. What comes from elsewhere is to be shown by ``%r``.

    A program that has not imported :mod:`logging` has no handler either, and is not made to load it.
    """
    logging = sys.modules.get("logging")
    if logging is None:
        return
    top = logging.getLogger("dyld_atlas")
    if not top.handlers:
        top.addHandler(logging.NullHandler())
    logging.getLogger(f"dyld_atlas.{name}").debug(message, *arguments)
