"""Addresses as parts that can be compared: scheme, host and names, or nothing where an address is ambiguous.

Whoever checks an address and whoever opens it may parse it in different ways. So only those are given parts that
every client reads alike; the others are not repaired.
"""

import re
from urllib.parse import SplitResult, unquote, urlsplit

from pyarrow import ArrowException, fs

# Some clients take a backslash for a slash. `urlsplit` drops tabs and line breaks, which other clients keep.
_ODD = re.compile(r"[\\\x00-\x1f]")
# Nothing that is decoded (%), or that ends the path (? and #). Not "." or ".." either: no dot comes first.
_PLAIN_NAME = re.compile(r"[^.?#%\\\x00-\x1f][^?#%\\\x00-\x1f]*")
_WEB = ("http", "https")
_WITH_DEFAULT_HOST = ("hdfs", "viewfs")


def comparable_parts(address: str) -> tuple[str, ...] | None:
    """Split an address for comparison with others.

    Returns:
        Scheme, host and the decoded names of the path; None where the address may lead to another place than these.
    """
    try:
        split = urlsplit(address)
    except ValueError:
        return None
    if _ODD.search(address) or not _has_one_server(split):
        return None
    # Decoded before it is split: %2e%2e is "..", and %2f a slash, for the server that opens the path.
    path = unquote(split.path)
    names = path.split("/")
    # Clients and servers resolve ".." or leave it; both would be right about another file.
    if _ODD.search(path) or {".", ".."} & set(names):
        return None
    # The names of hosts have no case, but those of buckets do.
    host = split.netloc.lower() if _is_web(split) else split.netloc
    return (split.scheme.lower(), host, *(name for name in names if name))


def folder_of_plain_name(address: str) -> str | None:
    """Return an address without its last name; None where that name has to be parsed, or is the host."""
    folder, _, name = address.rpartition("/")
    is_host = folder.endswith("/")
    return folder if not is_host and _PLAIN_NAME.fullmatch(name) else None


def is_file_address(address: str) -> bool:
    """Return whether an address names a local file."""
    return address.lower().startswith("file:")


def local_path(address: str) -> str | None:
    """Return the path that a ``file://`` address is opened at; None if it cannot be opened."""
    # From pyarrow, which opens it in the end: libraries differ in how they read hosts and encoded parts.
    try:
        return fs.FileSystem.from_uri(address)[1]
    except (ArrowException, OSError, ValueError):
        return None


def _has_one_server(split: SplitResult) -> bool:
    """Return whether the host alone says which server is asked."""
    # pyarrow reads options of a filesystem from the query, and `endpoint_override` names another server than the
    # bucket's. On the web a query is for the host itself, a signature for example.
    has_options = not _is_web(split) and (split.query or split.fragment)
    has_host = split.netloc or split.scheme.lower() in _WITH_DEFAULT_HOST
    return bool(has_host and not has_options)


def _is_web(split: SplitResult) -> bool:
    return split.scheme.lower() in _WEB
