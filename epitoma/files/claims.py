"""Claims: one job at a time works on a folder, on whichever machine it runs.

A claim is a lock of the operating system, which ends with the process that holds it, also if that is killed or its
container is gone; a network file system takes back the locks of a machine that it has lost. So there are no stale
claims. Where a file system has no locks, filelock keeps a marker file in place of one, which names the process.
"""

import errno
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from epitoma.core.errors import BusyError, RunError
from epitoma.files.atomic import write_text

LOCK_FILE = ".claim.lock"
HOLDER_FILE = ".claim.json"

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP)
_LOOK_EVERY_SECONDS = 0.5


@contextmanager
def claimed(folder: Path, *, by: str) -> Iterator[None]:
    """Work on a folder alone within the block; the folder is created.

    Args:
        folder: The folder.
        by: What claims it, such as ``train first``, for whoever comes second.

    Raises:
        BusyError: Another job holds it.
        RunError: The file system cannot lock files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_FILE)
    if not _locked(lock, folder):
        raise BusyError(f"{folder} is in use by {holder(folder)}: {_remedy(folder)}")
    yield from _held(lock, folder, by)


@contextmanager
def claimed_in_turn(folder: Path, *, by: str, wait: Callable[[str], None]) -> Iterator[None]:
    """Work on a folder alone within the block, after whoever holds it now.

    Args:
        folder: The folder; it is created.
        by: What claims it, for whoever comes after.
        wait: Called once with who holds it, if somebody does.

    Raises:
        RunError: The file system cannot lock files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, is_told = FileLock(folder / LOCK_FILE), False
    while not _locked(lock, folder):
        if not is_told:
            wait(f"{folder} is in use by {holder(folder)}: waiting for its end")
            is_told = True
        time.sleep(_LOOK_EVERY_SECONDS)
    yield from _held(lock, folder, by)


def holder(folder: Path) -> str:
    """Who holds a folder, as text: what, process, machine and since when."""
    try:
        held = json.loads((folder / HOLDER_FILE).read_text())
        return f"{held['by']}, process {held['pid']} on {held['host']}, since {held['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another job"  # It has the lock, and has not said its name yet.


def _locked(lock: FileLock, folder: Path) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise RunError(
            f"{folder}: its file system cannot lock files ({error.strerror}), and two jobs could write there at once: "
            "mount it with locks (Lustre: -o flock), or choose another folder"
        ) from error
    return True


def _held(lock: FileLock, folder: Path, by: str) -> Iterator[None]:
    try:
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        mine = {"by": by, "host": socket.gethostname(), "pid": os.getpid(), "since": since}
        write_text(folder / HOLDER_FILE, json.dumps(mine) + "\n")
        yield
    finally:
        try:
            (folder / HOLDER_FILE).unlink(missing_ok=True)
        finally:
            lock.release()


def _remedy(folder: Path) -> str:
    return (
        "wait for its end, or choose another name or folder (a claim ends with its process; if its machine is lost, as "
        f"soon as the file system has noticed, and at once if you remove {folder / LOCK_FILE})"
    )
