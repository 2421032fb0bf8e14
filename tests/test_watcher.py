"""Watching processes that are alive."""

import _thread
import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from dyld_atlas import Change, Watcher, WatcherError
from dyld_atlas.testing import SimulatedProcess
from processes import eventually, linux, names, nothing_left_over, told  # noqa: F401  # a fixture

pytestmark = [linux, pytest.mark.usefixtures("nothing_left_over")]


def test_iterating_ends_with_the_process() -> None:
    with SimulatedProcess(["/bin/demo"]) as simulated, simulated.process.watch() as watcher:
        changes = iter(watcher)
        assert told(next(changes)) == ("+", "demo", True)
        simulated.load("/usr/lib/a.dylib", "/usr/lib/b.dylib")
        simulated.unload("/usr/lib/a.dylib")
        assert [told(next(changes)) for _ in range(3)] == [
            ("+", "a.dylib", False),
            ("+", "b.dylib", False),
            ("-", "a.dylib", False),
        ]
        assert watcher.end is None
        simulated.kill()
        assert list(changes) == []
        eventually(lambda: watcher.end == "exited")
        eventually(lambda: watcher.state == "disconnected")
        assert names(watcher.snapshot.images) == ["demo", "b.dylib"]


def test_iterating_what_nobody_else_holds() -> None:
    with SimulatedProcess(["/bin/demo"]) as simulated:
        changes = iter(simulated.process.watch())
        assert told(next(changes)) == ("+", "demo", True)
        simulated.load("/usr/lib/a.dylib")
        assert told(next(changes)) == ("+", "a.dylib", False)
        simulated.kill()
        assert list(changes) == []

    async def first() -> list[str]:
        return [change.image.name async for change in simulated.process.watch()]

    with SimulatedProcess(["/bin/demo"]) as simulated:
        ended = threading.Timer(0.2, simulated.kill)
        ended.start()
        assert asyncio.run(first()) == ["demo"]
        ended.join()


def test_who_comes_after_the_end_hears_what_was_there_last() -> None:
    with SimulatedProcess(["/bin/demo"]) as simulated, simulated.process.watch() as watcher:
        simulated.load("/usr/lib/a.dylib")
        simulated.kill()
        eventually(lambda: watcher.end == "exited")
        for _ in range(2):
            assert [told(change) for change in watcher] == [("+", "demo", True), ("+", "a.dylib", True)]
        change = watcher.next(5)
        assert change is not None
        assert told(change) == ("+", "demo", True)
        assert watcher.next(5) is not None
        assert watcher.next(5) is None
    with pytest.raises(WatcherError, match="closed"):
        iter(watcher)


def test_many_watchers_come_and_go_without_a_publication() -> None:
    with SimulatedProcess(["/bin/demo"]) as simulated:
        descriptors = f"/proc/{simulated.pid}/fd"
        before = len(os.listdir(descriptors))
        for _ in range(100):
            with simulated.process.watch() as watcher:
                assert watcher.next(5) is not None

        def are_let_go() -> bool:
            # When the next one comes.
            with simulated.process.watch() as watcher:
                assert watcher.next(5) is not None
            return len(os.listdir(descriptors)) <= before + 2

        eventually(are_let_go)
        watchers = [simulated.process.watch() for _ in range(80)]
        simulated.load("/usr/lib/a.dylib")
        assert all(names(watcher.snapshot.images) == ["demo", "a.dylib"] for watcher in watchers)
        for watcher in watchers:
            watcher.close()


def test_next_from_many_threads_is_one_subscription() -> None:
    with SimulatedProcess([f"/lib/{i}" for i in range(20)]) as simulated, simulated.process.watch() as watcher:
        together = threading.Barrier(8)
        heard: list[str] = []

        def listen() -> None:
            together.wait()
            while (change := watcher.next(0.3)) is not None:
                heard.append(change.image.name)

        threads = [threading.Thread(target=listen) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(heard) == sorted(str(i) for i in range(20))


def test_several_tasks_wait_for_one_subscription() -> None:
    async def both(simulated: SimulatedProcess, watcher: Watcher) -> list[str]:
        changes = aiter(watcher)
        await anext(changes)
        one, two, three = (asyncio.ensure_future(anext(changes)) for _ in range(3))
        await asyncio.sleep(0.05)
        one.cancel()
        await asyncio.to_thread(simulated.load, "/usr/lib/a.dylib", "/usr/lib/b.dylib")
        return [change.image.name for change in await asyncio.wait_for(asyncio.gather(two, three), 10)]

    with SimulatedProcess(["/bin/demo"]) as simulated, simulated.process.watch() as watcher:
        assert sorted(asyncio.run(both(simulated, watcher))) == ["a.dylib", "b.dylib"]


def test_a_message_without_bytes_is_no_end_of_the_process() -> None:
    with SimulatedProcess() as simulated, simulated.process.watch() as watcher:
        simulated.send_raw(b"")
        eventually(lambda: watcher.end == "failed")
        assert simulated.is_running


def test_changes_share_their_snapshot_and_its_images() -> None:
    with SimulatedProcess(["/bin/demo"]) as simulated, simulated.process.watch() as watcher:
        assert watcher.next() is not None
        simulated.load("/usr/lib/a.dylib", "/usr/lib/b.dylib")
        first, second = watcher.next(5), watcher.next(5)
        assert first is not None
        assert second is not None
        assert first.snapshot is second.snapshot
        assert first.image is first.snapshot.images.by_name("a.dylib")
        assert watcher.snapshot is first.snapshot
        match first:
            case Change(kind, image):
                assert (kind.value, image.name) == ("loaded", "a.dylib")
        assert "loaded" in repr(first)
        simulated.unload("/usr/lib/a.dylib")
        gone = watcher.next(5)
        assert gone is not None
        assert gone.image == first.image
        assert gone.image.segments


def test_next_waits_as_long_as_it_is_told() -> None:
    with SimulatedProcess() as simulated, simulated.process.watch() as watcher:
        assert watcher.next(0) is not None
        start = time.monotonic()
        assert watcher.next(0.25) is None
        assert 0.2 < time.monotonic() - start < 5
        for timeout in (-1, float("nan")):
            with pytest.raises(ValueError, match="below zero"):
                watcher.next(timeout)
        timer = threading.Timer(0.1, simulated.load, ["/usr/lib/a.dylib"])
        timer.start()
        change = watcher.next(float("inf"))
        timer.join()
        assert change is not None
        simulated.kill()
        assert watcher.next() is None
        assert watcher.next() is None


def test_control_c_ends_the_waiting() -> None:
    # Shells start what runs in the background with it ignored, and so may whoever runs these tests.
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with SimulatedProcess() as simulated, simulated.process.watch() as watcher:
            assert watcher.next(1) is not None
            for wait in (watcher.next, lambda: list(watcher)):
                threading.Timer(0.2, _thread.interrupt_main).start()
                start = time.monotonic()
                with pytest.raises(KeyboardInterrupt):
                    wait()  # type: ignore[operator]
                assert time.monotonic() - start < 2
    finally:
        signal.signal(signal.SIGINT, old)


def test_awaiting() -> None:
    async def collect(watcher: Watcher) -> list[tuple[str, str, bool]]:
        return [told(change) async for change in watcher]

    async def drive(simulated: SimulatedProcess, watcher: Watcher) -> None:
        readers = [asyncio.create_task(collect(watcher)) for _ in range(20)]
        threads = threading.active_count()
        await asyncio.sleep(0.1)
        await asyncio.to_thread(simulated.load, "/usr/lib/a.dylib")
        cancelled = asyncio.create_task(collect(watcher))
        await asyncio.sleep(0.05)
        cancelled.cancel()
        simulated.kill()
        expected = [("+", "demo", True), ("+", "a.dylib", False)]
        assert await asyncio.wait_for(asyncio.gather(*readers), 10) == [expected] * 20
        assert threading.active_count() <= threads + 1
        with pytest.raises(asyncio.CancelledError):
            await cancelled

    with SimulatedProcess(["/bin/demo"]) as simulated, simulated.process.watch() as watcher:
        asyncio.run(drive(simulated, watcher))


def test_awaiting_lets_others_run() -> None:
    async def drive(watcher: Watcher) -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(tick())
        changes = aiter(watcher)
        for _ in range(1000):
            await anext(changes)
        task.cancel()
        return ticks

    with SimulatedProcess([f"/lib/{i}" for i in range(1000)]) as simulated, simulated.process.watch() as watcher:
        assert asyncio.run(drive(watcher)) >= 10


def test_close_in_every_state() -> None:
    threads: list[threading.Thread] = []

    def begun(simulated: SimulatedProcess, watcher: Watcher) -> None:
        next(iter(watcher))

    def left(simulated: SimulatedProcess, watcher: Watcher) -> None:
        watcher.unsubscribe(watcher.subscribe(lambda change: None))

    def waiting(simulated: SimulatedProcess, watcher: Watcher) -> None:
        heard: list[Change] = []

        def listen() -> None:
            for change in watcher:
                heard.append(change)

        thread = threading.Thread(target=listen)
        thread.start()
        threads.append(thread)
        eventually(lambda: bool(heard))

    def gone(simulated: SimulatedProcess, watcher: Watcher) -> None:
        simulated.kill()

    def failed(simulated: SimulatedProcess, watcher: Watcher) -> None:
        changes = iter(watcher)
        next(changes)
        simulated.send_raw(b"\xff" * 24)
        with pytest.raises(WatcherError):
            list(changes)
        eventually(lambda: watcher.state == "failed")
        assert watcher.end == "failed"
        with pytest.raises(WatcherError):
            watcher.subscribe(lambda change: None)

    def nothing(simulated: SimulatedProcess, watcher: Watcher) -> None:
        pass

    cases: list[Callable[[SimulatedProcess, Watcher], None]] = [nothing, begun, left, waiting, gone, failed]
    for case in cases:
        with SimulatedProcess() as simulated:
            watcher = simulated.process.watch()
            case(simulated, watcher)
            watcher.close()
            watcher.close()
            assert watcher.state in ("disconnected", "failed")
            with pytest.raises(WatcherError, match="closed"):
                watcher.subscribe(lambda change: None)
            if case is not failed:
                assert watcher.next() is None
            if case is not gone:
                simulated.load("/usr/lib/after.dylib")
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "who waits learns of the end"


def test_a_watcher_that_is_forgotten_lets_the_process_go_on() -> None:
    with SimulatedProcess() as simulated:
        watcher = simulated.process.watch()
        watcher.subscribe(lambda change: None)
        del watcher
        gc.collect()
        load = threading.Thread(target=simulated.load, args=["/usr/lib/a.dylib"])
        load.start()
        load.join(60)
        held = load.is_alive()
        if held:
            simulated.kill()
            load.join()
        assert not held
        assert "/usr/lib/a.dylib" in simulated.images


@pytest.mark.parametrize("step", SimulatedProcess.STEPS)
def test_a_process_that_dies_while_it_is_watched(step: str) -> None:
    with SimulatedProcess() as simulated, simulated.process.watch() as watcher:
        heard: list[str] = []
        watcher.subscribe(lambda change: heard.append(change.image.name))
        changes = iter(watcher)
        simulated.die_at(step)
        with pytest.raises(ProcessLookupError):
            simulated.load("/usr/lib/a.dylib")
        assert names(change.image for change in changes)[:1] == ["simulated"]
        eventually(lambda: watcher.end == "exited")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_no_watcher() -> None:
    with SimulatedProcess() as simulated, simulated.process.watch() as watcher:
        watcher.subscribe(lambda change: None)
        changes = iter(watcher)
        next(changes)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                for call in (watcher.next, lambda: watcher.state, lambda: next(changes)):
                    with pytest.raises(WatcherError, match="fork"):
                        call()  # type: ignore[operator]
                watcher.close()
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        simulated.load("/usr/lib/a.dylib")
        assert next(changes).image.name == "a.dylib"


def test_python_ends_with_a_watcher_open() -> None:
    code = (
        "import time; from dyld_atlas.testing import SimulatedProcess\n"
        "s = SimulatedProcess(); w = s.process.watch(); w.subscribe(lambda c: None); i = iter(w); next(i)\n"
        "s.publish_at_full_speed(30, notify=True); time.sleep(0.3); print('end')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "end\n", "")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_while_a_thread_begins_to_wait() -> None:
    with SimulatedProcess() as simulated, simulated.process.watch() as watcher:
        # What a thread holds in its first call of next().
        with watcher._beginning:
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    signal.alarm(10)
                    with pytest.raises(WatcherError, match="fork"):
                        watcher.next(0)
                    code = 0
                finally:
                    os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.slow
def test_a_hundred_thousand_changes_none_lost_none_doubled() -> None:
    """Subscribers come and go meanwhile; one that stays hears of each change once, and of all in order."""
    rounds, size = 400, 125
    batches = [[f"/lib/{half}/{i}" for i in range(size)] for half in range(2)]
    heard: Counter[str] = Counter()
    present: set[str] = set()
    stop = threading.Event()

    def stays(change: Change) -> None:
        kind, name, initial = told(change)
        path = change.image.file_path or name
        assert (path not in present) == (kind == "+"), (kind, path, initial)
        (present.add if kind == "+" else present.discard)(path)
        heard["initial" if initial else "change"] += 1

    def comes_and_goes(watcher: Watcher) -> None:
        while not stop.is_set():
            known: set[object] = set()
            handle = watcher.subscribe(lambda change, known=known: known.add(change.image))  # type: ignore[misc]
            # The executable is always there, so that this does not wait.
            known.add(next(iter(watcher)).image)
            watcher.unsubscribe(handle)

    with SimulatedProcess(["/bin/demo"]) as simulated:
        problems: list[object] = []
        hook, threading.excepthook = threading.excepthook, problems.append
        try:
            with simulated.process.watch(reply_within=60) as watcher:
                watcher.subscribe(stays)
                thread = threading.Thread(target=comes_and_goes, args=[watcher])
                thread.start()
                changes = iter(watcher)
                for _ in range(rounds):
                    simulated.load(*batches[0])
                    simulated.unload(*batches[0])
                stop.set()
                thread.join()
                assert heard == {"initial": 1, "change": 2 * rounds * size}
                assert problems == []
                queued = [told(next(changes))[0] for _ in range(1 + 2 * rounds * size)]
                assert Counter(queued) == {"+": 1 + rounds * size, "-": rounds * size}
        finally:
            threading.excepthook = hook


def test_signals_reach_their_handlers_while_waiting() -> None:
    heard: list[int] = []
    old = signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
    try:
        with SimulatedProcess() as simulated, simulated.process.watch() as watcher:
            watcher.next(1)
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            assert watcher.next(0.6) is None
            assert heard == [signal.SIGALRM]
    finally:
        signal.signal(signal.SIGALRM, old)
