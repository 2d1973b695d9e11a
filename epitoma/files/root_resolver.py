"""Decides for a batch of paths and addresses which lie below allowed roots, by where they lead.

A batch has as many paths as a manifest has videos, and few folders. What is found out about a folder is therefore
kept for the whole batch, and a path costs no system call of its own unless it may lead out of its folder.
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
    """What is known of a local folder.

    Attributes:
        is_below: Whether the folder lies below a root, links on its way followed.
        links: Names of the links in it; None where it cannot be listed.
    """

    is_below: bool
    links: frozenset[str] | None

    def may_lead_away(self, path: str, *, name: str) -> bool:
        """Return whether a path with this last name may lead out of the folder."""
        # These are no entries of the folder but the folder itself or its parent.
        if name in _NOT_ENTRIES:
            return True
        # A folder may be open to reading its files, but not to listing them. Then each name costs a call.
        return os.path.islink(path) if self.links is None else name in self.links


class RootResolver:
    """Decides which paths and addresses lie below roots; made for one batch, as links may change after it.

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
        # No file has such a name, and the system calls below raise an error.
        if "\0" in path:
            return False
        folder_path, _, name = path.rpartition("/")
        folder = self._folders.get(folder_path) or self._add_folder(folder_path)
        # Where the path leads counts, not how it reads: a link below a root may lead to any file of the machine.
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
        # A query, or an encoded part, may change what the whole address means: such a name has no neighbours.
        if folder is None:
            return self._is_below_an_address(address)
        if folder not in self._is_below_by_address_folder:
            self._is_below_by_address_folder[folder] = self._is_below_an_address(folder)
        # The folder's answer is kept, not the address's: a root itself lies in a folder that is not below it.
        return self._is_below_by_address_folder[folder] or self._is_below_an_address(address)

    def _add_folder(self, path: str) -> _Folder:
        # Files of the root directory have an empty folder, which `realpath` would take for the current one.
        is_below = self._is_below_a_folder(os.path.realpath(path or "/"))
        self._folders[path] = _Folder(is_below=is_below, links=_links_in(path))
        return self._folders[path]

    def _is_below_a_folder(self, real_path: str) -> bool:
        # With the slash: /data must not let in /database.
        return any(
            real_path == root or real_path.startswith(root.rstrip("/") + "/") for root in self._root_folders
        )

    def _is_below_an_address(self, address: str) -> bool:
        # By whole names, for the same reason as folders.
        parts = comparable_parts(address)
        return parts is not None and any(parts[: len(root)] == root for root in self._root_addresses)

    # Both are found when they are first needed: an address needs no folder to be looked up, and may be the only path.
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
