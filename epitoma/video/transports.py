"""Transports that fetch byte ranges of one remote file: over HTTP, or with a pyarrow filesystem.

Every response is checked: it must hold the requested range of the file that was opened.
"""

import os
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from urllib.parse import unquote, urljoin, urlsplit

import requests
from pyarrow import NativeFile, fs
from urllib3.exceptions import HTTPError

from epitoma.core.errors import VideoError
from epitoma.files.allowed_roots import BOUND, bound
from epitoma.files.uris import without_secrets

HTTP_SCHEMES = ("http", "https")
# Without abfs: pyarrow 25 aborts the process if Azure's credentials are missing.
FILESYSTEM_SCHEMES = ("s3", "gs", "gcs", "hdfs", "viewfs", "file")

_CHANGED = "the file changed while it was read"
_BUSY = (408, 429, 500, 502, 503, 504)
_REFUSALS = {
    200: "the server gives whole files only (no range requests): copy the file",
    401: "access denied",
    403: "access denied",
    404: "no such file",
    410: "no such file",
    416: _CHANGED,
}


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Timeouts and retries.

    Attributes:
        connect_seconds: Timeout of a connection.
        silence_seconds: Timeout between bytes.
        attempts: How often a request is sent before it counts as failed.
        total_seconds: Timeout of one request with all its attempts.
    """

    connect_seconds: float = 5.0
    silence_seconds: float = 10.0
    attempts: int = 3
    total_seconds: float = 60.0


USUAL_PATIENCE = Patience()


class Transport(Protocol):
    """Fetches ranges of one file; `size`, in bytes, is known after the first read."""

    size: int

    def read_at(self, offset: int, size: int) -> bytes:
        """Fetch a range; shorter only at the end of the file."""
        ...

    def check_unchanged(self) -> None:
        """Raise VideoError if the file has changed since it was opened."""
        ...

    def close(self) -> None:
        """Release the connections."""
        ...


class HttpTransport:
    """A file on a web server that answers range requests.

    Args:
        uri: URL of the file.
        name: Its name in errors, without secrets.
        patience: Timeouts and retries.
    """

    def __init__(self, uri: str, *, name: str, patience: Patience) -> None:
        self.size = 0
        self._uri, self._name, self._patience = uri, name, patience
        self._version: tuple[object, ...] | None = None
        self._session = _SameServerSession(name)
        # Ranges of a compressed response would be ranges of other bytes.
        self._session.headers["Accept-Encoding"] = "identity"

    def read_at(self, offset: int, size: int) -> bytes:
        """Fetch a range; retries truncated responses, connection errors and busy servers."""
        failure = ""
        for attempt in range(self._patience.attempts):
            time.sleep(0.5 * attempt)
            try:
                return self._read_once(offset, size)
            except _WorthAnotherTryError as error:
                failure = str(error)
            except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
                failure = type(error).__name__  # Only the type: the message holds the URL with its secrets.
            except requests.RequestException as error:
                raise VideoError(self._name, f"cannot be fetched ({type(error).__name__})") from None
        raise VideoError(
            self._name, f"no whole answer in {self._patience.attempts} attempts (last: {failure})"
        )

    def check_unchanged(self) -> None:
        """Do nothing: every response was compared with the first."""

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _read_once(self, offset: int, size: int) -> bytes:
        headers = {"Range": f"bytes={offset}-{offset + size - 1}"}
        timeout = (self._patience.connect_seconds, self._patience.silence_seconds)
        with self._session.get(self._uri, headers=headers, stream=True, timeout=timeout) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable and not offset:
                return b""  # An empty file has no range to serve.
            self._check_status(response)
            expected = self._check_range(response, offset=offset, size=size)
            # One byte more than expected, to notice a response that is too long.
            body = response.raw.read(expected + 1)
        if len(body) != expected:
            raise _WorthAnotherTryError(f"{len(body)} bytes instead of {expected}")
        return body

    def _check_status(self, response: requests.Response) -> None:
        status = f"{response.status_code} {response.reason}"
        if response.status_code in _BUSY:
            raise _WorthAnotherTryError(status)
        if response.status_code != requests.codes.partial_content:
            reason = _REFUSALS.get(response.status_code, "the server does not give it")
            raise VideoError(self._name, f"{reason} ({status})")
        if "Content-Encoding" in response.headers:
            raise VideoError(self._name, f"the server sends it as {response.headers['Content-Encoding']}")

    def _check_range(self, response: requests.Response, *, offset: int, size: int) -> int:
        """Check the Content-Range of a response, and return its length in bytes."""
        given = response.headers.get("Content-Range", "")
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", given)
        first, last, total = map(int, match.groups()) if match else (-1, -1, -1)
        if first != offset or last != min(offset + size, total) - 1:
            raise VideoError(self._name, f"the server answers {given!r} to a range from byte {offset} on")
        version = (total, response.headers.get("ETag"), response.headers.get("Last-Modified"))
        if self._version not in (None, version):
            raise VideoError(self._name, _CHANGED)
        self.size, self._version = total, version
        return last - first + 1


class _SameServerSession(requests.Session):
    """Session that follows redirects only to the same server or into EPITOMA_ROOTS: no other server was allowed.

    Args:
        name: Name of the file in errors, without secrets.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return the target of a redirect; VideoError if it is not allowed."""
        target = super().get_redirect_target(resp)
        if target is not None:
            there = urljoin(resp.url, target)
            limit = bound()
            if not _is_same_server(resp.url, there) and not (limit and limit.hold([there])[0]):
                resp.close()
                server = without_secrets(there).split("?")[0]
                raise VideoError(
                    self._name, f"the server sends us to {server}, and {BOUND} does not name that"
                )
        return target


def _is_same_server(address: str, other: str) -> bool:
    """Whether both have the same host, port and scheme, or the other is the same host's HTTPS (ports 80 and 443)."""
    servers = [_server(address), _server(other)]
    return servers[0] == servers[1] or (
        [server[1:] for server in servers] == [("http", 80), ("https", 443)]
        and servers[0][0] == servers[1][0]
    )


def _server(address: str) -> tuple[str | None, str, int | None]:
    parts = urlsplit(address)
    return parts.hostname, parts.scheme, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


class _WorthAnotherTryError(Exception):
    """A response that a retry may improve."""


class FilesystemTransport:
    """A file of a pyarrow filesystem; raises pyarrow's errors.

    Args:
        uri: Percent-encoded URI of the file.
        name: Its name in errors, without secrets.
        patience: Timeouts and retries.
    """

    def __init__(self, uri: str, *, name: str, patience: Patience) -> None:
        self._name = name
        self._filesystem, self._path = _locate(uri, patience)
        self._version, self._file = self._open()
        self.size = self._file.size()

    def read_at(self, offset: int, size: int) -> bytes:
        """Fetch a range."""
        return self._file.read_at(size, offset)

    def check_unchanged(self) -> None:
        """Raise VideoError if the file has changed since it was opened, which reads do not notice."""
        version, file = self._open()
        file.close()
        if version != self._version:
            raise VideoError(self._name, _CHANGED)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _open(self) -> tuple[object, NativeFile]:
        file = self._filesystem.open_input_file(self._path)
        # Object stores have an ETag or a generation as metadata, other filesystems only the modification time.
        version = file.metadata() or self._filesystem.get_file_info(self._path).mtime_ns
        return (file.size(), version), file


def _locate(uri: str, patience: Patience) -> tuple[fs.FileSystem, str]:
    """Return a URI's filesystem and the path in it."""
    scheme, path = uri.split("://", 1)
    if scheme.lower() == "s3":
        if "?" in path:
            raise ValueError("options of s3:// are AWS_REGION and AWS_ENDPOINT_URL; a ? in a name is %3F")
        return _s3(bucket=path.split("/")[0], patience=patience), unquote(path)
    if scheme.lower() in ("gs", "gcs"):
        uri += f"{'&' if '?' in path else '?'}retry_limit_seconds={max(1, int(patience.total_seconds))}"
    return fs.FileSystem.from_uri(uri)


def _s3(*, bucket: str, patience: Patience) -> fs.FileSystem:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region is None:
        region = "us-east-1" if endpoint else _region_of(bucket)
    return _s3_at(endpoint, region, patience)


_region_of = lru_cache(maxsize=64)(fs.resolve_s3_region)


@lru_cache(maxsize=8)  # Setting one up takes 50 ms.
def _s3_at(endpoint: str, region: str, patience: Patience) -> fs.FileSystem:
    """Open S3 with timeouts, which `FileSystem.from_uri` cannot set; cached by endpoint, region and timeouts."""
    scheme, _, host = endpoint.rstrip("/").rpartition("://")
    return fs.S3FileSystem(
        region=region,
        scheme=scheme or "https",
        endpoint_override=host or None,
        connect_timeout=patience.connect_seconds,
        request_timeout=patience.silence_seconds,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=patience.attempts),
    )
