"""Allowed roots: folders and addresses in which the videos of a manifest may lie.

A manifest may refer to its own folder, and to the places that the user allowed when preparing the dataset. These are in
``roots.json`` beside the manifest and not inside it, so that a manifest from somebody else grants no access.
EPITOMA_ROOTS limits both, on a machine that several people share.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.files.address_parts import comparable_parts, is_file_address, local_path
from epitoma.files.atomic import write_text
from epitoma.files.presence import is_file, is_folder
from epitoma.files.root_resolver import RootResolver
from epitoma.files.uris import is_address, without_secrets

ROOTS_FILE = "roots.json"
BOUND = "EPITOMA_ROOTS"
"""Environment variable: folders and addresses, separated by commas, outside which nothing is read."""

_PLACES_NAMED = 3

Remedy = Callable[[list[str]], str]
"""Maps the places of videos outside the roots to a text that says how to allow them."""


@dataclass(frozen=True)
class Roots:
    """Places in which videos may lie.

    Attributes:
        places: Absolute folders, and addresses of folders (``s3://bucket/``).
    """

    places: tuple[str, ...]

    @classmethod
    def given(cls, places: Iterable[str | Path], *, source: str) -> "Roots":
        """Check places given by the user.

        Args:
            places: Folders and addresses.
            source: Option or variable with these places, for the error.

        Raises:
            ConfigError: One is neither a folder that exists nor an address with a host or bucket.
            OSError: The storage of one fails.
        """
        return cls(tuple(dict.fromkeys(_checked_place(str(place), source=source) for place in places)))

    def hold(self, paths: Sequence[str]) -> np.ndarray:
        """Check which paths and addresses lie below a place; symbolic links are followed first.

        A folder is listed once, however many videos lie in it.

        Returns:
            bool (paths,).
        """
        resolver = RootResolver(self.places)
        return np.fromiter(map(resolver.holds, paths), bool, len(paths))


def bound() -> Roots | None:
    """Return the roots of EPITOMA_ROOTS; None where it is not set.

    Raises:
        ConfigError: A place in it is neither an absolute folder that exists nor an address.
    """
    places = [place.strip() for place in os.environ.get(BOUND, "").split(",") if place.strip()]
    for place in places:
        # A relative folder would be another one in each process that reads the variable.
        if not is_address(place) and not os.path.isabs(place):
            raise ConfigError(f"{BOUND}: {place} is neither an absolute folder nor an address")
    return Roots.given(places, source=BOUND) if places else None


def write_roots(folder: Path, roots: Roots) -> None:
    """Write roots beside the manifest in a folder."""
    write_text(folder / ROOTS_FILE, json.dumps({"roots": list(roots.places)}, indent=2) + "\n")


def roots_beside(manifest: Path) -> Roots:
    """Return the manifest's own folder and the places in ``roots.json`` beside it.

    Raises:
        ManifestError: The file has another format than `prepare` writes.
    """
    file = manifest.parent / ROOTS_FILE
    places = _read_places(file) if is_file(file) else []
    return Roots((os.path.abspath(manifest.parent), *places))


def check_inside(
    paths: Sequence[str], names: Sequence[str], roots: Roots, *, source: str, remedy: Remedy
) -> None:
    """Refuse videos that lie outside the roots, or outside EPITOMA_ROOTS.

    Args:
        paths: Absolute paths and addresses.
        names: Name of each video, for the error.
        roots: Where they may lie.
        source: Manifest or folder that lists them, for the error.
        remedy: Makes the text that says how to allow given places.

    Raises:
        ManifestError: Some videos lie outside; with their number, the first of them, and the remedy.
    """
    _refuse(paths, names=names, roots=roots, source=source, remedy=remedy)
    limit = bound()
    if limit is not None:
        allowed = ", ".join(limit.places)
        _refuse(
            paths,
            names=names,
            roots=limit,
            source=source,
            remedy=lambda places: (
                f"{BOUND} lets nothing in but {allowed}: ask who set it for {' '.join(places)}"
            ),
        )


def _refuse(paths: Sequence[str], *, names: Sequence[str], roots: Roots, source: str, remedy: Remedy) -> None:
    outside = np.flatnonzero(~roots.hold(paths)).tolist()
    if not outside:
        return
    first = outside[0]
    raise ManifestError(
        f"{source}: {len(outside)} of {len(paths)} videos lie outside the folders that may be read; the first is "
        f"{names[first]} at {_where(paths[first])}; {remedy(_places([paths[row] for row in outside]))}"
    )


def _where(path: str) -> str:
    """Return the path as it is written, and the target of links in it."""
    # As a literal: the text may come from anybody, and a line break in it must not look like a new log line.
    if is_address(path) or "\0" in path:
        return repr(without_secrets(path))
    real = os.path.realpath(path)
    return path if real == path else f"{path}, which leads to {real}"


def _places(paths: Sequence[str]) -> list[str]:
    """Return the folders and addresses that would have to be allowed for the paths, at most _PLACES_NAMED."""
    addresses = {re.sub(r"(://[^/]*).*", r"\1/", without_secrets(path)) for path in paths if is_address(path)}
    folders = {
        os.path.dirname(os.path.realpath(path)) for path in paths if not is_address(path) and "\0" not in path
    }
    common = os.path.commonpath(folders) if folders else "/"
    # Never suggest allowing the whole file system.
    local = [common] if common != "/" else sorted(folders)
    return [*local, *sorted(addresses)][:_PLACES_NAMED]


def _checked_place(place: str, *, source: str) -> str:
    """Return a folder as an absolute path, and an address as it is."""
    if not is_address(place):
        if not is_folder(place):
            raise ConfigError(f"{source}: no folder at {place}")
        return os.path.abspath(place)
    # Converted to a folder, because links are resolved in folders but not in addresses.
    local = local_path(place) if is_file_address(place) else None
    if local is not None:
        return _checked_place(local, source=source)
    if is_file_address(place) or comparable_parts(place) is None or {"?", "#"} & set(place):
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
