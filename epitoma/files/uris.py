"""Addresses (URIs) such as ``s3://bucket/video.mp4``: telling them from paths, and hiding their secrets."""

import re
from pathlib import Path

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# A password may hold slashes; digits after a colon are a port. Google's public buckets are gs://anonymous@bucket.
_USER = re.compile(r"(?<=://)(?!anonymous@)[^/?#@:\[]*(:(?!\d*([/?#]|$))[^@]*)?@")
_SECRET = re.compile(
    r"([?&][^=&#]*(?:key|secret|token|signature|sig|credential|password)[^=&#]*=)[^&#]*", re.I
)
_IN_TEXT = re.compile(_ADDRESS.pattern + r"[^\s'\"<>`]+")


def is_address(path: str | Path) -> bool:
    """Whether this is an address and not a local path."""
    return _ADDRESS.match(str(path)) is not None


def has_credentials(address: str) -> bool:
    """Whether an address has a user name, or user name and password, before the host."""
    return _USER.search(address) is not None


def without_secrets(address: str) -> str:
    """Replace user, password, signatures, keys and tokens of an address by dots; a path is returned unchanged."""
    return _SECRET.sub(r"\1...", _USER.sub("...@", address)) if is_address(address) else address


def hide_secrets(text: str) -> str:
    """Replace the secrets of all addresses in a text by dots."""
    return _IN_TEXT.sub(lambda found: without_secrets(found[0]), text)
