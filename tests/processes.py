"""What the tests of processes share."""

import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from dyld_atlas import Change, ChangeKind

linux = pytest.mark.skipif(sys.platform != "linux", reason="SimulatedProcess needs Linux")


def names(images: object) -> list[str]:
    """The names of images."""
    return [image.name for image in images]  # type: ignore[attr-defined]


def told(change: Change) -> tuple[str, str, bool]:
    """A change as plain values."""
    return ("+" if change.kind is ChangeKind.LOADED else "-", change.image.name, change.initial)


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Waits until something is so, and fails if it never is."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def _descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


@pytest.fixture
def nothing_left_over() -> Iterator[None]:
    """Fails if there are more descriptors or threads after the test, Python's or the system's."""

    def counted() -> tuple[int, int, int]:
        tasks = len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 0
        return len(_descriptors()), threading.active_count(), tasks

    def settled() -> bool:
        # A callback that closed its watcher is part of a cycle with it, until the thread that called it has ended.
        gc.collect()
        return all(now <= then for now, then in zip(counted(), before, strict=True))

    before = counted()
    yield
    eventually(settled)
