"""Waits for changes in an event loop, on a descriptor: no thread is needed, and none waits."""

import asyncio
from collections.abc import AsyncIterator

from ._native import Change, Changes

__all__ = ["AsyncChanges"]

_AT_ONCE = 64


class AsyncChanges(AsyncIterator[Change]):
    """The changes of one subscription."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._taken = 0

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
        loop = asyncio.get_running_loop()
        arrived = loop.create_future()
        descriptor = self._changes.fileno()
        loop.add_reader(descriptor, _settle, arrived)
        try:
            await arrived
        finally:
            loop.remove_reader(descriptor)


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
