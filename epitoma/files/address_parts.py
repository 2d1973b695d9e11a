"""Comparable parts of addresses: scheme, host and path names; None where an address is ambiguous.

The code that checks an address and the client that opens it may parse it differently. So only addresses that every
client parses alike have parts; others are not repaired.
"""

import re
from urllib.parse import SplitResult, unquote, urlsplit

from pyarrow import ArrowException, fs

# Some clients treat a backslash as a slash. `urlsplit` drops tabs and line breaks, which other clients keep.
_ODD = re.compile(r"[\\\x00-\x1f]")
# No % (decoded), ? or # (end of the path), and no leading dot, which excludes "." and "..".
_PLAIN_NAME = re.compile(r"[^.?#%\\\x00-\x1f][^?#%\\\x00-\x1f]*")
_WEB = ("http", "https")
_WITH_DEFAULT_HOST = ("hdfs", "viewfs")


def comparable_parts(address: str) -> tuple[str, ...] | None:
    """Split an address for comparison with others.

    Returns:
        Scheme, host and the decoded names of the path; None where a client may open something else.
    """
    try:
        split = urlsplit(address)
    except ValueError:
        return None
    if _ODD.search(address) or not _has_one_server(split):
        return None
    # Decoded before splitting: for the server %2e%2e is "..", and %2f a slash.
    path = unquote(split.path)
    names = path.split("/")
    # Some clients and servers resolve "..", others do not, so they would open different files.
    if _ODD.search(path) or {".", ".."} & set(names):
        return None
    # Host names are case-insensitive, bucket names are not.
    host = split.netloc.lower() if _is_web(split) else split.netloc
    return (split.scheme.lower(), host, *(name for name in names if name))


def folder_of_plain_name(address: str) -> str | None:
    """Return an address without its last name; None if that name has special characters, or is the host."""
    folder, _, name = address.rpartition("/")
    is_host = folder.endswith("/")
    return folder if not is_host and _PLAIN_NAME.fullmatch(name) else None


def is_file_address(address: str) -> bool:
    """Return whether an address names a local file."""
    return address.lower().startswith("file:")


def local_path(address: str) -> str | None:
    """Return the path that a ``file://`` address opens; None if pyarrow cannot parse it."""
    # By pyarrow, because it opens the address later: libraries parse hosts and encoded parts differently.
    try:
        return fs.FileSystem.from_uri(address)[1]
    except (ArrowException, OSError, ValueError):
        return None


def _has_one_server(split: SplitResult) -> bool:
    """Return whether the host alone determines the server."""
    # pyarrow reads filesystem options from the query, and `endpoint_override` there changes the server.
    # Over HTTP the query is sent to the host itself, for example as a signature.
    has_options = not _is_web(split) and (split.query or split.fragment)
    has_host = split.netloc or split.scheme.lower() in _WITH_DEFAULT_HOST
    return bool(has_host and not has_options)


def _is_web(split: SplitResult) -> bool:
    return split.scheme.lower() in _WEB
