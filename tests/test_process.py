"""Reading processes that are alive."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dyld_atlas import (
    LimitExceededError,
    Platform,
    Process,
    SnapshotTornError,
    TaskGoneError,
    UnsupportedPlatformError,
)
from dyld_atlas.formats import ArchiveWriter
from dyld_atlas.testing import CacheBuilder, SimulatedProcess, SnapshotBuilder
from processes import eventually, linux, names, nothing_left_over  # noqa: F401  # a fixture

pytestmark = [linux, pytest.mark.usefixtures("nothing_left_over")]


@pytest.mark.parametrize("pointer_size", [8, 4])
def test_a_snapshot_is_what_was_published(pointer_size: int) -> None:
    with SimulatedProcess(["/bin/demo", "/usr/lib/a.dylib"], pointer_size=pointer_size) as simulated:
        with Process.attach(simulated.pid) as process:
            snapshot = process.snapshot()
            assert (process.pid, snapshot.pid) == (simulated.pid, simulated.pid)
            assert names(snapshot.images) == ["demo", "a.dylib"]
            assert process.attempts == 1
            assert (snapshot.platform, snapshot.pointer_size) == (Platform.MACOS, pointer_size)
            assert snapshot.initial_image_count == 2
            simulated.load("/usr/lib/b.dylib", "/usr/lib/c.dylib")
            simulated.unload("/usr/lib/a.dylib")
            assert names(process.snapshot().images) == ["demo", "b.dylib", "c.dylib"]
            assert names(snapshot.images) == ["demo", "a.dylib"], "a snapshot stays what it was"


def test_nothing_changed_gives_the_same_snapshot() -> None:
    with SimulatedProcess() as simulated:
        snapshot = simulated.process.snapshot()
        assert simulated.process.snapshot() is snapshot
        simulated.load("/usr/lib/a.dylib")
        later = simulated.process.snapshot()
        assert later is not snapshot
        assert later.timestamp > snapshot.timestamp


def test_the_cache_comes_with_it() -> None:
    cache = CacheBuilder().image("/usr/lib/libSystem.B.dylib").image("/usr/lib/libobjc.A.dylib")
    with SimulatedProcess(["/bin/demo"], shared_cache=cache, slide=0x4000) as simulated:
        snapshot = simulated.process.snapshot()
        assert snapshot.shared_cache is not None
        assert snapshot.shared_cache.slide == 0x4000
        assert sorted(names(snapshot.images)) == ["demo", "libSystem.B.dylib", "libobjc.A.dylib"]


def test_a_process_that_is_none() -> None:
    with pytest.raises(UnsupportedPlatformError) as caught:
        Process.current()
    assert caught.value.code == 14
    assert "SimulatedProcess" in (caught.value.hint or "")
    assert isinstance(caught.value, NotImplementedError)


def test_a_process_that_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    with pytest.raises(TaskGoneError) as caught:
        Process.attach(child.pid)
    assert isinstance(caught.value, ProcessLookupError)
    assert caught.value.pid == child.pid
    with SimulatedProcess() as simulated:
        process = simulated.process
        simulated.kill()
        with pytest.raises(TaskGoneError):
            process.snapshot()
        with pytest.raises(TaskGoneError):
            process.watch()


def test_somebody_elses_process() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    code = (
        "import os, sys, dyld_atlas.processes, dyld_atlas.errors\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: dyld_atlas.processes.Process.attach(int(sys.argv[1]))\n"
        "except dyld_atlas.errors.TaskAccessError as error: print(error.hint, isinstance(error, PermissionError))"
    )
    with SimulatedProcess() as simulated:
        words = [sys.executable, "-c", code, str(simulated.pid)]
        printed = subprocess.check_output(words, text=True)
    assert printed.endswith("True\n")
    assert "root" in printed


def test_a_closed_process() -> None:
    with SimulatedProcess() as simulated:
        with Process.attach(simulated.pid) as process:
            assert not process.closed
            watcher = process.watch()
        assert process.closed
        process.close()
        assert "closed" in repr(process)
        for call in (process.snapshot, process.watch):
            with pytest.raises(ValueError, match="closed"):
                call()
        assert names(watcher.snapshot.images) == ["simulated"]
        watcher.close()


@pytest.mark.parametrize("pointer_size", [4, 8])
def test_a_process_that_has_published_nothing(pointer_size: int) -> None:
    with SimulatedProcess(["/bin/demo 1", "/usr/lib/b.dylib"], pointer_size=pointer_size, published=False) as simulated:
        found = simulated.process.snapshot()
        # As dyld's own reader has it: not started, and nothing is known but the executable and dyld.
        assert (found.pid, found.timestamp, found.state, found.initial_image_count) == (simulated.pid, 1, 0, 1)
        assert [image.file_path for image in found.images] == ["/bin/demo 1", "/usr/lib/dyld"]
        assert [(segment.name, segment.vm_size) for segment in found.images[0].segments] == [("__TEXT", 0x4000)]
        assert found.images[1].preferred_load_address == 0
        with simulated.process.watch() as watcher:
            assert [change.image.name for change in (watcher.next(10), watcher.next(10)) if change] == [
                "demo 1",
                "dyld",
            ]
            simulated.load("/usr/lib/a.dylib")
            now = simulated.process.snapshot()
            assert names(now.images) == ["demo 1", "b.dylib", "dyld", "a.dylib"]
            assert [(image.address, image.uuid) for image in now.images][:3:2] == [
                (image.address, image.uuid) for image in found.images
            ]
            # Those that were found already are not told once more.
            later = [watcher.next(10), watcher.next(10)]
            assert {(change.image.name, change.initial) for change in later if change} == {
                ("b.dylib", False),
                ("a.dylib", False),
            }
            assert watcher.next(0) is None


def test_the_time_of_a_change_need_not_be_that_of_the_record() -> None:
    with SimulatedProcess() as simulated:
        for time in (10, 30):
            archive = SnapshotBuilder(pid=simulated.pid, timestamp=20).image("/a", address=time << 32).build()
            simulated.publish(archive, timestamp=time)
            taken = simulated.process.snapshot()
            assert taken.images[0].address == time << 32
            assert simulated.process.snapshot() is taken


@pytest.mark.parametrize("pid", [0, -1, 1 << 31, 1 << 63, 1 << 200])
def test_numbers_that_no_process_has(pid: int) -> None:
    with pytest.raises(ValueError, match=str(pid)):
        Process.attach(pid)


def test_what_is_published_at_full_speed_is_there_at_once() -> None:
    with SimulatedProcess() as simulated:
        for _ in range(20):
            with simulated.publish_at_full_speed(0.0) as publishing:
                published = {snapshot.timestamp for snapshot in publishing.snapshots}
                assert simulated.process.snapshot().timestamp in published
            assert publishing.count
        with pytest.raises(ValueError, match="nothing"):
            simulated.publish_at_full_speed(1.0, archives=[])
        simulated.load("/usr/lib/a.dylib")


def test_a_process_with_nothing_to_be_found() -> None:
    with SimulatedProcess([], published=False) as simulated:
        assert names(simulated.process.snapshot().images) == ["dyld"]


@pytest.mark.parametrize("size", [1 << 63, (1 << 64) - 1, 1 << 40])
def test_a_size_that_cannot_be(size: int) -> None:
    with SimulatedProcess() as simulated:
        simulated.claim(size=size)
        with pytest.raises(LimitExceededError):
            simulated.process.snapshot()


@pytest.mark.parametrize("address", [1, 0x7000_0000_0000_0000, (1 << 64) - 4096])
def test_an_address_that_leads_nowhere(address: int) -> None:
    with SimulatedProcess() as simulated:
        simulated.claim(size=100, address=address)
        start = time.monotonic()
        with pytest.raises(SnapshotTornError) as caught:
            simulated.process.snapshot()
        assert caught.value.attempts == 100
        assert time.monotonic() - start < 1


def test_what_is_published_is_no_archive() -> None:
    with SimulatedProcess() as simulated:
        simulated.publish(b"no archive at all")
        with pytest.raises(UnsupportedPlatformError, match="is no archive: its 17 bytes begin with 6e 6f") as caught:
            simulated.process.snapshot()
        assert "dyld 1284" in str(caught.value.hint)
        with pytest.raises(UnsupportedPlatformError):
            simulated.process.watch()
        writer = ArchiveWriter()
        writer.add_file("process.cinfo", b"compact")
        simulated.publish(writer.to_bytes())
        with pytest.raises(UnsupportedPlatformError, match=r'holds "process\.cinfo" and no process\.plist'):
            simulated.process.snapshot()
        simulated.publish(SnapshotBuilder(pid=3).image("/bin/other").build())
        assert simulated.process.snapshot().pid == 3


@pytest.mark.parametrize("step", SimulatedProcess.STEPS)
def test_a_process_that_dies_while_it_publishes(step: str) -> None:
    with SimulatedProcess() as simulated:
        process = simulated.process
        process.snapshot()
        simulated.die_at(step)
        with pytest.raises(ProcessLookupError):
            simulated.load("/usr/lib/a.dylib")
        assert simulated.exit_code == -signal.SIGKILL
        with pytest.raises(TaskGoneError):
            process.snapshot()


def test_ends_as_it_is_told() -> None:
    with SimulatedProcess() as simulated:
        simulated.exit(7)
        assert (simulated.is_running, simulated.exit_code) == (False, 7)
        with pytest.raises(ProcessLookupError, match="code 7"):
            simulated.load("/usr/lib/a.dylib")
    with SimulatedProcess() as simulated:
        simulated.crash()
        assert simulated.exit_code == -signal.SIGSEGV


def test_loads_and_unloads_what_makes_sense() -> None:
    with SimulatedProcess(["/bin/demo"]) as simulated:
        for call, path in ((simulated.load, "/bin/demo"), (simulated.unload, "/bin/none")):
            with pytest.raises(ValueError, match="loaded once"):
                call(path)
        with pytest.raises(ValueError, match="no step"):
            simulated.die_at("never")
        assert list(simulated.images) == ["/bin/demo"]
        assert "running" in repr(simulated)
    with pytest.raises(ValueError, match="loaded once"):
        SimulatedProcess(["/bin/demo", "/bin/demo"])
    with pytest.raises(ValueError, match="4 or 8"):
        SimulatedProcess(pointer_size=2)


def test_never_outlives_its_parent(tmp_path: Path) -> None:
    code = (
        "import os, signal; from dyld_atlas.testing import SimulatedProcess\n"
        "s = SimulatedProcess(); s.publish_at_full_speed(60); print(s.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    pid = int(killed.stdout)

    def is_gone() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True

    eventually(is_gone)


@pytest.mark.slow
@pytest.mark.parametrize("pointer_size", [8, 4])
def test_every_snapshot_is_one_that_was_published(pointer_size: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The target publishes at full speed; `DYLD_ATLAS_SOAK` says for how many seconds, half a minute unless given."""
    seconds = float(os.environ.get("DYLD_ATLAS_SOAK", "30"))
    with SimulatedProcess([f"/lib/{i}" for i in range(50)], pointer_size=pointer_size) as simulated:
        with simulated.publish_at_full_speed(seconds) as publishing:
            published = {snapshot.timestamp: snapshot.to_dict() for snapshot in publishing.snapshots}
            seen: set[int] = set()
            taken = torn = retries = worst = 0
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                try:
                    snapshot = simulated.process.snapshot()
                except SnapshotTornError:
                    torn += 1
                    continue
                taken += 1
                retries += simulated.process.attempts - 1
                worst = max(worst, simulated.process.attempts)
                assert snapshot.to_dict() == published[snapshot.timestamp]
                seen.add(snapshot.timestamp)
        assert publishing.count is not None
        with capsys.disabled():
            print(
                f"\n{8 * pointer_size} bits: {publishing.count} published, {taken} snapshots of {len(seen)} kinds, "
                f"{torn} given up; {retries / taken:.2%} of reads were repeated, {worst} in a row at most"
            )
        assert taken > 100
        assert torn <= taken / 100
        assert len(seen) == len(published)
        simulated.load("/usr/lib/after.dylib")
        assert names(simulated.process.snapshot().images)[-1] == "after.dylib"


def test_what_is_refused_changes_nothing() -> None:
    with SimulatedProcess(["/bin/demo", "/usr/lib/a.dylib"]) as simulated:
        before = simulated.images
        wrong = [
            lambda: simulated.unload("/usr/lib/a.dylib", "/usr/lib/a.dylib"),
            lambda: simulated.unload("/usr/lib/a.dylib", "/usr/lib/missing"),
            lambda: simulated.load("/usr/lib/b.dylib", "/usr/lib/b.dylib"),
            lambda: simulated.load("/usr/lib/b.dylib", "/bin/demo"),
        ]
        for call in wrong:
            with pytest.raises(ValueError, match="loaded once"):
                call()
            assert simulated.images == before
        simulated.load("/usr/lib/b.dylib")
        assert names(simulated.process.snapshot().images) == ["demo", "a.dylib", "b.dylib"]


def test_a_process_that_nobody_waited_for_is_gone() -> None:
    with SimulatedProcess() as simulated, Process.attach(simulated.pid) as process:
        os.kill(simulated.pid, signal.SIGKILL)
        os.waitid(os.P_PID, simulated.pid, os.WEXITED | os.WNOWAIT)
        for call in (process.snapshot, process.watch, lambda: Process.attach(simulated.pid)):
            with pytest.raises(TaskGoneError):
                call()  # type: ignore[operator]
