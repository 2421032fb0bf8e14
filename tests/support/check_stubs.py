"""Compare the stub of the native module with what was built: mypy.stubtest on each of its parts.

stubtest passes over classes that a stub imports from another, so checking `_native.pyi` alone would check nothing. Each
part is therefore checked for itself, against a module made here that holds the names which the part declares.
"""

import ast
import sys
import types
from pathlib import Path

from mypy.stubtest import parse_options, test_stubs

from dyld_atlas import _native

STUBS = Path(__file__).resolve().parents[2] / "stubs"
PARTS = sorted((STUBS / "dyld_atlas").glob("_native_*.pyi"))


def declared(stub: Path) -> list[str]:
    """The names of the classes and functions that a stub declares itself."""
    nodes = ast.parse(stub.read_text(encoding="utf-8")).body
    return [node.name for node in nodes if isinstance(node, (ast.ClassDef, ast.FunctionDef))]


def main() -> int:
    """1 if anything differs; stubtest says what."""
    names = ["dyld_atlas._native"]
    for part in PARTS:
        module = types.ModuleType(f"dyld_atlas.{part.stem}")
        vars(module).update({name: getattr(_native, name) for name in declared(part) if hasattr(_native, name)})
        sys.modules[module.__name__] = module
        names.append(module.__name__)
    return test_stubs(parse_options([*names, "--allowlist", str(STUBS / "allowlist.txt")]))


if __name__ == "__main__":
    sys.exit(main())
