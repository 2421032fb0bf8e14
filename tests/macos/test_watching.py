"""Notifications on a Mac, from dyld itself."""

import _ctypes
import ctypes
import os
import subprocess
import threading
import time

import pytest
from programs import Target
from test_processes import attach

import dyld_atlas

pytestmark = pytest.mark.macos

SOON = 10.0


def changes_of(watcher: dyld_atlas.Watcher, name: str, count: int) -> list[str]:
    """Kinds of the next changes to the image of that name, after the initial list."""
    found: list[str] = []
    while len(found) < count:
        change = watcher.next(timeout=SOON)
        assert change is not None, f"only {found} came"
        if not change.initial and change.image.name == name:
            found.append(change.kind.name.lower())
    return found


def test_every_change_comes_in_order(target: Target) -> None:
    with attach(target.pid) as process, process.watch() as watcher:
        for expected in ("loaded", "unloaded") * 20:
            assert target.toggle() == expected
        assert changes_of(watcher, target.library.name, 40) == ["loaded", "unloaded"] * 20


def test_the_target_is_not_held_for_long(target: Target) -> None:
    with attach(target.pid) as process, process.watch(reply_within=0.2) as watcher:
        watcher.subscribe(lambda change: time.sleep(0 if change.initial else 3))
        start = time.monotonic()
        assert target.toggle() == "loaded"
        assert time.monotonic() - start < 2


def test_a_watcher_that_is_closed_leaves_the_target_alone(target: Target) -> None:
    with attach(target.pid) as process:
        for _ in range(50):
            process.watch().close()
        start = time.monotonic()
        target.toggle()
        assert time.monotonic() - start < 2


def test_the_end_of_the_target_ends_the_watch(target: Target) -> None:
    with attach(target.pid) as process, process.watch() as watcher:
        target.end()
        assert all(change.initial for change in watcher)


def test_the_end_of_a_target_that_nobody_waits_for_ends_the_watch(target: Target) -> None:
    with attach(target.pid) as process, process.watch() as watcher:
        target.kill_and_leave()
        end = time.monotonic() + SOON
        while watcher.end is None and time.monotonic() < end:
            time.sleep(0.01)
        assert watcher.end == "exited"


def test_a_process_watches_itself(target: Target) -> None:
    """Its own loads are heard of, hold it not, and closing meanwhile blocks nothing."""
    heard: list[str] = []
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            handle = ctypes.CDLL(str(target.library))._handle
            _ctypes.dlclose(handle)

    loader = threading.Thread(target=load, daemon=True)
    loader.start()
    with dyld_atlas.Process.current() as process:
        for _ in range(20):
            with process.watch(reply_within=60) as watcher:
                watcher.subscribe(lambda change: heard.append(change.image.name))
                changes_of(watcher, target.library.name, 4)
    stop.set()
    loader.join(SOON)
    assert not loader.is_alive()
    assert target.library.name in heard


def test_no_right_is_left_behind(target: Target) -> None:
    """As `lsmp` counts them: ports of this process before and after."""
    lsmp = ["lsmp", "-p", str(os.getpid())]

    def ports() -> int:
        listed = subprocess.run(lsmp, capture_output=True, text=True, check=False)
        if listed.returncode:
            pytest.skip("lsmp needs root")
        return len(listed.stdout.splitlines())

    with attach(target.pid) as process:
        process.watch().close()
        before = ports()
        for _ in range(100):
            with process.watch():
                target.toggle()
            process.snapshot()
        assert ports() <= before + 5
