"""The command ``dyld-atlas`` and processes that are alive."""

import json
import os
import pty
import subprocess
import sys

import pytest

from command_line import Command
from dyld_atlas import Process, Snapshot, TaskAccessError
from dyld_atlas.testing import SimulatedProcess
from processes import linux

pytestmark = linux


def start(*arguments: object, **options: object) -> "subprocess.Popen[str]":
    """The command in a process of its own."""
    words = [sys.executable, "-m", "dyld_atlas", *map(str, arguments)]
    return subprocess.Popen(words, text=True, **options)  # type: ignore[call-overload, no-any-return]


def test_show(command: Command) -> None:
    with SimulatedProcess(["/bin/demo", "/usr/lib/a.dylib"]) as simulated:
        result = command("show", "--pid", simulated.pid)
        assert result.code == 0, result.err
        assert f"process       {simulated.pid}" in result.out
        assert "/usr/lib/a.dylib" in result.out
        result = command("show", "--pid", simulated.pid, "--json")
        assert (result.json["file"], result.json["pid"]) == (None, simulated.pid)
        assert result.json["snapshot"]["image_count"] == 2


def test_images_segments_and_places(command: Command) -> None:
    with SimulatedProcess(["/bin/demo", "/usr/lib/a.dylib"]) as simulated:
        one, other = simulated.process.snapshot().images
        shown = command("images", "--pid", simulated.pid, "--json").json
        assert (shown["file"], shown["pid"], len(shown["images"])) == (None, simulated.pid, 2)
        assert len(command("segments", "--pid", simulated.pid, "--format", "tsv").rows) == 1 + len(
            [segment for image in (one, other) for segment in image.segments]
        )
        # Without FILE, what stands in its place is the first of the words.
        only = command("segments", "--pid", simulated.pid, "a.dylib", "nothing", "--json")
        assert {segment["image"] for segment in only.json["segments"]} == {"a.dylib"}
        assert (only.code, "no image nothing" in only.err) == (1, True)
        for words in ([f"{one.address:#x}"], [f"{one.address:#x}", f"{other.address:#x}"]):
            places = command("at", "--pid", simulated.pid, *words, "--json").json["addresses"]
            assert [place["image"]["name"] for place in places] == ["demo", "a.dylib"][: len(words)]
        listed = command("at", "--pid", simulated.pid, "-", "--json", stdin=f"{one.address:#x} 0".encode())
        assert (listed.code, [bool(place["image"]) for place in listed.json["addresses"]]) == (1, [True, False])
        path = command.file("a.aar", simulated.process.snapshot().to_bytes())
        from_file = command("images", path, "--json").json["images"]
        assert from_file == shown["images"]


def test_snapshot(command: Command) -> None:
    with SimulatedProcess(["/bin/demo"]) as simulated:
        path = command.folder / "process.aar"
        result = command("snapshot", "--pid", simulated.pid, "-o", path, "--codec", "lzfse")
        assert (result.code, result.out) == (0, "")
        assert result.err.startswith(f"{path}: ")
        assert "1 image" in result.err
        assert Snapshot.open(path).to_dict() == simulated.process.snapshot().to_dict()
        assert command("show", path).code == 0
        result = command("snapshot", "--pid", simulated.pid, "-o", path, "--json")
        assert result.json["size"] == path.stat().st_size
        assert result.json["image_count"] == 1
        assert command("snapshot", "--pid", simulated.pid, "-o", "-", "--json").code == 2
        words = [sys.executable, "-m", "dyld_atlas", "snapshot", "--pid", str(simulated.pid), "-o", "-"]
        out = subprocess.check_output(words)
        assert Snapshot.from_bytes(out).pid == simulated.pid


def test_watch_writes_lines_of_json_until_the_process_ends() -> None:
    with SimulatedProcess(["/bin/demo"]) as simulated:
        watch = start("watch", "--pid", simulated.pid, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert watch.stdout is not None
        first = json.loads(watch.stdout.readline())
        assert (first["kind"], first["initial"], first["image"]["name"]) == ("loaded", True, "demo")
        simulated.load("/usr/lib/a.dylib")
        second = json.loads(watch.stdout.readline())
        assert second["version"] == 1
        assert (second["command"], second["pid"]) == ("watch", simulated.pid)
        assert (second["kind"], second["initial"]) == ("loaded", False)
        assert second["image"]["file_path"] == "/usr/lib/a.dylib"
        simulated.unload("/usr/lib/a.dylib")
        assert json.loads(watch.stdout.readline())["kind"] == "unloaded"
        simulated.kill()
        out, err = watch.communicate(timeout=20)
        assert (watch.returncode, out) == (0, "")
        assert "ended after 2 changes" in err


def test_watch_shows_a_table_on_a_terminal() -> None:
    parent, child = pty.openpty()
    with SimulatedProcess(["/bin/demo", "/lib/evil\x1b[2J"]) as simulated:
        watch = start("watch", "--pid", simulated.pid, stdout=child, env=os.environ | {"NO_COLOR": "1"})
        os.close(child)
        shown = b""
        while b"evil" not in shown:
            shown += os.read(parent, 4096)
        simulated.load("/usr/lib/a.dylib")
        simulated.kill()
        while True:
            try:
                shown += os.read(parent, 4096)
            except OSError:
                break
        assert watch.wait(20) == 0
    os.close(parent)
    lines = shown.decode().splitlines()
    assert lines[0].split() == ["CHANGE", "ADDRESS", "SIZE", "UUID", "PATH"]
    assert lines[1].split()[-1] == "/bin/demo"
    assert lines[3].startswith("loaded ")
    assert "\x1b[2J" not in shown.decode()


def test_watch_ends_with_control_c() -> None:
    with SimulatedProcess(["/bin/demo"]) as simulated:
        watch = start("watch", "--pid", simulated.pid, "--json", stdout=subprocess.PIPE)
        assert watch.stdout is not None
        watch.stdout.readline()
        watch.send_signal(2)
        assert watch.wait(10) == 130
        watch.stdout.close()
        simulated.load("/usr/lib/a.dylib")


def test_changes_only(command: Command) -> None:
    with SimulatedProcess(["/bin/demo"]) as simulated:
        simulated.die_at("stamped")
        watch = start("watch", "--pid", simulated.pid, "--changes-only", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with pytest.raises(ProcessLookupError):
            simulated.load("/usr/lib/a.dylib")
        out, _ = watch.communicate(timeout=20)
        assert out == ""


def test_what_cannot_be_read(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    result = command("show", "--pid", gone.pid)
    assert (result.code, result.out) == (2, "")
    assert f"process {gone.pid}" in result.err
    result = command("watch", "--pid", os.getpid())
    assert result.code == 2
    assert "hint:" in result.err

    def denied(pid: int) -> Process:
        raise TaskAccessError("process 1: no", hint="be root")

    monkeypatch.setattr(Process, "attach", denied)
    for arguments in (["show"], ["snapshot", "-o", "out"], ["watch"]):
        result = command(*arguments, "--pid", 1)
        assert result.code == 4
        assert "be root" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["watch"],
        ["watch", "--pid", "0"],
        ["watch", "--pid", "x"],
        ["watch", "--pid", "1", "--reply-within", "-1"],
        ["snapshot", "--pid", "1"],
        ["show", "file", "--pid", "1"],
        ["show", "--core", "file", "--pid", "1"],
        ["images", "file", "--pid", "1"],
        ["images"],
        ["segments"],
        ["at", "0x10"],
        ["at", "--pid", "1"],
        ["at", "--pid", "1", "--core", "file", "0x10"],
        ["at", "--core", "file", "0x10", "--slide", "1"],
    ],
)
def test_wrong_arguments(command: Command, arguments: list[str]) -> None:
    assert command(*arguments).code == 2
