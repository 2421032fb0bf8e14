"""Every example in a docstring runs: those of the package, and those of the stub, which the native module lacks."""

import ast
import doctest
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import dyld_atlas

TOP = Path(__file__).resolve().parents[1]
STUBS = sorted((TOP / "stubs" / "dyld_atlas").glob("*.pyi"))
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def documented(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """Name, line and docstring of everything in a stub that has an example."""
    todo: list[tuple[str, ast.AST]] = [("_native", tree)]
    while todo:
        name, node = todo.pop()
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            text = ast.get_docstring(node, clean=True)
            if text and ">>>" in text:
                yield name, node.body[0].lineno, text
            todo += [(f"{name}.{child.name}", child) for child in node.body if hasattr(child, "name")]


def modules() -> list[str]:
    """The Python modules of the package."""
    found = pkgutil.walk_packages(dyld_atlas.__path__, "dyld_atlas.")
    return ["dyld_atlas", *(each.name for each in found if not each.name.endswith(("._native", ".__main__")))]


def complaints(tests: list[doctest.DocTest]) -> str:
    """What the examples say against what their docstrings promise."""
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    found: list[str] = []
    for test in tests:
        runner.run(test, out=found.append)
    return "".join(found)


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples open `examples/calculator.aar`."""
    monkeypatch.chdir(TOP)


def test_examples_of_the_stub_run() -> None:
    names = {name: getattr(dyld_atlas, name) for name in dyld_atlas.__all__} | {"dyld_atlas": dyld_atlas}
    parser = doctest.DocTestParser()
    tests = [
        parser.get_doctest(text, dict(names), name, str(stub), line)
        for stub in STUBS
        for name, line, text in documented(ast.parse(stub.read_text(encoding="utf-8")))
    ]
    assert tests, "the stub has no example at all"
    assert not (problem := complaints(tests)), problem


@pytest.mark.parametrize("module", modules())
def test_examples_of_the_package_run(module: str) -> None:
    tests = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module), module)
    assert not (problem := complaints(tests)), problem


def test_a_wrong_example_is_found() -> None:
    stub = 'class A:\n    """A.\n\n    >>> 1 + 1\n    3\n    """\n    def b(self) -> int:\n        """No example."""\n'
    ((name, line, text),) = documented(ast.parse(stub))
    assert (name, line) == ("_native.A", 2)
    assert "Expected:\n    3" in complaints([doctest.DocTestParser().get_doctest(text, {}, name, "sample", line)])
