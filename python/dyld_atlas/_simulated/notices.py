"""How the child tells those who watch it: dyld's Mach messages, on a socket.

Who watches connects to ``\\0dyld_process_info_notify.<pid>``; a message is sent to each in turn, and the child waits
for each to reply, without a limit, as dyld does. A watcher that goes away is let go.
"""

import os
import socket
import struct

_HEADER = struct.Struct("=6I")
_CREDENTIALS = struct.Struct("=3i")
_EVENT = 0x4000
LOAD, UNLOAD = 0x1000, 0x2000
_LARGEST = 32 << 10


def _has_left(watcher: socket.socket) -> bool:
    try:
        return not watcher.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


class Notices:
    """The watchers of this process."""

    def __init__(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        self._listener.bind(f"\0dyld_process_info_notify.{os.getpid()}")
        self._listener.listen(64)
        self._watchers: list[socket.socket] = []

    def fileno(self) -> int:
        """What can be read from while somebody waits to be accepted."""
        return self._listener.fileno()

    def accept(self) -> None:
        """Lets in who waits, and goes on without those who have left."""
        self._watchers = [watcher for watcher in self._watchers if not _has_left(watcher)]
        while True:
            try:
                watcher, _ = self._listener.accept()
            except BlockingIOError:
                return
            watcher.setblocking(True)
            credentials = watcher.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            _, user, _ = _CREDENTIALS.unpack(credentials)
            if user in (0, os.geteuid()):
                self._watchers.append(watcher)
            else:
                watcher.close()

    def send(self, event: int) -> int:
        """Sends one of the events, and waits for every reply; gives how many there were."""
        return self._send(_EVENT + event, b"")

    def send_legacy(self, kind: int, timestamp: int, images: list[tuple[int, str, str]]) -> None:
        """Sends the older message for ``images``, in halves where one would be too large."""
        entries, texts = bytearray(), bytearray()
        for address, path, uuid in images:
            name = path.encode()
            entries += bytes.fromhex(uuid) + struct.pack("<QII", address, 20 + 32 * len(images) + len(texts), len(name))
            texts += name + b"\0"
        start = _HEADER.size + 24
        body = struct.pack("<IIIIQ", 1, len(images), start, start + len(entries), timestamp) + entries + texts
        if len(images) > 1 and _HEADER.size + len(body) > _LARGEST - 256:
            half = len(images) // 2
            self.send_legacy(kind, timestamp, images[:half])
            self.send_legacy(kind, timestamp, images[half:])
        elif images:
            self._send(kind, body)

    def _send(self, id: int, body: bytes) -> int:
        return self.send_raw(_HEADER.pack(0, _HEADER.size + len(body), 0, 0, 0, id) + body)

    def send_raw(self, message: bytes) -> int:
        """Sends any bytes as a message, and waits for every reply; gives how many there were."""
        self.accept()
        left = []
        for watcher in self._watchers:
            try:
                watcher.sendall(message)
                replied = len(watcher.recv(_HEADER.size)) == _HEADER.size
            except OSError:
                replied = False
            if replied:
                left.append(watcher)
            else:
                watcher.close()
        self._watchers = left
        return len(left)
