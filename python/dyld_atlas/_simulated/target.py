"""What runs in the child: reads commands, and does what dyld does.

A command is one line of JSON, with the sizes of the blobs that follow; every command is answered by one line.
"""

import ctypes
import json
import os
import select
import signal
import sys
import threading
import time
from typing import Any

from .memory import Memory, map_code
from .notices import LOAD, UNLOAD, Notices
from .steps import NOTIFIED

_PR_SET_PTRACER = 0x59616D61


def _watch_over(lifeline: int, parent: int) -> None:
    """Ends this process when its parent does, whatever it is doing."""
    while not select.select([lifeline], [], [], 1.0)[0] and os.getppid() == parent:
        pass
    os.kill(os.getpid(), signal.SIGKILL)


class Target:
    """The process as its parent wants it."""

    def __init__(self) -> None:
        self._commands = sys.stdin.buffer
        self._die_at: str | None = None
        self._notices = Notices()
        start = json.loads(self._commands.readline())
        self._memory = Memory(start["pointer_size"], start["platform"], self._after)

    def _after(self, step: str) -> None:
        if step == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _answer(self, **answer: object) -> None:
        os.write(1, json.dumps(answer).encode() + b"\n")

    def run(self) -> None:
        """Does what it is told, until there is nobody to tell."""
        self._answer(pid=os.getpid())
        while line := self._next_line():
            command = json.loads(line)
            blobs = [self._commands.read(size) for size in command.get("sizes", ())]
            self._answer(**getattr(self, "do_" + command["do"])(command, blobs))

    def _next_line(self) -> bytes:
        """The next command. Who wants to watch meanwhile is let in: no more than a queue full of them can wait."""
        # A command is sent when the one before was answered, so that nothing can be in the buffer here.
        while not self._is_called(None):
            pass
        return self._commands.readline()

    def _is_called(self, timeout: float | None) -> bool:
        """Whether a command is there, after ``timeout`` seconds; who wants to watch is let in."""
        listener = self._notices.fileno()
        ready, _, _ = select.select([0, listener], [], [], timeout)
        if listener in ready:
            self._notices.accept()
        return 0 in ready

    def do_publish(self, command: dict[str, Any], blobs: list[bytes]) -> dict[str, object]:
        """Publishes, then tells: the new message first, then the legacy ones."""
        images = [tuple(image) for image in command["images"]]
        self._memory.publish(blobs[0], command["timestamp"], images, command["initial"])
        published = time.monotonic_ns()
        if not command["notify"]:
            return {"published": published}
        replies = self._notices.send(0)
        self._after(NOTIFIED)
        for kind, key in ((UNLOAD, "unloaded"), (LOAD, "loaded")):
            self._notices.send_legacy(kind, command["timestamp"], [tuple(image) for image in command[key]])
        return {"replies": replies, "published": published}

    def do_map(self, command: dict[str, Any], blobs: list[bytes]) -> dict[str, object]:
        """Maps the code of an image."""
        return {"address": map_code(command["path"], blobs[0], command["address"])}

    def do_storm(self, command: dict[str, Any], blobs: list[bytes]) -> dict[str, object]:
        """Publishes one after the other as fast as it can, until the time is up or the next command comes.

        The first answer comes when the first of them is there: whoever reads then finds one of them.
        """
        end, timestamp, count = time.monotonic() + command["seconds"], command["timestamp"], 0
        replace, round_ = self._memory.replace, blobs[:1]
        while True:
            for blob in round_:
                timestamp += 1
                replace(blob, timestamp)
                count += 1
                if round_ is not blobs:
                    self._answer()
                if command["notify"]:
                    self._notices.send(0)
            round_ = blobs
            if time.monotonic() >= end or self._is_called(0):
                return {"count": count, "timestamp": timestamp}

    def do_nothing(self, command: dict[str, Any], blobs: list[bytes]) -> dict[str, object]:
        """Only answers."""
        return {}

    def do_claim(self, command: dict[str, Any], blobs: list[bytes]) -> dict[str, object]:
        """Tells readers what is not so."""
        self._memory.claim(command["size"], command["address"])
        return {}

    def do_send(self, command: dict[str, Any], blobs: list[bytes]) -> dict[str, object]:
        """Sends an event, or any bytes."""
        return {"replies": self._notices.send_raw(blobs[0]) if blobs else self._notices.send(command["event"])}

    def do_die_at(self, command: dict[str, Any], blobs: list[bytes]) -> dict[str, object]:
        """From now on, this step is the last."""
        self._die_at = command["step"]
        return {}

    def do_exit(self, command: dict[str, Any], blobs: list[bytes]) -> dict[str, object]:
        """Ends."""
        os._exit(command["code"])

    def do_crash(self, command: dict[str, Any], blobs: list[bytes]) -> dict[str, object]:
        """Ends as a program with a wrong pointer does."""
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)
        return {}


def main() -> None:
    """Runs the child; the last arguments are the lifeline's descriptor and the parent's number."""
    lifeline, parent = map(int, sys.argv[-2:])
    threading.Thread(target=_watch_over, args=(lifeline, parent), daemon=True).start()
    # Ctrl-C in a terminal is for the parent; and where the kernel lets only ancestors read, others may, too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
    Target().run()
