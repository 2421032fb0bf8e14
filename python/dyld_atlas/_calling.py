"""Calls callbacks, on one thread for each watcher that has any.

The thread is one of Python's, and waits in a native call that has returned before a callback begins. An interpreter
that ends takes threads by force wherever they are, and must find nothing but its own frames there.
"""

import os
import threading
import weakref
from collections.abc import Callable

from ._native import Call, Calls, Watch
from .errors import WatcherError

__all__ = ["Callbacks"]

_GRACE = 2.0
"""How long closing waits for a callback that runs, in seconds."""


class Callbacks:
    """The callbacks of one watcher. Their thread does not keep them, so that they may refer to the watcher."""

    def __init__(self, watch: Watch) -> None:
        """``watch``: what names their numbers."""
        self._watch = watch
        self._owner = os.getpid()
        self._thread: threading.Thread | None = None
        self._by_number: dict[int, Callable[..., object]] = {}

    def add(self, callback: Callable[..., object], register: Callable[[int], None]) -> int:
        """Keeps ``callback`` under the number that ``register`` is then called with.

        Raises:
            TypeError: it cannot be called.
            WatcherError: no thread is left; the watcher has ended; this is a forked child.
        """
        if not callable(callback):
            raise TypeError(f"a callback must be callable, and {type(callback).__name__} is not")
        number = self._watch.reserve()
        self._start()
        # Before it is registered: it may be called before that has returned.
        self._by_number[number] = callback
        try:
            register(number)
        except BaseException:
            self._by_number.pop(number, None)
            raise
        return number

    def get(self, number: int) -> Callable[..., object] | None:
        """The callback of that number, unless it was removed meanwhile."""
        return self._by_number.get(number)

    def remove(self, number: int) -> None:
        """Lets go of a callback. One that runs goes on."""
        self._by_number.pop(number, None)

    def close(self) -> None:
        """Lets go of all, and waits for the thread, but not for a callback that hangs. The watch was closed before."""
        if os.getpid() != self._owner:
            return
        self._by_number.clear()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_GRACE)

    def _start(self) -> None:
        calls = self._watch.calls()
        if calls is None:
            return
        name, arguments = "dyld_atlas callbacks", (calls, weakref.ref(self))
        thread = threading.Thread(target=_make_all, args=arguments, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise WatcherError(f"no thread can be started: {error}") from error
        self._thread = thread


def _make_all(calls: Calls, owner: "weakref.ref[Callbacks]") -> None:
    # No name here: nothing of a call that was made is kept while the next one is waited for.
    while _make(calls.next(), owner):
        pass


def _make(call: Call | None, owner: "weakref.ref[Callbacks]") -> bool:
    """Makes a call; whether there was one."""
    if call is None:
        return False
    callbacks = owner()
    callback = None if callbacks is None else callbacks.get(call.number)
    del callbacks
    if callback is not None:
        try:
            change = call.change
            callback() if change is None else callback(change)
        except BaseException as error:
            _report(error)
    return True


def _report(error: BaseException) -> None:
    """Reports what a callback raised, as the interpreter reports what ends a thread."""
    try:
        threading.excepthook(_arguments(error))
    except BaseException as failure:
        threading.__excepthook__(_arguments(failure))


def _arguments(error: BaseException) -> threading.ExceptHookArgs:
    return threading.ExceptHookArgs((type(error), error, error.__traceback__, threading.current_thread()))
