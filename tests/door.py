"""A door before a server: shut, whoever comes finds nobody, as where the server is gone; opened again, it is back.

Starting a server anew takes many seconds, a door none.
"""

import socket
from contextlib import suppress
from threading import Lock, Thread

PIECE_BYTES = 65_536


class Door:
    """A port of loopback that leads to a server while it is open.

    Args:
        target: Port of the server.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._listening: socket.socket | None = None
        self._lock = Lock()
        self._inside: list[socket.socket] = []
        self.open()

    @property
    def uri(self) -> str:
        """Where the server is found."""
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Let everybody in, at the port of before."""
        if self._listening is not None:
            return
        self._listening = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = self._listening.getsockname()[1]
        Thread(target=self._welcome, args=(self._listening,), daemon=True).start()

    def shut(self) -> None:
        """Let nobody in, and turn everybody out."""
        listening, self._listening = self._listening, None
        with self._lock:
            leaving, self._inside = self._inside, []
        if listening is not None:
            leaving.append(listening)
        for each in leaving:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _welcome(self, listening: socket.socket) -> None:
        while True:
            try:
                guest, _ = listening.accept()
            except OSError:
                return
            try:
                host = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                guest.close()
                continue
            with self._lock:
                if self._listening is not listening:
                    guest.close()
                    host.close()
                    return
                self._inside += [guest, host]
            for one, other in ((guest, host), (host, guest)):
                Thread(target=_carry, args=(one, other), daemon=True).start()


def _carry(one: socket.socket, other: socket.socket) -> None:
    """Hand on what one side says, until it has no more to say."""
    with suppress(OSError):
        while piece := one.recv(PIECE_BYTES):
            other.sendall(piece)
        other.shutdown(socket.SHUT_WR)
