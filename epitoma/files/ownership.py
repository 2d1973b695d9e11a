"""Ownership checks of files, before code in them is run."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from epitoma.core.errors import RunError


def check_ownership(place: Path) -> None:
    """Check that a file, or a folder with its contents, is owned by this account and not writable by all accounts.

    Raises:
        RunError: Such a file is there, or a link, which may lead to one.
    """
    for path in _all(place):
        status = path.lstat()
        if status.st_uid != os.geteuid():
            reason, remedy = (
                f"belongs to another account (user id {status.st_uid})",
                f"chown -R {os.geteuid()}",
            )
        elif stat.S_ISLNK(status.st_mode):
            reason, remedy = "is a link", "put the file itself there, and see to it by ls -lR"
        elif status.st_mode & stat.S_IWOTH:
            reason, remedy = "can be written by every account", "chmod -R o-w"
        else:
            continue
        raise RunError(
            f"{path} {reason}, and going on would run what it holds: if you trust it, {remedy} {place}"
        )


def _all(place: Path) -> Iterator[Path]:
    yield place
    for folder, folders, files in os.walk(place, onerror=_raised):
        yield from (Path(folder, name) for name in (*folders, *files))


def _raised(error: OSError) -> None:
    # What cannot be listed cannot be checked.
    if not isinstance(error, NotADirectoryError):
        raise error
