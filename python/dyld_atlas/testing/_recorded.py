"""A process that is replayed: snapshots and faults, one after the other."""

import enum
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from .._native import Snapshot
from ..errors import SnapshotTornError, WatcherError
from ..processes import Process
from ._snapshot import SnapshotBuilder

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .._native import Task, Watch

__all__ = ["TORN", "RecordedStep", "RecordedTask", "Torn"]

_ATTEMPTS = 100


class Torn(enum.Enum):
    """The type of :data:`TORN`."""

    TORN = "torn"

    def __repr__(self) -> str:
        return "TORN"


TORN: Final[Literal[Torn.TORN]] = Torn.TORN
"""A step of :class:`RecordedTask`: the process publishes anew whenever it is read, so no snapshot is whole."""

RecordedStep: TypeAlias = "Snapshot | Buffer | SnapshotBuilder | Torn | Exception"
"""What one call of ``RecordedTask.snapshot`` meets."""


class RecordedTask(Process):
    """Stands for a :class:`~dyld_atlas.Process` in tests, on every operating system, without any process.

    Each call of ``snapshot()`` takes one step: gives a snapshot, or fails as a process would. After the last step, that
    one comes again.

    >>> from dyld_atlas.testing import TORN, RecordedTask, SnapshotBuilder
    >>> first = SnapshotBuilder(pid=7).image("/bin/demo").build()
    >>> later = SnapshotBuilder(pid=7).image("/bin/demo").image("/usr/lib/libplugin.dylib").build()
    >>> task = RecordedTask([first, TORN, later])
    >>> len(task.snapshot().images)
    1
    >>> task.snapshot()
    Traceback (most recent call last):
    dyld_atlas.errors.SnapshotTornError: process 7 published anew each of the 100 times that it was read
    >>> len(task.snapshot().images)
    2

    It cannot be watched: that needs somebody who sends messages, as :class:`SimulatedProcess` does. Made by its
    constructor alone, not by ``attach`` or ``current``.
    """

    def __init__(self, steps: Iterable[RecordedStep], *, pid: int | None = None) -> None:
        """A process that will be found as the steps say.

        Args:
            steps: at least one. A snapshot, open or as the bytes of an archive or a builder; bytes that are none fail
                when they are reached, as what a process publishes. :data:`TORN`, for a
                :class:`~dyld_atlas.SnapshotTornError`. Any other exception, which is raised as it is, such as
                :class:`~dyld_atlas.TaskGoneError`.
            pid: the number of the process; that of the first snapshot unless given, or 1.
        """
        self._replay = _Replay(steps, pid)
        # All that Process asks of a task is there.
        super().__init__(cast("Task", self._replay))

    @property
    def remaining(self) -> int:
        """How many steps were not taken yet."""
        return self._replay.remaining

    def __repr__(self) -> str:
        return f"<RecordedTask pid={self.pid} remaining={self.remaining}{' closed' if self.closed else ''}>"


class _Replay:
    """What a ``Process`` takes for its task."""

    def __init__(self, steps: Iterable[RecordedStep], pid: int | None) -> None:
        self._steps = [step.build() if isinstance(step, SnapshotBuilder) else step for step in steps]
        if not self._steps:
            raise ValueError("a recorded task needs a step at least")
        known = (step.pid for step in self._steps if isinstance(step, Snapshot))
        self.pid = pid if pid is not None else next(known, None) or self._first_pid()
        self.attempts, self.closed = 0, False
        self._next = 0
        self._lock = Lock()

    @property
    def remaining(self) -> int:
        return max(len(self._steps) - self._next, 0)

    def _first_pid(self) -> int:
        """That of the first bytes that are a snapshot."""
        for step in self._steps:
            if not isinstance(step, (Snapshot, Torn, Exception)):
                try:
                    return Snapshot.from_bytes(step, providers=()).pid
                except ValueError:
                    continue
        return 1

    def snapshot(self) -> Snapshot:
        with self._lock:
            if self.closed:
                raise ValueError(f"process {self.pid} was closed here")
            place = min(self._next, len(self._steps) - 1)
            self._next += 1
            step = self._steps[place]
            if isinstance(step, Exception):
                raise step
            if isinstance(step, Torn):
                message = f"process {self.pid} published anew each of the {_ATTEMPTS} times that it was read"
                raise SnapshotTornError(message, attempts=_ATTEMPTS)
            if not isinstance(step, Snapshot):
                # The same object each time, as of a process that has not changed.
                step = self._steps[place] = Snapshot.from_bytes(step, providers=())
            self.attempts = 1
            return step

    def watch(self, _reply_within: float) -> "Watch":
        raise WatcherError("a recorded task tells nobody of changes", hint="SimulatedProcess does, on Linux")

    def close(self) -> None:
        self.closed = True
