"""Processes that are read and watched: what `dyld_atlas.processes` is made of.

A part of the stub of the compiled module; there is no module of this name. See _native.pyi.
"""

from typing import ClassVar, Literal, Self, final

from ._native_images import Image
from ._native_snapshot import Snapshot
from .enums import ChangeKind
from .errors import AtlasError

@final
class Change:
    """An image that was loaded or unloaded. One that moved was unloaded, then loaded."""

    __match_args__: ClassVar[tuple[Literal["kind"], Literal["image"]]] = ("kind", "image")

    @property
    def kind(self) -> ChangeKind:
        """Whether the image was loaded or unloaded."""

    @property
    def image(self) -> Image:
        """The image: of `snapshot` if it was loaded, of the one before if it was unloaded."""

    @property
    def snapshot(self) -> Snapshot:
        """The process after the change. Changes that came together share it."""

    @property
    def initial(self) -> bool:
        """Whether the image was there before anybody asked: part of the list that comes first."""
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class Task:
    """The memory of a process."""

    @classmethod
    def attach(cls, pid: int, /) -> Self:
        """Find a process."""

    @property
    def pid(self) -> int:
        """The number of the process."""

    @property
    def closed(self) -> bool:
        """Whether it was let go of."""

    def snapshot(self) -> Snapshot:
        """The process as it is now; the snapshot before where nothing has changed since."""

    @property
    def attempts(self) -> int:
        """How often the last snapshot was read until it was whole; 0 before the first."""

    def watch(self, reply_within: float) -> Watch:
        """Register with the process, and begin to watch it."""

    def close(self) -> None:
        """Let go of the process. Watchers go on."""

@final
class Watch:
    """A registration with a process."""

    def changes(self) -> Changes:
        """A queue of its own: every image that is there, then every change."""

    def reserve(self) -> int:
        """A number for a callback to come."""

    def subscribe(self, number: int, /) -> None:
        """Have `calls` name this number for every image that is there, then for every change."""

    def on(self, number: int, event: int, /) -> None:
        """Have `calls` name this number whenever the event comes."""

    def calls(self) -> Calls | None:
        """The calls that are to be made; None while somebody makes them."""

    def unsubscribe(self, handle: int, /) -> bool:
        """Strike a callback off, and say whether there was one of that number."""

    @property
    def snapshot(self) -> Snapshot:
        """The last snapshot that was told of."""

    @property
    def state(self) -> str:
        """Where the registration stands."""

    @property
    def end(self) -> str | None:
        """Why nothing more will come: "closed", "exited" or "failed"; None while something may."""

    @property
    def trouble(self) -> AtlasError | None:
        """What was wrong when the last snapshot could not be taken."""

    def close(self) -> None:
        """End everything."""

@final
class Call:
    """A call that is to be made."""

    @property
    def number(self) -> int:
        """The number of the callback."""

    @property
    def change(self) -> Change | None:
        """What it is to hear; None for an event, which is called for without."""

@final
class Calls:
    """The calls of one watcher, for the one thread that makes them. They do not keep the watcher alive."""

    def next(self) -> Call | None:
        """Wait for the next call; the one before counts as made. None when none will come."""

@final
class Changes:
    """Every image that was there, then every change, for one reader."""

    def next(self, timeout: float | None = None) -> Change | None:
        """The next change; None where nothing came in time, or nothing will come any more. Ctrl-C interrupts it."""

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more, as far as `next` has seen."""

    def fileno(self) -> int:
        """The number of a descriptor that can be read from exactly while `next` would not wait. It must not be read."""

    def close(self) -> None:
        """Unsubscribe."""
