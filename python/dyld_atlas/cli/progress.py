"""Says that work goes on: on standard error, on terminals only, and only after a second."""

import sys
from types import TracebackType

_DELAY = 1.0


class Progress:
    """Shows ``message`` while the block runs, if it runs long, and takes it away again."""

    def __init__(self, message: str) -> None:
        self._message = message
        self._timer: object = None
        self._shown = False

    def __enter__(self) -> "Progress":
        if sys.stderr is not None and sys.stderr.isatty():
            from threading import Timer

            timer = Timer(_DELAY, self._show)
            timer.daemon = True
            timer.start()
            self._timer = timer
        return self

    def _show(self) -> None:
        from .terminal import plain

        self._shown = True
        print(f"{plain(self._message)} …", end="", file=sys.stderr, flush=True)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if self._timer is not None:
            from threading import Timer

            assert isinstance(self._timer, Timer)
            self._timer.cancel()
            self._timer.join()
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
