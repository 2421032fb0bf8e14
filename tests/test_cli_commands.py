"""What the commands say of a snapshot, as a table, as tab-separated values and as JSON."""

import json

import pytest

from command_line import CACHE_UUID, NASTY, SLIDE, Command, snapshot
from dyld_atlas.testing import CacheBuilder, SnapshotBuilder


@pytest.fixture
def file(command: Command) -> str:
    return command.file("a.aar", snapshot().build(codec="zlib"))


def test_show(command: Command, file: str) -> None:
    result = command("show", file)
    assert (result.code, result.err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in result.out.splitlines() if line and not line.startswith("0x"))
    assert lines["process"] == "4242"
    assert lines["platform"] == "macOS (1)"
    assert lines["state"] == "running (0x50)"
    assert lines["images"] in ("7, 2 of them outside the shared cache", "5 in use of 10")
    assert "7, 2 of them outside the shared cache" in result.out
    assert lines["DYLD_ROOT_PATH"] == "/sim"
    assert f"slide {SLIDE:#x}" in result.out
    assert "/Applications/한글.app/한글" in result.out


def test_show_json(command: Command, file: str) -> None:
    document = command("show", file, "--json").json
    assert (document["version"], document["command"], document["file"]) == (1, "show", file)
    record = document["snapshot"]
    assert record["pid"] == 4242
    assert record["platform"] == {"value": 1, "name": "MACOS"}
    assert record["state"] == {"value": 0x50, "name": "RUNNING"}
    assert record["flags"] == ["PRIVATE_SHARED_REGION"]
    assert (record["page_size"], record["pointer_size"]) == (16384, 8)
    assert record["environment"] == {"DYLD_ROOT_PATH": "/sim"}
    assert record["metrics"] == {"init": 5}
    assert (record["image_count"], record["images_outside_cache"]) == (7, 2)
    cache = record["shared_cache"]
    assert cache["uuid"] == CACHE_UUID
    assert cache["slide"] == hex(SLIDE)
    assert cache["address"] == hex(0x1_8000_0000 + SLIDE)
    assert (cache["found"], cache["image_count"], cache["used_image_count"]) == (True, 10, 5)


def test_show_tsv(command: Command, file: str) -> None:
    rows = command("show", file, "--format", "tsv").rows
    assert rows[0] == ["key", "value"]
    assert ["process", "4242"] in rows


def test_show_without_the_cache(command: Command) -> None:
    path = command.file("b.aar", snapshot().shared_cache(_elsewhere(), embed=False).build())
    result = command("show", path, "--no-files")
    assert result.code == 0
    assert "its atlas was not found" in result.out
    record = command("show", path, "--no-files", "--json").json["snapshot"]
    assert record["shared_cache"]["found"] is False
    assert record["image_count"] == 2


def _elsewhere() -> CacheBuilder:
    return CacheBuilder("/nowhere/dyld_shared_cache_arm64e").image("/usr/lib/libx.dylib")


def test_images(command: Command, file: str) -> None:
    result = command("images", file)
    lines = result.out.splitlines()
    assert (result.code, result.err, len(lines)) == (0, "", 8)
    assert lines[0].split() == ["ADDRESS", "SIZE", "UUID", "IN", "PATH"]
    assert [line.split()[0] for line in lines[1:3]] == ["0x100000000", "0x1002b4000"]
    assert "2.7 MiB" in lines[1]
    # The __LINKEDIT that all share is nobody's size.
    assert "260.6 KiB" in lines[3]
    assert "cache  /usr/lib/lib0.dylib" in lines[3]


def test_names_do_not_command_the_terminal(command: Command, file: str) -> None:
    for form in ("table", "tsv"):
        result = command("images", file, "--format", form)
        assert "\x1b" not in result.out
        assert r"/usr/lib/evil\x1b[31m\n\t.dylib" in result.out
        assert len(result.out.splitlines()) == 8
    assert command("images", file, "--json").json["images"][1]["file_path"] == NASTY


def test_images_json(command: Command, file: str) -> None:
    result = command("images", file, "--json", "--grep", "lib[24]")
    assert [image["name"] for image in result.json["images"]] == ["lib2.dylib", "lib4.dylib"]
    image = result.json["images"][0]
    preferred = 0x1_8000_4000 + 2 * 0x4_4000
    assert int(image["preferred_load_address"], 16) == preferred
    assert int(image["address"], 16) == preferred + SLIDE
    assert image["slide"] == hex(SLIDE)
    assert image["in_shared_cache"] is True
    assert (image["segment_count"], image["vm_size"]) == (3, 0x4_1234)
    # One record on each line, for head and grep.
    assert json.loads(result.out.splitlines()[1].rstrip(",")) == image


def test_images_tsv_is_exact(command: Command, file: str) -> None:
    header, first, *_ = command("images", file, "--format", "tsv").rows
    row = dict(zip(header, first, strict=True))
    assert row["vm_size"] == str(0x2B_4000)
    assert row["address"] == "0x100000000"
    assert row["install_name"] == ""


def test_outside_cache(command: Command, file: str) -> None:
    images = command("images", file, "--json", "--outside-cache").json["images"]
    assert [image["index"] for image in images] == [0, 1]
    path = command.file("only.aar", SnapshotBuilder().build())
    assert command("images", path).code == 0
    assert command("images", path, "--outside-cache").code == 1


def test_grep(command: Command, file: str) -> None:
    assert command("images", file, "--grep", "LIB2").code == 1
    assert "no such image" in command("images", file, "--grep", "nothing").err
    assert command("images", file, "--grep", "LIB2", "-i").code == 0
    uuid = command("images", file, "--json").json["images"][0]["uuid"]
    assert len(command("images", file, "--grep", uuid, "--format", "tsv").rows) == 2


def test_segments(command: Command, file: str) -> None:
    result = command("segments", file, "lib2.dylib", "/usr/lib/lib4.dylib", "--json")
    segments = result.json["segments"]
    assert result.code == 0
    assert [(s["image"], s["name"], s["permissions"]) for s in segments] == [
        (name, *segment)
        for name in ("lib2.dylib", "lib4.dylib")
        for segment in (("__TEXT", "r-x"), ("__DATA", "rw-"), ("__LINKEDIT", "r--"))
    ]
    assert (segments[1]["vm_size"], segments[1]["file_size"]) == (0x1234, 0x1234)
    assert int(segments[0]["address"], 16) - int(segments[0]["preferred_load_address"], 16) == SLIDE
    assert command("segments", file).out.count("__TEXT") == 7


def test_segments_by_uuid(command: Command, file: str) -> None:
    image = command("images", file, "--json").json["images"][3]
    rows = command("segments", file, image["uuid"].lower(), "--format", "tsv").rows
    assert {row[-1] for row in rows[1:]} == {image["name"]}


def test_segments_of_no_image(command: Command, file: str) -> None:
    result = command("segments", file, "lib2.dylib", "nothing.dylib")
    assert result.code == 1
    assert "no image nothing.dylib" in result.err
    assert "lib2.dylib" in result.out


def test_at(command: Command, file: str) -> None:
    address = 0x1_8000_4000 + SLIDE + 0x10
    result = command("at", file, hex(address), address, "0x5", "--json")
    assert result.code == 1
    first, second, third = result.json["addresses"]
    assert first == second
    assert (first["image"]["name"], first["segment"], first["offset"]) == ("lib0.dylib", "__TEXT", "0x10")
    assert third == {"address": "0x5", "image": None, "segment": None, "section": None, "offset": None}
    found = command("at", file, hex(address))
    assert found.code == 0
    assert "lib0.dylib" in found.out


def test_words_and_options_in_any_order(command: Command, file: str) -> None:
    expected = command("at", file, "0x100000000", "0x100004000", "--json").out
    for words in (
        ["--json", file, "0x100000000", "0x100004000"],
        [file, "--json", "0x100000000", "0x100004000"],
        [file, "0x100000000", "--json", "0x100004000"],
    ):
        assert command("at", *words).out == expected
    for words in ([file, "--nonsense", "0x1"], [file, "0x1", "--nonsense"]):
        wrong = command("at", *words)
        assert (wrong.code, "unrecognized arguments" in wrong.err) == (2, True)
    assert command("show", file, "--json", file).code == 2


def test_at_reads_lists(command: Command, file: str) -> None:
    result = command("at", file, "-", "--format", "tsv", stdin=b"0x100000000 4294967297\n\n0x100000002\n")
    assert [row[0] for row in result.rows[1:]] == ["0x100000000", "0x100000001", "0x100000002"]
    assert result.code == 0
    assert command("at", "-", "0x100000000", stdin=snapshot().build()).code == 0


@pytest.mark.parametrize("text", ["zz", "1a2b", "0x", "-5", "1_000", "0x10000000000000000", "", "+5"])
def test_at_refuses(command: Command, file: str, text: str) -> None:
    result = command("at", file, "--", text)
    assert result.code == 2
    assert "is no address" in result.err


def test_diff(command: Command, file: str) -> None:
    other = SnapshotBuilder(pid=4242).image("/Applications/한글.app/한글", address=0x2_0000_0000).image("/new.dylib")
    new = command.file("new.aar", other.build())
    result = command("diff", file, new, "--json")
    assert result.code == 1
    assert [image["name"] for image in result.json["loaded"]] == ["new.dylib"]
    assert len(result.json["unloaded"]) == 6
    (moved,) = result.json["moved"]
    assert (moved["from"]["address"], moved["to"]["address"]) == ("0x100000000", "0x200000000")
    table = command("diff", file, new)
    assert table.code == 1
    assert table.out.splitlines()[-1] == "1 loaded, 6 unloaded, 1 moved"
    assert table.out.count("unloaded ") == 6
    assert command("diff", file, new, "--fail-on", "none").code == 0
    assert command("diff", file, new, "--fail-on", "moved").code == 1
    assert command("diff", file, file, "--fail-on", "moved").code == 0
    wrong = command("diff", file, new, "--fail-on", "rebuilt")
    assert (wrong.code, wrong.out, "rebuilt" in wrong.err) == (2, "", True)


def test_diff_of_equals(command: Command, file: str) -> None:
    result = command("diff", file, file)
    assert (result.code, result.out, result.err) == (0, "no image was loaded, unloaded or moved\n", "")
    assert command("diff", file, "-", "--json", stdin=snapshot().build()).json["loaded"] == []


def test_provider_root(command: Command) -> None:
    builder = snapshot().shared_cache(_elsewhere(), embed=False)
    path = command.file("b.aar", builder.build())
    root = command.folder / "root"
    (root / "nowhere").mkdir(parents=True)
    (root / "nowhere" / "dyld_shared_cache_arm64e.atlas").write_bytes(builder.build_atlas(codec="lz4"))
    result = command("images", path, "--provider-root", root, "--json")
    assert result.code == 0
    assert [image["name"] for image in result.json["images"] if image["in_shared_cache"]] == ["libx.dylib"]


def test_the_record_of_the_cache_is_missing(command: Command) -> None:
    path = command.file("b.aar", snapshot().shared_cache(_elsewhere(), embed=False).build())
    result = command("show", path)
    warning, hint = result.err.splitlines()
    assert (result.code, warning.startswith(f"dyld-atlas: warning: {path}: no record of the shared cache")) == (0, True)
    assert hint.startswith("hint: --provider-root DIR")
    assert "its atlas was not found" in result.out
    assert "broken" not in result.out
    assert "hint:" not in command("show", path, "--no-files").err


def test_lenient(command: Command) -> None:
    broken = snapshot().image("/x", address=None).image("/y", extra={"addr": "text"})
    path = command.file("broken.aar", broken.build())
    strict = command("images", path)
    assert (strict.code, strict.out) == (3, "")
    assert "--lenient" in strict.err
    lenient = command("images", path, "--lenient", "--format", "tsv")
    assert lenient.code == 0
    assert len(lenient.rows) == 8
    assert lenient.err.count("warning:") == 2
