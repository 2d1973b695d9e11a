"""Search for video files below a folder by their suffixes."""

import os
from collections.abc import Iterator
from pathlib import Path

VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".ts"})


def video_files(root: Path) -> Iterator[Path]:
    """Yield every video file below a folder in a stable order; links are followed, hidden files and folders skipped."""
    for folder, folders, files in os.walk(root, followlinks=True):
        # In place: os.walk descends into what is left in this list, in its order.
        folders[:] = sorted(name for name in folders if _is_entered(folder, name))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in VIDEO_SUFFIXES:
                yield Path(folder, name)


def _is_entered(folder: str, name: str) -> bool:
    """Whether to descend into a folder: not if it is hidden, nor if it is a link to a parent, which would never end."""
    path = os.path.join(folder, name)
    if name.startswith("."):
        return False
    return not (
        os.path.islink(path) and Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(path))
    )
