"""Records that dyld's own encoder wrote, each with the values that its driver put in."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fixture_files import fixture_folder


def read(path: Path) -> bytes:
    """A file, unpacked if it is packed."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def either(path: Path) -> Path:
    """A file or its packed form."""
    return path if path.exists() else path.with_name(path.name + ".gz")


def value(node: Any, root: Any) -> Any:
    """What an expectation stands for; of a repeated key the first value."""
    if isinstance(node, list):
        return [value(each, root) for each in node]
    ((kind, content),) = ((key, node[key]) for key in node if key != "input_utf8")
    if kind == "str":
        return content
    if kind == "int":
        return int(content)
    if kind == "data":
        return bytes.fromhex(content)
    if kind == "ascii_raw":
        return bytes.fromhex(content).decode("utf-8", "surrogateescape")
    if kind == "utf16":
        return b"".join(unit.to_bytes(2, "big") for unit in content).decode("utf-16-be", "surrogatepass")
    if kind == "same_as":
        return value(follow(root, content), root)
    assert kind == "dict", kind
    found: dict[str, Any] = {}
    for key, each in content:
        if key not in found:
            found[key] = value(each, root)
    return found


def follow(root: Any, path: list[Any]) -> Any:
    """The expectation at a path of keys."""
    for key in path:
        pairs = root["dict"] if isinstance(root, dict) else list(enumerate(root))
        root = next(each for name, each in pairs if name == key)
    return root


def records(prefix: str) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Name, property list and expected values of every record whose name begins with `prefix`."""
    folder = fixture_folder("plist/dyld")
    for entry in json.loads((folder / "MANIFEST.json").read_text(encoding="utf-8"))["files"]:
        if entry["name"].startswith(prefix):
            expected = json.loads(read(either(folder / entry["expected"])))
            yield entry["name"], read(either(folder / entry["file"])), value(expected, expected)
