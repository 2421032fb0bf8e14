"""Processes that are alive: what they have loaded now, and what they load next.

>>> from dyld_atlas import Process
>>> from dyld_atlas.testing import SimulatedProcess
>>> with SimulatedProcess(["/bin/demo"]) as simulated, Process.attach(simulated.pid) as process:
...     [image.name for image in process.snapshot().images]
['demo']

On macOS these are the system's processes; see docs/guide/7-processes.md for the rights that reading them needs.
Everywhere else they are those that :class:`dyld_atlas.testing.SimulatedProcess` starts, on Linux only.
"""

import os
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from threading import Lock
from typing import TYPE_CHECKING

from ._calling import Callbacks
from ._native import Change, Changes, Task, Watch

if TYPE_CHECKING:
    from typing import Self

    from ._native import Snapshot
    from .enums import ProcessEvent
    from .errors import AtlasError

__all__ = ["Change", "Process", "Watcher"]

_REPLY_WITHIN = 0.5


class Process:
    """A process of this machine. Nothing is changed in it, and it does not notice."""

    def __init__(self, task: Task, /) -> None:
        """Use :meth:`attach` or :meth:`current`."""
        self._task = task

    @classmethod
    def attach(cls, pid: int, /) -> "Self":
        """Finds process ``pid``.

        Raises:
            TaskGoneError: there is no such process; a :class:`ProcessLookupError`, too.
            TaskAccessError: the operating system does not let this one read it; the hint says what would help. A
                :class:`PermissionError`, too.
            UnsupportedPlatformError: this operating system has no Darwin processes, or that one is none.
            ValueError: no process can have that number.
        """
        return cls(Task.attach(pid))

    @classmethod
    def current(cls) -> "Self":
        """This process itself, for which no rights are needed. Errors are those of :meth:`attach`."""
        return cls(Task.attach(os.getpid()))

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._task.pid

    @property
    def closed(self) -> bool:
        """Whether the process was let go of."""
        return self._task.closed

    def snapshot(self) -> "Snapshot":
        """The process as it is now.

        The process runs on meanwhile. A copy that it changed under the reader is noticed and taken again, up to a
        hundred times. Where nothing has changed since the last call, the same snapshot is returned. Of a process that
        has published nothing yet, the executable and dyld are found in its memory; ``timestamp`` is 1 then.

        Raises:
            SnapshotTornError: the process published anew each time, or what it publishes is a broken archive.
            UnsupportedPlatformError: its dyld publishes in another form, as older ones do; the message says what.
            TaskGoneError: it has ended.
            TaskAccessError: it may not be read any more, as after running another program.
            LimitExceededError, PlistError, SchemaError: what it publishes is not what dyld writes.
            ValueError: the process was closed.
        """
        return self._task.snapshot()

    @property
    def attempts(self) -> int:
        """How often the last snapshot was read until it was whole; 0 before the first. More than 1 is no error."""
        return self._task.attempts

    def watch(self, *, reply_within: float = _REPLY_WITHIN) -> "Watcher":
        """Registers with the process, to be told of every change.

        Args:
            reply_within: the longest time in seconds for which the process waits for callbacks. dyld stops the thread
                that loads an image until all who watch have replied. What a callback misses by then it hears late.
                This process itself never waits for its own callbacks: ``import`` holds the interpreter that they need.

        Raises:
            WatcherError: the process tells nobody of changes, or no descriptor or thread is left.
            TaskGoneError, TaskAccessError, SnapshotTornError, UnsupportedPlatformError: as :meth:`snapshot`.
            ValueError: the process was closed, or ``reply_within`` is below zero.
        """
        return Watcher(self._task.watch(reply_within))

    def close(self) -> None:
        """Lets go of the process. Snapshots stay, and watchers go on."""
        self._task.close()

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Process pid={self.pid}{' closed' if self.closed else ''}>"


class Watcher:
    """What :meth:`Process.watch` gives: iterate for changes, await them, or subscribe.

    Each ``for`` and each ``async for`` is a subscription of its own, and begins with the images that are there, as
    changes with ``initial`` set. So does every callback. It ends when the process or the watcher does; one that begins
    when the process has ended already hears what was there last.

    A watcher has a thread that replies to the process, and one that calls callbacks once there are any. It closes
    itself when nothing refers to it but its own callbacks, in a forked child, and when Python ends.
    """

    def __init__(self, watch: Watch, /) -> None:
        """Use :meth:`Process.watch`."""
        self._watch = watch
        self._callbacks = Callbacks(watch)
        self._queue: Changes | None = None
        self._beginning = Lock()
        _remember(self)

    def __iter__(self) -> Iterator[Change]:
        """The changes, as they come, until the process ends. Waiting ends with Ctrl-C, as all waiting in Python does.

        Raises:
            WatcherError: watching failed, the watcher is closed, or this is a forked child.
        """
        return _Iterator(self._watch.changes(), self)

    def __aiter__(self) -> AsyncIterator[Change]:
        """The changes, as they come, without a thread: the event loop waits on a descriptor.

        Raises:
            WatcherError: as ``__iter__``.
        """
        from ._awaiting import AsyncChanges

        return AsyncChanges(self._watch.changes(), self)

    def next(self, timeout: float | None = None) -> Change | None:
        """The next change; None where nothing came within ``timeout`` seconds, or nothing will come any more.

        :attr:`end` tells which. All calls share one subscription, which the first one makes.

        Raises:
            WatcherError: watching failed, or this is a forked child.
            ValueError: ``timeout`` is below zero.
        """
        # In a forked child that raises, before a lock is waited for that nobody may hold there any more.
        _ = self.end
        with self._beginning:
            if self._queue is None:
                if self.end == "closed":
                    return None
                self._queue = self._watch.changes()
        return self._queue.next(timeout)

    def subscribe(self, callback: Callable[[Change], object], /) -> int:
        """Calls ``callback`` for every image that is there, then for every change; gives a number for it.

        Calls come from one thread of the watcher's own, one after the other. What a callback raises goes to
        :func:`threading.excepthook`, and it is called again next time. It may subscribe, unsubscribe and close.

        Raises:
            TypeError: ``callback`` cannot be called.
            WatcherError: the watcher has ended, no thread is left, or this is a forked child.
        """
        return self._callbacks.add(callback, self._watch.subscribe)

    def on(self, event: "ProcessEvent | int", callback: Callable[[], object], /) -> int:
        """Calls ``callback`` whenever ``event`` comes; all else is as with :meth:`subscribe`.

        Raises:
            ValueError: no event can have that number: it is below 0 or above 4095.
        """
        return self._callbacks.add(callback, lambda number: self._watch.on(number, int(event)))

    def unsubscribe(self, handle: int, /) -> None:
        """Calls no more what :meth:`subscribe` or :meth:`on` gave ``handle`` for; does nothing if there is no such.

        When nobody listens any more, the process is left alone until somebody does.

        Raises:
            WatcherError: this is a forked child.
        """
        self._watch.unsubscribe(handle)
        self._callbacks.remove(handle)

    @property
    def snapshot(self) -> "Snapshot":
        """The process after the last change that was told of.

        Raises:
            WatcherError: this is a forked child.
        """
        return self._watch.snapshot

    @property
    def state(self) -> str:
        """``"connected"``, ``"disconnecting"``, ``"disconnected"``, ``"failing"`` or ``"failed"``.

        Raises:
            WatcherError: this is a forked child.
        """
        return self._watch.state

    @property
    def end(self) -> str | None:
        """Why nothing more will come: ``"closed"``, ``"exited"`` (the process), ``"failed"``; None while something may.

        Raises:
            WatcherError: this is a forked child.
        """
        return self._watch.end

    @property
    def trouble(self) -> "AtlasError | None":
        """What was wrong when the last snapshot could not be taken; None if it could. The next message tries again.

        Raises:
            WatcherError: this is a forked child.
        """
        return self._watch.trouble

    def close(self) -> None:
        """Ends everything, and lets the process go on. Waits for its threads, but not for a callback that hangs."""
        self._watch.close()
        self._callbacks.close()

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _Iterator:
    """The changes of one subscription."""

    def __init__(self, changes: Changes, watcher: Watcher) -> None:
        self._changes = changes
        # It ends with its watcher, which nobody else may hold.
        self._watcher = watcher

    def __iter__(self) -> "_Iterator":
        return self

    def __next__(self) -> Change:
        change = self._changes.next()
        if change is None:
            raise StopIteration
        return change


_watchers: "weakref.WeakSet[Watcher] | None" = None


def _remember(watcher: Watcher) -> None:
    """Sees to it that a watcher is closed in forked children, and before Python ends."""
    global _watchers
    if _watchers is None:
        import atexit

        _watchers = weakref.WeakSet()
        # Its threads must not need an interpreter that is being taken apart.
        atexit.register(_close_all)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_close_all)
    _watchers.add(watcher)


def _close_all() -> None:
    for watcher in list(_watchers or ()):
        watcher.close()
