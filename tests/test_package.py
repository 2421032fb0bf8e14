"""What is installed is what users were promised: one wheel for all Pythons, typed, with nothing to bring along."""

import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import dyld_atlas

TOP = Path(__file__).resolve().parents[1]
INSTALLED = Path(dyld_atlas.__file__).parent


def test_nothing_is_needed_at_run_time() -> None:
    needed = importlib.metadata.requires("dyld_atlas") or []
    assert [line for line in needed if "extra ==" not in line] == []


def test_one_wheel_serves_all_pythons() -> None:
    wheel = importlib.metadata.distribution("dyld_atlas").read_text("WHEEL")
    assert wheel is not None
    assert "Tag: cp311-abi3-" in wheel


def test_the_types_are_installed() -> None:
    assert (INSTALLED / "py.typed").exists()
    stubs = sorted((TOP / "stubs" / "dyld_atlas").glob("*.pyi"))
    assert "_native.pyi" in [stub.name for stub in stubs]
    for stub in stubs:
        assert (INSTALLED / stub.name).read_bytes() == stub.read_bytes()
        assert (TOP / "python" / "dyld_atlas" / stub.name).resolve() == stub


def test_versions_agree() -> None:
    version = tomllib.loads((TOP / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]
    assert dyld_atlas.__version__ == importlib.metadata.version("dyld_atlas") == version
    assert f"\n## {version}" in (TOP / "CHANGELOG.md").read_text(encoding="utf-8")


def test_importing_brings_little_along() -> None:
    heavy = {"argparse", "asyncio", "ctypes", "json", "logging", "numpy", "plistlib", "subprocess", "tempfile", "uuid"}
    code = "import sys; before = set(sys.modules); import dyld_atlas; print(*set(sys.modules) - before)"
    ran = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert heavy & set(ran.stdout.split()) == set()


def test_licences_are_there() -> None:
    for name in ("LICENSE-MIT", "LICENSE-APACHE"):
        assert (TOP / name).stat().st_size > 1000
