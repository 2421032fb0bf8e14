"""Callbacks of watchers: when they are called, on which thread, and who holds whom."""

import functools
import gc
import os
import subprocess
import sys
import threading
import time
import weakref

import pytest

from dyld_atlas import Change, ProcessEvent, WatcherError
from dyld_atlas.testing import SimulatedProcess
from processes import eventually, linux, nothing_left_over, told  # noqa: F401  # a fixture

pytestmark = [linux, pytest.mark.usefixtures("nothing_left_over")]


def test_callbacks() -> None:
    heard: list[tuple[str, str, bool]] = []
    with SimulatedProcess(["/bin/demo"]) as simulated, simulated.process.watch() as watcher:
        handle = watcher.subscribe(lambda change: heard.append(told(change)))
        assert handle > 0
        simulated.load("/usr/lib/a.dylib")
        # The process was held until the callback had returned.
        assert heard == [("+", "demo", True), ("+", "a.dylib", False)]
        watcher.unsubscribe(handle)
        watcher.unsubscribe(handle)
        watcher.unsubscribe(12345)
        simulated.load("/usr/lib/b.dylib")
        later: list[str] = []
        assert watcher.subscribe(lambda change: later.append(change.image.name)) > handle
        eventually(lambda: later == ["demo", "a.dylib", "b.dylib"])
        assert len(heard) == 2
        for register in (watcher.subscribe, lambda none: watcher.on(0, none)):
            with pytest.raises(TypeError, match="callable"):
                register(None)  # type: ignore[arg-type]


def test_events() -> None:
    heard: list[str] = []
    with SimulatedProcess() as simulated, simulated.process.watch() as watcher:
        watcher.on(ProcessEvent.MAIN, lambda: heard.append("main"))
        watcher.on(7, lambda: heard.append("seven"))
        handle = watcher.on(ProcessEvent.ATLAS_CHANGED, lambda: heard.append("changed"))
        simulated.send(ProcessEvent.MAIN)
        simulated.send(7)
        simulated.load("/usr/lib/a.dylib")
        simulated.send(ProcessEvent.BEFORE_INITIALIZERS)
        assert heard == ["main", "seven", "changed"]
        watcher.unsubscribe(handle)
        simulated.load("/usr/lib/b.dylib")
        assert heard == ["main", "seven", "changed"]
        watcher.on(0xFFF, lambda: heard.append("last"))
        simulated.send(0xFFF)
        assert heard[-1] == "last"
        for number in (-1, 0x1000, 0xFFFF_FFFF, 1 << 40):
            with pytest.raises(ValueError, match="events are 0 to 4095"):
                watcher.on(number, lambda: None)


def test_a_callback_that_raises_hurts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda info: raised.append((info.exc_type, info.thread.name)))
    heard: list[str] = []

    def bad(change: Change) -> None:
        raise KeyError(change.image.name)

    with SimulatedProcess(["/bin/demo"]) as simulated, simulated.process.watch() as watcher:
        watcher.subscribe(bad)
        watcher.subscribe(lambda change: heard.append(change.image.name))
        simulated.load("/usr/lib/a.dylib")
        assert heard == ["demo", "a.dylib"]
        assert raised == [(KeyError, "dyld_atlas callbacks")] * 2


def test_a_hook_that_raises_is_reported_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[object] = []

    def hook(info: object) -> None:
        raise OSError

    def bad(change: Change) -> None:
        raise SystemExit

    monkeypatch.setattr(threading, "excepthook", hook)
    monkeypatch.setattr(threading, "__excepthook__", lambda info: reported.append(info.exc_type))
    with SimulatedProcess(["/bin/demo"]) as simulated, simulated.process.watch() as watcher:
        watcher.subscribe(bad)
        simulated.load("/usr/lib/a.dylib")
    assert reported == [OSError] * 2


def test_callbacks_may_subscribe_unsubscribe_and_close() -> None:
    heard: list[str] = []
    with SimulatedProcess(["/bin/demo"]) as simulated:
        watcher = simulated.process.watch()
        handles: list[int] = []

        def once(change: Change) -> None:
            heard.append("once")
            watcher.unsubscribe(handles[0])
            watcher.subscribe(lambda change: heard.append(change.image.name))
            watcher.on(ProcessEvent.MAIN, watcher.close)

        simulated.load("/usr/lib/a.dylib")
        ready = threading.Event()
        handles.append(watcher.subscribe(lambda change: ready.wait(5) and handles and once(change)))
        ready.set()
        eventually(lambda: heard == ["once", "demo", "a.dylib"])
        simulated.send(ProcessEvent.MAIN)
        eventually(lambda: watcher.end == "closed")
        simulated.load("/usr/lib/b.dylib")
        assert heard == ["once", "demo", "a.dylib"]


def test_a_slow_callback_is_overtaken() -> None:
    go_on = threading.Event()
    heard: list[str] = []
    with SimulatedProcess(["/bin/demo"]) as simulated, simulated.process.watch(reply_within=0.2) as watcher:
        watcher.subscribe(lambda change: (go_on.wait(30), heard.append(change.image.name)))
        start = time.monotonic()
        for number in range(5):
            simulated.load(f"/usr/lib/{number}")
        assert time.monotonic() - start < 5
        assert heard == []
        go_on.set()
        eventually(lambda: heard == ["demo", "0", "1", "2", "3", "4"])
    with pytest.raises(ValueError, match="below zero"):
        SimulatedProcess().process.watch(reply_within=-1)


def test_the_target_does_not_wait_for_the_interpreter() -> None:
    """One long operation that keeps the interpreter to itself must not hold the target."""
    with SimulatedProcess() as simulated, simulated.process.watch(reply_within=0.1) as watcher:
        watcher.subscribe(lambda change: None)
        # The child publishes and waits for replies by itself, for as long as this thread lets nobody else run.
        old = sys.getswitchinterval()
        sys.setswitchinterval(1000)
        try:
            with simulated.publish_at_full_speed(1.0, notify=True) as publishing:
                end = time.monotonic() + 1.2
                while time.monotonic() < end:
                    pass
        finally:
            sys.setswitchinterval(old)
        assert (publishing.count or 0) >= 16


class _Tool:
    """What users write: it holds a watcher, and the watcher calls it."""

    def __init__(self, simulated: SimulatedProcess) -> None:
        self.heard = threading.Event()
        self.watcher = simulated.process.watch()
        self.watcher.subscribe(self.hear)
        self.watcher.on(ProcessEvent.MAIN, self.watcher.close)

    def hear(self, change: Change) -> None:
        self.heard.set()


def test_a_watcher_that_only_its_callbacks_hold_is_freed() -> None:
    with SimulatedProcess() as simulated:
        tools = [_Tool(simulated) for _ in range(5)]
        assert all(tool.heard.wait(10) for tool in tools)
        freed = [weakref.ref(part) for tool in tools for part in (tool, tool.watcher)]
        del tools
        eventually(lambda: gc.collect() >= 0 and all(part() is None for part in freed))
        eventually(lambda: not [thread for thread in threading.enumerate() if "dyld_atlas" in thread.name])
        simulated.load("/usr/lib/a.dylib")


def test_callbacks_are_let_go_of() -> None:
    def callback(change: Change) -> None:
        pass

    with SimulatedProcess() as simulated, simulated.process.watch() as watcher:
        nobody = sys.getrefcount(callback)
        handle = watcher.subscribe(callback)
        watcher.unsubscribe(handle)
        eventually(lambda: sys.getrefcount(callback) == nobody)
        watcher.subscribe(callback)
        with pytest.raises(ValueError, match="events"):
            watcher.on(-1, callback)
        watcher.close()
        eventually(lambda: sys.getrefcount(callback) == nobody)
        with pytest.raises(WatcherError, match="closed"):
            watcher.subscribe(callback)
        eventually(lambda: sys.getrefcount(callback) == nobody)


def test_a_watcher_without_callbacks_has_no_thread_for_them() -> None:
    with SimulatedProcess() as simulated, simulated.process.watch() as watcher:
        threads = threading.active_count()
        next(iter(watcher))
        assert threading.active_count() == threads
        for _ in range(3):
            watcher.subscribe(lambda change: None)
            watcher.on(ProcessEvent.MAIN, lambda: None)
        assert threading.active_count() == threads + 1


def test_no_thread_is_left_for_callbacks(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    heard: list[str] = []
    with SimulatedProcess(["/bin/demo"]) as simulated, simulated.process.watch() as watcher:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            with pytest.raises(WatcherError, match="no thread"):
                watcher.subscribe(lambda change: heard.append(change.image.name))
        watcher.subscribe(lambda change: heard.append(change.image.name))
        eventually(lambda: heard == ["demo"])


@pytest.mark.parametrize("ending", ["", "w.close()", "import atexit; atexit._clear()"])
def test_python_ends_while_a_callback_is_busy(ending: str) -> None:
    """The interpreter takes the thread by force; it must find nothing there that cannot be taken."""
    code = (
        "import time; from threading import Event; from dyld_atlas.testing import SimulatedProcess\n"
        "s = SimulatedProcess(); w = s.process.watch(reply_within=0.1); begun = Event()\n"
        "def busy(change):\n"
        "    begun.set()\n"
        "    while True: time.sleep(0.0005); change.image.name\n"
        f"w.subscribe(busy); begun.wait(); {ending}\n"
        "print('end')"
    )
    start = functools.partial(subprocess.Popen, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    children = [start([sys.executable, "-c", code]) for _ in range(6)]
    ends = [(*child.communicate(timeout=60), child.returncode) for child in children]
    assert ends == [("end\n", "", 0)] * len(children)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_by_a_callback(capfd: pytest.CaptureFixture[str]) -> None:
    """Its one thread is the one that makes the calls, and it makes no more."""
    children: list[int] = []

    def forks(change: Change) -> None:
        child = os.fork()
        if child != 0:
            children.append(child)

    with SimulatedProcess(["/bin/demo"]) as simulated, simulated.process.watch() as watcher:
        watcher.subscribe(forks)
        simulated.load("/usr/lib/a.dylib")
        assert len(children) == 2
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
