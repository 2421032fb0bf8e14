"""The parent's side of a process that stands for a Darwin one."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from .._simulated.steps import STEPS
from ..enums import Platform, ProcessEvent
from ..errors import UnsupportedPlatformError
from ._cache import CacheBuilder
from ._full_speed import FullSpeed
from ._macho import DYLINKER, EXECUTE, macho_header
from ._records import automatic_uuid
from ._snapshot import SnapshotBuilder

if TYPE_CHECKING:
    from typing import Self

    from typing_extensions import Buffer

    from ..processes import Process

__all__ = ["FullSpeed", "SimulatedProcess"]

_CHILD = "import sys; sys.path.append(sys.argv[1]); from dyld_atlas._simulated.target import main; main()"
_FIRST, _APART = {8: 0x1_0000_0000, 4: 0x0010_0000}, {8: 0x10_0000, 4: 0x8000}
_POINTER_SIZE_4 = 2
_DYLD = "/usr/lib/dyld"
_MAPPED = 0x4000


def _check(fine: bool) -> None:
    if not fine:
        raise ValueError("an image is loaded once, and unloaded only while it is loaded")


def _differ(paths: Sequence[str]) -> bool:
    return len(set(paths)) == len(paths)


class SimulatedProcess:
    """A child process that publishes genuine ``dyld_all_image_infos`` and atlases, by dyld's own protocol.

    Process.attach works on it, and so does process.watch(). Nothing in it is code of this package's reader. It
    overwrites the atlas in its own memory in place, as dyld does, sends dyld's messages, and is held until everybody
    has replied. It never outlives the process that made it. On Linux only.

    >>> with SimulatedProcess(["/bin/demo"]) as simulated:
    ...     simulated.load("/usr/lib/libplugin.dylib")
    ...     [image.name for image in simulated.process.snapshot().images]
    ['demo', 'libplugin.dylib']

    Every method that talks to the child raises :class:`ProcessLookupError` where that has ended.
    """

    STEPS: Sequence[str] = STEPS
    """The steps of a publication, in dyld's order, for :meth:`die_at`."""

    def __init__(
        self,
        images: Sequence[str] = ("/usr/local/bin/simulated",),
        *,
        pointer_size: int = 8,
        platform: int = Platform.MACOS,
        shared_cache: CacheBuilder | None = None,
        slide: int = 0,
        published: bool = True,
    ) -> None:
        """Starts the child.

        Args:
            images: paths of what is loaded at launch, the executable first.
            pointer_size: 8, or 4 for a 32-bit ``dyld_all_image_infos``.
            platform: what the process is said to be built for.
            shared_cache: a cache that the process uses; its record is embedded in what is published.
            slide: how far the cache was moved.
            published: whether a snapshot is there at once. Without, the process is one that has only just started: the
                headers of the executable and of ``/usr/lib/dyld``, which is loaded last then, lie in its memory, and
                a reader has to look for them. The first :meth:`load` or :meth:`publish` ends that.

        Raises:
            UnsupportedPlatformError: this system is not Linux.
            ValueError: one of ``images`` is there twice; pointers do not have that size.
        """
        if not hasattr(os, "memfd_create") or sys.platform != "linux":
            raise UnsupportedPlatformError(
                f"SimulatedProcess needs Linux, and this is {sys.platform}",
                hint="SnapshotBuilder makes snapshots on every system; on macOS, Process.attach reads real processes",
            )
        if pointer_size not in (4, 8):
            raise ValueError(f"pointers have 4 or 8 bytes, not {pointer_size}")
        _check(_differ(images))
        self._pointer_size, self._platform = pointer_size, int(platform)
        self._cache, self._slide = shared_cache, slide
        self._addresses: dict[str, int] = {}
        self._free: list[int] = []
        self._fresh = _FIRST[pointer_size]
        self._timestamp = 0
        self._initial = len(images)
        self._process: Process | None = None
        self._storm: FullSpeed | None = None
        self._lock = RLock()
        # The child ends when the last writing end of this is closed: with this process, however that ends.
        lifeline, self._lifeline = os.pipe()
        root = str(Path(__file__).parents[2])
        command = [sys.executable, "-S", "-c", _CHILD, root, str(lifeline), str(os.getpid())]
        try:
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[lifeline], bufsize=0
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(lifeline)
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._stdin = self._child.stdin
        self._answers = os.fdopen(os.dup(self._child.stdout.fileno()), "rb")
        self._child.stdout.close()
        try:
            self._write(json.dumps({"pointer_size": pointer_size, "platform": int(platform)}).encode() + b"\n")
            self._read()
            for path in images:
                self._place(path)
            if published:
                self._publish(notify=False)
            else:
                for path in images[:1]:
                    self._map(EXECUTE, path)
                self._map(DYLINKER, _DYLD)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The number of the child."""
        return self._child.pid

    @property
    def process(self) -> "Process":
        """The child as a process to read and watch; attached when it is first asked for, closed with this object."""
        if self._process is None:
            from ..processes import Process

            self._process = Process.attach(self.pid)
        return self._process

    @property
    def images(self) -> Sequence[str]:
        """Paths of what is loaded, in order of loading."""
        return tuple(self._addresses)

    @property
    def is_running(self) -> bool:
        """Whether the child is alive."""
        return self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What the child ended with: a negative number is that of a signal. None while it is alive."""
        return self._child.poll()

    def load(self, path: str, /, *more: str) -> None:
        """Loads images, in one publication; returns once it is published, and all who watch have replied.

        Raises:
            ValueError: one of them is loaded already, or named twice. Then nothing was loaded.
        """
        with self._lock:
            added = (path, *more)
            _check(self._addresses.keys().isdisjoint(added) and _differ(added))
            for each in added:
                self._place(each)
            self._publish(loaded=self._records(added))

    def unload(self, path: str, /, *more: str) -> None:
        """Unloads images, in one publication; as :meth:`load`.

        Raises:
            ValueError: one of them is not loaded, or named twice. Then nothing was unloaded.
        """
        with self._lock:
            gone = (path, *more)
            _check(self._addresses.keys() >= set(gone) and _differ(gone))
            records = self._records(gone)
            for each in gone:
                self._free.append(self._addresses.pop(each))
            self._publish(unloaded=records)

    def send(self, event: ProcessEvent | int, /) -> None:
        """Sends an event to all who watch, and waits for their replies."""
        self._ask({"do": "send", "event": int(event)})

    def send_raw(self, message: "Buffer", /) -> None:
        """Sends any bytes as a message: what nobody but a hostile process would do."""
        self._ask({"do": "send", "event": 0}, bytes(message))

    def publish(self, archive: "Buffer", /, *, timestamp: int | None = None, notify: bool = True) -> None:
        """Publishes any bytes, whole or broken, as an atlas. :meth:`load` and :meth:`unload` replace them again.

        Args:
            archive: the bytes, such as ``SnapshotBuilder(...).build()``.
            timestamp: what is set as the time of the change; later than the one before unless given.
            notify: whether those who watch are told.
        """
        with self._lock:
            self._tick()
            self._publish(bytes(archive), notify=notify, timestamp=timestamp)

    def claim(self, *, size: int, address: int | None = None) -> None:
        """Says that an atlas of ``size`` bytes lies at ``address`` (where it is, unless given), whatever is there."""
        self._ask({"do": "claim", "size": size, "address": address})

    def publish_at_full_speed(
        self, seconds: float = 1.0, *, archives: Sequence[bytes] | None = None, notify: bool = False
    ) -> "FullSpeed":
        """Begins to publish one atlas after the other without a pause, and returns at once.

        It goes on until the time is up, the ``with`` block ends, or another method is called.

        Args:
            seconds: how long, at most.
            archives: what is published in turn; atlases of several sizes unless given.
            notify: whether those who watch are told of each.

        Raises:
            ValueError: ``archives`` is empty.

        >>> with SimulatedProcess() as simulated, simulated.publish_at_full_speed(0.2) as publishing:
        ...     published = {archive.timestamp for archive in publishing.snapshots}
        ...     simulated.process.snapshot().timestamp in published
        True
        """
        with self._lock:
            chosen = tuple(self._variants() if archives is None else map(bytes, archives))
            if not chosen:
                raise ValueError("there is nothing to publish")
            timestamp = self._tick()
            self._ask({"do": "storm", "seconds": seconds, "timestamp": timestamp, "notify": notify}, *chosen)
            self._storm = FullSpeed(chosen, self._end_storm)
            return self._storm

    def die_at(self, step: str, /) -> None:
        """Makes the child kill itself (SIGKILL) at a step of its next publication; see :attr:`STEPS`.

        Raises:
            ValueError: there is no such step.
        """
        if step not in STEPS:
            raise ValueError(f"no step is named {step!r}; there are {', '.join(STEPS)}")
        self._ask({"do": "die_at", "step": step})

    def exit(self, code: int = 0, /) -> None:
        """Lets the child end by itself, and waits for that."""
        self._end({"do": "exit", "code": code})

    def crash(self) -> None:
        """Lets the child end by a wrong pointer (SIGSEGV), and waits for that."""
        self._end({"do": "crash"})

    def kill(self) -> None:
        """Kills the child (SIGKILL), whatever it is doing, and waits for that."""
        self._child.kill()
        self._child.wait()

    def close(self) -> None:
        """Kills the child, and closes all that belongs to it."""
        self.kill()
        if self._process is not None:
            self._process.close()
        for file in (self._stdin, self._answers):
            file.close()
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        # A constructor that raised has left nothing to close.
        if getattr(self, "_lifeline", -1) >= 0 and hasattr(self, "_answers"):
            self.close()

    def __repr__(self) -> str:
        state = "running" if self.is_running else "ended"
        return f"<SimulatedProcess pid={self.pid} {state} images={len(self._addresses)}>"

    def _place(self, path: str) -> None:
        if self._free:
            address = self._free.pop()
        else:
            address, self._fresh = self._fresh, self._fresh + _APART[self._pointer_size]
        self._addresses[path] = address

    def _map(self, file_type: int, path: str) -> None:
        """Lets an image lie in the child's memory, where it is said to be loaded as far as that is free."""
        if path not in self._addresses:
            self._place(path)
        address, uuid = self._addresses[path], automatic_uuid("image", path).bytes
        preferred = _FIRST[self._pointer_size] if file_type == EXECUTE else 0
        header = macho_header(file_type, self._pointer_size, uuid, preferred, _MAPPED)
        self._addresses[path] = self._ask({"do": "map", "path": path, "address": address}, header)["address"]

    def _records(self, paths: Iterable[str]) -> list[tuple[int, str, str]]:
        return [(self._addresses[path], path, automatic_uuid("image", path).hex) for path in paths]

    def _tick(self) -> int:
        """A time later than all before, by the clock that ``mach_absolute_time`` is on Linux's side."""
        self._timestamp = max(self._timestamp + 1, time.monotonic_ns())
        return self._timestamp

    def _builder(self, timestamp: int, addresses: dict[str, int]) -> SnapshotBuilder:
        builder = SnapshotBuilder(
            pid=self.pid,
            platform=self._platform,
            timestamp=timestamp,
            initial_image_count=self._initial,
            flags=_POINTER_SIZE_4 if self._pointer_size == 4 else 0,
        )
        for path, address in addresses.items():
            builder.image(path, address=address)
        if self._cache is not None:
            builder.shared_cache(self._cache, slide=self._slide)
        return builder

    def _variants(self) -> list[bytes]:
        """Sixteen atlases that differ in everything: the bytes, the images, and the size by several pages."""
        found = []
        for number in range(16):
            extra = {f"/variant/{number}/{i}": 0x7000_0000 + 0x8000 * i for i in range(number * 7 % 16 * 12)}
            found.append(self._builder(self._tick(), {**self._addresses, **extra}).build())
        return found

    def _publish(
        self, archive: bytes | None = None, *, notify: bool = True, timestamp: int | None = None, **changed: Any
    ) -> None:
        if archive is None:
            archive = self._builder(self._tick(), self._addresses).build()
        command = {
            "do": "publish",
            "timestamp": self._timestamp if timestamp is None else timestamp,
            "images": self._records(self._addresses),
            "initial": self._initial,
            "notify": notify,
            "loaded": [],
            "unloaded": [],
        }
        self.published_at: int = self._ask(command | changed, archive)["published"]
        """When the last publication was there to be read, before anybody was told: as ``time.monotonic_ns``."""

    def _ask(self, command: dict[str, Any], *blobs: bytes) -> dict[str, Any]:
        with self._lock:
            if self._storm is not None:
                self._storm.stop()
            line = json.dumps(command | {"sizes": [len(blob) for blob in blobs]}).encode() + b"\n"
            self._write(b"".join((line, *blobs)))
            return self._read()

    def _end_storm(self, storm: FullSpeed) -> int | None:
        """Ends a storm, unless another method has; how often something was published in it."""
        with self._lock:
            if self._storm is not storm:
                return None
            self._storm = None
            try:
                # Whatever comes ends it; the child reads this line as the next command, and answers that, too.
                self._write(json.dumps({"do": "nothing"}).encode() + b"\n")
                answer = self._read()
                self._read()
            except ProcessLookupError:
                return None
            self._timestamp = max(self._timestamp, answer["timestamp"])
            return int(answer["count"])

    def _write(self, data: bytes) -> None:
        try:
            view = memoryview(data)
            while view:
                view = view[self._stdin.write(view) or 0 :]
        except (BrokenPipeError, ValueError):
            raise self._gone() from None

    def _read(self) -> dict[str, Any]:
        line = self._answers.readline() if not self._answers.closed else b""
        if not line:
            raise self._gone()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _gone(self) -> ProcessLookupError:
        code = self._child.wait()
        return ProcessLookupError(f"the simulated process {self.pid} has ended, with code {code}")

    def _end(self, command: dict[str, Any]) -> None:
        try:
            self._ask(command)
        except ProcessLookupError:
            pass
        self._child.wait()
