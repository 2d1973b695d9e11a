"""Remote videos as seekable files that fetch little more than what is read.

FFmpeg reads small pieces and seeks between them. They are served from cached blocks, one range request per block;
requests grow only during sequential reading. Every wait has a timeout, and no error is taken for the end of the file.
"""

import io
import os
import stat
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import TypeVar

from epitoma.core.errors import VideoError
from epitoma.core.stalls import moved
from epitoma.files.presence import status_of
from epitoma.files.uris import has_credentials, hide_secrets, is_address, without_secrets
from epitoma.video.transports import (
    FILESYSTEM_SCHEMES,
    HTTP_SCHEMES,
    USUAL_PATIENCE,
    FilesystemTransport,
    HttpTransport,
    Patience,
    Transport,
)

BLOCK_BYTES = 64 * 1024
_CACHED_BLOCKS = 64
# A request reads ahead half as much as was read sequentially so far, so that a seek wastes little.
_READ_AHEAD_SHARE = 2
_MOST_BLOCKS_A_REQUEST = 16

Result = TypeVar("Result")


class RemoteFile(io.RawIOBase):
    """A remote video as a read-only file for `av.open`.

    After an error nothing more is read; leaving the `with` block raises the error again, since FFmpeg may swallow it.

    Attributes:
        name: The URI without secrets.
        size: Bytes of the whole file.
        bytes_read: Bytes fetched so far.
        requests: Ranges fetched so far.
    """

    def __init__(self, transport: Transport, *, name: str, patience: Patience) -> None:
        self.name = name
        self.bytes_read = self.requests = 0
        self._transport = transport
        self._patience = patience
        self._failure: BaseException | None = None
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next_block = self._blocks_in_a_row = 0
        self._fetch(0)
        self.size = transport.size
        if not self.size:
            raise VideoError(name, "the file is empty")

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True: FFmpeg may seek."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move the position, without fetching anything."""
        if offset < 0 and whence == os.SEEK_SET:
            raise ValueError(f"negative seek position {offset}")
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Read `size` bytes, fewer only at the end of the file; VideoError if they cannot be fetched."""
        if self.closed:
            raise ValueError(f"{self.name} is closed")
        if self._failure is not None:
            # It was raised before, and __exit__ raises it again; PyAV would print it at every further read.
            return b""
        try:
            return self._read_to(self.size if size is None or size < 0 else self._position + size)
        except BaseException as error:
            self._failure = error
            if isinstance(error, Exception):
                raise
            # PyAV takes a KeyboardInterrupt for the end of the file, but stops at an error; __exit__ raises the first.
            raise VideoError(self.name, "reading was interrupted") from error

    def close(self) -> None:
        """Release the connections."""
        if not self.closed:
            self._transport.close()
            self._blocks.clear()
        super().close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._failure is not None and error is not self._failure:
                raise self._failure from error
            if error is None:
                _bounded(
                    self._transport.check_unchanged, name=self.name, seconds=self._patience.total_seconds
                )
        finally:
            self.close()

    def _read_to(self, end: int) -> bytes:
        end = min(end, self.size)
        pieces: list[bytes] = []
        while self._position < end:
            number, start = divmod(self._position, BLOCK_BYTES)
            if number not in self._blocks:
                self._fetch(number)
            self._blocks.move_to_end(number)
            pieces.append(self._blocks[number][start : start + end - self._position])
            self._position += len(pieces[-1])
        return b"".join(pieces)

    def _fetch(self, first: int) -> None:
        """Fetch a block, and read ahead those after it during sequential reading."""
        if first != self._next_block:
            self._blocks_in_a_row = 0
        count = max(1, min(self._blocks_in_a_row // _READ_AHEAD_SHARE, _MOST_BLOCKS_A_REQUEST))
        # Only up to the next cached block.
        count = next((n for n in range(1, count) if first + n in self._blocks), count)
        self._next_block = first + count
        self._blocks_in_a_row += count
        fetched = self._fetch_range(first * BLOCK_BYTES, count * BLOCK_BYTES)
        for n in range(count):
            self._blocks[first + n] = fetched[n * BLOCK_BYTES : (n + 1) * BLOCK_BYTES]
        while len(self._blocks) > _CACHED_BLOCKS:
            self._blocks.popitem(last=False)

    def _fetch_range(self, offset: int, size: int) -> bytes:
        fetched = _bounded(
            lambda: self._transport.read_at(offset, size),
            name=self.name,
            seconds=self._patience.total_seconds,
        )
        expected = min(size, self._transport.size - offset)
        if len(fetched) != expected:
            raise VideoError(self.name, f"{len(fetched)} bytes instead of {expected} from byte {offset} on")
        self.requests += 1
        self.bytes_read += len(fetched)
        # A header or an index may take many slow requests before there is a packet.
        moved()
        return fetched


@contextmanager
def open_source(path: str | Path) -> Iterator[str | RemoteFile]:
    """Open a video for `av.open`: yields the path of a local file, or a RemoteFile.

    Raises:
        VideoError: The file is missing or empty, or could not be fetched (also when the block ends).
    """
    if is_address(path):
        with open_remote(str(path)) as file:
            yield file
    else:
        _check_file(path)
        yield str(path)


def open_remote(uri: str, *, patience: Patience = USUAL_PATIENCE) -> RemoteFile:
    """Open a video by its URI: `http(s)://`, or a percent-encoded URI of one of pyarrow's filesystems.

    Credentials, region and endpoint come from the environment, in the usual variables of each kind of storage.

    Raises:
        VideoError: The URI holds credentials or is of an unknown kind, or the file cannot be fetched.
    """
    scheme = uri.split("://")[0].lower()
    name = without_secrets(uri)
    if scheme not in HTTP_SCHEMES + FILESYSTEM_SCHEMES:
        known = ", ".join(HTTP_SCHEMES + FILESYSTEM_SCHEMES)
        raise VideoError(name, f"videos cannot be read from {scheme}:// (known: {known})")
    # Signed URLs are allowed: they open one file for a limited time.
    if has_credentials(uri) or (name != uri and scheme not in HTTP_SCHEMES):
        raise VideoError(name, "credentials belong into the environment, not into the address")
    kind = HttpTransport if scheme in HTTP_SCHEMES else FilesystemTransport
    transport = _bounded(
        lambda: kind(uri, name=name, patience=patience), name=name, seconds=patience.total_seconds
    )
    try:
        return RemoteFile(transport, name=name, patience=patience)
    except BaseException:
        transport.close()
        raise


def _bounded(work: Callable[[], Result], *, name: str, seconds: float) -> Result:
    """Run work in a thread of its own, with a timeout: a server that sends single bytes never hits those of libraries.

    Raises:
        VideoError: The work failed, for any reason, or took too long.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name="epitoma-remote", daemon=True).start()
    try:
        return future.result(timeout=seconds)
    except VideoError:
        raise
    except TimeoutError:
        raise VideoError(name, f"no whole answer within {seconds:g} s") from None
    except FileNotFoundError:
        raise VideoError(name, "no such file") from None
    except Exception as error:
        reason = hide_secrets((str(error).splitlines() or [type(error).__name__])[0])
        raise VideoError(name, f"cannot be fetched ({reason})") from error


def _check_file(path: str | Path) -> None:
    status = status_of(path)
    if status is None:
        raise VideoError(path, "no such file")
    if not stat.S_ISREG(status.st_mode):
        raise VideoError(path, "is not a file")
    if status.st_size == 0:
        raise VideoError(path, "the file is empty")
