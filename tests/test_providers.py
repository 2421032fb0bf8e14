"""DirectoryProvider: a folder that stands for another machine's root, and out of which nothing leads."""

import os
from pathlib import Path

import pytest

from dyld_atlas import DirectoryProvider, FileIdentifier

CACHE = "/System/Library/dyld/dyld_shared_cache_arm64e"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "usr" / "lib").mkdir(parents=True)
    (root / "usr" / "lib" / "libx.dylib").write_bytes(b"x")
    (root / "System" / "Library" / "dyld").mkdir(parents=True)
    (root / "System" / "Library" / "dyld" / "dyld_shared_cache_arm64e").write_bytes(b"c")
    (root / "System" / "Library" / "dyld" / "dyld_shared_cache_arm64e.atlas").write_bytes(b"a")
    (tmp_path / "secret").write_bytes(b"s")
    return root


def find(root: Path, path: str | None) -> Path | None:
    found = DirectoryProvider(root).file(FileIdentifier(path=path))
    return None if found is None else Path(found)


@pytest.mark.parametrize("path", ["/usr/lib/libx.dylib", "usr/lib/libx.dylib", "//usr/./lib//libx.dylib"])
def test_finds(root: Path, path: str) -> None:
    assert find(root, path) == root / "usr" / "lib" / "libx.dylib"


@pytest.mark.parametrize(
    "path",
    [None, "", "/", "/usr/lib", "/nothing", "/usr/lib/libx.dylib/y", "/usr/lib/libx.dylib\0", "/a" * 5000, "x" * 300],
)
def test_does_not_find(root: Path, path: str | None) -> None:
    assert find(root, path) is None


def test_names_that_are_no_text(root: Path) -> None:
    class Identifier:
        uuid = None
        path = "/usr/lib/\ud800"

    assert DirectoryProvider(root).file(Identifier()) is None  # type: ignore[arg-type]


def test_dots_stay_inside(root: Path) -> None:
    assert find(root, "/usr/lib/../lib/libx.dylib") == root / "usr" / "lib" / "libx.dylib"
    for path in ("/../secret", "../secret", "/usr/../../secret", f"/..{root}/usr/lib/libx.dylib"):
        assert find(root, path) is None


def test_links_are_those_of_the_other_machine(root: Path) -> None:
    (root / "lib").symlink_to("/usr/lib")
    (root / "usr" / "relative.dylib").symlink_to("lib/libx.dylib")
    (root / "usr" / "up.dylib").symlink_to("../lib/libx.dylib")
    for path in ("/lib/libx.dylib", "/usr/relative.dylib", "/usr/up.dylib"):
        assert find(root, path) == root / "usr" / "lib" / "libx.dylib"


def test_links_do_not_lead_out(root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    links = {
        "absolute": secret,
        "up": Path("../secret"),
        "far": Path("../../../../../../../../../etc/passwd"),
        "folder": tmp_path,
        "dotdot": Path(".."),
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    for path in ("/absolute", "/up", "/far", "/folder/secret", "/dotdot/secret", "/folder"):
        assert find(root, path) is None


def test_loops_end(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    (root / "self").symlink_to("self/self")
    assert find(root, "/a") is None
    assert find(root, "/self") is None
    (root / "chain0").symlink_to("usr/lib/libx.dylib")
    for i in range(40):
        (root / f"chain{i + 1}").symlink_to(f"chain{i}")
    assert find(root, "/chain31") is not None
    assert find(root, "/chain32") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_only_regular_files(root: Path) -> None:
    os.mkfifo(root / "pipe")
    assert find(root, "/pipe") is None


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    provider = DirectoryProvider(tmp_path / "alias")
    assert provider.root == str(root.resolve())
    assert provider.file(FileIdentifier(path="/usr/lib/libx.dylib")) is not None
    assert str(root.resolve()) in repr(provider)


@pytest.mark.parametrize("name", [CACHE, CACHE + ".development", CACHE + ".atlas"])
def test_atlas_beside_the_cache(root: Path, name: str) -> None:
    found = DirectoryProvider(root).shared_cache_atlas(FileIdentifier(path=name))
    assert found is not None
    assert Path(found).read_bytes() == b"a"


def test_no_atlas(root: Path) -> None:
    provider = DirectoryProvider(root)
    for path in (None, "", "/", "/usr/lib/libx.dylib", "/elsewhere/dyld_shared_cache_arm64e", "/../secret"):
        assert provider.shared_cache_atlas(FileIdentifier(path=path)) is None


def test_only_the_last_extension_is_cut(root: Path) -> None:
    folder = root / "System" / "Library" / "dyld"
    (folder / "a.b.atlas").write_bytes(b"ab")
    (folder / ".hidden.atlas").write_bytes(b"h")
    provider = DirectoryProvider(root)
    for path, content in ((f"{folder.relative_to(root)}/a.b.c", b"ab"), ("System/Library/dyld/.hidden", b"h")):
        found = provider.shared_cache_atlas(FileIdentifier(path=path))
        assert found is not None
        assert Path(found).read_bytes() == content


def test_roots_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError) as error:
        DirectoryProvider(tmp_path / "file")
    assert error.value.filename == str(tmp_path / "file")
    with pytest.raises(FileNotFoundError):
        DirectoryProvider(tmp_path / "absent")
