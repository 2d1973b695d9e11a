"""Whether files and folders are there; storage that fails is an error here, since it says nothing of what lies on it.

``os.path.exists`` and its like say False whatever goes wrong, and so do the methods of ``Path`` from Python 3.14 on.
``Path.glob`` then finds nothing, from 3.13 on, and in any version where access is refused. A network storage that is
away for a minute would be taken for one without the file.
"""

import errno
import fnmatch
import os
import stat
from pathlib import Path

_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""Nothing has the name, a part of the path is no folder, or a link leads back to itself."""


def status_of(path: str | Path) -> os.stat_result | None:
    """Status of a file or folder, links followed; None where there is none.

    Raises:
        OSError: Storage fails, or access to the folder is refused, so that nobody knows.
    """
    try:
        return os.stat(path)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise
    except ValueError:
        return None  # A NUL, or what the file system cannot encode, is in no name.


def is_there(path: str | Path) -> bool:
    """Whether there is a file, a folder or anything else; errors are those of :func:`status_of`."""
    return status_of(path) is not None


def is_file(path: str | Path) -> bool:
    """Whether there is a file; errors are those of :func:`status_of`."""
    status = status_of(path)
    return status is not None and stat.S_ISREG(status.st_mode)


def is_folder(path: str | Path) -> bool:
    """Whether there is a folder; errors are those of :func:`status_of`."""
    status = status_of(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def entries_of(folder: Path, pattern: str = "*") -> list[Path]:
    """What lies in a folder under names that match a pattern, sorted; nothing where there is no folder.

    Raises:
        OSError: The folder cannot be listed.
    """
    if not is_folder(folder):
        return []
    return [folder / name for name in sorted(os.listdir(folder)) if fnmatch.fnmatchcase(name, pattern)]
