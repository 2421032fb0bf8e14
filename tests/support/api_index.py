"""Writes docs/api.md: every public name, with the first sentence of its docstring.

A test compares the two, so that no name is forgotten. Run this after a name or its docstring has changed:
`.venv/bin/python tests/support/api_index.py`.
"""

import inspect
import re
from pathlib import Path

import dyld_atlas
from dyld_atlas import formats, testing

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
HEAD = """\
# All public names

Each in a line. The stubs of the package have the whole reference: arguments, errors and examples, which editors show.
"""
# What has no docstring of its own.
PLAIN = {
    "StrPath": "A path: text, or an object that stands for a path.",
    "Content": "What a section of a `SharedCacheBuilder` holds: bytes, a pointer, a list of both, or how many zeros.",
    "SegmentLike": "A segment for the builders: name, size and, if wanted, permissions, file size and address.",
    "RecordedStep": "What one call of `RecordedTask.snapshot` meets: a snapshot, `TORN`, or an error.",
    "TORN": "A step of `RecordedTask`: the process publishes anew whenever it is read, so no snapshot is whole.",
    "__version__": "The version of this package.",
}


def summary(module: object, name: str) -> str:
    """What a name is, in Markdown."""
    text = PLAIN.get(name) or inspect.getdoc(getattr(module, name)) or ""
    text = " ".join(text.split("\n\n")[0].split())
    sentence = re.match(r"(?:[^.]|\.(?! ))*\.", text)
    text = sentence[0] if sentence else text
    text = re.sub(r":\w+:`(?:~(?:\w+\.)*)?([\w.]+)`", r"`\1`", text)
    return text.replace("``", "`").replace("|", "\\|")


def table(module: object, names: list[str]) -> str:
    """The names of a module."""
    lines = [f"| `{name}` | {summary(module, name)} |" for name in names]
    return "\n".join(["| | |", "|---|---|", *lines])


def page() -> str:
    """The whole page."""
    errors = [name for name in dyld_atlas.__all__ if name in dyld_atlas.errors.__all__]
    enums = [name for name in dyld_atlas.__all__ if name in dyld_atlas.enums.__all__]
    addresses = [name for name in dyld_atlas.__all__ if name in dyld_atlas.addresses.__all__]
    rest = [name for name in dyld_atlas.__all__ if name not in {*errors, *enums, *addresses}]
    parts = [
        ("`dyld_atlas`", dyld_atlas, rest),
        ("Addresses", dyld_atlas, addresses),
        ("Enumerations", dyld_atlas, enums),
        ("Errors", dyld_atlas, errors),
        ("`dyld_atlas.formats`", formats, list(formats.__all__)),
        ("`dyld_atlas.testing`", testing, list(testing.__all__)),
    ]
    return HEAD + "".join(f"\n## {title}\n\n{table(module, names)}\n" for title, module, names in parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
