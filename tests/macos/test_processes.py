"""Processes on a Mac: this one, and one of our own."""

import ctypes
import os
import subprocess
import sys

import pytest
from programs import Target

import dyld_atlas

pytestmark = pytest.mark.macos


def attach(pid: int) -> dyld_atlas.Process:
    """Attach, or skip the test where that is not allowed."""
    try:
        return dyld_atlas.Process.attach(pid)
    except dyld_atlas.TaskAccessError as error:
        pytest.skip(f"{error}: {error.hint}")


def images_by_dyld() -> dict[int, str]:
    """What dyld itself says of this process: header addresses and paths."""
    system = ctypes.CDLL(None)
    system._dyld_get_image_header.restype = ctypes.c_void_p
    system._dyld_get_image_name.restype = ctypes.c_char_p
    count = system._dyld_image_count()
    return {system._dyld_get_image_header(i): os.fsdecode(system._dyld_get_image_name(i)) for i in range(count)}


def test_this_process_is_as_dyld_says() -> None:
    with dyld_atlas.Process.current() as process:
        snapshot = process.snapshot()
    assert snapshot.pid == os.getpid()
    ours = {int(image.address) for image in snapshot.images}
    theirs = images_by_dyld()
    missing = {address: path for address, path in theirs.items() if address not in ours}
    assert not missing
    assert snapshot.shared_cache is not None


def test_segments_lie_where_the_headers_say() -> None:
    with dyld_atlas.Process.current() as process:
        snapshot = process.snapshot()
    for image in list(snapshot.images)[:50]:
        magic = ctypes.c_uint32.from_address(int(image.address)).value
        assert magic in (0xFEEDFACF, 0xFEEDFACE), image
        assert any(int(segment.address) == int(image.address) for segment in image.segments), image


def test_another_process_agrees_with_vmmap(target: Target) -> None:
    with attach(target.pid) as process:
        snapshot = process.snapshot()
    assert snapshot.pid == target.pid
    listed = subprocess.run(["vmmap", "-w", str(target.pid)], capture_output=True, text=True, check=True).stdout
    starts = {int(line.split()[1].split("-")[0], 16) for line in listed.splitlines() if line.startswith("__TEXT ")}
    outside = {int(image.address) for image in snapshot.images.outside_cache}
    assert outside <= starts


def test_a_library_comes_and_goes(target: Target) -> None:
    with attach(target.pid) as process:
        before = process.snapshot()
        assert target.toggle() == "loaded"
        after = process.snapshot()
        loaded = dyld_atlas.diff(before, after).loaded
        assert [image.name for image in loaded] == [target.library.name]
        assert target.toggle() == "unloaded"
        assert [*dyld_atlas.diff(after, process.snapshot()).unloaded] == [*loaded]


def test_snapshots_are_whole_while_libraries_come_and_go(target: Target) -> None:
    with attach(target.pid) as process:
        for _ in range(200):
            target.tell()
            assert len(process.snapshot().images) > 3
            target.hear()


def test_a_process_that_has_ended_is_gone(target: Target) -> None:
    with attach(target.pid) as process:
        target.end()
        with pytest.raises(dyld_atlas.TaskGoneError):
            process.snapshot()
    with pytest.raises(dyld_atlas.TaskGoneError):
        dyld_atlas.Process.attach(target.pid)


def test_a_process_that_nobody_waited_for_is_gone(target: Target) -> None:
    with attach(target.pid) as process:
        target.kill_and_leave()
        with pytest.raises(dyld_atlas.TaskGoneError):
            process.snapshot()
    with pytest.raises(dyld_atlas.TaskGoneError):
        dyld_atlas.Process.attach(target.pid)


@pytest.mark.skipif(os.getuid() == 0, reason="root may")
def test_a_protected_process_is_refused_with_advice() -> None:
    with pytest.raises(dyld_atlas.TaskAccessError) as refused:
        dyld_atlas.Process.attach(1)
    assert refused.value.kern_return == 5
    assert "com.apple.security.cs.debugger" in str(refused.value.hint)


def test_a_translated_process_has_translated_images() -> None:
    if os.uname().machine != "arm64" or subprocess.run(["arch", "-x86_64", "true"], check=False).returncode:
        pytest.skip("this takes Rosetta")
    sleeper = subprocess.Popen(["arch", "-x86_64", sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with attach(sleeper.pid) as process:
            assert len(process.snapshot().images) > 1
    finally:
        sleeper.kill()
        sleeper.wait()
