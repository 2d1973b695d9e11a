"""Existence check of very many files by listing folders; checking a million files one by one takes minutes."""

import os
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from epitoma.files.presence import is_there
from epitoma.files.uris import is_address

_FEW = 16
"""Up to this many files of a folder are checked one by one, since the folder may hold many others."""


def missing_files(paths: Sequence[str]) -> np.ndarray:
    """Whether each absolute path is missing, bool (paths,); addresses are assumed to exist.

    Raises:
        OSError: Storage fails, so that nobody knows.
    """
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, path in enumerate(paths):
        if not is_address(path):
            rows_of[path.rpartition("/")[0]].append(row)
    missing = np.zeros(len(paths), dtype=bool)
    for folder, rows in rows_of.items():
        there = _certain_names(folder) if len(rows) > _FEW else frozenset()
        for row in rows:
            if paths[row].rpartition("/")[2] not in there:
                missing[row] = not is_there(paths[row])
    return missing


def _certain_names(folder: str) -> frozenset[str]:
    """Names in a folder without links, whose targets may be missing; empty if the folder cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if not entry.is_symlink())
    except OSError:
        return frozenset()
