"""Waits for changes in an event loop, on a descriptor: no thread is needed, and none waits."""

import asyncio
from collections.abc import AsyncIterator

from ._native import Change, Changes

__all__ = ["AsyncChanges"]

_AT_ONCE = 64


class AsyncChanges(AsyncIterator[Change]):
    """The changes of one subscription."""

    def __init__(self, changes: Changes, watcher: object) -> None:
        """``watcher``: what the changes end with, and what nobody else may hold."""
        self._changes = changes
        self._watcher = watcher
        self._taken = 0
        self._waiting: set[asyncio.Future[None]] = set()

    async def __anext__(self) -> Change:
        self._taken += 1
        if self._taken % _AT_ONCE == 0:
            # What has come already must not keep other tasks from running.
            await asyncio.sleep(0)
        while True:
            change = self._changes.next(0)
            if change is not None:
                return change
            if self._changes.ended:
                raise StopAsyncIteration
            await self._readable()

    async def _readable(self) -> None:
        """Waits until something is there. Several tasks may wait; all are woken, and all but one wait again."""
        loop = asyncio.get_running_loop()
        arrived = loop.create_future()
        descriptor = self._changes.fileno()
        if not self._waiting:
            loop.add_reader(descriptor, self._wake)
        self._waiting.add(arrived)
        try:
            await arrived
        finally:
            self._waiting.remove(arrived)
            if not self._waiting:
                loop.remove_reader(descriptor)

    def _wake(self) -> None:
        for arrived in self._waiting:
            if not arrived.done():
                arrived.set_result(None)
