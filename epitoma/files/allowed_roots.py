"""Which folders and addresses the videos of a manifest may lie below, so that a manifest reaches nothing else.

A manifest reaches its own folder, and what the person who prepared the dataset gave: that stands in ``roots.json``
beside it, and not inside, so that a manifest handed over by somebody else brings no rights along. EPITOMA_ROOTS
bounds all of this on a machine that several people share.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
from pyarrow import ArrowException, fs

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.files.atomic import write_text
from epitoma.files.uris import is_address, without_secrets

ROOTS_FILE = "roots.json"
BOUND = "EPITOMA_ROOTS"
"""Environment variable: folders and addresses, separated by commas, outside which nothing is read."""

_ODD = re.compile(r"[\\\x00-\x1f]")
_PLAIN_NAME = re.compile(r"[^.?#%\\\x00-\x1f][^?#%\\\x00-\x1f]*")
_NO_NAMES = ("", ".", "..")
_WEB = ("http", "https")
_WITH_DEFAULT_HOST = ("hdfs", "viewfs")
_PLACES_NAMED = 3

Remedy = Callable[[list[str]], str]
"""Says what would let in videos below some places."""


@dataclass(frozen=True)
class Roots:
    """Places below which videos may lie.

    Attributes:
        places: Absolute folders, and addresses of folders (``s3://bucket/``).
    """

    places: tuple[str, ...]

    @classmethod
    def given(cls, places: Iterable[str | Path], *, source: str) -> "Roots":
        """Check places that a person gave.

        Raises:
            ConfigError: One is neither a folder that exists nor an address with a host or bucket.
        """
        return cls(tuple(dict.fromkeys(_given(str(place), source) for place in places)))

    def hold(self, paths: Sequence[str]) -> np.ndarray:
        """Tell which paths and addresses lie below a place, bool (paths,), where links lead, not where they lie.

        A folder is looked at once, however many videos lie in it.
        """
        addresses: dict[str, bool] = {}
        folders: dict[str, tuple[bool, frozenset[str] | None]] = {}
        held = (
            self._holds_address(path, addresses) if is_address(path) else self._holds_path(path, folders)
            for path in paths
        )
        return np.fromiter(held, bool, len(paths))

    def _holds_path(self, path: str, known: dict[str, tuple[bool, frozenset[str] | None]]) -> bool:
        if "\0" in path:
            return False
        folder, _, name = path.rpartition("/")
        if folder not in known:
            known[folder] = self._below_a_folder(os.path.realpath(folder)), _links_in(folder)
        is_below, links = known[folder]
        may_lead_away = name in _NO_NAMES or (os.path.islink(path) if links is None else name in links)
        return self._below_a_folder(os.path.realpath(path)) if may_lead_away else is_below

    def _holds_address(self, address: str, known: dict[str, bool]) -> bool:
        if _is_file(address):
            local = _local_path(address)
            return local is not None and self._holds_path(local, {})
        folder, _, name = address.rpartition("/")
        if folder.endswith("/") or not _PLAIN_NAME.fullmatch(name):
            return self._below_an_address(address)
        if folder not in known:
            known[folder] = self._below_an_address(address)
        return known[folder]

    def _below_an_address(self, address: str) -> bool:
        parts = _address_parts(address)
        return parts is not None and any(parts[: len(root)] == root for root in self._addresses)

    def _below_a_folder(self, real: str) -> bool:
        return any(real == folder or real.startswith(folder.rstrip("/") + "/") for folder in self._folders)

    @cached_property
    def _folders(self) -> list[str]:
        return [os.path.realpath(place) for place in self.places if not is_address(place)]

    @cached_property
    def _addresses(self) -> list[tuple[str, ...]]:
        parts = [_address_parts(place) for place in self.places if is_address(place)]
        return [part for part in parts if part is not None]


def bound() -> Roots | None:
    """The roots of EPITOMA_ROOTS; None where it is not set.

    Raises:
        ConfigError: A place in it is neither an absolute folder that exists nor an address.
    """
    places = [place.strip() for place in os.environ.get(BOUND, "").split(",") if place.strip()]
    for place in places:
        if not is_address(place) and not os.path.isabs(place):
            raise ConfigError(f"{BOUND}: {place} is neither an absolute folder nor an address")
    return Roots.given(places, source=BOUND) if places else None


def write_roots(folder: Path, roots: Roots) -> None:
    """Keep roots beside the manifest in a folder."""
    write_text(folder / ROOTS_FILE, json.dumps({"roots": list(roots.places)}, indent=2) + "\n")


def roots_beside(manifest: Path) -> Roots:
    """The manifest's own folder, and what ``roots.json`` beside it says.

    Raises:
        ManifestError: That file is not as `prepare` writes it.
    """
    file = manifest.parent / ROOTS_FILE
    places = _read_places(file) if file.is_file() else []
    return Roots((os.path.abspath(manifest.parent), *places))


def check_inside(
    paths: Sequence[str], names: Sequence[str], roots: Roots, *, source: str, remedy: Remedy
) -> None:
    """Refuse videos that lie outside the roots, or outside EPITOMA_ROOTS.

    Args:
        paths: Absolute paths and addresses.
        names: What each is called in the error.
        roots: Where they may lie.
        source: What names them, for the error.
        remedy: What would let in videos below the places that it is given.

    Raises:
        ManifestError: Some do; says how many, which is the first, and what to do.
    """
    _refuse(paths, names, roots, source=source, remedy=remedy)
    limit = bound()
    if limit is not None:
        allowed = ", ".join(limit.places)
        _refuse(
            paths,
            names,
            limit,
            source=source,
            remedy=lambda places: (
                f"{BOUND} lets nothing in but {allowed}: ask who set it for {' '.join(places)}"
            ),
        )


def _refuse(paths: Sequence[str], names: Sequence[str], roots: Roots, *, source: str, remedy: Remedy) -> None:
    outside = np.flatnonzero(~roots.hold(paths)).tolist()
    if not outside:
        return
    first = outside[0]
    raise ManifestError(
        f"{source}: {len(outside)} of {len(paths)} videos lie outside the folders that may be read; the first is "
        f"{names[first]} at {_where(paths[first])}; {remedy(_places([paths[row] for row in outside]))}"
    )


def _where(path: str) -> str:
    """The path as it is written, and where it leads."""
    if is_address(path) or "\0" in path:
        return repr(without_secrets(path))
    real = os.path.realpath(path)
    return path if real == path else f"{path}, which leads to {real}"


def _places(paths: Sequence[str]) -> list[str]:
    """Folders and addresses that would hold the paths, as few as will do, and no more than can be read."""
    addresses = {re.sub(r"(://[^/]*).*", r"\1/", without_secrets(path)) for path in paths if is_address(path)}
    folders = {
        os.path.dirname(os.path.realpath(path)) for path in paths if not is_address(path) and "\0" not in path
    }
    common = os.path.commonpath(folders) if folders else "/"
    local = [common] if common != "/" else sorted(folders)
    return [*local, *sorted(addresses)][:_PLACES_NAMED]


def _given(place: str, source: str) -> str:
    if not is_address(place):
        if not os.path.isdir(place):
            raise ConfigError(f"{source}: no folder at {place}")
        return os.path.abspath(place)
    local = _local_path(place) if _is_file(place) else None
    if local is not None:
        return _given(local, source)
    if _is_file(place) or _address_parts(place) is None or {"?", "#"} & set(place):
        shown = without_secrets(place)
        raise ConfigError(f"{source}: {shown} is not the address of a folder, such as s3://bucket/folder/")
    return place


def _read_places(file: Path) -> list[str]:
    try:
        places = json.loads(file.read_text())["roots"]
        if not isinstance(places, list) or not all(isinstance(place, str) for place in places):
            raise ValueError("roots is not a list of texts")
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(
            f'{file}: must look like {{"roots": ["/folder", "s3://bucket/"]}} ({error})'
        ) from error
    return places


def _address_parts(address: str) -> tuple[str, ...] | None:
    """Scheme, host and names of an address's path; None for one that could mean another place than it says."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    # Options in the address of a filesystem can name another server than the bucket's.
    has_options = scheme not in _WEB and (parts.query or parts.fragment)
    has_host = parts.netloc or scheme in _WITH_DEFAULT_HOST
    if _ODD.search(address) or has_options or not has_host:
        return None
    names = unquote(parts.path).split("/")
    if {".", ".."} & set(names) or _ODD.search(unquote(parts.path)):
        return None
    host = parts.netloc.lower() if scheme in _WEB else parts.netloc
    return (scheme, host, *(name for name in names if name))


def _links_in(folder: str) -> frozenset[str] | None:
    """Names of the links in a folder; None where it cannot be listed, and each name has to be asked about."""
    try:
        with os.scandir(folder or "/") as entries:
            return frozenset(entry.name for entry in entries if entry.is_symlink())
    except OSError:
        return None


def _is_file(address: str) -> bool:
    return address.lower().startswith("file:")


def _local_path(address: str) -> str | None:
    """The path that a ``file://`` address is opened at; None if it cannot be."""
    try:
        return fs.FileSystem.from_uri(address)[1]
    except (ArrowException, OSError, ValueError):
        return None
