"""The stub says what the compiled module has, and the package shows all of it."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import dyld_atlas
from dyld_atlas import _native, formats

TOP = Path(__file__).resolve().parents[1]
STUBS = sorted((TOP / "stubs" / "dyld_atlas").glob("*.pyi"))
ALLOWLIST = TOP / "stubs" / "allowlist.txt"
# What no one makes or names: it only ever comes back from properties.
NOT_PUBLIC = {"Call", "Calls", "Changes", "ColumnBuffer", "LazySequence", "Task", "Watch"}


def test_stubtest() -> None:
    command = [sys.executable, str(TOP / "tests" / "support" / "check_stubs.py")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=TOP, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_exception_to_the_rule_has_a_reason() -> None:
    for line in ALLOWLIST.read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"\S+  # \S.{20,}", line), line


def stub_classes() -> dict[str, ast.ClassDef]:
    """The classes that users meet; one whose name begins with an underscore only serves the declarations."""
    nodes = [node for stub in STUBS for node in ast.parse(stub.read_text(encoding="utf-8")).body]
    return {node.name: node for node in nodes if isinstance(node, ast.ClassDef) and not node.name.startswith("_")}


def test_everything_in_the_stub_is_documented() -> None:
    undocumented = []
    for name, node in stub_classes().items():
        if not ast.get_docstring(node):
            undocumented.append(name)
        for child in node.body:
            if not isinstance(child, ast.FunctionDef) or child.name.startswith("__"):
                continue
            overloaded = any(isinstance(d, ast.Name) and d.id == "overload" for d in child.decorator_list)
            inherited = child.name in ("index", "count")
            if not (ast.get_docstring(child) or overloaded or inherited):
                undocumented.append(f"{name}.{child.name}")
    assert undocumented == []


def test_every_class_is_public_somewhere() -> None:
    public = set(dyld_atlas.__all__) | set(formats.__all__)
    names = {"Mapping" if name == "Mapping_" else name for name in stub_classes() if not name.startswith("_")}
    assert names - NOT_PUBLIC <= public
    for name in formats.__all__:
        assert getattr(formats, name) is getattr(_native, name)


def test_classes_say_where_they_are_public() -> None:
    for name in dyld_atlas.__all__:
        value = getattr(dyld_atlas, name)
        if inspect.isclass(value) and value.__name__ in stub_classes():
            assert value.__module__ in ("dyld_atlas", "dyld_atlas._native"), name
