"""A simulated process that publishes without a pause."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from ._process import SimulatedProcess

__all__ = ["FullSpeed"]


class FullSpeed:
    """What :meth:`SimulatedProcess.publish_at_full_speed` began."""

    def __init__(self, simulated: "SimulatedProcess", archives: tuple[bytes, ...]) -> None:
        """Made by :meth:`SimulatedProcess.publish_at_full_speed`."""
        self._simulated = simulated
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
        simulated = self._simulated
        with simulated._lock:
            if simulated._storm is self:
                simulated._storm = None
                answer = self._answer(simulated)
                if answer is not None:
                    self.count = answer["count"]
                    simulated._timestamp = max(simulated._timestamp, answer["timestamp"])
            return self.count

    @staticmethod
    def _answer(simulated: "SimulatedProcess") -> dict[str, Any] | None:
        try:
            # Whatever comes ends it; the child reads this line as the next command, and answers that, too.
            simulated._write(json.dumps({"do": "nothing"}).encode() + b"\n")
            answer = simulated._read()
            simulated._read()
            return answer
        except ProcessLookupError:
            return None

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self, kind: "type[BaseException] | None", value: "BaseException | None", trace: "TracebackType | None", /
    ) -> None:
        self.stop()
