"""A simulated process that publishes without a pause."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

__all__ = ["FullSpeed"]


class FullSpeed:
    """What :meth:`SimulatedProcess.publish_at_full_speed` began."""

    def __init__(self, archives: tuple[bytes, ...], end: "Callable[[FullSpeed], int | None]") -> None:
        """``end``: ends it, and gives how often something was published; None where that is known already, or never."""
        self._end = end
        self.archives = archives
        """What is published, byte for byte; a snapshot that equals none of them was never there."""
        self.count: int | None = None
        """How often something was published; None until it has ended, or if the process died of it."""

    @property
    def snapshots(self) -> "list[Any]":
        """What is published, as snapshots."""
        from .._native import Snapshot

        return [Snapshot.from_bytes(archive, providers=()) for archive in self.archives]

    def stop(self) -> int | None:
        """Ends it, and gives :attr:`count`."""
        count = self._end(self)
        if count is not None:
            self.count = count
        return self.count

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self, kind: "type[BaseException] | None", value: "BaseException | None", trace: "TracebackType | None", /
    ) -> None:
        self.stop()
