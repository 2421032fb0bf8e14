"""``python -m dyld_atlas``: the command ``dyld-atlas``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
