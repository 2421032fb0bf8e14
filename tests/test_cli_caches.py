"""The commands on shared caches, on small ones that the builder writes."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from command_line import Command, Result, snapshot
from dyld_atlas import SharedCache
from dyld_atlas.formats import Archive
from dyld_atlas.testing import PointerTo, SharedCacheBuilder

A, B = "/usr/lib/liba.dylib", "/System/Library/Frameworks/B.framework/B"
NASTY = "/usr/lib/evil\x1b[31m\n\t.dylib"
SLIDE = 0x4000


def builder(architecture: str = "arm64e", generation: str = "macos26", **options: Any) -> SharedCacheBuilder:
    sections = {
        "__TEXT,__text": bytes(range(64)),
        "__DATA,__data": [b"dyld_atlas\0\0\0\0\0\0", PointerTo(B)],
        "__DATA,__bss": 0x20,
    }
    made = SharedCacheBuilder(architecture, generation, **options)
    return made.image(A, sections=sections).image(B).image(NASTY)


@pytest.fixture
def main(command: Command) -> Path:
    """The main file of a cache."""
    return builder().write(command.folder / "cache")


def test_caches(command: Command) -> None:
    folder = command.folder / "found"
    first = builder().write(folder / "one" / "deep")
    second = builder("x86_64", "macos11").write(folder / "two")
    listed = command("caches", folder, "--json").json["caches"]
    assert {each["path"]: each["architecture"] for each in listed} == {str(first): "arm64e", str(second): "x86_64"}
    assert [each["image_count"] for each in listed] == [3, 3]
    assert {each["os_version"] for each in listed} == {"26.0", None}
    shown = command("caches", folder)
    assert shown.code == 0
    assert "macOS 26.0" in shown.out
    assert len(command("caches", folder, "--format", "tsv").rows) == 3


def test_no_caches(command: Command) -> None:
    for arguments in ([command.folder], ["--installed", command.folder]):
        result = command("caches", *arguments)
        assert (result.code, result.out, result.err) == (1, "", "dyld-atlas: no shared cache\n")
    assert command("caches", command.folder / "nowhere").code == 2


def test_installed(command: Command) -> None:
    main = builder().write(command.folder / "System" / "Library" / "dyld")
    builder("x86_64").write(command.folder / "elsewhere")
    listed = command("caches", "--installed", command.folder, "--json").json["caches"]
    assert [each["path"] for each in listed] == [str(main)]


def test_cache(command: Command, main: Path) -> None:
    made = builder()
    shown = command("cache", main)
    assert shown.code == 0
    assert f"uuid           {str(made.uuid).upper()}" in shown.out
    assert "platform       macOS (1)" in shown.out
    assert "record from    the headers of its files" in shown.out
    document = command("cache", main, "--json").json
    assert document["cache"]["uuid"] == str(made.uuid).upper()
    assert document["cache"]["preferred_load_address"] == "0x180000000"
    assert [each["name"] for each in document["files"]] == [name for name in made.build() if "symbols" not in name]
    assert not any(each["missing"] for each in document["files"])
    names = [each["name"] for each in document["mappings"]]
    assert names == ["__TEXT", "__TEXT", "__TEXT", "__DATA", "__LINKEDIT", "__TEXT", "__LINKEDIT"]
    assert [each["slide_version"] for each in document["mappings"] if each["name"] == "__DATA"] == [5]
    keys = dict(command("cache", main, "--format", "tsv").rows[1:])
    assert keys["architecture"] == "arm64e"


def test_missing_files(command: Command, main: Path) -> None:
    main.with_name(main.name + ".02.dylddata").unlink()
    result = command("cache", main)
    assert result.code == 0
    assert ".02.dylddata" in result.err
    assert "1 missing" in result.out
    assert command("cache", main, "--json").json["cache"]["missing_files"] == [main.name + ".02.dylddata"]
    assert command("images", main).code == 0
    address = builder().address(A, "__DATA,__data")
    assert command("read", main, hex(address), "8").code == 1
    assert command("verify", main).code == 1


def test_images_of_a_missing_file_are_in_none(command: Command, main: Path) -> None:
    def files() -> set[str | None]:
        return {each["subcache"] for each in command("images", main, "--json").json["images"]}

    (name,) = files()
    assert name == f"{main.name}.01"
    main.with_name(name).unlink()
    assert files() == {None}


def test_the_atlas_beside_it(command: Command) -> None:
    main = builder().write(command.folder / "cache", atlas=True)
    assert command("cache", main, "--json").json["cache"]["record_origin"] == "atlas"
    assert command("cache", main, "--scavenge", "--json").json["cache"]["record_origin"] == "scavenged"


def test_images_segments_and_places(command: Command, main: Path) -> None:
    made = builder()
    images = command("images", main, "--json").json["images"]
    assert [each["install_name"] for each in images] == [A, B, NASTY]
    assert [each["address"] for each in images] == [hex(made.address(name)) for name in (A, B, NASTY)]
    assert all(each["in_shared_cache"] for each in images)
    for each in images:
        lies = int(each["preferred_load_address"], 16)
        (file,) = (
            Path(mapping.file_path).name
            for mapping in SharedCache.open(main).mappings()
            if mapping.preferred_load_address <= lies < mapping.preferred_load_address + mapping.size
        )
        assert (each["subcache"], file != main.name) == (file, True)
    assert "\x1b[31m" not in command("images", main).out
    assert command("images", main, "--outside-cache").code == 1
    assert [row[4] for row in command("segments", main, A, "--format", "tsv").rows[1:]] == [
        "__TEXT",
        "__DATA",
        "__LINKEDIT",
    ]
    address = made.address(A, "__DATA,__data", 3)
    for arguments in (
        [hex(address)],
        ["--slide", hex(SLIDE), hex(address + SLIDE)],
        ["--slide", f"-{SLIDE:#x}", hex(address - SLIDE)],
        ["--slide", str(-SLIDE), hex(address - SLIDE)],
    ):
        (place,) = command("at", main, *arguments, "--json").json["addresses"]
        assert (place["image"]["name"], place["segment"], place["section"]) == ("liba.dylib", "__DATA", "__data")
    assert command("at", main, "0x1000").code == 1


def hexadecimal(result: Result) -> bytes:
    """The bytes of a hex dump."""
    return b"".join(bytes.fromhex(line.split("  ", 1)[1][:50]) for line in result.out.splitlines())


def test_read(command: Command, main: Path) -> None:
    made = builder()
    address = made.address(A, "__DATA,__data")
    shown = command("read", main, hex(address), "0x18")
    assert shown.code == 0
    first, second = shown.out.splitlines()
    assert first == f"{address:#x}  64 79 6c 64 5f 61 74 6c  61 73 00 00 00 00 00 00  dyld_atlas......"
    assert second.startswith(f"{address + 16:#x}  ")
    for slide in (0, SLIDE, -SLIDE):
        moved = command("read", main, hex(address + 16), "8", f"--slide={slide:#x}")
        assert int.from_bytes(hexadecimal(moved), "little") == made.address(B) + slide
    document = command("read", main, hex(address), "4", "--json").json
    assert (document["data"], document["address"], document["slide"]) == (b"dyld".hex(), hex(address), None)
    out = command.folder / "out.bin"
    assert command("read", main, hex(address), "4", "-o", out).out == ""
    assert out.read_bytes() == b"dyld"
    assert command("read", main, hex(address), "0").out == ""


def test_read_raw(main: Path) -> None:
    address = builder().address(A, "__TEXT,__text")
    read = [sys.executable, "-m", "dyld_atlas", "read", str(main), hex(address), "64", "--raw"]
    assert subprocess.run(read, capture_output=True, check=True).stdout == bytes(range(64))
    leader, follower = pty.openpty()
    try:
        ran = subprocess.run(read, stdout=follower, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(follower)
        os.close(leader)
    assert (ran.returncode, b"not for a terminal" in ran.stderr) == (2, True)


def test_read_what_is_not_there(command: Command, main: Path) -> None:
    out = command.folder / "out.bin"
    result = command("read", main, "0x1000", "8", "-o", out)
    assert result.code == 1
    assert "0x1000" in result.err
    assert not out.exists()


def test_map(command: Command, main: Path) -> None:
    made = builder()
    text = command("map", main).out
    assert text.startswith("mapping  EX ")
    assert f"\n{A}\n" in text
    assert f"0x{made.address(A):08X} ->" in text
    document = command("map", main, "--json").json
    assert [each["path"] for each in document["images"]] == [A, B, NASTY]
    assert document["images"][0]["segments"][0]["address"] == hex(made.address(A))
    assert len(document["mappings"]) == 7


def test_extract_data(command: Command, main: Path) -> None:
    out = command.folder / "data.bin"
    result = command("extract-data", main, "liba.dylib", "__DATA", "-o", out, "--json")
    assert result.json["size"] == len(out.read_bytes()) == 0x40
    assert out.read_bytes().startswith(b"dyld_atlas")
    for arguments, word in ([["libx.dylib", "__DATA"], "libx.dylib"], [[A, "__NONE"], "__LINKEDIT"]):
        missing = command("extract-data", main, *arguments, "-o", out)
        assert (missing.code, word in missing.err) == (1, True)


def test_extract_data_of_two_images_of_one_name(command: Command) -> None:
    main = builder().image("/usr/local/lib/liba.dylib").write(command.folder / "cache")
    out = command.folder / "data.bin"
    result = command("extract-data", main, "liba.dylib", "__DATA", "-o", out)
    assert (result.code, out.exists()) == (2, False)
    assert "/usr/local/lib/liba.dylib" in result.err
    assert command("extract-data", main, A, "__DATA", "-o", out).code == 0


def test_atlas_and_verify(command: Command, main: Path) -> None:
    assert command("verify", main).code == 0
    atlas = main.with_name(main.name + ".atlas")
    written = command("atlas", main, "-o", atlas, "--codec", "lzfse", "--json").json
    assert (written["image_count"], written["record_origin"]) == (3, "scavenged")
    assert written["size"] == atlas.stat().st_size
    assert Archive.open(atlas).codec == "lzfse"
    assert command("cache", main, "--json").json["cache"]["record_origin"] == "atlas"
    assert command("verify", main, "--json").json["problems"] == []
    # The atlas of another build.
    other = SharedCacheBuilder(uuid=builder().uuid).image(A).image(B)
    atlas.write_bytes(other.record().build_atlas())
    wrong = command("verify", main)
    assert wrong.code == 1
    assert "differ" in wrong.out
    assert command("verify", main, "--json").json["valid"] is False


def test_diff(command: Command, main: Path) -> None:
    assert command("diff", main, main).code == 0
    newer = SharedCacheBuilder().image(A, uuid="0" * 32).image(B).image("/usr/lib/new.dylib")
    other = newer.write(command.folder / "newer")
    result = command("diff", main, other)
    assert result.code == 1
    assert result.out.splitlines()[-1] == "1 added, 1 removed, 1 rebuilt, 1 unchanged"
    document = command("diff", main, other, "--json").json
    assert [each["install_name"] for each in document["added"]] == ["/usr/lib/new.dylib"]
    assert [each["install_name"] for each in document["removed"]] == [NASTY]
    assert [each["to"]["install_name"] for each in document["rebuilt"]] == [A]
    assert document["unchanged_count"] == 1
    for kinds, code in (["none"], 0), (["removed"], 1), (["none", "added"], 1), (["loaded"], 2):
        words = [word for kind in kinds for word in ("--fail-on", kind)]
        assert command("diff", main, other, *words).code == code
    rebuilt = SharedCacheBuilder().image(A, uuid="0" * 32).image(B).image(NASTY).write(command.folder / "rebuilt")
    assert command("diff", main, rebuilt, "--fail-on", "removed", "--fail-on", "added").code == 0
    mixed = command("diff", main, command.file("a.aar", snapshot().build()))
    assert (mixed.code, "shared cache" in mixed.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["cache", "-"], 2, "main one"),
        (["cache", "SNAPSHOT"], 3, "archive"),
        (["cache", "TEXT"], 3, "dyld_v1"),
        (["cache", "MAIN.01"], 3, "main file"),
        (["cache", "/nowhere/at/all"], 2, "No such file"),
        (["show", "MAIN"], 3, "dyld-atlas cache"),
        (["images", "MAIN", "--no-files"], 2, "--no-files"),
        (["images", "MAIN", "--provider-root", "/"], 2, "--provider-root"),
        (["at", "SNAPSHOT", "--slide", "4", "4"], 2, "--slide"),
        (["read", "MAIN", "zero", "4"], 2, "no address"),
        (["read", "MAIN", "0x180000000", "many"], 2, "no size"),
        (["read", "MAIN", "0x180000000", "4", "--slide", "far"], 2, "no slide"),
        (["read", "MAIN", "0x180000000", "4", "--json", "-o", "x"], 2, "--json"),
        (["atlas", "MAIN", "-o", "/nowhere/at/all"], 2, "No such file"),
        (["atlas", "MAIN"], 2, "required"),
    ],
)
def test_mistakes(command: Command, main: Path, arguments: list[str], code: int, word: str) -> None:
    known = {"SNAPSHOT": command.file("a.aar", snapshot().build()), "TEXT": command.file("text", b"hello")}
    given = [known.get(each, each.replace("MAIN", str(main))) for each in arguments]
    result = command(*given)
    assert (result.code, result.out) == (code, "")
    assert word in result.err
    assert "Traceback" not in result.err


def test_a_snapshot_can_be_read_too(command: Command) -> None:
    result = command("read", command.file("a.aar", snapshot().build()), "0x100000000", "4", "--no-files")
    assert result.code == 1


def test_documents_are_lines(command: Command, main: Path) -> None:
    lines = command("cache", main, "--json").out.splitlines()
    assert any(json.loads(line.rstrip(",")).get("name") == main.name for line in lines if line.startswith('{"name"'))


def test_images_by_their_other_paths(command: Command) -> None:
    alias = "/usr/lib/alias.dylib"
    for generation in ("macos10.9", "macos26"):
        made = SharedCacheBuilder("arm64", generation).image(B).image(A, aliases=[alias])
        main = made.write(command.folder / generation)
        found = command("segments", main, alias, "--json").json["segments"]
        assert {(each["image"], each["image_index"]) for each in found} == {("liba.dylib", 1)}
        # By the whole path, and by nothing that begins like it.
        assert command("segments", main, "alias.dylib").code == 1
        assert "no image /usr/lib/ali" in command("segments", main, "/usr/lib/ali").err
        out = command.folder / "text"
        assert command("extract-data", main, alias, "__TEXT", "-o", out).code == 0
        assert out.read_bytes() == bytes(SharedCache.open(main).images[1].segment("__TEXT").data())


@pytest.mark.parametrize("atlas", [False, True])
def test_extract_data_of_a_missing_file(command: Command, *, atlas: bool) -> None:
    main = builder().write(command.folder / "cache", atlas=atlas)
    gone = main.with_name(f"{main.name}.01")
    gone.unlink()
    result = command("extract-data", main, "liba.dylib", "__TEXT", "-o", command.folder / "out")
    assert result.code == 1
    assert gone.name in result.err
    if not atlas:
        assert result.err.endswith(f"dyld-atlas: liba.dylib lies in {gone.name}, which is missing\n")
