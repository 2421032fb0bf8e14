"""The package itself: everything public is there, nothing is loaded before it is used."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import dyld_atlas
from support import api_index

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "calculator.aar"


@pytest.mark.parametrize("name", dyld_atlas.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    value = getattr(dyld_atlas, name)
    assert name in dir(dyld_atlas)
    if name != "__version__":
        assert inspect.getdoc(value)


def test_every_name_stands_in_the_documents() -> None:
    written = api_index.PAGE.read_text(encoding="utf-8")
    assert written == api_index.page(), f"{api_index.__file__} writes it anew"


def test_star_import() -> None:
    names: dict[str, object] = {}
    exec("from dyld_atlas import *", names)
    assert set(dyld_atlas.__all__) <= set(names)


@pytest.mark.parametrize("name", ["addresses", "enums", "errors", "formats", "providers", "testing"])
def test_submodules_need_no_import(name: str) -> None:
    assert getattr(dyld_atlas, name) is importlib.import_module(f"dyld_atlas.{name}")


def test_names_that_are_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = dyld_atlas.nonsense  # type: ignore[attr-defined]
    with pytest.raises(ImportError):
        from dyld_atlas import nonsense  # type: ignore[attr-defined]  # noqa: F401


def test_mapping_has_its_public_name() -> None:
    assert dyld_atlas.Mapping.__name__ in ("Mapping", "Mapping_")


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import dyld_atlas", ["dyld_atlas._native", "dyld_atlas.addresses", "enum", "uuid", "importlib.metadata"]),
        ("from dyld_atlas.cli import main", ["dyld_atlas._native", "dyld_atlas.cli.parser_", "json", "uuid", "enum_"]),
        ("from dyld_atlas import PreferredAddress", ["dyld_atlas._native", "typing"]),
        (
            f"import dyld_atlas\nsnapshot = dyld_atlas.Snapshot.open({str(EXAMPLE)!r})\n"
            "snapshot.platform, snapshot.images[0].address, snapshot.images[0].segments[0].permissions",
            ["typing", "uuid", "dyld_atlas.errors", "dyld_atlas.providers"],
        ),
    ],
)
def test_what_is_not_loaded(statement: str, absent: list[str]) -> None:
    code = f"import sys\n{statement}\nprint(*[name for name in {absent!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False)
    if "No module named 'dyld_atlas'" in result.stderr:
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    loaded_by_python = set(
        subprocess.run(
            [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
        ).stdout.split()
    )
    assert set(result.stdout.split()) <= loaded_by_python
