"""Checks which paths and addresses of a batch lie below allowed roots, with links followed.

A batch has as many paths as a manifest has videos, but few folders. So folders are cached for the whole batch, and a
path needs no system call of its own unless it may lead out of its folder.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from epitoma.files.address_parts import (
    comparable_parts,
    folder_of_plain_name,
    is_file_address,
    local_path,
)
from epitoma.files.uris import is_address

_NOT_ENTRIES = ("", ".", "..")


@dataclass(frozen=True, kw_only=True)
class _Folder:
    """Cached properties of a local folder.

    Attributes:
        is_below: Whether the folder lies below a root, with links followed.
        links: Names of the links in it; None where it cannot be listed.
    """

    is_below: bool
    links: frozenset[str] | None

    def may_lead_away(self, path: str, *, name: str) -> bool:
        """Return whether a path with this last name may lead out of the folder."""
        # These names stand for the folder itself or its parent.
        if name in _NOT_ENTRIES:
            return True
        # Some folders may be read but not listed; there each name needs a system call.
        return os.path.islink(path) if self.links is None else name in self.links


class RootResolver:
    """Checks which paths and addresses lie below roots; use one per batch, as links may change later.

    Args:
        places: Absolute folders, and addresses of folders.
    """

    def __init__(self, places: Sequence[str]) -> None:
        self._places = places
        self._folders: dict[str, _Folder] = {}
        self._is_below_by_address_folder: dict[str, bool] = {}

    def holds(self, path: str) -> bool:
        """Return whether a path or address lies below a root."""
        if not is_address(path):
            return self._holds_path(path)
        return self._holds_file_address(path) if is_file_address(path) else self._holds_address(path)

    def _holds_path(self, path: str) -> bool:
        # No file name has a NUL, and the system calls below would raise an error.
        if "\0" in path:
            return False
        folder_path, _, name = path.rpartition("/")
        folder = self._folders.get(folder_path) or self._add_folder(folder_path)
        # The real path counts: a link below a root may lead to any file of the machine.
        return (
            self._is_below_a_folder(os.path.realpath(path))
            if folder.may_lead_away(path, name=name)
            else folder.is_below
        )

    def _holds_file_address(self, address: str) -> bool:
        path = local_path(address)
        return path is not None and self._holds_path(path)

    def _holds_address(self, address: str) -> bool:
        folder = folder_of_plain_name(address)
        # A query or an encoded part may change the meaning of the whole address, so the folder's result does not apply.
        if folder is None:
            return self._is_below_an_address(address)
        if folder not in self._is_below_by_address_folder:
            self._is_below_by_address_folder[folder] = self._is_below_an_address(folder)
        # A folder's result is cached, an address's is not; and a root itself lies in a folder that is not below it.
        return self._is_below_by_address_folder[folder] or self._is_below_an_address(address)

    def _add_folder(self, path: str) -> _Folder:
        # Files in "/" have an empty folder name, which `realpath` would take for the current folder.
        is_below = self._is_below_a_folder(os.path.realpath(path or "/"))
        self._folders[path] = _Folder(is_below=is_below, links=_links_in(path))
        return self._folders[path]

    def _is_below_a_folder(self, real_path: str) -> bool:
        # With the slash: /data must not let in /database.
        return any(
            real_path == root or real_path.startswith(root.rstrip("/") + "/") for root in self._root_folders
        )

    def _is_below_an_address(self, address: str) -> bool:
        # Compared by whole names: s3://b/data must not let in s3://b/database.
        parts = comparable_parts(address)
        return parts is not None and any(parts[: len(root)] == root for root in self._root_addresses)

    # Computed on first use: a batch of addresses needs no lookup of folders.
    @cached_property
    def _root_folders(self) -> list[str]:
        # A root may itself lie behind a link.
        return [os.path.realpath(place) for place in self._places if not is_address(place)]

    @cached_property
    def _root_addresses(self) -> list[tuple[str, ...]]:
        parts = [comparable_parts(place) for place in self._places if is_address(place)]
        return [part for part in parts if part is not None]


def _links_in(folder: str) -> frozenset[str] | None:
    """List the names of the links in a folder; None where it cannot be listed."""
    try:
        with os.scandir(folder or "/") as entries:
            return frozenset(entry.name for entry in entries if entry.is_symlink())
    except OSError:
        return None
