"""A web server on loopback that answers range requests, well or in one of many wrong ways."""

import re
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

Answer = Callable[["Request", int, int], None]


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "RangeServer"

    def do_GET(self) -> None:
        self.server.requests += 1
        first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"]).groups())
        self.server.answer(self, first, min(last, len(self.server.data) - 1))

    def do_HEAD(self) -> None:
        if self.server.answer is say_nothing:
            say_nothing(self, 0, 0)
        self.start(200, Content_Length=len(self.server.data))

    def start(self, status: int, **headers: object) -> None:
        self.send_response(status)
        self.send_header("ETag", self.server.etag)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def send(self, body: bytes) -> None:
        # Counted first: whoever has read it all may look at once.
        self.server.bytes_sent += len(body)
        self.wfile.write(body)

    def hang_up(self, *, reset: bool = False) -> None:
        self.close_connection = True
        self.wfile.flush()
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_request(self, *_: object) -> None:
        pass


class RangeServer(ThreadingHTTPServer):
    """Serves `data` under every path, by `answer`; counts requests and bytes of bodies."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, data: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.data = data
        self.answer: Answer = give_range
        self.requests = self.bytes_sent = 0
        self.etag = '"first"'
        self.closing = Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def uri(self) -> str:
        return f"{self.address}/videos/clip.mp4"

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # Clients hang up on purpose.


@contextmanager
def serving() -> Iterator[Callable[[bytes], RangeServer]]:
    """Start a server for each call with the bytes it serves; all end with the context."""
    servers: list[RangeServer] = []

    def start(data: bytes) -> RangeServer:
        servers.append(RangeServer(data))
        Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}).start()
        return servers[-1]

    try:
        yield start
    finally:
        for server in servers:
            server.closing.set()
            server.shutdown()
            server.server_close()


def give_range(request: Request, first: int, last: int) -> None:
    server = request.server
    request.start(
        206,
        Content_Range=f"bytes {first}-{last}/{len(server.data)}",
        Content_Length=last - first + 1,
    )
    request.send(server.data[first : last + 1])


def after(count: int, then: Answer) -> Answer:
    """Answer the first requests well."""
    return lambda request, first, last: (
        give_range(request, first, last) if request.server.requests <= count else then(request, first, last)
    )


def until(count: int, at_first: Answer) -> Answer:
    """Answer well after the first requests."""
    return lambda request, first, last: (
        at_first(request, first, last)
        if request.server.requests <= count
        else give_range(request, first, last)
    )


def refuse(status: int) -> Answer:
    return lambda request, first, last: request.start(status, Content_Length=0)


def ignore_ranges(request: Request, first: int, last: int) -> None:
    request.start(200, Content_Length=len(request.server.data))
    request.send(request.server.data)


def drop(request: Request, first: int, last: int, *, reset: bool = False) -> None:
    """Promise the whole range, send half of it and hang up."""
    total = len(request.server.data)
    request.start(206, Content_Range=f"bytes {first}-{last}/{total}", Content_Length=last - first + 1)
    request.send(request.server.data[first : (first + last) // 2])
    request.hang_up(reset=reset)


def reset(request: Request, first: int, last: int) -> None:
    drop(request, first, last, reset=True)


def cut_short(request: Request, first: int, last: int) -> None:
    """Send half of the range and call it all."""
    body = request.server.data[first : (first + last) // 2]
    total = len(request.server.data)
    request.start(206, Content_Range=f"bytes {first}-{last}/{total}", Content_Length=len(body))
    request.send(body)


def give_another_range(request: Request, first: int, last: int) -> None:
    give_range(request, first + 1, last)


def give_no_total(request: Request, first: int, last: int) -> None:
    request.start(206, Content_Range=f"bytes {first}-{last}/*", Content_Length=last - first + 1)
    request.send(request.server.data[first : last + 1])


def compress(request: Request, first: int, last: int) -> None:
    total = len(request.server.data)
    request.start(
        206, Content_Range=f"bytes {first}-{last}/{total}", Content_Length=0, Content_Encoding="gzip"
    )


def say_nothing(request: Request, first: int, last: int) -> None:
    request.server.closing.wait(30)


def drip(request: Request, first: int, last: int) -> None:
    """Send a byte now and then, for ever: no timeout between two bytes ends this."""
    total = len(request.server.data)
    request.start(206, Content_Range=f"bytes {first}-{last}/{total}", Content_Length=last - first + 1)
    while not request.server.closing.wait(0.1):
        request.send(b"x")


def redirect_for_ever(request: Request, first: int, last: int) -> None:
    request.start(302, Location=request.path, Content_Length=0)


def change(request: Request, first: int, last: int) -> None:
    request.server.etag = f'"{request.server.requests}"'
    give_range(request, first, last)


def grow(request: Request, first: int, last: int) -> None:
    request.server.data += b"more"
    give_range(request, first, last)


def shrink(request: Request, first: int, last: int) -> None:
    request.start(416, Content_Range="bytes */10", Content_Length=0)
