"""Which of very many files are there: folders are listed, since asking for a million files one by one takes minutes."""

import os
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from epitoma.files.uris import is_address

_FEW = 16
"""Files of a folder up to which they are asked for one by one: it may hold many others."""


def missing_files(paths: Sequence[str]) -> np.ndarray:
    """Tell which absolute paths lead to nothing, bool (paths,); addresses are taken to lead somewhere."""
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, path in enumerate(paths):
        if not is_address(path):
            rows_of[path.rpartition("/")[0]].append(row)
    missing = np.zeros(len(paths), dtype=bool)
    for folder, rows in rows_of.items():
        there = _certain_names(folder) if len(rows) > _FEW else frozenset()
        for row in rows:
            if paths[row].rpartition("/")[2] not in there:
                missing[row] = not os.path.exists(paths[row])
    return missing


def _certain_names(folder: str) -> frozenset[str]:
    """What a folder lists, without links, which may lead to nothing; none where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if not entry.is_symlink())
    except OSError:
        return frozenset()
