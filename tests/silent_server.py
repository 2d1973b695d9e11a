"""A server that takes every connection and never says a word: whoever reads a video there gets no further."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silent_server() -> Iterator[str]:
    """The address of a video on such a server, on this machine alone, for a block."""
    with socket.create_server(
        ("127.0.0.1", 0), backlog=64
    ) as server:  # The system takes connections by itself.
        yield f"http://127.0.0.1:{server.getsockname()[1]}/silent.mp4"
